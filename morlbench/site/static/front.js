// The front of a task: a point for every asked preference of every method; hover or focus shows what stands behind it.
(function () {
  "use strict";
  const folder = "../data/", root = document.getElementById("front"), byId = (id) => document.getElementById(id);
  const task = root.getAttribute("data-task"), M = { left: 62, right: 14, top: 14, bottom: 46 }, R = 5.5;
  const form = (value, digits = 3) => (Number.isFinite(value) ? value.toFixed(digits) : "–");
  let board = null, told = null, samples = null, W = 640, H = 460;

  // Marks by the letters that the boards' figures use, as paths around the origin: methods of one colour never share a mark.
  const regular = (n, r, turn) => "M" + Array.from({ length: n }, (_, i) => {
    const a = turn + (2 * Math.PI * i) / n;
    return `${(r * Math.sin(a)).toFixed(2)} ${(-r * Math.cos(a)).toFixed(2)}`;
  }).join("L") + "Z";
  const plus = "M-2-6H2V-2H6V2H2V6H-2V2H-6V-2H-2Z", cross = "M0-2.8 3.5-6.3 6.3-3.5 2.8 0 6.3 3.5 3.5 6.3 0 2.8-3.5 6.3-6.3 3.5-2.8 0-6.3-3.5-3.5-6.3Z";
  const MARKS = {
    o: `M-${R} 0a${R} ${R} 0 1 0 ${2 * R} 0a${R} ${R} 0 1 0-${2 * R} 0Z`, s: regular(4, 7, Math.PI / 4), D: regular(4, 7, 0),
    "^": regular(3, 7, 0), v: regular(3, 7, Math.PI), P: plus, X: cross, p: regular(5, 6.5, 0),
  };
  const mark = (method) => MARKS[board.marks[method]] ?? MARKS.o;
  const tone = (method) => `--tone: ${method === "base" ? "currentColor" : board.colours[method]}`; // the style sheet lightens it on a dark page

  function svg(tag, attributes, text) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
    if (text !== undefined) node.textContent = text;
    return node;
  }

  function html(tag, text) {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    return node;
  }

  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

  // Mean over seeds of a view's points; exact tasks are drawn in regularised returns, where the true front is the limit.
  function points(view) {
    return view.means[0].map((_, row) => {
      const rewards = view.means[0][row].map((_, i) => mean(view.means.map((seed) => seed[row][i])));
      const known = view.kl.every((seed) => seed[row] !== null), kl = known ? mean(view.kl.map((seed) => seed[row])) : NaN;
      return { rewards, kl, place: told.exact && known ? rewards.map((r) => r - told.beta * kl) : rewards };
    });
  }

  function curves() {
    return Object.entries(told.methods).flatMap(([method, held]) => {
      const name = held.front ? "front" : held.single ? "single" : "";
      if (!name) return [];
      return [{ method, name, asked: name === "front" ? told.asked : [told.preference], points: points(held[name]), held }];
    });
  }

  // Without its KL a method has no regularised return: its rewards alone would stand beyond the true front.
  const placed = ({ points }) => !told.exact || points.every(({ kl }) => Number.isFinite(kl));

  function draw() {
    const [x, y] = [Number(byId("axis-x").value), Number(byId("axis-y").value)], wanted = byId("curve").value;
    W = Math.max(300, Math.min(720, byId("picture").clientWidth || 640)); // drawn as large as it is shown, so that its text stays legible
    H = Math.round(0.72 * W);
    const every = curves(), found = every.filter(placed), two = told.objectives.length === 2;
    const left = every.filter((curve) => !placed(curve)).map(({ method }) => method);
    const reference = two ? told.front.points.map((row) => [row[x], row[y]]) : [];
    const all = [...found.flatMap((c) => c.points.map(({ place }) => [place[x], place[y]])), ...reference, [told.base[x], told.base[y]]];
    const range = (i) => {
      const values = all.map((row) => row[i]).filter(Number.isFinite), low = Math.min(...values), high = Math.max(...values);
      const room = (high - low || 0.1) * 0.05;
      return [low - room, high + room];
    };
    const [x0, x1] = range(0), [y0, y1] = range(1);
    const px = (v) => M.left + ((v - x0) / (x1 - x0)) * (W - M.left - M.right);
    const py = (v) => H - M.bottom - ((v - y0) / (y1 - y0)) * (H - M.top - M.bottom);
    const label = `Fronts of ${found.length} methods on ${task}`;
    const picture = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "group", "aria-label": label });
    axes(picture, [x0, x1], [y0, y1], px, py, x, y);
    if (reference.length) {
      picture.append(svg("polyline", { points: reference.map(([a, b]) => `${px(a).toFixed(1)},${py(b).toFixed(1)}`).join(" "), fill: "none", stroke: "currentColor", "stroke-dasharray": "5 4", opacity: 0.6 }));
    }
    for (const curve of found) {
      const group = svg("g", wanted && wanted !== curve.method ? { class: "faded" } : {}), colour = tone(curve.method);
      if (two) group.append(svg("polyline", { points: curve.points.map(({ place }) => `${px(place[x]).toFixed(1)},${py(place[y]).toFixed(1)}`).join(" "), class: "line", style: colour, fill: "none", opacity: 0.55 }));
      curve.points.forEach((point, row) => group.append(dot(curve, point, row, colour, px(point.place[x]), py(point.place[y]), Boolean(wanted) && wanted !== curve.method)));
      picture.append(group);
    }
    byId("picture").replaceChildren(picture, legend(found));
    byId("front-caption").textContent = `Axes: ${told.exact ? "regularised returns, the mean reward less beta for each nat of KL" : "mean scaled rewards"}, larger is better; mean over seeds.`
      + (reference.length ? ` Dashed: ${told.front.name}.` : "") + " The base has the colour of the text."
      + (left.length ? ` Not drawn, since its KL is unknown: ${left.join(", ")}.` : "");
  }

  function legend(found) {
    const line = html("p");
    line.className = "legend";
    for (const { method } of found) {
      const swatch = svg("svg", { class: "swatch", viewBox: "-8 -8 16 16", "aria-hidden": "true" }), name = html("span", method);
      swatch.append(svg("path", { d: mark(method), style: tone(method) }));
      name.prepend(swatch);
      line.append(name);
    }
    return line;
  }

  function axes(picture, xs, ys, px, py, x, y) {
    const [across, digits] = ticks(xs, W < 450 ? 4 : 6), [up, places] = ticks(ys, 5);
    for (const a of across) {
      picture.append(svg("line", { class: "axis", x1: px(a), x2: px(a), y1: M.top, y2: H - M.bottom }));
      picture.append(svg("text", { x: px(a), y: H - M.bottom + 16, "text-anchor": "middle" }, form(a, digits)));
    }
    for (const b of up) {
      picture.append(svg("line", { class: "axis", x1: M.left, x2: W - M.right, y1: py(b), y2: py(b) }));
      picture.append(svg("text", { x: M.left - 6, y: py(b) + 4, "text-anchor": "end" }, form(b, places)));
    }
    const unit = told.exact ? "E[reward] − β KL" : "mean scaled reward", middle = (H - M.bottom + M.top) / 2;
    picture.append(svg("text", { x: (M.left + W) / 2, y: H - 8, "text-anchor": "middle" }, `${told.objectives[x]} (${unit}) →`));
    picture.append(svg("text", { x: 14, y: middle, "text-anchor": "middle", transform: `rotate(-90 14 ${middle})` }, `${told.objectives[y]} (${unit}) →`));
  }

  // At most `most` round values within an axis's limits, and the decimals they need.
  function ticks([low, high], most) {
    const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find((times) => times * power >= rough) * power;
    const first = Math.ceil(low / step), last = Math.floor(high / step);
    return [Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step), Math.max(0, -Math.floor(Math.log10(step) + 1e-9))];
  }

  function dot(curve, point, row, colour, cx, cy, faded) {
    const at = curve.asked[row].map((w) => form(w, 2)).join(", ");
    const label = `${curve.method} asked at ${at}: rewards ${point.rewards.map((r) => form(r)).join(", ")}, KL ${form(point.kl, 2)} nats`;
    const place = { d: mark(curve.method), transform: `translate(${cx.toFixed(1)} ${cy.toFixed(1)})`, style: colour };
    const node = svg("path", { class: "point", ...place, tabindex: faded || row ? -1 : 0, role: "img", "aria-label": label });
    node.setAttribute("data-method", curve.method);
    node.addEventListener("keydown", (event) => step(event, node));
    for (const event of ["mouseenter", "focus", "click"]) node.addEventListener(event, () => describe(curve, point, row));
    return node;
  }

  // Tab stops once at each method; arrow keys walk along its points.
  function step(event, node) {
    const along = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!along) return;
    event.preventDefault();
    const dots = [...node.parentNode.children].filter((one) => one.getAttribute("class") === "point");
    dots[(dots.indexOf(node) + along + dots.length) % dots.length].focus();
  }

  function describe(curve, point, row) {
    const box = byId("details"), list = html("dl"), fact = (name, value) => list.append(html("dt", name), html("dd", value));
    fact("asked at", curve.asked[row].map((w, i) => `${told.objectives[i]} ${form(w, 2)}`).join(", "));
    fact("mean rewards", point.rewards.map((r, i) => `${told.objectives[i]} ${form(r)}`).join(", "));
    fact("KL to the base", `${form(point.kl, 2)} nats`);
    fact("cost", `${curve.held.responses.toLocaleString("en")} scored responses, ${curve.held.seconds.toLocaleString("en")} s of training and search`);
    fact("seeds", curve.held[curve.name].seeds.join(", "));
    const answers = html("div");
    box.replaceChildren(html("h3", curve.method), list, answers);
    const fill = () => {
      const some = (samples.methods[curve.method]?.[curve.name]?.[row] ?? []).slice(0, 3);
      answers.replaceChildren(...some.flatMap(([text], i) => {
        const prompt = samples.prompts[i];
        return [html("p", prompt.text || `prompt ${prompt.number}`), html("blockquote", text)];
      }));
    };
    if (samples) return fill();
    morlbench.load(`answers-${task}`, folder).then((data) => { samples = data; fill(); }, (fault) => { answers.textContent = fault.message; });
  }

  morlbench.load("board", folder).then((data) => {
    board = data;
    told = board.tasks[task];
    const options = (select, pairs, value) => {
      select.replaceChildren(...pairs.map(([key, text]) => { const one = html("option", text); one.value = key; return one; }));
      select.value = value;
      select.addEventListener("input", draw);
    };
    const objectives = told.objectives.map((name, i) => [String(i), name]);
    options(byId("axis-x"), objectives, "0");
    options(byId("axis-y"), objectives, "1");
    options(byId("curve"), [["", "all methods"], ...curves().filter(placed).map(({ method }) => [method, method])], "");
    draw();
    globalThis.addEventListener?.("resize", () => { if (Math.abs(byId("picture").clientWidth - W) > 8 && byId("picture").clientWidth < 728) draw(); });
  }, (fault) => { byId("front-caption").textContent = fault.message; });
})();
