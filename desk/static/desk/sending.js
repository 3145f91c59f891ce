// A form is sent once, and only if it will arrive. Without a connection, or signed out, the page stays as it is with all
// that was typed. If the connection breaks while a form is sent, the page shows what was typed when it is opened again.
// A link, or the closing of the window, would lose what was typed, so the browser asks first.
"use strict";

(() => {
  const DRAFT = "desk-draft"; // of this tab only
  const PATIENCE = 15_000; // milliseconds
  const KEPT = 30 * 60_000;
  const desk = document.querySelector(".desk");
  const sending = new Map(); // form -> what gives its button back
  if (!desk) {
    return;
  }

  const tell = (...parts) => {
    desk.querySelector(".unsent")?.remove();
    const box = document.createElement("div");
    box.className = "problem unsent";
    box.setAttribute("role", "alert");
    box.tabIndex = -1;
    box.append(...parts);
    desk.prepend(box);
    box.focus({ preventScroll: true });
  };
  const link = (url, text) => Object.assign(document.createElement("a"), { href: url, textContent: text, target: "_blank", rel: "noopener" });

  // Return why a form would not arrive, else null. Each sign-in changes the token of forms, so the form takes the present
  // one from the answer.
  const hindrance = async (tokenOf) => {
    try {
      const signal = AbortSignal.timeout(PATIENCE);
      const response = await fetch(desk.dataset.ready, { redirect: "manual", cache: "no-store", signal });
      if (response.type === "opaqueredirect") {
        return ["You are signed out. Nothing was sent, and what you typed is still here. ", link(desk.dataset.login, "Sign in in a new tab"), ", then press again."];
      }
      if (response.ok) {
        tokenOf((await response.json()).token);
        return null;
      }
    } catch {
      // as below
    }
    return ["The server does not answer. Nothing was sent, and what you typed is still here. Look at the connection, then press again."];
  };
  window.deskHindrance = hindrance;

  const busy = (form, button) => {
    const label = button ? [...button.childNodes] : [];
    if (button) {
      button.style.minWidth = `${button.offsetWidth}px`;
      button.setAttribute("aria-busy", "true");
      button.replaceChildren("Sending…");
    }
    sending.set(form, () => {
      button?.removeAttribute("aria-busy");
      button?.replaceChildren(...label);
      sending.delete(form);
    });
  };

  const here = () => location.href.split("#")[0];
  const isKept = (field) => field.name && !["password", "file"].includes(field.type) && !/password|csrf/.test(field.name) && (field.type !== "hidden" || field.name === "key");
  const keep = (form) => {
    const fields = [...form.elements].filter(isKept).map((field) => [field.name, field.value, field.checked ?? null]);
    try {
      sessionStorage.setItem(DRAFT, JSON.stringify({ url: here(), at: Date.now(), form: [...document.forms].indexOf(form), fields }));
    } catch {
      // too long for the browser, or storage is switched off
    }
  };
  const restore = () => {
    const text = sessionStorage.getItem(DRAFT);
    if (!text) {
      return;
    }
    const { url, at, form: place, fields } = JSON.parse(text);
    const [{ type }] = performance.getEntriesByType("navigation");
    // The answer to a form comes from the page of the form. After an error of the browser there is no such page.
    const isAnswered = type !== "back_forward" && document.referrer === url;
    if (!isAnswered && Date.now() - at < KEPT && url !== here()) {
      return; // on the way back to it
    }
    sessionStorage.removeItem(DRAFT);
    const form = document.forms[place];
    if (isAnswered || Date.now() - at >= KEPT || !form) {
      return;
    }
    let isNews = false;
    for (const field of [...form.elements].filter(isKept)) {
      const isChoice = ["checkbox", "radio"].includes(field.type);
      const kept = fields.find(([name, value]) => name === field.name && (!isChoice || value === field.value));
      const property = isChoice ? "checked" : "value";
      const was = kept?.[isChoice ? 2 : 1];
      if (kept && field[property] !== was) {
        field[property] = was;
        isNews ||= field.type !== "hidden";
        field.dispatchEvent(new Event("input", { bubbles: true }));
        field.dispatchEvent(new Event("change", { bubbles: true }));
      }
    }
    if (!isNews) {
      return;
    }
    const once = form.elements.namedItem("key") ? " Send it again: it counts once." : " Look whether it is saved before you send it again.";
    tell("The answer to this form did not arrive. What you typed is here again.", once);
  };

  // A select without a chosen option shows its first one.
  const isTyped = (field) =>
    field.type === "select-one"
      ? field.selectedIndex !== Math.max([...field.options].findIndex((option) => option.defaultSelected), 0)
      : field.defaultValue !== undefined && !["hidden", "checkbox", "radio"].includes(field.type) && field.value !== field.defaultValue;
  // What the server refused is shown again, as typed as before. A finding saves itself (jobs.js).
  const hasTyped = (form) =>
    form.getAttribute("method") === "post" &&
    !form.matches("[data-finding]") &&
    ("typed" in form.dataset || [...form.elements].some((field) => field.matches("[aria-invalid=true]") || isTyped(field)));
  let isLeaving = false;
  window.deskHasTyped = hasTyped;
  window.addEventListener("beforeunload", (event) => {
    if (!isLeaving && [...document.forms].some(hasTyped)) {
      event.preventDefault();
    }
  });
  // "Show the new one" is a decision to drop what was typed.
  document.addEventListener("click", (event) => {
    isLeaving ||= Boolean(event.target.closest("[data-drops]"));
  });

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const button = event.submitter;
    if (event.defaultPrevented || form.getAttribute("method") !== "post" || form.getAttribute("target")) {
      return;
    }
    if (form.dataset.ready) {
      delete form.dataset.ready;
      keep(form);
      isLeaving = true;
      return;
    }
    event.preventDefault();
    if (sending.has(form)) {
      return;
    }
    busy(form, button);
    const why = await hindrance((token) => {
      form.elements.namedItem("csrfmiddlewaretoken").value = token;
    });
    if (why) {
      sending.get(form)?.();
      tell(...why);
      return;
    }
    desk.querySelector(".unsent")?.remove();
    form.dataset.ready = "yes";
    form.requestSubmit(button);
    if (form.dataset.ready) {
      delete form.dataset.ready; // the browser's own check of a field refused it
      sending.get(form)?.();
    }
  });

  // The browser's Back may show the page as it was left.
  window.addEventListener("pageshow", () => {
    isLeaving = false;
    [...sending.values()].forEach((giveBack) => giveBack());
    document.querySelector(".desk .problem")?.focus();
  });
  document.addEventListener("DOMContentLoaded", restore); // after the scripts that listen to fields
})();
