// My jobs with less waiting: the clock ticks, findings and photos are saved where they stand. All works without a script.
"use strict";

(() => {
  const root = document.querySelector(".desk .jobs");
  if (!root) {
    return;
  }
  root.classList.add("scripted");

  const clock = root.querySelector("[data-clock]");
  if (clock) {
    const began = Date.now() - Number(clock.dataset.clock) * 1000;
    setInterval(() => {
      const minutes = Math.floor((Date.now() - began) / 60_000);
      clock.textContent = `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;
    }, 10_000);
  }

  const count = (section) => {
    const all = section.querySelectorAll("[data-finding]");
    const checked = section.querySelectorAll("[data-rating]");
    section.querySelector("[data-count]").textContent = `${checked.length} of ${all.length} checked`;
  };

  // Send a finding, and put what the server stored in its place. What could not be sent stays and says so.
  const send = (form, data) => {
    const saved = form.querySelector(".saved");
    const request = new XMLHttpRequest();
    const failed = (text) => {
      saved.classList.add("bad");
      saved.textContent = text;
      const again = document.createElement("button");
      again.type = "button";
      again.className = "btn low";
      again.textContent = "Try again";
      again.addEventListener("click", () => retry(form, data));
      saved.append(" ", again);
    };
    request.open("POST", location.href);
    request.setRequestHeader("X-Part", "finding");
    request.upload.addEventListener("progress", (event) => {
      if (data.get("photo")?.size && event.lengthComputable) {
        saved.textContent = `${Math.round((100 * event.loaded) / event.total)} %`;
      }
    });
    request.addEventListener("load", () => {
      const fresh = new DOMParser().parseFromString(request.responseText, "text/html").body.firstElementChild;
      if (request.status === 200 && fresh?.matches("[data-finding]")) {
        const focused = form.contains(document.activeElement) ? document.activeElement.name : "";
        const value = document.activeElement.value;
        // Typed while it was being sent.
        const typed = ["note", "value"].filter((name) => data.has(name) && fresh.elements[name] && form.elements[name].value !== data.get(name));
        typed.forEach((name) => {
          fresh.elements[name].value = form.elements[name].value;
        });
        form.replaceWith(fresh);
        (fresh.querySelector(`[name="${focused}"][value="${CSS.escape(value)}"]`) || fresh.querySelector(`[name="${focused}"]`))?.focus({ preventScroll: true });
        count(fresh.closest("section"));
        if (typed.length) {
          const again = new FormData(fresh);
          again.delete("photo");
          send(fresh, again);
        }
      } else if (request.status === 409) {
        saved.classList.add("bad");
        saved.textContent = fresh?.textContent ?? "Not saved.";
      } else {
        const isSignedOut = request.status === 403 || request.responseURL.includes("/login/");
        failed(isSignedOut ? "Not saved: you are signed out. Sign in in a new tab, then try again." : "Not sent.");
      }
    });
    request.addEventListener("error", () => failed("Not sent."));
    saved.classList.remove("bad");
    saved.textContent = "Saving…";
    request.send(data);
  };

  // With the token of the present sign-in.
  const retry = async (form, data) => {
    await window.deskHindrance?.((token) => data.set("csrfmiddlewaretoken", token));
    send(form, data);
  };

  root.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.matches("[data-finding]")) {
      event.preventDefault();
      event.stopPropagation();
      const data = new FormData(form);
      data.delete("photo");
      if (event.submitter?.name) {
        data.set(event.submitter.name, event.submitter.value);
      }
      send(form, data);
    }
  });
  root.addEventListener("change", (event) => {
    const form = event.target.form;
    if (form?.matches("[data-finding]")) {
      const data = new FormData(form);
      if (event.target.type !== "file") {
        data.delete("photo");
      }
      send(form, data);
    }
  });
})();
