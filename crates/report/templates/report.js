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
  const heads = all("th", table);
  const column = Object.fromEntries(heads.map((th, index) => [th.dataset.key, index]));
  const groups = Array.from(table.tBodies);
  const rows = Array.from(table.querySelectorAll("tbody tr"), (tr, place) => ({ tr, place, request: tr.dataset.r, fits: true }));
  let order = rows;
  const perGroup = groups[0].rows.length;
  const inGroup = (index) => order.slice(index * perGroup, (index + 1) * perGroup);

  // What is in the cells is read when it is asked for, a column at a time.
  const once = (make) => {
    const made = new Map();
    return (key) => made.get(key) ?? made.set(key, make(key)).get(key);
  };
  const texts = once((c) => rows.map((row) => row.tr.cells[c].textContent.trim()));
  const wholes = once(() => rows.map((row) => Array.from(row.tr.cells, (td) => `${td.textContent} ${td.title}`).join(" ").toLowerCase()));
  const lines = all(".line");

  // Filtering: every word must be in the row somewhere, every chosen value must be the row's.
  const filter = $("filter");
  const choosers = all("select[data-filter]");
  // How many rows of a group can be seen, which says how much room it takes while it is out of view.
  const measured = groups.map((group) => group.rows.length);
  const measure = () => {
    groups.forEach((group, index) => {
      const seen = inGroup(index).reduce((sum, row) => sum + row.fits, 0);
      // A group whose style is set is styled again, changed or not.
      if (seen !== measured[index]) group.style.setProperty("--rows", measured[index] = seen);
    });
  };
  const apply = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = choosers.filter((s) => s.value).map((s) => [texts(column[s.dataset.filter]), s.value]);
    const whole = words.length ? wholes() : [];
    const requests = new Set();
    let shown = 0;
    for (const row of rows) {
      const fits = words.every((word) => whole[row.place].includes(word)) && chosen.every(([of, value]) => of[row.place] === value);
      if (row.fits !== fits) row.tr.hidden = !fits;
      row.fits = fits;
      if (fits) { shown += 1; requests.add(row.request); }
    }
    for (const line of lines) {
      const fits = requests.has(line.dataset.r);
      if (line.hidden === fits) line.hidden = !fits;
    }
    table.classList.toggle("filtered", shown < rows.length);
    measure();
    $("shown").textContent = shown === rows.length ? "" : `${shown} of ${rows.length}`;
    $("none").hidden = shown > 0;
  };
  let waiting = 0;
  filter.addEventListener("input", () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(apply); });
  choosers.forEach((s) => s.addEventListener("change", apply));

  // Sorting: a heading once upwards, again downwards, a third time what needs attention first.
  const collator = new Intl.Collator("en", { numeric: true });
  const states = [...document.querySelectorAll("[data-filter=stage] option")].map((o) => o.value);
  // The place of each row among the values of a column, equal ones at the same place: comparing texts takes long.
  const ranks = once((key) => {
    const c = column[key];
    const numbers = rows[0].tr.cells[c].dataset.v !== undefined;
    const values = numbers ? rows.map((row) => Number(row.tr.cells[c].dataset.v)) : texts(c);
    const compare = numbers ? (a, b) => a - b
      : key === "stage" ? (a, b) => states.indexOf(a) - states.indexOf(b)
      : collator.compare;
    const place = new Map([...new Set(values)].sort(compare).map((value, index) => [value, index]));
    return values.map((value) => place.get(value));
  });
  // Moving thousands of rows takes a browser longer than a click may: those in view and near it are in their places at once, the others
  // a few groups at a time. A group that has not had its turn shows what is left in it.
  const SLICE = 8;
  let turn = 0;
  const place = () => {
    clearTimeout(turn);
    const isNear = groups.map((group) => {
      const { top, bottom } = group.getBoundingClientRect();
      return bottom > -innerHeight && top < 2 * innerHeight;
    });
    const fill = (index) => groups[index].replaceChildren(...inGroup(index).map((row) => row.tr));
    const indexes = [...groups.keys()];
    indexes.filter((index) => isNear[index]).forEach(fill);
    const others = indexes.filter((index) => !isNear[index]).reverse();
    const some = () => {
      for (const until = performance.now() + SLICE; others.length && performance.now() < until;) fill(others.pop());
      table.ariaBusy = others.length > 0;
      if (others.length) turn = setTimeout(some);
    };
    table.ariaBusy = others.length > 0;
    turn = setTimeout(some);
  };
  const sort = (key, down) => {
    const c = column[key];
    const rank = c === undefined ? null : ranks(key);
    const compare = (a, b) => (rank === null ? 0 : (down ? rank[b.place] - rank[a.place] : rank[a.place] - rank[b.place])) || a.place - b.place;
    order = rows.slice().sort(compare);
    place();
    measure();
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
  // A browser may come back to a page with what was typed into it.
  if (filter.value || choosers.some((s) => s.value)) apply();
  // The order of each column, while there is nothing else to do.
  const ahead = (left) => left.length && (window.requestIdleCallback ?? setTimeout)(() => { ranks(left[0]); ahead(left.slice(1)); });
  ahead(Object.keys(column));
})();
