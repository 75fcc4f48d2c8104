// The board's page: sort and filter its tables, and rank again for the reader's own preference.
(function () {
  "use strict";
  const folder = "data/", byId = (id) => document.getElementById(id);
  const form = (value, digits = 3) => (Number.isFinite(value) ? value.toFixed(digits) : "–");

  function make(tag, text, attributes = {}) {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  }

  // --- tables: a header's button sorts; cells without a number stay last either way ---
  function sortBy(table, header) {
    const column = [...header.parentNode.children].indexOf(header);
    const rising = header.getAttribute("aria-sort") !== "ascending";
    for (const other of header.parentNode.children) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", rising ? "ascending" : "descending");
    const body = table.tBodies[0], rows = [...body.rows];
    const key = (row) => row.cells[column].getAttribute("data-value") ?? row.cells[column].textContent;
    const numeric = rows.some((row) => row.cells[column].getAttribute("data-value") !== null);
    rows.sort((a, b) => {
      const [x, y] = [key(a), key(b)];
      if (!numeric) return rising ? x.localeCompare(y, "en") : y.localeCompare(x, "en");
      if (x === "" || y === "") return (x === "") - (y === "");
      return rising ? x - y : y - x;
    });
    body.append(...rows);
    table.setAttribute("data-lined", header.getAttribute("data-ties") === null ? "no" : "yes");
    line(table);
  }

  // A line above each visible row of another tie group than the ranked row above it, while the order is that of ranks. A row without
  // a group belongs to none: it gets a line only where it begins what is left below the last ranked row.
  function line(table, whole = false) {
    const rows = [...table.tBodies[0].rows].filter((row) => whole || !row.hidden), lined = table.getAttribute("data-lined") !== "no";
    const last = rows.map((row) => Boolean(row.dataset.group)).lastIndexOf(true);
    let above = null;
    rows.forEach((row, i) => {
      const group = row.dataset.group || (i > last ? "" : above);
      row.classList.toggle("tie", lined && above !== null && group !== above);
      above = group;
    });
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    for (const header of table.tHead.rows[0].cells) {
      const button = make("button", header.textContent, { type: "button", title: "Sort by this column" });
      header.replaceChildren(button);
      button.addEventListener("click", () => sortBy(table, header));
    }
  }

  function filter() {
    const text = byId("filter-text").value.trim().toLowerCase(), family = byId("filter-family").value;
    const ranked = byId("filter-ranked").checked, quiet = byId("filter-quiet").checked;
    const shown = new Set(), all = new Set();
    for (const row of document.querySelectorAll("table.sortable tbody tr")) {
      const data = row.dataset;
      const keep = data.method.toLowerCase().includes(text) && (!family || data.family === family)
        && (!ranked || data.ranked === "yes") && (!quiet || data.flags === "no");
      row.hidden = !keep;
      all.add(data.method);
      if (keep) shown.add(data.method);
    }
    for (const table of document.querySelectorAll("table.sortable")) line(table);
    byId("filter-count").textContent = `${shown.size} of ${all.size} methods shown`;
  }
  for (const id of ["filter-text", "filter-family", "filter-ranked", "filter-quiet"]) byId(id).addEventListener("input", filter);
  filter();

  // --- what the signatures and levels mean: opened by a link to it, and on paper ---
  const explain = () => { byId("legend").open = true; };
  const linked = () => { if (location.hash === "#legend") explain(); };
  globalThis.addEventListener?.("hashchange", linked);
  const lineAll = (whole) => { for (const table of document.querySelectorAll("table.sortable")) line(table, whole); };
  globalThis.addEventListener?.("beforeprint", () => { explain(); lineAll(true); }); // paper shows the rows that a filter hides
  globalThis.addEventListener?.("afterprint", () => lineAll(false));
  linked();

  // --- the slider ---
  let board = null, weights = [], bytesOf = new Map(), chose = false; // whether the reader said if KL is charged
  const division = () => board.divisions[Number(byId("division").value)];

  function options(select, pairs) {
    select.replaceChildren(...pairs.map(([value, text]) => make("option", text, { value })));
  }

  function offerTasks() {
    const sizes = new Map();
    for (const name of division().tasks) {
      const k = board.tasks[name].objectives.length;
      sizes.set(k, [...(sizes.get(k) ?? []), name]);
    }
    const pairs = [...sizes].filter(([, names]) => names.length > 1).map(([k, names]) => [names.join(" "), `all ${names.length} tasks of ${k} objectives`]);
    const every = [...pairs, ...division().tasks.map((name) => [name, name])], { methods } = division();
    options(byId("task"), every);
    // An unfinished board opens where the most methods can be ranked; of equals the first.
    const able = every.map(([names]) => { const tasks = names.split(" ").map((name) => board.tasks[name]); return methods.filter((method) => !lacks(method, tasks)).length; });
    if (every.length) byId("task").value = every[able.indexOf(Math.max(...able))][0];
    offerWeights();
  }

  // KL is charged unless the reader says otherwise, where it is known of most methods: rewards alone rank whoever spends most.
  function charges(tasks) {
    const { view, methods } = division(), able = methods.filter((method) => !lacks(method, tasks));
    const known = able.filter((method) => tasks.every((task) => task.methods[method][view].kl.flat().every((kl) => kl !== null)));
    return 2 * known.length > able.length;
  }

  const chosen = () => byId("task").value.split(" ").filter(Boolean).map((name) => board.tasks[name]);

  // The names of objectives that tasks have in common, or numbers.
  function objectives(tasks) {
    const first = tasks[0].objectives, alike = tasks.every((task) => task.objectives.join() === first.join());
    return first.map((name, i) => (alike ? name : `objective ${i + 1}`));
  }

  function offerWeights() {
    const tasks = chosen(), before = weights.map(({ input }) => input.value);
    weights = [];
    byId("weights").replaceChildren();
    if (!tasks.length) return show();
    const named = objectives(tasks), k = named.length;
    if (!chose) byId("charged").checked = charges(tasks);
    weights = named.map((name, i) => {
      const input = make("input", undefined, { type: "range", min: "0", max: "100", step: "1", id: `weight-${i}` });
      input.value = before.length === k ? before[i] : String(Math.round(100 / k)); // what the reader set stays
      const output = make("output", "", { for: `weight-${i}` });
      const label = make("label", `weight of ${name} `, {});
      label.append(output, input);
      byId("weights").append(label);
      input.addEventListener("input", () => {
        if (k === 2) weights[1 - i].input.value = String(100 - Number(input.value));
        show();
      });
      return { input, output };
    });
    show();
  }

  function wish() {
    const raw = weights.map(({ input }) => Number(input.value)), total = raw.reduce((a, b) => a + b, 0);
    const preference = raw.map((value) => (total ? value / total : 1 / raw.length));
    weights.forEach(({ input, output }, i) => {
      output.textContent = form(preference[i], 2);
      input.setAttribute("aria-valuetext", form(preference[i], 2));
    });
    return { preference, utility: byId("utility").value, charged: byId("charged").checked };
  }

  async function need(tasks) {
    for (const task of tasks.filter((one) => !bytesOf.has(one.name))) {
      const data = await morlbench.load(`rewards-${task.name}`, folder);
      bytesOf.set(task.name, { base: morlbench.bytes(data.base), methods: new Map(), raw: data.methods });
    }
  }

  const answersOf = (view) => (task, method) => {
    const held = bytesOf.get(task.name);
    if (method === null) return held.base;
    const key = `${view} ${method}`;
    if (!held.methods.has(key)) held.methods.set(key, morlbench.bytes(held.raw[method][view]));
    return held.methods.get(key);
  };

  // Why a method cannot be ranked here; '' if it can.
  function lacks(method, tasks) {
    const { view, unranked } = division();
    if (unranked[method]) return unranked[method];
    const missing = tasks.find((task) => !task.methods[method]?.whole.includes(view));
    return missing ? `${missing.name}: no record of every seed` : "";
  }

  let asking = 0;
  async function show() {
    const body = byId("places"), mine = ++asking, tasks = chosen();
    if (!tasks.length) {
      body.replaceChildren();
      byId("slider-note").textContent = "No task of this division has a record yet.";
      return;
    }
    const wanted = wish(), { view, methods } = division();
    try {
      if (wanted.utility !== "linear") await need(tasks);
    } catch (fault) {
      if (mine === asking) byId("slider-note").textContent = fault.message;
      return;
    }
    if (mine !== asking) return; // the reader has moved on
    const start = performance.now();
    const able = methods.filter((method) => !lacks(method, tasks));
    const places = morlbench.rerank(tasks, able, view, wanted, board.draws, answersOf(view));
    draw(places, methods.filter((method) => !places.some((place) => place.method === method)), tasks);
    body.setAttribute("data-milliseconds", form(performance.now() - start, 1));
    note(tasks, wanted, view, places);
  }

  // A gain as a bar from 0, which has the line; a loss goes to its left, cut where it is longer than the largest gain. The number
  // stands beside it, so it is not read out.
  function bar(gain, low, top) {
    const node = (tag, attributes) => {
      const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
      for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
      return made;
    };
    const at = (value) => Number((2 + (116 * (Math.max(low, value) - low)) / (top - low)).toFixed(1)), zero = at(0), end = at(gain);
    const drawn = node("svg", { class: "interval", viewBox: "0 0 120 14", "aria-hidden": "true" });
    const size = { x: Math.min(zero, end), width: Math.abs(end - zero).toFixed(1), y: 3, height: 8 };
    drawn.append(node("rect", gain < 0 ? { ...size, class: "loss" } : size), node("line", { x1: zero, x2: zero, y1: 0, y2: 14 }));
    return drawn;
  }

  function draw(places, left, tasks) {
    const shown = (gain) => (Math.abs(gain) < 5e-5 ? 0 : gain); // in four decimals
    const top = Math.max(...places.map(({ gain }) => gain), 1e-9), low = Math.max(-top, Math.min(...places.map(({ gain }) => gain), 0));
    const rows = places.map((place, i) => {
      const row = make("tr", undefined, i && places[i - 1].group !== place.group ? { class: "tie" } : {});
      const drawn = make("td");
      drawn.append(bar(shown(place.gain), low, top));
      row.append(make("td", place.group, { class: "n" }), make("td", `${place.rank} [${form(place.low, 1)}, ${form(place.high, 1)}]`, { class: "n" }),
        make("th", place.method, { scope: "row" }), make("td", form(shown(place.gain), 4), { class: "n" }), drawn);
      return row;
    });
    const missing = left.map((method) => {
      const row = make("tr");
      row.append(make("td", "–", { class: "n" }), make("td", "–", { class: "n" }), make("th", method, { scope: "row" }),
        make("td", lacks(method, tasks) || "its KL is unknown", { class: "missing", colspan: "2" }));
      return row;
    });
    byId("places").replaceChildren(...rows, ...missing);
  }

  // What the reader set, in words: paper shows no controls.
  function settings(tasks, { preference, utility, charged }) {
    const named = objectives(tasks), weighed = preference.map((w, i) => `${named[i]} ${form(w, 2)}`).join(", ");
    const on = `${tasks.length > 1 ? `${tasks.length} tasks` : "task"} ${tasks.map(({ name }) => name).join(", ")}`;
    const kl = charged ? `charged at ${tasks.length > 1 ? "each" : "the"} task's beta` : "not charged";
    return `${division().title}; ${on}. Weights: ${weighed}. Utility: ${utility.replace("-", " ")}. KL is ${kl}.`;
  }

  function note(tasks, wanted, view, places) {
    const task = tasks[0], near = tasks.map(({ asked, preference }) => {
      const able = view === "front" ? asked : [preference];
      return able.length ? able[morlbench.nearest(able, wanted.preference)].map((x) => form(x, 2)).join(", ") : "";
    });
    const alike = near.every((one) => one === near[0]);
    const at = alike ? `(${near[0]})` : near.map((one, i) => `(${one}) on ${tasks[i].name}`).join(", ");
    const leaders = places.filter(({ group }) => group === 1).map(({ method }) => method).join(", ");
    const limits = wanted.utility.endsWith("threshold") ? ` Thresholds on ${task.name}: ${task.thresholds.map((x) => form(x, 2)).join(", ")}.` : "";
    const [{ name, base_seeds: seeds }] = tasks, held = bytesOf.get(name);
    const judged = wanted.utility === "linear" || !seeds ? "" : ` Judged on ${held.base.length / task.objectives.length / seeds} sampled answers a seed${tasks.length > 1 ? ` on ${name}` : ""}.`;
    const absent = division().absent.length ? ` No record here yet: ${division().absent.join(", ")}.` : "";
    byId("slider-note").textContent = `First tie group: ${leaders || "nobody"}. ${settings(tasks, wanted)} Answers asked at ${at}`
      + `${view === "front" ? ", the nearest preference that was asked" : ", the stated preference"}.${judged}${limits}${absent}`;
  }

  morlbench.load("board", folder).then((data) => {
    board = data;
    options(byId("division"), board.divisions.map((one, i) => [String(i), one.title]));
    byId("division").addEventListener("input", offerTasks);
    byId("task").addEventListener("input", offerWeights);
    byId("charged").addEventListener("input", () => { chose = true; });
    for (const id of ["utility", "charged"]) byId(id).addEventListener("input", show);
    offerTasks();
  }, (fault) => { byId("slider-note").textContent = fault.message; });
})();
