// What was refused since the last look: the counts of today that have grown are marked.
"use strict";

let refusedBefore = null;

function markGrowth(stream) {
  const counts = new Map();
  for (const each of stream.querySelectorAll("[data-refused]")) {
    const times = Number(each.dataset.times), name = each.dataset.refused;
    const grown = refusedBefore ? times - (refusedBefore.get(name) || 0) : 0;
    counts.set(name, times);
    if (grown <= 0) continue;
    const mark = document.createElement("b");
    mark.className = "grown";
    mark.textContent = `+${grown} `;
    each.prepend(mark);
  }
  refusedBefore = counts;
}

document.addEventListener("htmx:afterSwap", event => {
  if (event.target.id === "stream" && !event.target.querySelector(".problem")) markGrowth(event.target);
});
