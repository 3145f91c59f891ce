// The VIN as it reads, while it is typed. The page says it after it is sent, too.
"use strict";

(() => {
  const reads = document.getElementById("vin-reads");
  const vin = document.getElementById("id_vin");
  if (!reads || !vin) {
    return;
  }
  const year = document.getElementById("id_year");
  let filled = ""; // a year that was typed stays
  let timer = 0;
  const load = async () => {
    const typed = year?.value ?? reads.dataset.year ?? "";
    const url = `${reads.dataset.vin}${encodeURIComponent(vin.value)}&year=${encodeURIComponent(typed)}`;
    const response = await fetch(url, { credentials: "same-origin", redirect: "error" });
    if (!response.ok) {
      return;
    }
    reads.replaceChildren(...new DOMParser().parseFromString(await response.text(), "text/html").body.childNodes);
    // What the page said of an earlier text.
    document.getElementById("err-vin")?.remove();
    vin.removeAttribute("aria-invalid");
    const stated = reads.querySelector("[data-year]")?.dataset.year ?? "";
    if (year && year.value === filled && stated !== filled) {
      year.value = filled = stated;
    }
  };
  const read = () => {
    clearTimeout(timer);
    timer = setTimeout(() => load().catch(() => {}), 200); // no network: the page still works
  };
  vin.addEventListener("input", read);
  year?.addEventListener("change", read);
})();
