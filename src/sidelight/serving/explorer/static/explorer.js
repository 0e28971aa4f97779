"use strict";
// Every page works without this: forms are sent with a button and pages come back whole. With it,
// a form that asks is sent while somebody changes it, and only the parts that changed are put in.

const told = document.getElementById("told");
const WAIT = 140, SLOW = 500; // milliseconds without a change before a form is sent

function say(text, failed = false) {
  told.textContent = text;
  told.classList.toggle("failed", failed);
}

// ---- Parts: what the server drew again replaces what is there ----

function put(html, pressed) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  const trouble = fresh.querySelector("[data-trouble]");
  if (trouble) {
    say(trouble.textContent, true);
    return null;
  }
  for (const part of document.querySelectorAll("[data-part]")) {
    const next = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!next || ("pressed" in part.dataset && !pressed)) continue; // nothing moves under somebody who types
    if (part.tagName === "INPUT") {
      if (part !== document.activeElement) part.value = next.value;
      continue;
    }
    if (part.innerHTML === next.innerHTML) continue;
    replace(part, next);
  }
  const who = fresh.querySelector(".pick [name=who]:checked");
  if (who) for (const one of document.querySelectorAll(`.pick [name=who][value=${who.value}]`)) one.checked = true;
  const result = document.querySelector("[data-part=result]");
  const next = fresh.querySelector("[data-part=result]");
  if (result && next) say(next.dataset.told || "");
  return fresh;
}

function replace(part, next) {
  const open = [...part.querySelectorAll("details[open][data-key]")].map((one) => one.dataset.key);
  const active = part.contains(document.activeElement) ? document.activeElement : null;
  const place = active && { name: active.name, id: active.id, key: active.closest("[data-key]")?.dataset.key };
  part.replaceChildren(...document.importNode(next, true).childNodes);
  for (const one of part.querySelectorAll("details[data-key]")) one.open = open.includes(one.dataset.key);
  const wanted = part.querySelector("[data-focus]")
    || (place?.id && document.getElementById(place.id))
    || (place?.key && part.querySelector(`[data-key="${CSS.escape(place.key)}"] summary`));
  if (wanted) wanted.focus({ preventScroll: true });
  else if (active) (part.closest("fieldset")?.querySelector("#find, [name=do]") || document.getElementById("main")).focus({ preventScroll: true });
}

// ---- Forms that ask ----

function live(form) {
  let timer = 0, running = null;
  const pause = "slow" in form.dataset ? SLOW : WAIT;
  const find = form.querySelector("[name=find]");

  // Without a button it is the form itself that changed: what stands in the search field is not done yet.
  async function send(pressed) {
    clearTimeout(timer);
    running?.abort();
    const mine = (running = new AbortController());
    const body = new URLSearchParams(new FormData(form));
    if (pressed) body.append(...pressed);
    else body.delete("find");
    const result = document.querySelector("[data-part=result]");
    result.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.getAttribute("action"), { method: "POST", body, headers: { "X-Live": "1" }, signal: mine.signal });
      const html = await answer.text();
      if (mine.signal.aborted) return;
      const fresh = put(html, pressed);
      if (pressed && find) find.value = fresh?.querySelector("[name=find]")?.value || "";
      const view = answer.headers.get("X-View");
      if (view) history.replaceState(null, "", `${location.pathname}?v=${encodeURIComponent(view)}`);
    } catch (error) {
      if (error.name !== "AbortError") say("The service does not answer. What you see is what it said last.", true);
    } finally {
      if (running === mine) result.removeAttribute("aria-busy");
    }
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(() => send(null), pause);
  }

  form.addEventListener("input", (event) => {
    const field = event.target;
    const ready = field.name !== "find" && !("quiet" in field.dataset) && (field.name !== "user" || "slow" in form.dataset);
    if (field.type === "range") level(field);
    if ("column" in field.dataset) offer(field);
    if (ready) later();
  });
  form.addEventListener("change", (event) => { if (event.target.name === "user") later(); });
  form.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (button?.hasAttribute("formaction")) return; // it changes something: the page that follows says what
    event.preventDefault();
    send([button?.name || "do", button?.value || "show"]);
  });
  return { send };
}

// ---- Sliders and rules ----

const LEVELS = ["off", "a little", "clearly", "strongly", "above all else"];

function level(field) {
  const shown = field.closest(".slider")?.querySelector("[data-levels]");
  const value = Number(field.value);
  if (shown) shown.textContent = LEVELS[value <= 0 ? 0 : Math.min(4, 1 + Math.floor(value * 3.999))];
}

function offer(select) {
  select.closest(".rule").querySelector("[name=value]").setAttribute("list", `values-${select.value}`);
}

// ---- The field that finds items while one writes ----

function finder(field, form) {
  const list = document.createElement("ul");
  list.className = "options";
  list.id = "options";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Items");
  list.hidden = true;
  field.after(list);
  for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-controls": "options", "aria-autocomplete": "list" })) field.setAttribute(name, value);
  let timer = 0, running = null, at = -1;

  function close() {
    clearTimeout(timer);
    running?.abort();
    list.hidden = true;
    at = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  }

  function choose(option) {
    field.value = "";
    close();
    form.send(["pick", option.dataset.id]);
  }

  function move(step) {
    const options = list.children;
    if (!options.length) return;
    options[at]?.setAttribute("aria-selected", "false");
    at = (at + step + options.length + (at < 0 && step < 0 ? 1 : 0)) % options.length;
    options[at].setAttribute("aria-selected", "true");
    options[at].scrollIntoView({ block: "nearest" });
    field.setAttribute("aria-activedescendant", options[at].id);
  }

  function show(found) {
    list.replaceChildren(...found.map((one, number) => {
      const option = document.createElement("li");
      option.id = `option-${number}`;
      option.dataset.id = one.id;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.append(one.title, one.new ? " · new" : "");
      if (one.about) option.append(Object.assign(document.createElement("small"), { textContent: one.about }));
      option.addEventListener("mousedown", (event) => event.preventDefault());
      option.addEventListener("click", () => choose(option));
      return option;
    }));
    at = -1;
    list.hidden = !found.length;
    field.setAttribute("aria-expanded", String(!list.hidden));
    say(found.length ? `${found.length} ${found.length === 1 ? "item" : "items"}; use the arrow keys` : "No item");
  }

  async function look() {
    running?.abort();
    const mine = (running = new AbortController());
    try {
      const answer = await fetch(`${document.body.dataset.root}/pick?${new URLSearchParams({ q: field.value })}`, { signal: mine.signal });
      if (answer.ok && !answer.redirected && !mine.signal.aborted) show(await answer.json());
    } catch (error) {
      if (error.name !== "AbortError") close();
    }
  }

  field.addEventListener("input", () => {
    clearTimeout(timer);
    if (field.value.trim()) timer = setTimeout(look, WAIT);
    else close();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!list.hidden) move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && !list.hidden && at >= 0) {
      event.preventDefault();
      choose(list.children[at]);
    } else if (event.key === "Escape") {
      close();
    } else if (event.key === "Enter") {
      close();
    }
  });
  field.addEventListener("blur", () => setTimeout(close, 100));
}

// ---- A page that watches ----

function watch(page) {
  const button = page.querySelector("[data-pause]");
  let stopped = false;
  button.hidden = false;
  button.addEventListener("click", () => {
    stopped = !stopped;
    button.textContent = stopped ? "Go on" : "Pause";
    button.setAttribute("aria-pressed", String(stopped));
  });
  setInterval(async () => {
    if (stopped || document.hidden) return;
    try {
      const answer = await fetch(location.pathname);
      if (answer.redirected) return location.reload();
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of page.querySelectorAll("[data-part]")) {
        const next = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
        if (next && next.innerHTML !== part.innerHTML) replace(part, next);
      }
      if (told.classList.contains("failed")) say("");
    } catch {
      say("The service does not answer. What you see is what it said last.", true);
    }
  }, Number(page.dataset.watch));
}

for (const form of document.querySelectorAll("form[data-live]")) {
  const made = live(form);
  for (const field of form.querySelectorAll("[data-pick]")) finder(field, made);
}
for (const page of document.querySelectorAll("[data-watch]")) watch(page);
