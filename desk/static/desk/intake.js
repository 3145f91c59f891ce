// Intake with less waiting: find while typing, renew the free starts. All of it works without a script.
"use strict";

(() => {
  const form = document.getElementById("intake");
  const root = document.querySelector(".desk");
  if (!form || !root) {
    return;
  }
  root.classList.add("scripted");

  const load = async (url, target) => {
    const response = await fetch(url, { credentials: "same-origin", redirect: "error" });
    if (response.ok) {
      target.replaceChildren(...new DOMParser().parseFromString(await response.text(), "text/html").body.childNodes);
    }
  };
  const later = (run, after = 200) => {
    let timer = 0;
    return (...given) => {
      clearTimeout(timer);
      timer = setTimeout(() => run(...given).catch(() => {}), after); // no network: the page still works
    };
  };

  // Find while typing. The arrow keys choose a row, Enter takes it, Escape closes the list.
  const find = document.getElementById("find");
  const found = document.getElementById("found");
  const rows = () => [...found.querySelectorAll("a")];
  const select = (row) => {
    for (const link of rows()) {
      link.parentElement.toggleAttribute("aria-selected", false);
    }
    row?.parentElement.setAttribute("aria-selected", "true");
    row?.scrollIntoView({ block: "nearest" });
  };
  const selected = () => found.querySelector("[aria-selected=true] a");
  if (find && found) {
    const look = later(async () => {
      if (find.value.trim().length > 1) {
        await load(find.dataset.find + encodeURIComponent(find.value), found);
      } else {
        found.replaceChildren();
      }
    });
    find.addEventListener("input", look);
    find.addEventListener("keydown", (event) => {
      const links = rows();
      const at = links.indexOf(selected());
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        const step = event.key === "ArrowDown" ? 1 : -1;
        select(links[(at + step + links.length) % links.length]);
      } else if (event.key === "Enter" && at >= 0) {
        event.preventDefault();
        links[at].click();
      } else if (event.key === "Escape") {
        found.replaceChildren();
      }
    });
    // What is typed goes along with the chosen customer, and so does the place that the board named.
    found.addEventListener("click", (event) => {
      const link = event.target.closest("a[data-take]");
      if (link && window.deskHasTyped?.(form)) {
        event.preventDefault();
        const button = Object.assign(document.createElement("button"), { name: "use", value: link.dataset.take, hidden: true });
        form.append(button);
        form.requestSubmit(button);
      } else if (link) {
        const url = new URL(link.href);
        for (const input of find.form.querySelectorAll("input[type=hidden]")) {
          url.searchParams.set(input.name, input.value);
        }
        link.href = url.href;
      }
    });
  }

  // The free starts for the services, the bay and the day that are chosen.
  const starts = document.getElementById("starts");
  const renew = later(async () => {
    const query = new URLSearchParams();
    for (const name of ["services", "start", "bay", "from"]) {
      for (const value of new FormData(form).getAll(name)) {
        query.append(name, value);
      }
    }
    await load(`${starts.dataset.starts}&${query}`, starts);
    tell();
  });
  // A start that is chosen while they are renewed stays chosen if it is still free.
  let chosen = "";
  starts.addEventListener("change", (event) => {
    if (event.target.name === "start") {
      chosen = event.target.value;
    }
  });
  new MutationObserver(() => {
    const again = [...starts.querySelectorAll("[name=start]")].find((radio) => radio.value === chosen);
    if (again && !again.checked) {
      again.checked = true;
      tell();
    }
  }).observe(starts, { childList: true });
  form.addEventListener("change", (event) => {
    if (event.target.matches("[data-renews], [name=bay]")) {
      renew();
    }
  });

  // What will be saved, in words.
  const sums = document.querySelector("[data-sums]");
  const put = (name, text) => {
    const line = sums.querySelector(`[data-sum=${name}]`);
    line.textContent = text;
    line.parentElement.hidden = !text;
    sums.hidden = !sums.querySelector("div:not([hidden])");
  };
  const typed = (...names) => names.map((name) => form.elements[name]?.value.trim()).filter(Boolean).join(" ");
  const tell = () => {
    if (form.elements.first_name) {
      put("customer", typed("company_name") || typed("first_name", "last_name"));
    }
    const car = form.querySelector("[name=vehicle]:checked");
    const known = car && car.value !== "new" ? car.parentElement.textContent.trim() : "";
    put("vehicle", known || typed("year", "make", "model", "license_plate"));
    const start = form.querySelector("[name=start]:checked");
    const isLeft = start?.value === "leave";
    const at = start ? [start.dataset.day, start.parentElement.textContent.trim()].filter(Boolean).join(", ") : "";
    put("visit", form.elements.no_visit.checked ? "None now" : at);
    const book = document.getElementById("book");
    if (book) {
      const when = start?.value === "now" ? "now" : start?.nextElementSibling.firstChild.textContent.trim();
      const isBooked = start && !isLeft;
      const does = isLeft ? "Save and open the order" : isBooked ? `Save and book ${when}` : "Save and book";
      book.textContent = form.elements.no_visit.checked ? "Save" : does;
    }
  };
  form.addEventListener("input", tell);
  tell();

  // Without a visit, fields that only a visit has cannot be filled in.
  const noVisit = form.elements.no_visit;
  const close = () => {
    document.getElementById("no-visit").hidden = !noVisit.checked;
    for (const field of form.querySelectorAll("#starts input, #starts button, [name=bay], [name=technician], [name=allow_overlap], [name=promised_at], [name=key_tag], [name=order]")) {
      field.disabled = noVisit.checked;
    }
  };
  noVisit.addEventListener("change", close);
  new MutationObserver(close).observe(starts, { childList: true });
  close();

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit(document.getElementById("book"));
    }
  });
  document.getElementById("likely")?.focus();
})();
