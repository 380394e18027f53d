// Notes stand under the curve, each at the unit of time that holds it, and in its table.
"use strict";

const BELOW_LABELS = 17;

function placeMarks(curve) {
  const marks = curve.querySelector(".marks"), over = curve.querySelector(".u-over");
  if (!marks || !over) return;
  const count = JSON.parse(curve.dataset.curve).values.length;
  const low = count > 1 ? 0 : -1, high = Math.max(count - 1, 1);
  marks.classList.add("placed");  // out of the flow, before anything is measured
  const from = over.getBoundingClientRect(), all = curve.getBoundingClientRect();
  marks.style.top = `${from.bottom - all.top + BELOW_LABELS}px`;
  for (const mark of marks.children) {
    const part = (Number(mark.dataset.index) - low) / (high - low);
    mark.style.left = `${from.left - all.left + from.width * part}px`;
    mark.classList.toggle("first", part < 0.2);
    mark.classList.toggle("last", part > 0.8);
  }
}

const widths = new ResizeObserver(entries => {
  for (const { target } of entries) {
    const curve = target.closest("[data-curve]");
    if (curve) placeMarks(curve);
  }
});

function followCurves() {
  for (const over of document.querySelectorAll("[data-curve] .u-over")) widths.observe(over);
}

function writeIntoTable(details) {
  const marks = details.closest("[data-part]")?.querySelectorAll(".mark") || [];
  const rows = details.querySelectorAll("tbody tr");
  for (const mark of marks) {
    for (const note of mark.querySelectorAll("bdi")) {
      const line = document.createElement("span");
      line.className = "mark-note";
      line.append(note.cloneNode(true));
      rows[Number(mark.dataset.index)]?.querySelector("th")?.append(line);
    }
  }
}

function followTables(root) {
  const table = root.querySelector("details[data-table]");
  if (table) table.addEventListener("toggle", () => writeIntoTable(table), { once: true });
}

document.addEventListener("htmx:afterSwap", event => {
  followCurves();
  followTables(event.target);
});
document.addEventListener("theme", followCurves);
document.addEventListener("DOMContentLoaded", () => {
  followCurves();
  followTables(document);
});
