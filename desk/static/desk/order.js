// The page Order. Everything works without this file: it shortens the way by keys.
"use strict";

const form = document.getElementById("order");

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-focus]");
  if (link) {
    const field = link.dataset.focus === "line" ? lineField() : document.getElementById(link.dataset.focus);
    if (field) {
      event.preventDefault();
      field.focus();
      field.scrollIntoView({ block: "center" });
    }
  }
  const step = event.target.closest("[aria-disabled]");
  if (step) {
    event.preventDefault();
  }
});

// The field of a new line in the job that has the focus, else in the first one that is open.
function lineField() {
  const job = document.activeElement?.closest(".job") ?? document.querySelector(".job:focus-within");
  return (job ?? document).querySelector("[data-suggest]") ?? document.querySelector("[data-suggest]");
}

document.addEventListener("keydown", (event) => {
  const field = event.target;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
    event.preventDefault();
    form?.requestSubmit(document.querySelector("button[form=order][value=save]"));
  } else if (event.key === "Escape" && field.form === form && field.defaultValue !== undefined) {
    field.value = field.defaultValue;
    showUnsaved();
  } else if (event.key === "Enter" && field.matches(".lines input")) {
    const column = field.closest("td").cellIndex;
    for (let row = field.closest("tr").nextElementSibling; row; row = row.nextElementSibling) {
      const below = row.cells[column]?.querySelector("input");
      if (below) {
        event.preventDefault();
        below.select();
        return;
      }
    }
  }
});

// Fields that are not as they were shown are marked, and a bar that stays in view counts them.
function showUnsaved() {
  const bar = document.querySelector(".desk .unsaved");
  let count = 0;
  for (const field of bar ? form.elements : []) {
    const isWord = field.matches("input:not([type=hidden], [type=checkbox], [type=radio]), textarea");
    const isChosen = field.matches("select:not([name$=-kind])");
    const chosen = isChosen ? Math.max([...field.options].findIndex((option) => option.defaultSelected), 0) : 0;
    const isEdited = isWord ? field.value !== field.defaultValue : isChosen && field.selectedIndex !== chosen;
    field.classList.toggle("edited", isEdited);
    count += isEdited;
  }
  if (bar) {
    bar.hidden = count === 0;
    bar.querySelector("b").textContent = `${count} ${count === 1 ? "change" : "changes"} not saved`;
  }
}
form?.addEventListener("input", showUnsaved);
form?.addEventListener("reset", () => setTimeout(showUnsaved));
// The browser may have put back what was typed before.
window.addEventListener("pageshow", () => form && showUnsaved());

// A total that was shown is not that of another choice.
document.getElementById("step-form")?.addEventListener("input", (event) => {
  if (!event.target.matches("textarea, [name=by_name], [name=contact_used], [name=note], [name=method]")) {
    for (const shown of document.querySelectorAll("#step-form [data-total]")) {
      shown.hidden = true;
    }
  }
});

// Parts and services that fit what is typed into the field of a new line.
let asked = 0;
document.addEventListener("input", (event) => {
  const field = event.target;
  if (!field.matches("[data-suggest]") || field.value.trim().length < 2) {
    return;
  }
  const turn = ++asked;
  setTimeout(async () => {
    if (turn !== asked) {
      return;
    }
    try {
      const answer = await fetch(`${form.getAttribute("action")}?q=${encodeURIComponent(field.value)}`);
      const { found } = await answer.json();
      if (turn === asked) {
        const options = found.map(({ value, label }) => {
          const option = document.createElement("option");
          option.value = value;
          option.label = `${value}, ${label}`;
          return option;
        });
        document.getElementById("found").replaceChildren(...options);
      }
    } catch {
      // Without the network the server looks the part up when it is added.
    }
  }, 200);
});

document.querySelector(".desk .conflict")?.focus();
document.querySelector("#step-form :is(input:not([type=hidden]), textarea, select)")?.focus({ preventScroll: true });
