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
    checked.forEach(({ id }) => section.querySelector(`[data-unrated] a[href="#${id}"]`)?.closest("li").remove());
    if (!section.querySelector("[data-unrated] li")) {
      section.querySelector("[data-unrated]")?.remove();
    }
  };

  // Show what the server stored. The form and its fields stay, because one may have the focus, or a picker of files that
  // is open. Words typed since they were sent stay too: leaving their field sends them.
  const show = (form, fresh, data) => {
    form.elements.csrfmiddlewaretoken.value = fresh.elements.csrfmiddlewaretoken.value;
    Object.assign(form.dataset, fresh.dataset);
    for (const name of ["note", "value"]) {
      const [field, stored] = [form.elements[name], fresh.elements[name]];
      if (field && stored && field.value === data.get(name) && field.value !== stored.value) {
        field.value = stored.value;
      }
    }
    const [shown, stored] = [form, fresh].map((each) => [...each.querySelectorAll(".photos .shot")]);
    const label = form.querySelector(".photo");
    const names = (shots) => shots.map((shot) => shot.querySelector("a").href).join();
    if (label && names(shown) !== names(stored)) {
      shown.forEach((shot) => shot.remove());
      label.before(...stored);
    }
    const isInUse = form.contains(document.activeElement) && document.activeElement.matches("input, textarea");
    for (const part of [".words", ".photos"]) {
      const [here, there] = [form, fresh].map((each) => each.querySelector(part));
      if (here) {
        here.hidden = !there && !isInUse;
      } else if (there) {
        form.append(there);
      }
    }
    count(form.closest("section"));
  };

  // What each finding has to send, the oldest first: one request of a finding at a time, so that answers come in order.
  // What could not be sent stays the first.
  const queues = new Map(); // form -> {waiting, isSending, refusal}
  const queueOf = (form) => {
    if (!queues.has(form)) {
      queues.set(form, { waiting: [], isSending: false, refusal: "" });
    }
    return queues.get(form);
  };
  // The rating that was tapped last, also while it waits to be sent.
  const showRating = (form) => {
    const waiting = queueOf(form).waiting.findLast((data) => data.has("rating"))?.get("rating");
    for (const button of form.querySelectorAll("[name=rating]")) {
      button.setAttribute("aria-pressed", button.value === (waiting ?? form.dataset.rating));
      button.classList.toggle("pending", button.value === waiting);
    }
  };
  // How many items could not be sent, with a button that stays in sight.
  const bar = document.createElement("p");
  bar.className = "notsent";
  bar.setAttribute("role", "status");
  const showBar = () => {
    const unsent = [...queues.values()].filter(({ waiting, isSending }) => waiting.length && !isSending).length;
    if (!unsent) {
      bar.remove();
      return;
    }
    if (!bar.isConnected) {
      const all = Object.assign(document.createElement("button"), { type: "button", className: "btn low", textContent: "Send all" });
      all.addEventListener("click", sendAll);
      bar.replaceChildren("", all);
      root.append(bar);
    }
    bar.firstChild.textContent = `${unsent} not sent · `;
  };
  const isSaved = () => [...queues.values()].every(({ waiting }) => !waiting.length);
  const isSending = () => [...queues.values()].some((queue) => queue.isSending);
  let whenIdle = null; // goes on with a button of the page that was pressed before all was saved

  const tell = (form, text, isBad = false) => {
    const saved = form.querySelector(".saved");
    saved.classList.toggle("bad", isBad);
    saved.textContent = text;
    return saved;
  };
  const failed = (form, text) => {
    const again = document.createElement("button");
    again.type = "button";
    again.className = "btn low";
    again.textContent = "Try again";
    again.addEventListener("click", () => retry(form));
    tell(form, text, true).append(" ", again);
  };

  // Send the oldest, then the next ones.
  const send = (form) => {
    const queue = queueOf(form);
    const [data] = queue.waiting;
    if (queue.isSending || !data) {
      return;
    }
    const request = new XMLHttpRequest();
    request.open("POST", location.href);
    request.setRequestHeader("X-Part", "finding");
    request.upload.addEventListener("progress", (event) => {
      if (data.get("photo")?.size && event.lengthComputable) {
        tell(form, `${Math.round((100 * event.loaded) / event.total)} %`);
      }
    });
    request.addEventListener("load", () => {
      const fresh = new DOMParser().parseFromString(request.responseText, "text/html").body.firstElementChild;
      const isStored = request.status === 200 && fresh?.matches("[data-finding]");
      if (isStored) {
        show(form, fresh, data);
      } else if (request.status === 409) {
        queue.refusal = fresh?.textContent ?? "Not saved.";
      } else if ([400, 404, 413].includes(request.status)) {
        queue.refusal = request.status === 413 ? "Not saved: it is too large." : "Not saved. Open this page again."; // as often as it is sent
      } else {
        const isSignedOut = request.status === 403 || request.responseURL.includes("/login/");
        failed(form, isSignedOut ? "Not saved: you are signed out. Sign in in a new tab, then try again." : "Not sent.");
        return;
      }
      queue.waiting.shift();
      showRating(form);
      // A refusal is not covered by what was saved after it.
      tell(form, queue.refusal || fresh.querySelector(".saved").textContent, Boolean(queue.refusal));
    });
    request.addEventListener("error", () => failed(form, "Not sent."));
    request.addEventListener("loadend", () => {
      queue.isSending = false;
      if (queue.waiting[0] !== data) {
        send(form);
      }
      showBar();
      if (!isSending()) {
        whenIdle?.();
      }
    });
    queue.isSending = true;
    tell(form, "Saving…");
    request.send(data);
  };
  const enqueue = (form, data) => {
    const queue = queueOf(form);
    if (!queue.waiting.length) {
      queue.refusal = "";
    }
    queue.waiting.push(data);
    showRating(form);
    send(form);
  };

  // With the token of the present sign-in.
  const resend = async (forms) => {
    await window.deskHindrance?.((token) => {
      forms.forEach((form) => {
        form.elements.csrfmiddlewaretoken.value = token;
        queueOf(form).waiting.forEach((data) => data.set("csrfmiddlewaretoken", token));
      });
    });
    forms.forEach(send);
  };
  const retry = (form) => resend([form]);
  const sendAll = () => resend([...queues.keys()].filter((form) => queueOf(form).waiting.length));
  window.addEventListener("online", sendAll);

  root.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (form.matches("[data-finding]")) {
      event.preventDefault();
      event.stopPropagation();
      const data = new FormData(form);
      data.delete("photo");
      if (submitter?.name) {
        data.set(submitter.name, submitter.value);
      }
      enqueue(form, data);
    } else if (!isSaved()) {
      // The next page would end what is being sent.
      event.preventDefault();
      event.stopPropagation();
      if (whenIdle) {
        return;
      }
      submitter?.setAttribute("aria-busy", "true");
      whenIdle = () => {
        whenIdle = null;
        submitter?.removeAttribute("aria-busy");
        if (isSaved()) {
          form.requestSubmit(submitter);
        } else {
          root.querySelector(".saved.bad button")?.focus();
        }
      };
      if (!isSending()) {
        [...queues.keys()].forEach(send);
      }
    }
  });
  root.addEventListener("change", (event) => {
    const form = event.target.form;
    if (form?.matches("[data-finding]")) {
      const data = new FormData(form);
      if (event.target.type !== "file") {
        data.delete("photo");
      }
      enqueue(form, data);
      if (event.target.type === "file") {
        event.target.value = ""; // it is on its way, and the same one can be chosen again
      }
    }
  });
  window.addEventListener("beforeunload", (event) => {
    if (!isSaved()) {
      event.preventDefault();
    }
  });
})();
