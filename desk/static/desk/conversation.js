// Keeps a conversation up to date: asks for the messages after the last one that is shown. Nothing that is typed is lost.
"use strict";

(() => {
  const list = document.querySelector("[data-live]");
  if (!list) {
    return;
  }
  const last = () => list.querySelector("[data-number]:last-of-type");
  const renew = async () => {
    const after = last()?.dataset.number ?? "0";
    const response = await fetch(`${list.dataset.live}?after=${after}`, { headers: { Accept: "text/html" } });
    if (response.status === 200 && !response.redirected) {
      list.querySelector(".empty")?.remove();
      list.insertAdjacentHTML("beforeend", await response.text()); // escaped by the server
    }
  };

  last()?.scrollIntoView({ block: "nearest" });
  keepRenewed(renew, { every: 60_000, everyWithoutSocket: 5_000 });
})();
