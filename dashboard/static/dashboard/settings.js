// What was saved is said, and a wrong field is gone to.
"use strict";

const wrongField = document.querySelector(".setting [aria-invalid]");
if (wrongField) wrongField.focus();
const told = document.querySelector("[data-said]");
if (told) setTimeout(() => say(told.textContent), 100);
