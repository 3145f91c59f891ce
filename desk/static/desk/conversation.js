// Keeps a conversation up to date: asks for the messages after the last one that is shown. Nothing that is typed is lost.
"use strict";

(() => {
  const EVERY = 5000; // milliseconds
  const list = document.querySelector("[data-live]");
  if (!list) {
    return;
  }
  const last = () => list.querySelector("[data-number]:last-of-type")?.dataset.number ?? "0";

  async function look() {
    if (document.visibilityState === "visible") {
      try {
        const response = await fetch(`${list.dataset.live}?after=${last()}`, { headers: { Accept: "text/html" } });
        if (response.status === 200 && !response.redirected) {
          list.querySelector(".empty")?.remove();
          list.insertAdjacentHTML("beforeend", await response.text()); // escaped by the server
        }
      } catch {
        // no network: the next round asks again
      }
    }
    setTimeout(look, EVERY);
  }

  list.querySelector("[data-number]:last-of-type")?.scrollIntoView({ block: "nearest" });
  setTimeout(look, EVERY);
})();
