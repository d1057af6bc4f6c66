// Keeps the selection of deleted users while somebody searches, filters, sorts and pages, also when they have to sign in
// again; counts it, and refuses one too many. What is unselected is of the list alone; all of it is cleared apart. With
// Shift a click ticks all between it and the one before. Only numbers of rows are kept, in this tab alone, for a day.
// Without this script the page works, one page at a time.
"use strict";
(() => {
  const months = document.querySelector(".pg-months");
  if (months) {
    const summary = months.querySelector("summary");
    const close = () => { months.open = false; };
    months.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !months.open) return;
      close();
      summary.focus();
    });
    document.addEventListener("click", (event) => {
      if (!months.open || months.contains(event.target)) return;
      close();
      if (!event.target.closest("a, button, input, label, select, summary")) summary.focus(); // nothing else has taken it
    });
  }

  const form = document.getElementById("cleanup-form");
  if (!form) return; // nobody is listed, such as by a search: who is selected stays so
  const DAY = 24 * 60 * 60 * 1000;
  const most = Number(form.dataset.most);
  const first = form.dataset.first ? form.dataset.first.split(",") : [];
  const count = document.getElementById("selected-count");
  const button = document.getElementById("select-first");
  const refused = document.getElementById("selection-refused");
  if (!count || !button) return;
  const boxes = [...form.querySelectorAll("input[type=checkbox][name=_selected_action]")];
  const disabled = new Set(boxes.filter((box) => box.disabled).map((box) => box.value));

  // What makes this list another one than that before: what is searched for, not how it is sorted, nor which page it is.
  const asked = new URLSearchParams(location.search);
  const list = JSON.stringify(["month", "kind", "q"].map((name) => asked.get(name) || ""));

  function stored() {
    try {
      const kept = JSON.parse(sessionStorage.getItem("cleanup"));
      if (kept && kept.scope === form.dataset.scope && Date.now() - kept.at < DAY) return kept;
    } catch {
      // nothing is kept, or nothing that can be read
    }
    return { ids: [] };
  }
  const kept = stored();
  const chosen = new Set(button.dataset.on ? first : kept.ids.filter((id) => !disabled.has(id)));
  // Who stands in this list: on this page, among its first, on its pages that were open before.
  const listed = new Set([...boxes.map((box) => box.value), ...first, ...((kept.list === list && kept.listed) || [])]);
  const ofList = () => [...chosen].filter((id) => listed.has(id));
  const here = () => ofList().length;
  const acting = form.querySelectorAll("[data-needs-selection]");
  const fill = (words) => words.replace("{n}", chosen.size).replace("{most}", most).replace("{here}", here());
  const clear = document.getElementById("clear-selection");

  function show() {
    for (const box of boxes) {
      box.checked = chosen.has(box.value);
      box.closest("tr").classList.toggle("pg-on", box.checked);
    }
    form.querySelectorAll(".pg-beyond").forEach((input) => input.remove());
    const onPage = new Set(boxes.map((box) => box.value));
    let beyond = 0;
    for (const id of chosen) {
      if (onPage.has(id)) continue;
      beyond += 1;
      const input = Object.assign(document.createElement("input"), { type: "hidden", name: "_selected_action", value: id });
      input.className = "pg-beyond";
      form.append(input);
    }
    const elsewhere = chosen.size > here();
    count.textContent = fill(elsewhere ? count.dataset.elsewhere : count.dataset.words);
    button.textContent = here() ? button.dataset.unselect : button.dataset.select;
    clear.hidden = !beyond;
    for (const each of acting) each.disabled = !chosen.size;
    const keep = { scope: form.dataset.scope, at: Date.now(), ids: [...chosen], list, listed: ofList() };
    sessionStorage.setItem("cleanup", JSON.stringify(keep));
  }

  let before = null; // the box that was clicked last
  let through = false; // whether Shift is held
  form.addEventListener("click", (event) => { through = event.shiftKey; });

  function tick(box, on) {
    if (box.disabled) return;
    if (!on) chosen.delete(box.value);
    else if (chosen.has(box.value) || chosen.size < most) chosen.add(box.value);
    else {
      refused.textContent = fill(count.dataset.full);
      refused.hidden = false;
    }
  }

  form.addEventListener("change", (event) => {
    const box = event.target;
    if (!boxes.includes(box)) return;
    refused.hidden = true;
    const on = box.checked;
    const [from, to] = [boxes.indexOf(through && before ? before : box), boxes.indexOf(box)].sort((a, b) => a - b);
    for (const each of boxes.slice(from, to + 1)) tick(each, on);
    before = box;
    show();
  });

  function toggle(event) {
    event.preventDefault();
    refused.hidden = true;
    const ticked = here() > 0;
    if (!ticked && chosen.size && !window.confirm(fill(count.dataset.replace))) return;
    if (ticked) ofList().forEach((id) => chosen.delete(id));
    else {
      chosen.clear();
      first.slice(0, most).forEach((id) => chosen.add(id));
    }
    show();
  }
  button.addEventListener("click", toggle);
  button.addEventListener("keydown", (event) => { if (event.key === " ") toggle(event); });
  clear.addEventListener("click", () => {
    chosen.clear();
    refused.hidden = true;
    show();
    button.focus();
  });

  // Who is restored is no longer here to be chosen. A purge keeps the selection until it is accepted: one may come back.
  form.addEventListener("submit", (event) => {
    if (event.submitter && event.submitter.hasAttribute("formaction")) sessionStorage.removeItem("cleanup");
  });
  window.addEventListener("pageshow", (event) => { if (event.persisted) show(); });
  show();
})();
