// Calls `renew` of a page when the server tells over a socket that something changed, and from time to time: sooner while
// there is no socket. A page that is hidden is renewed when it is seen again. `renew` is called once at a time.
"use strict";

function keepRenewed(renew, { every, everyWithoutSocket }) {
  const RECONNECT = 10_000;
  let socket = null;
  let timer = 0;
  let isRunning = false;
  let isStale = false;

  const run = async () => {
    clearTimeout(timer);
    isStale = true;
    if (!isRunning && !document.hidden) {
      isRunning = true;
      while (isStale) {
        isStale = false;
        await renew().catch(() => {}); // no network: the next time
      }
      isRunning = false;
    }
    clearTimeout(timer);
    timer = setTimeout(run, socket?.readyState === WebSocket.OPEN ? every : everyWithoutSocket);
  };

  const connect = () => {
    socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/desk/ws`);
    socket.addEventListener("message", run);
    socket.addEventListener("close", (event) => {
      if (event.code !== 4401) {
        setTimeout(connect, RECONNECT);
      }
    });
  };

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && isStale) {
      run();
    }
  });
  timer = setTimeout(run, everyWithoutSocket);
  connect();
}
