// The search box in the head of every page: `/` focuses it, and what is typed is looked up while it is typed.
// Without a script the box is a plain form.
"use strict";

(() => {
  const WAIT = 150; // milliseconds after the last key
  let timer;
  let request;

  const box = () => document.querySelector("form[data-find]");
  const parts = () => ({ input: box()?.querySelector("input"), list: box()?.querySelector("[role=listbox]") });
  const options = (list) => [...list.querySelectorAll("[role=option]")];

  function close() {
    const { input, list } = parts();
    clearTimeout(timer);
    request?.abort();
    if (list && !list.hidden) {
      list.hidden = true;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    }
  }

  function activate(option) {
    const { input, list } = parts();
    options(list).forEach((other) => other.setAttribute("aria-selected", String(other === option)));
    if (option) {
      input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else {
      input.removeAttribute("aria-activedescendant");
    }
  }

  function move(step) {
    const { list } = parts();
    const all = options(list);
    const at = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
    const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : at + step;
    activate(all[next] ?? null); // past either end nothing is chosen, and Enter shows all
  }

  async function look() {
    const { input, list } = parts();
    const text = input.value.trim();
    if (text.length < 2) {
      close();
      return;
    }
    request?.abort();
    request = new AbortController();
    try {
      const url = `${box().action}?box=1&q=${encodeURIComponent(text)}`;
      const response = await fetch(url, { signal: request.signal, headers: { Accept: "text/html" } });
      if (!response.ok || response.redirected || text !== input.value.trim()) {
        return; // signed out, or typed on: the form still works
      }
      list.innerHTML = await response.text(); // escaped by the server
      list.hidden = false;
      input.setAttribute("aria-expanded", "true");
      input.removeAttribute("aria-activedescendant");
    } catch (error) {
      if (error.name !== "AbortError") {
        close(); // no network: Enter still sends the form
      }
    }
  }

  function prepare(input) {
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-controls", "desk-find-list");
    input.setAttribute("aria-expanded", "false");
  }

  // Before the admin's own handlers: its lists have a search of their own, which `/` focused.
  window.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, select, textarea, [contenteditable]");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const { input } = parts();
    const target = input?.offsetParent ? input : document.querySelector(".desk #q");
    if (target) {
      event.preventDefault();
      event.stopImmediatePropagation();
      target.focus();
      target.select();
    }
  }, { capture: true });

  document.addEventListener("focusin", (event) => {
    if (event.target.matches("form[data-find] input") && !event.target.hasAttribute("role")) {
      prepare(event.target);
    }
    if (!event.target.closest("form[data-find]")) {
      close();
    }
  });

  document.addEventListener("input", (event) => {
    if (event.target.matches("form[data-find] input")) {
      clearTimeout(timer);
      timer = setTimeout(look, WAIT);
    }
  });

  document.addEventListener("keydown", (event) => {
    if (!event.target.matches?.("form[data-find] input") || event.isComposing) {
      return;
    }
    const { input, list } = parts();
    if (event.key === "Escape") {
      event.preventDefault();
      if (list.hidden) {
        input.value = "";
        input.blur();
      }
      close();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !list.hidden) {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && !list.hidden) {
      const chosen = list.querySelector("[aria-selected=true]");
      if (chosen) {
        event.preventDefault();
        location.assign(chosen.href);
      }
    }
  });

  document.addEventListener("click", (event) => {
    if (!event.target.closest("form[data-find]")) {
      close();
    }
  });

  // A page is hidden until Unfold's script runs, so a browser cannot focus a field of it by itself.
  window.addEventListener("load", () => {
    if (document.activeElement === document.body) {
      document.querySelector(".desk [autofocus]")?.focus();
    }
  });
})();
