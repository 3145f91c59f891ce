// Renew the part of a page that changes by itself, as [data-live] names it, without moving the focus.
"use strict";

(() => {
  const part = document.querySelector("[data-live]");
  if (!part) {
    return;
  }
  let renewed = Date.now();
  const renew = async () => {
    const { activeElement } = document;
    if (activeElement && part.contains(activeElement) && activeElement.matches("input, select, textarea")) {
      return;
    }
    const response = await fetch(part.dataset.live, { credentials: "same-origin", redirect: "error" });
    if (!response.ok) {
      throw new Error(response.statusText);
    }
    renewed = Date.now();
    const at = activeElement && part.contains(activeElement) ? activeElement.getAttribute("href") : null;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    part.replaceChildren(...fresh.body.childNodes);
    if (at) {
      part.querySelector(`a[href="${CSS.escape(at)}"]`)?.focus({ preventScroll: true });
    }
  };
  // Who looks at an old board has to know it. The next time that works removes the note.
  const age = () => {
    const minutes = Math.floor((Date.now() - renewed) / 60_000);
    if (minutes > 0) {
      const note = part.querySelector(".stale") ?? part.insertAdjacentElement("afterbegin", document.createElement("p"));
      note.className = "note stale";
      note.setAttribute("role", "status");
      note.textContent = `Not renewed for ${minutes} min. Look at the connection, or open the page again.`;
    }
  };
  keepRenewed(() => renew().catch(age), { every: 60_000, everyWithoutSocket: 20_000 }); // the clock moves the board
})();
