// What every page does: menus, keys, the scheme of colours, copying.
"use strict";

function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  const age = theme ? 31536000 : 0;
  document.cookie = `theme=${theme}; path=/; max-age=${age}; SameSite=Lax`;
  showTheme();
  document.dispatchEvent(new Event("theme"));
}

function showTheme() {
  const theme = document.documentElement.dataset.theme || "";
  for (const button of document.querySelectorAll("button[data-theme]")) {
    button.setAttribute("aria-pressed", String(button.dataset.theme === theme));
  }
}

showTheme();

// On a phone the names of the pages are a row that one pushes: where one is, is seen.
const here = document.querySelector(".pages [aria-current]");
if (here) here.parentElement.scrollLeft = here.offsetLeft - 16;

// What was stopped, or failed, is told on the page; htmx would tell the console as well.
htmx.logger = (element, name, detail) => { delete detail.error; };

function say(text) {
  const said = document.getElementById("said");
  if (said && said.textContent !== text) said.textContent = text;
}

async function copy(text, button) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    say("Copied");
    if (label.trim()) button.textContent = "Copied";
  } catch {
    say("Your browser does not let pages copy");
    if (label.trim()) button.textContent = "Select it by hand";
  }
  if (label.trim()) setTimeout(() => { button.textContent = label; }, 1500);
}

function closeMenus(but) {
  let closed = false;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu === but || menu.contains(but)) continue;
    menu.open = false;
    closed = true;
  }
  return closed;
}

document.addEventListener("click", event => {
  const target = event.target.closest("button, a, summary, details.menu");
  closeMenus(event.target.closest("details.menu"));
  if (!target) return;
  if (target.matches("button[data-theme]")) setTheme(target.dataset.theme);
  else if (target.dataset.open) {
    closeMenus();
    document.getElementById(target.dataset.open).showModal();
  } else if (target.dataset.copy) {
    copy(document.getElementById(target.dataset.copy).textContent, target);
  } else if (target.dataset.copyText !== undefined) {
    copy(target.dataset.copyText, target);
  } else if (target.dataset.copyAddress) {
    copy(new URL(target.dataset.copyAddress, location).href, target);
  }
});

// Keys: none while one types, none with a modifier, and none at all if switched off.
const keysOn = document.getElementById("keys-on");

function usesKeys() {
  try {
    return localStorage.getItem("keys") !== "off";
  } catch {
    return true;
  }
}

if (keysOn) {
  keysOn.checked = usesKeys();
  keysOn.addEventListener("change", () => {
    try {
      if (keysOn.checked) localStorage.removeItem("keys");
      else localStorage.setItem("keys", "off");
    } catch { /* not kept, then */ }
  });
}

function isTyping(element) {
  return element.matches("input, select, textarea, [contenteditable]");
}

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === "Escape") {
    const open = document.querySelector("details.menu[open]");
    if (open) {
      open.open = false;
      open.querySelector("summary").focus();
      return;
    }
    if (document.querySelector("dialog[open], [popover]:popover-open")) return;
  }
  if (isTyping(event.target) || !usesKeys() || document.querySelector("dialog[open]")) return;
  if (event.key === "?") {
    document.getElementById("keys").showModal();
    return;
  }
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.target.closest(".sheet") && name.startsWith("Arrow")) return;
  const found = document.querySelector(`[data-hotkey="${CSS.escape(name)}"]`);
  if (!found) return;
  event.preventDefault();
  if (found.matches("input")) found.focus();
  else if (found.matches("summary")) {
    closeMenus(found.parentElement);
    found.parentElement.open = true;
    const field = found.parentElement.querySelector("select, input:not([type=hidden])");
    if (field) field.focus();
  } else found.click();
});

// What is asked for again and again has `data-every`, in seconds; not while nobody looks.
let seconds = 0;
setInterval(() => {
  seconds += 1;
  if (document.hidden) return;
  for (const element of document.querySelectorAll("[data-every]")) {
    if (seconds % Number(element.dataset.every) === 0) htmx.trigger(element, "tick");
  }
}, 1000);

// The first event: the page takes the snippet's place.
document.addEventListener("htmx:afterSwap", () => {
  if (document.querySelector("[data-came]")) setTimeout(() => location.reload(), 1200);
});

// A new project begins in the zone of who makes it.
const zone = document.querySelector("input[name=time_zone]");
if (zone && !zone.value) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
