// What was typed comes back: into the form that was sent, if its answer did not arrive or the server refused it, and into
// the other forms of the page, which sending one form would empty. A field that somebody else has changed meanwhile keeps
// the new value, and the page says what was typed. Sending (sending.js) keeps the draft.
"use strict";

(() => {
  const DRAFTS = "desk-drafts"; // of this tab only
  const KEPT = 30 * 60_000; // milliseconds

  const desk = document.querySelector(".desk");
  if (!desk) {
    return;
  }
  const { user } = desk.dataset;
  const said = desk.dataset.said.split(" "); // the levels of the page's messages

  const here = () => location.href.split("#")[0];
  const isChoice = (field) => ["checkbox", "radio"].includes(field.type);
  const isKept = (field) => field.name && !["hidden", "password", "file", "submit", "button"].includes(field.type) && !/password/.test(field.name);
  const valueOf = (field) => (isChoice(field) ? field.checked : field.value);
  const shownOf = (field) => {
    if (field.type === "select-one") {
      const options = [...field.options];
      return (options.find((option) => option.defaultSelected) ?? options[0])?.value;
    }
    return isChoice(field) ? field.defaultChecked : field.defaultValue;
  };
  const labelOf = (field) => (field.labels?.[0]?.textContent ?? field.getAttribute("aria-label") ?? field.name).trim().replace(/\s+/g, " ");
  // A form is found again by where it stands and what it is of. A finding saves itself (jobs.js).
  const posted = () => [...document.forms].filter((form) => form.getAttribute("method") === "post" && !form.matches("[data-finding]"));
  const nameOf = (form) => {
    const fixed = [...form.elements].filter((field) => field.type === "hidden" && !/csrf|^key$|^seen$|^was-/.test(field.name));
    const place = form.id || [form.closest("[id]")?.id, ...[...form.elements].filter(isKept).map((field) => field.name)];
    return JSON.stringify([place, form.getAttribute("action"), ...fixed.map((field) => `${field.name}=${field.value}`)]);
  };
  const typedIn = (form) =>
    [...form.elements]
      .filter((field) => isKept(field) && valueOf(field) !== shownOf(field))
      .map((field) => ({ name: field.name, option: isChoice(field) ? field.value : null, typed: valueOf(field), shown: shownOf(field), text: `${labelOf(field)}: you typed “${field.selectedOptions?.[0]?.text ?? field.value}”.` }));

  // A draft is of one form: {user, url, name, at, isSent, key, fields}.
  const drafts = () => JSON.parse(sessionStorage.getItem(DRAFTS) ?? "[]").filter((draft) => draft.user === user && Date.now() - draft.at < KEPT);
  const store = (rows) => {
    try {
      sessionStorage.setItem(DRAFTS, JSON.stringify(rows));
    } catch {
      // too long for the browser, or storage is switched off
    }
  };
  window.deskKeep = (sent) => {
    const forms = posted().map((form) => ({ user, url: here(), name: nameOf(form), at: Date.now(), isSent: form === sent, key: form.elements.namedItem("key")?.value, fields: typedIn(form) }));
    const elsewhere = drafts().filter(({ url, name }) => url !== here() || !forms.some((form) => form.name === name));
    store([...elsewhere, ...forms.filter(({ fields }) => fields.length)]);
  };

  // Put the fields back. Return whether one was, and what was not because it has changed.
  const fill = (form, fields) => {
    let isFilled = false;
    const changed = [];
    for (const { name, option, typed, shown, text } of fields) {
      const field = [...form.elements].find((one) => one.name === name && isKept(one) && (option === null || one.value === option));
      if (!field || valueOf(field) === typed) {
        continue;
      }
      if (shownOf(field) !== shown || valueOf(field) !== shown) {
        if (option === null) {
          changed.push(text);
        }
        continue;
      }
      field[option === null ? "value" : "checked"] = typed;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.dispatchEvent(new Event("change", { bubbles: true }));
      isFilled = true;
    }
    return { isFilled, changed };
  };

  const restore = () => {
    const [{ type }] = performance.getEntriesByType("navigation");
    // The answer to a form comes from the page of the form. After an error of the browser there is no such page.
    const isAnswered = ({ url }) => type !== "back_forward" && document.referrer === url;
    const isRefused = said.includes("error") && !said.includes("success");
    const waiting = [];
    const told = [];
    for (const draft of drafts()) {
      const { url, name, isSent, key, fields } = draft;
      const form = url === here() && posted().find((one) => nameOf(one) === name);
      if (!form) {
        if (!isSent || !isAnswered(draft)) {
          waiting.push(draft); // until its page has the form again
        }
        continue;
      }
      if (isSent && isAnswered(draft) && !isRefused) {
        continue;
      }
      const { isFilled, changed } = fill(form, fields);
      if (isFilled && isSent && !isAnswered(draft)) {
        const once = form.elements.namedItem("key");
        if (once) {
          once.value = key;
        }
        const next = once ? " Send it again: it counts once." : " Look whether it is saved before you send it again.";
        told.unshift("The answer to this form did not arrive. What you typed is here again.", next);
      }
      if (changed.length) {
        told.push(` This was changed meanwhile, and is shown as it is now. ${changed.join(" ")}`);
      }
    }
    store(waiting);
    if (told.length) {
      window.deskTell(...told);
    }
  };
  document.addEventListener("DOMContentLoaded", restore); // after the scripts that listen to fields
})();
