// Keeps the selection of deleted users while somebody sorts and pages within the same filter, counts it, and refuses one
// too many. Only numbers of rows are kept, in this tab alone, for a day. Without this script the page works, one page at a time.
"use strict";
(() => {
  const form = document.getElementById("cleanup-form");
  if (!form) {
    sessionStorage.removeItem("cleanup");
    return;
  }
  const DAY = 24 * 60 * 60 * 1000;
  const most = Number(form.dataset.most);
  const first = form.dataset.first ? form.dataset.first.split(",") : [];
  const count = document.getElementById("selected-count");
  const button = document.getElementById("select-first");
  const refused = document.getElementById("selection-refused");
  if (!count || !button) return;
  const boxes = [...form.querySelectorAll("input[type=checkbox][name=_selected_action]")];
  const disabled = new Set(boxes.filter((box) => box.disabled).map((box) => box.value));

  function stored() {
    try {
      const kept = JSON.parse(sessionStorage.getItem("cleanup"));
      return kept && kept.scope === form.dataset.scope && Date.now() - kept.at < DAY ? kept.ids : [];
    } catch {
      return [];
    }
  }
  const chosen = new Set(button.dataset.on ? first : stored().filter((id) => !disabled.has(id)));
  const fill = (words) => words.replace("{n}", chosen.size).replace("{most}", most);

  function show() {
    for (const box of boxes) {
      box.checked = chosen.has(box.value);
      box.closest("tr").classList.toggle("pg-on", box.checked);
    }
    form.querySelectorAll(".pg-beyond").forEach((input) => input.remove());
    const here = new Set(boxes.map((box) => box.value));
    for (const id of chosen) {
      if (here.has(id)) continue;
      const input = Object.assign(document.createElement("input"), { type: "hidden", name: "_selected_action", value: id });
      input.className = "pg-beyond";
      form.append(input);
    }
    count.textContent = fill(count.dataset.words);
    button.textContent = chosen.size ? button.dataset.unselect : button.dataset.select;
    sessionStorage.setItem("cleanup", JSON.stringify({ scope: form.dataset.scope, at: Date.now(), ids: [...chosen] }));
  }

  form.addEventListener("change", (event) => {
    const box = event.target;
    if (!boxes.includes(box)) return;
    refused.hidden = true;
    if (!box.checked) chosen.delete(box.value);
    else if (chosen.size < most) chosen.add(box.value);
    else {
      refused.textContent = fill(count.dataset.full);
      refused.hidden = false;
    }
    show();
  });

  function toggle(event) {
    event.preventDefault();
    refused.hidden = true;
    const anybody = chosen.size > 0;
    chosen.clear();
    if (!anybody) first.slice(0, most).forEach((id) => chosen.add(id));
    show();
  }
  button.addEventListener("click", toggle);
  button.addEventListener("keydown", (event) => { if (event.key === " ") toggle(event); });

  // Who is restored is no longer here to be chosen. A purge keeps the selection until it is accepted: one may come back.
  form.addEventListener("submit", (event) => {
    if (event.submitter && event.submitter.hasAttribute("formaction")) sessionStorage.removeItem("cleanup");
  });
  window.addEventListener("pageshow", (event) => { if (event.persisted) show(); });
  show();
})();
