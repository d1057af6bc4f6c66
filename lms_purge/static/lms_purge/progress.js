// Shows how far a purge is without reloading. On errors it asks less and less often; when it becomes another page, it
// is loaded anew, so that everything on it is the server's.
"use strict";
(() => {
  // Accepted: whom somebody had selected in User Cleanup is dealt with.
  if (new URLSearchParams(location.search).has("accepted")) sessionStorage.removeItem("cleanup");
  const { url, page } = document.getElementById("watch").dataset;
  if (!url) return;
  document.getElementById("reload")?.remove();
  const byId = (id) => document.getElementById(id);
  const say = (id, text) => { if (byId(id).textContent !== text) byId(id).textContent = text; };
  let wait = 1000;

  function show(answer) {
    byId("request-progress").value = answer.percent;
    say("request-state", answer.label);
    byId("request-state").className = `pg-pill pg-${answer.tone}`;
    say("request-sentence", answer.sentence);
    say("request-step", answer.step);
    say("request-rows", answer.rows);
    say("request-left", answer.left);
    byId("request-steps").hidden = !answer.lines.length;
    byId("no-steps").hidden = answer.lines.length > 0;
    byId("request-steps").querySelector("tbody").replaceChildren(...answer.lines.map((line) => {
      const row = document.createElement("tr");
      row.append(...line.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
      return row;
    }));
  }

  async function ask() {
    try {
      const response = await fetch(url, { headers: { Accept: "application/json" } });
      if (response.redirected || response.status === 403 || response.status === 404) return location.reload();
      if (!response.ok) throw new Error(response.status);
      const answer = await response.json();
      if (answer.page !== page) return location.reload();
      show(answer);
      wait = page === "working" ? 1000 : 5000;
    } catch {
      wait = Math.min(wait * 2, 60000);
    }
    setTimeout(ask, wait);
  }
  if (page !== "working") wait = 5000;
  setTimeout(ask, wait);
})();
