// A form is sent once, and only if it will arrive. Without a connection, or signed out, the page stays as it is with all
// that was typed. What is typed elsewhere on the page, or is sent and not answered, comes back (drafts.js). A link, or the
// closing of the window, would lose what was typed, so the browser asks first.
"use strict";

(() => {
  const PATIENCE = 15_000; // milliseconds
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
  window.deskTell = tell;
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
      window.deskKeep(form);
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
})();
