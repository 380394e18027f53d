// The form of a question. The window and the filters may have become others since it came.
"use strict";

document.addEventListener("submit", event => {
  const kept = event.target.querySelector(".kept");
  if (!kept) return;
  const names = ["period", "from", "to", "f"];
  const inputs = [...new URL(location).searchParams].filter(([name]) => names.includes(name)).map(([name, value]) => {
    const input = document.createElement("input");
    Object.assign(input, { type: "hidden", name, value });
    return input;
  });
  if (inputs.length) kept.replaceChildren(...inputs);
});

// What is suggested, and whether properties are asked for, is by what the step is.
function follow(select) {
  const row = select.closest(".step-row");
  row.querySelector("[data-of]").dataset.of = select.value === "event" ? "event" : "path";
  row.querySelector(".step-more").hidden = select.value !== "event";
}

for (const select of document.querySelectorAll(".step-row select")) follow(select);
document.addEventListener("change", event => {
  if (event.target.matches(".step-row select")) follow(event.target);
});
