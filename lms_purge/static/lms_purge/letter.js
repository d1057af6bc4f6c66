// Writes a name into the letter to the person. It stands in this page alone: no request, no storage, no address has it.
"use strict";
{
  const field = document.getElementById("letter-name");
  if (field) {
    const blank = document.querySelector("[data-letter-name]");
    const empty = blank.textContent;
    const write = () => { blank.textContent = field.value.trim() || empty; };
    // What a browser has kept of the page from before is no name for this reader.
    field.value = "";
    field.addEventListener("input", write);
    field.closest(".letter-tools").hidden = false;
    window.addEventListener("pagehide", () => { field.value = ""; write(); });
    const copy = document.getElementById("letter-copy");
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById("letter-text").innerText);
      copy.textContent = copy.dataset.done;
    });
  }
}
