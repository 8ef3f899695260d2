"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const all = (query, from = document) => Array.from(from.querySelectorAll(query));

  // How old the page of a running compose is.
  const age = (iso) => {
    const seconds = Math.max(0, Math.round((Date.now() - Date.parse(iso)) / 1000));
    if (seconds < 60) return `${seconds} s ago`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min ago`;
    return `${Math.floor(seconds / 86400)} d ago`;
  };
  const tellAges = () => all("[data-age]").forEach((e) => { e.textContent = ` (${age(e.dataset.age)})`; });
  tellAges();
  if (document.querySelector("[data-age]")) setInterval(tellAges, 10000);
  all("time[datetime]").forEach((e) => { e.title = new Date(e.dateTime).toLocaleString(); });

  // Copying, also where a page from a file may not use the clipboard of its own accord.
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      area.style.position = "fixed";
      area.style.opacity = "0";
      document.body.append(area);
      area.select();
      const copied = document.execCommand("copy");
      area.remove();
      return copied;
    }
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button.copy");
    if (!button) return;
    const label = button.textContent;
    if (button.classList.contains("ok")) return;
    const from = button.dataset.copyFrom;
    const done = await copy(from ? $(from).textContent : button.dataset.copy);
    button.textContent = done ? "copied" : "failed";
    button.classList.toggle("ok", done);
    setTimeout(() => { button.textContent = label; button.classList.remove("ok"); }, 1200);
  });

  const table = $("table");
  if (!table) return;
  const body = table.tBodies[0];
  const heads = all("th", table);
  const column = Object.fromEntries(heads.map((th, index) => [th.dataset.key, index]));
  const rows = Array.from(body.rows, (tr, place) => {
    const cells = Array.from(tr.cells);
    return {
      tr,
      place,
      texts: cells.map((td) => td.textContent.trim()),
      numbers: cells.map((td) => (td.dataset.v === undefined ? null : Number(td.dataset.v))),
      all: cells.map((td) => `${td.textContent} ${td.title}`).join(" ").toLowerCase(),
      request: tr.dataset.r,
    };
  });
  const lines = all(".line");

  // Filtering: every word must be in the row somewhere, every chosen value must be the row's.
  const filter = $("filter");
  const choosers = all("select[data-filter]");
  const apply = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = choosers.filter((s) => s.value).map((s) => [column[s.dataset.filter], s.value]);
    const requests = new Set();
    let shown = 0;
    for (const row of rows) {
      const fits = words.every((word) => row.all.includes(word)) && chosen.every(([c, value]) => row.texts[c] === value);
      row.tr.hidden = !fits;
      if (fits) { shown += 1; requests.add(row.request); }
    }
    for (const line of lines) line.hidden = !requests.has(line.dataset.r);
    $("shown").textContent = shown === rows.length ? "" : `${shown} of ${rows.length}`;
    $("none").hidden = shown > 0;
  };
  let waiting = 0;
  filter.addEventListener("input", () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(apply); });
  choosers.forEach((s) => s.addEventListener("change", apply));

  // Sorting: a heading once upwards, again downwards, a third time what needs attention first.
  const collator = new Intl.Collator("en", { numeric: true });
  const states = [...document.querySelectorAll("[data-filter=stage] option")].map((o) => o.value);
  const sort = (key, down) => {
    const c = column[key];
    const compare = key === "stage"
      ? (a, b) => states.indexOf(a.texts[c]) - states.indexOf(b.texts[c])
      : (a, b) => (a.numbers[c] !== null ? a.numbers[c] - b.numbers[c] : collator.compare(a.texts[c], b.texts[c]));
    const sorted = rows.slice().sort((a, b) => (c === undefined ? 0 : (down ? compare(b, a) : compare(a, b))) || a.place - b.place);
    body.append(...sorted.map((row) => row.tr));
    for (const th of heads) {
      if (th.dataset.key === key) th.setAttribute("aria-sort", down ? "descending" : "ascending");
      else th.removeAttribute("aria-sort");
    }
    $("sortby").value = c === undefined ? "" : key;
  };
  for (const th of heads) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = th.textContent;
    th.replaceChildren(button);
    button.addEventListener("click", () => {
      const now = th.getAttribute("aria-sort");
      if (now === "descending") sort("", false);
      else sort(th.dataset.key, now === "ascending");
    });
  }
  const sortby = $("sortby");
  sortby.append(new Option("attention", ""), ...heads.map((th) => new Option(th.textContent.toLowerCase(), th.dataset.key)));
  sortby.addEventListener("change", () => sort(sortby.value, sortby.value === "size" || sortby.value === "time"));

  document.querySelector(".tools").hidden = false;
  apply();
})();
