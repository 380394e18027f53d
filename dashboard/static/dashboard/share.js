// In a frame: how high the page is, for whoever framed it; a number, and nothing of what it shows.
"use strict";

if (parent !== window) {
  let told = 0;
  new ResizeObserver(() => {
    const height = Math.ceil(document.body.getBoundingClientRect().height);
    if (height === told) return;
    told = height;
    parent.postMessage({ type: "analytics-height", height }, "*");
  }).observe(document.body);
}
