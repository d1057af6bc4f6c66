// What every page may need: a button that prints, and names for search boxes.
"use strict";
// A page that can be handed to somebody has a button for it, where a script can press it.
{
  const print = document.getElementById("print-page");
  if (print) print.hidden = false;
  print?.addEventListener("click", () => window.print());
}
// Gives the search boxes for people and rows the name of their label: the library that draws them leaves them nameless.
{
  const nameChoices = () => {
    for (const select of document.querySelectorAll("select.admin-autocomplete.select2-hidden-accessible")) {
      const label = document.querySelector(`label[for="${CSS.escape(select.id)}"]`);
      const head = select.closest("td")?.className.match(/field-([\w-]+)/);
      const column = head && document.querySelector(`th.column-${CSS.escape(head[1])}`);
      const words = (label || column)?.textContent.trim().replace(/[:?]$/, "");
      const drawn = select.nextElementSibling;
      if (!words || !drawn) continue;
      for (const part of drawn.querySelectorAll("[role=combobox], [role=textbox]")) {
        part.removeAttribute("aria-labelledby");
        part.setAttribute("aria-label", [words, part.textContent.trim()].filter(Boolean).join(": "));
      }
    }
  };
  // After the library has drawn (jQuery calls back in the order of asking), and again for each added row or choice.
  if (window.django?.jQuery) django.jQuery(nameChoices);
  document.addEventListener("formset:added", () => setTimeout(nameChoices));
  document.addEventListener("change", () => setTimeout(nameChoices));
}
