// The row of all projects: views and visits add up, visitors do not.
"use strict";

function addUp() {
  const row = document.querySelector(".project.all");
  const found = [...document.querySelectorAll("[data-views]")];
  const asked = document.querySelectorAll(".glance[hx-get]").length;
  if (!row || found.length < asked) return;
  const sum = name => found.reduce((total, each) => total + Number(each.dataset[name]), 0);
  const write = number => number.toLocaleString("en");
  document.getElementById("all-views").textContent = `${write(sum("views"))} views`;
  document.getElementById("all-visits").textContent = `${write(sum("visits"))} visits`;
  row.hidden = false;
}

document.addEventListener("htmx:afterSettle", addUp);
