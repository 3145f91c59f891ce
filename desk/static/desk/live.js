// Renew the part of a page that changes by itself, as [data-live] names it, without moving the focus.
"use strict";

(() => {
  const part = document.querySelector("[data-live]");
  if (!part) {
    return;
  }
  const renew = async () => {
    const { activeElement } = document;
    if (activeElement && part.contains(activeElement) && activeElement.matches("input, select, textarea")) {
      return;
    }
    const response = await fetch(part.dataset.live, { credentials: "same-origin", redirect: "error" });
    if (!response.ok) {
      return;
    }
    const at = activeElement && part.contains(activeElement) ? activeElement.getAttribute("href") : null;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    part.replaceChildren(...fresh.body.childNodes);
    if (at) {
      part.querySelector(`a[href="${CSS.escape(at)}"]`)?.focus({ preventScroll: true });
    }
  };
  keepRenewed(renew, { every: 60_000, everyWithoutSocket: 20_000 }); // the clock moves the board
})();
