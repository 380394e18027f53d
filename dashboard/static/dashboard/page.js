// The page: its address is what it shows. A link says which parameters it sets, and a part which
// ones it needs; so a click asks only for the parts that become others.
"use strict";

const MOST_AT_ONCE = 4;
const PATIENCE_MS = 2000;
const REFRESH_MS = 60000;

const asking = new Map(); // part -> since when
const waiting = [];       // parts that are asked for when there is room
let near = new Set();

const parts = () => [...document.querySelectorAll("[data-part]")];
const needs = part => part.dataset.needs.split(" ");

function askFor(part, { silent = false } = {}) {
  if (asking.has(part)) htmx.trigger(part, "htmx:abort");
  if (!silent) part.classList.add("loading");
  if (!waiting.includes(part)) waiting.push(part);
  work();
}

function work() {
  while (waiting.length && asking.size < MOST_AT_ONCE) {
    const part = waiting.shift();
    asking.set(part, Date.now());
    htmx.trigger(part, "ask");
  }
}

function finish(part) {
  asking.delete(part);
  part.classList.remove("loading");
  part.querySelector(":scope > .wait")?.remove();
  work();
}

document.addEventListener("htmx:configRequest", event => {
  const part = event.target.closest("[data-part]");
  if (part === event.target || event.target.id === "current") {
    const query = location.search.replace(/^\?/, "").replace(/(^|&)full=1/, "");
    if (query) event.detail.path += `?${query}`;
  }
});

for (const name of ["htmx:afterRequest", "htmx:sendAbort"]) {
  document.addEventListener(name, event => {
    if (event.target.matches("[data-part]") && asking.has(event.target)) finish(event.target);
  });
}

document.addEventListener("htmx:sendError", event => {
  if (!event.target.matches("[data-part]")) return;
  const problem = document.createElement("div");
  problem.className = "problem";
  problem.setAttribute("role", "alert");
  const again = document.createElement("button");
  again.type = "button";
  again.className = "plain";
  again.dataset.again = "";
  again.textContent = "Again";
  problem.append("The service cannot be reached. ", again);
  event.target.replaceChildren(problem);
});

// After two seconds one sees how long it takes, and can stop it.
setInterval(() => {
  for (const [part, since] of asking) {
    const passed = Date.now() - since;
    if (passed < PATIENCE_MS || !part.classList.contains("loading")) continue;
    let wait = part.querySelector(":scope > .wait");
    if (!wait) {
      wait = document.createElement("p");
      wait.className = "wait";
      const stop = document.createElement("button");
      stop.type = "button";
      stop.className = "plain";
      stop.textContent = "Stop";
      stop.addEventListener("click", () => { htmx.trigger(part, "htmx:abort"); finish(part); });
      wait.append(document.createElement("span"), stop);
      part.append(wait);
    }
    wait.firstChild.textContent = `${Math.floor(passed / 1000)} s`;
  }
}, 500);

// Going somewhere: only what the link sets is set; the rest is as the address has it now.
function merge(href, sets) {
  const target = new URL(href, location);
  const from = [...target.searchParams].filter(([name]) => sets.includes(name));
  const kept = [...new URL(location).searchParams].filter(([name]) => !sets.includes(name));
  const pairs = [...kept, ...from].filter(([name]) => name !== "full");
  const write = text => encodeURIComponent(text).replace(/%(2F|3A|2C|5C|28|29)/gi, decodeURIComponent);
  return "?" + pairs.map(([name, value]) => `${name}=${write(value)}`).join("&");
}

function go(href, sets, replaces) {
  const address = merge(href, sets);
  history[replaces ? "replaceState" : "pushState"](null, "", location.pathname + address);
  refresh(sets);
}

function refresh(changed) {
  for (const part of parts()) {
    if (!needs(part).some(name => changed.includes(name))) continue;
    if (!("later" in part.dataset) || near.has(part)) askFor(part);
    else part.dataset.stale = "";
  }
  const now = document.getElementById("current");
  if (now && changed.includes("f")) htmx.trigger(now, "load");
}

document.addEventListener("click", event => {
  const again = event.target.closest("[data-again]");
  if (again) {
    const part = again.closest("[data-part]");
    if (part) askFor(part);
    return;
  }
  const link = event.target.closest("a[data-sets]");
  const href = link?.getAttribute("href"); // of a link in SVG, `href` is no text
  if (!href || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (new URL(href, location).pathname !== location.pathname) return;
  event.preventDefault();
  document.getElementById("row-menu")?.hidePopover();
  const menu = link.closest("details.menu");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
  go(href, link.dataset.sets.split(" "), "replaces" in link.dataset);
});

// A form of the bar goes where its fields say; without a script the service reads them itself.
document.addEventListener("submit", event => {
  const form = event.target;
  if (!form.dataset.sets) return;
  event.preventDefault();
  const given = new URLSearchParams(new FormData(form));
  const menu = form.closest("details");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
  if (given.has("how")) addFilter(given);
  else if (given.has("until")) {
    const until = new Date(`${given.get("until")}T00:00:00Z`);
    until.setUTCDate(until.getUTCDate() + 1);
    go(`?from=${given.get("from")}&to=${until.toISOString().slice(0, 10)}`, form.dataset.sets.split(" "), false);
  } else go(`?${given}`, form.dataset.sets.split(" "), true);
});

function addFilter(given) {
  const escape = text => text.replace(/[\\:,]/g, "\\$&");
  const how = given.get("how"), field = escape(given.get("field"));
  const bare = how === "known" || how === "unknown";
  const text = bare ? `${how}:${field}` : `${how}:${field}:${escape(given.get("value"))}`;
  const query = new URLSearchParams(new URL(location).searchParams.getAll("f").map(f => ["f", f]));
  query.append("f", text);
  go(`?${query}`, ["f"], false);
}

addEventListener("popstate", () => refresh(parts().flatMap(needs)));

// What else one can do with a row. The menu is the service's: it knows the filters.
document.addEventListener("click", async event => {
  const button = event.target.closest(".row-more");
  if (!button) return;
  const menu = document.getElementById("row-menu"), row = button.closest("[data-field]");
  const query = new URLSearchParams(location.search);
  query.set("field", row.dataset.field);
  if (!("none" in row.dataset)) query.set("key", row.dataset.key);
  await htmx.ajax("GET", `${menu.dataset.asks}?${query}`, { target: menu, swap: "innerHTML", source: menu });
  menu.showPopover();
  const place = button.getBoundingClientRect();
  menu.style.left = `${Math.max(8, Math.min(place.right, innerWidth - 8) - menu.offsetWidth)}px`;
  menu.style.top = `${Math.min(place.bottom + 2, innerHeight - menu.offsetHeight - 8)}px`;
  menu.querySelector("a, button")?.focus();
  menu.addEventListener("toggle", function back(toggled) {
    if (toggled.newState !== "closed") return;
    menu.removeEventListener("toggle", back);
    if (button.isConnected) button.focus();
  });
});

document.addEventListener("htmx:afterSwap", event => prepare(event.target));

// Whoever was in a part that was replaced, and whose place is gone, stays in the part.
document.addEventListener("htmx:beforeSwap", event => {
  if (event.target.contains(document.activeElement)) event.target.dataset.hadFocus = "";
});
document.addEventListener("htmx:afterSettle", event => {
  if (!("hadFocus" in event.target.dataset)) return;
  delete event.target.dataset.hadFocus;
  if (document.activeElement !== document.body) return;
  event.target.tabIndex = -1;
  event.target.focus({ preventScroll: true });
});

// Values of a field, while one types.
let suggesting = 0;
for (const name of ["input", "focusin"]) {
  document.addEventListener(name, event => {
    const input = event.target.closest("[data-suggests]");
    if (!input) return;
    clearTimeout(suggesting);
    suggesting = setTimeout(() => {
      const query = new URLSearchParams(location.search);
      query.set("field", input.dataset.of || input.form.elements.field.value);
      query.set("value", input.value);
      htmx.ajax("GET", `${input.dataset.suggests}?${query}`, { target: input.list, swap: "innerHTML", source: input.list });
    }, 200);
  });
}

// Countries and languages are called as this browser calls them, or in the language that was asked for.
const named = { country: "region", language: "language" };

function nameOfKey(field, key) {
  if (!named[field] || !key) return "";
  try {
    return new Intl.DisplayNames(document.documentElement.dataset.names || undefined, { type: named[field], fallback: "none" }).of(key) || "";
  } catch { // a code that no browser knows stays a code
    return "";
  }
}

function nameAll(root) {
  for (const element of root.querySelectorAll("[data-name]")) {
    const name = nameOfKey(element.dataset.name, element.closest("[data-key]")?.dataset.key);
    if (name) element.replaceChildren(name);
  }
}

function prepare(root) {
  nameAll(root);
  const bar = root.querySelector("[data-title]");
  if (bar) document.title = bar.dataset.title;
  const curve = root.querySelector("[data-curve]");
  if (curve) drawCurve(curve);
  const map = root.querySelector("[data-world]");
  if (map) drawMap(map);
  const table = root.querySelector("details[data-table]");
  if (table) table.addEventListener("toggle", () => fillTable(table, curve), { once: true });
  const said = root.querySelector("[data-said]");
  if (said) say(said.dataset.said);
}

// Panels are asked for when they come near.
const watcher = new IntersectionObserver(entries => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) {
      near.delete(target);
      continue;
    }
    near.add(target);
    if ("stale" in target.dataset) {
      delete target.dataset.stale;
      askFor(target);
    }
  }
}, { rootMargin: "300px" });

function begin() {
  const isFull = new URL(location).searchParams.get("full");
  for (const part of parts()) {
    const isLater = "later" in part.dataset;
    if (isFull || part.id === "bar") prepare(part);
    else if (isLater) part.dataset.stale = "";
    else askFor(part);
    if (isLater) watcher.observe(part);
  }
}

setInterval(() => {
  if (document.hidden || !document.querySelector("[data-holds-now]")) return;
  for (const part of parts()) {
    if (part.id === "bar" || asking.has(part) || part.querySelector(".tip")) continue;
    if (!("later" in part.dataset) || near.has(part)) askFor(part, { silent: true });
    else part.dataset.stale = "";
  }
}, REFRESH_MS);

document.addEventListener("theme", () => {
  for (const curve of document.querySelectorAll("[data-curve]")) drawCurve(curve);
});

// htmx reads the page first.
document.addEventListener("DOMContentLoaded", begin);
