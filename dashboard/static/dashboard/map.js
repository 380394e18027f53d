// The map: the shapes are a file of their own, asked for when a map is opened. Which countries have
// visitors, how many, and where a click leads, the service has written already.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
let world = null;

async function readWorld(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "image/svg+xml").documentElement;
}

async function drawMap(place) {
  try {
    world ??= await readWorld(place.dataset.world);
  } catch { // then the table has it all
    place.closest(".panel").querySelector(".table-of").open = true;
    return;
  }
  const ground = document.createElementNS(SVG, "g");
  ground.setAttribute("class", "ground");
  place.setAttribute("viewBox", world.getAttribute("viewBox"));
  place.prepend(ground);
  for (const shape of world.querySelectorAll("[id]")) {
    const drawn = document.importNode(shape);
    drawn.removeAttribute("id");
    (place.querySelector(`[data-code="${CSS.escape(shape.id)}"]`) || ground).append(drawn);
  }
  for (const land of place.querySelectorAll("[data-code]")) {
    land.setAttribute("aria-label", `${nameOfKey("country", land.dataset.code) || land.dataset.code}: ${land.dataset.tip}`);
  }
}

// By the mouse where that is, else above the middle of the country.
function tellLand(land, pointer) {
  const map = land.closest(".map"), tip = document.createElement("div");
  tip.className = "tip";
  const [name, count] = [document.createElement("span"), document.createElement("strong")];
  name.textContent = nameOfKey("country", land.dataset.code) || land.dataset.code;
  count.textContent = land.dataset.tip;
  tip.append(name, count);
  map.append(tip);
  const box = map.getBoundingClientRect(), at = land.getBoundingClientRect();
  const middle = (pointer ? pointer.clientX : at.left + at.width / 2) - box.left;
  const above = (pointer ? pointer.clientY - 8 : at.top) - box.top - tip.offsetHeight - 6;
  const below = (pointer ? pointer.clientY + 16 : at.bottom) - box.top + 6;
  tip.style.left = `${Math.max(0, Math.min(box.width - tip.offsetWidth, middle - tip.offsetWidth / 2))}px`;
  tip.style.top = `${above < 0 ? below : above}px`;
}

const hushLand = () => { for (const tip of document.querySelectorAll(".map .tip")) tip.remove(); };

for (const [come, leave] of [["mouseover", "mouseout"], ["focusin", "focusout"]]) {
  document.addEventListener(come, event => {
    const land = event.target.closest?.("[data-code]");
    if (!land) return;
    hushLand();
    tellLand(land, come === "mouseover" ? event : null);
  });
  document.addEventListener(leave, event => {
    if (event.target.closest?.("[data-code]")) hushLand();
  });
}
