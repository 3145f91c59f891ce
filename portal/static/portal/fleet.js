// Draw each chart from the table beside it, with its numbers and labels. A click follows the link of the row.
"use strict";

(() => {
  const color = (name, element = document.documentElement) => getComputedStyle(element).getPropertyValue(name).trim();

  const rowsOf = (table) =>
    [...table.tBodies[0].rows].map((row) => ({
      label: row.cells[0].textContent.trim(),
      count: Number(row.cells[1].textContent),
      href: row.querySelector("a").href,
      tone: color("--tone", row) || color("--accent"),
    }));

  const number = new Intl.NumberFormat("en-US");

  const scales = (kind) => {
    const grid = { color: color("--line"), tickColor: "transparent" };
    const ticks = { color: color("--muted"), precision: 0 };
    return {
      x: { grid: { display: false }, border: { color: color("--line") }, ticks: { ...ticks, maxRotation: kind === "line" ? 0 : 45, autoSkip: kind === "line", autoSkipPadding: 12 } },
      y: { beginAtZero: true, grid, border: { display: false }, ticks: { ...ticks, callback: (value) => number.format(value) } },
    };
  };

  const dataset = {
    bar: () => ({ backgroundColor: color("--accent"), borderRadius: 4, maxBarThickness: 44 }),
    line: () => ({
      borderColor: color("--accent"),
      backgroundColor: color("--accent-soft"),
      pointBackgroundColor: color("--accent"),
      pointRadius: 3,
      pointHitRadius: 12,
      fill: true,
      cubicInterpolationMode: "monotone",
    }),
    pie: (rows) => ({ backgroundColor: rows.map((row) => row.tone), borderColor: color("--surface"), borderWidth: 2 }),
  };

  const draw = (canvas) => {
    const kind = canvas.dataset.draws;
    const rows = rowsOf(document.getElementById(canvas.dataset.table));
    canvas.parentElement.hidden = false;
    return new Chart(canvas, {
      type: kind,
      data: { labels: rows.map((row) => row.label), datasets: [{ label: "Repairs", data: rows.map((row) => row.count), ...dataset[kind](rows) }] },
      options: {
        maintainAspectRatio: false,
        animation: false,
        scales: kind === "pie" ? {} : scales(kind),
        plugins: { legend: { display: false } },
        onHover: (event, hit) => {
          canvas.style.cursor = hit.length ? "pointer" : "default";
        },
        onClick: (event, hit) => {
          if (hit.length) location.assign(rows[hit[0].index].href);
        },
      },
    });
  };

  const canvases = [...document.querySelectorAll("canvas[data-draws]")];
  if (canvases.length) {
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    let charts = canvases.map(draw);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      charts.forEach((chart) => chart.destroy());
      charts = canvases.map(draw);
    });
  }

  // A page that shows states is reloaded when one changes, unless the user is typing in a form.
  const main = document.querySelector("main[data-live]");
  if (main) {
    let wait = 1000;
    // The user's own action is announced, too. Its response is on its way, so that the page is not reloaded for it.
    let leaving = false;
    addEventListener("submit", () => (leaving = true));
    addEventListener("pageshow", () => (leaving = false));
    let typed = false; // what is typed would be lost, also when its field has no focus any more
    main.addEventListener("input", () => (typed = true));
    const show = () => {
      if (leaving) return;
      if (!typed && !main.querySelector("textarea:focus, input:focus, details[open]")) return location.reload();
      if (document.getElementById("changed")) return;
      const note = document.createElement("div");
      note.id = "changed";
      note.className = "note";
      note.setAttribute("role", "status");
      const link = Object.assign(document.createElement("a"), { href: location.href, textContent: "Show it" });
      const words = document.createElement("p");
      words.append("A repair has changed meanwhile. ", link);
      note.append(words);
      main.prepend(note);
    };
    const listen = async () => {
      try {
        const answer = await fetch(main.dataset.live, {
          method: "POST",
          headers: { "X-CSRFToken": document.querySelector("[name=csrfmiddlewaretoken]").value },
          redirect: "error",
        });
        if (answer.status < 500 && !answer.ok) return; // signed out: the next click leads to the sign-in
        const { ticket } = await answer.json();
        const socket = new WebSocket(`${location.origin.replace("http", "ws")}/chat/ws?ticket=${encodeURIComponent(ticket)}`);
        socket.addEventListener("open", () => (wait = 1000));
        socket.addEventListener("message", (event) => JSON.parse(event.data).type === "REPAIR_ORDER" && show());
        socket.addEventListener("close", (event) => event.code !== 4401 && again());
      } catch {
        again();
      }
    };
    const again = () => setTimeout(listen, (wait = Math.min(2 * wait, 60_000)));
    listen();
  }

  // A second click on a slow connection must not request a second repair.
  document.querySelectorAll("form[data-once]").forEach((form) =>
    form.addEventListener("submit", () => form.querySelectorAll("button[type=submit]").forEach((button) => (button.disabled = true))),
  );
  // The browser may restore the page from its cache, with the button disabled.
  addEventListener("pageshow", () => document.querySelectorAll("form[data-once] button").forEach((button) => (button.disabled = false)));
})();
