// The links of the first line lead down without a step of their own in the browser's history: Back leads to the list.
"use strict";
(() => {
  for (const link of document.querySelectorAll(".pg-first-line a")) {
    link.addEventListener("click", (event) => {
      const part = document.getElementById(link.hash.slice(1));
      if (!part) return;
      event.preventDefault();
      part.tabIndex = -1;
      part.scrollIntoView();
      part.focus({ preventScroll: true });
    });
  }
})();
