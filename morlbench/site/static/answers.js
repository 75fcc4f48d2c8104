// Read the answers: one prompt, every method, a preference that moves.
(function () {
  "use strict";
  const folder = "data/", byId = (id) => document.getElementById(id);
  const form = (value, digits = 2) => (Number.isFinite(value) ? value.toFixed(digits) : "–");
  let board = null, told = null, samples = null;

  function html(tag, text) {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    return node;
  }

  function options(select, pairs) {
    select.replaceChildren(...pairs.map(([value, text]) => { const one = html("option", text); one.value = value; return one; }));
  }

  function article(name, sample) {
    const box = html("article"), [text, rewards, kl] = sample;
    const facts = rewards.map((r, i) => `${told.objectives[i]} ${form(r)}`).join(", ");
    const quote = html("blockquote", text);
    if (text === "") quote.append(html("em", "(an empty answer)"));
    const line = html("p", `${facts}${kl === null ? "" : `; KL ${form(kl, 1)} nats`}`);
    line.className = "quiet";
    box.append(html("h3", name), quote, line);
    return box;
  }

  function show() {
    const prompt = Number(byId("prompt").value), row = Number(byId("asked").value), text = byId("filter-text").value.trim().toLowerCase();
    const asked = told.asked[row] ?? told.preference, words = asked.map((w, i) => `${told.objectives[i]} ${form(w)}`).join(", ");
    byId("asked-value").textContent = words;
    byId("asked").setAttribute("aria-valuetext", words);
    byId("question").textContent = samples.prompts[prompt].text || `Prompt ${samples.prompts[prompt].number} of the test split (its text is not installed)`;
    const of = (view, at) => Object.entries(samples.methods)
      .filter(([method, held]) => held[view]?.[at]?.[prompt] && (view === "front" || !held.front) && method.toLowerCase().includes(text))
      .filter(([method]) => method !== "base" || !samples.base[prompt]) // shown first, whatever is asked
      .map(([method, held]) => article(method, held[view][at][prompt]));
    const base = samples.base[prompt] ? [article("the base, untrained", samples.base[prompt])] : [];
    byId("front-answers").replaceChildren(...base, ...of("front", row));
    const single = of("single", 0);
    byId("single-answers").replaceChildren(...single);
    byId("single-title").hidden = !single.length;
    byId("single-title").textContent = `Trained for one stated preference (${told.preference.map((w) => form(w)).join(", ")})`;
  }

  async function open() {
    const name = byId("task").value, moved = () => name !== byId("task").value; // the reader has chosen another task meanwhile
    samples = null;
    for (const id of ["question", "prompt", "asked-value", "front-answers", "single-answers"]) byId(id).replaceChildren();
    byId("single-title").hidden = true;
    let loaded;
    try {
      loaded = await morlbench.load(`answers-${name}`, folder);
    } catch (fault) {
      if (!moved()) byId("question").textContent = fault.message;
      return;
    }
    if (moved()) return;
    [told, samples] = [board.tasks[name], loaded];
    options(byId("prompt"), samples.prompts.map(({ number, text }, i) => [String(i), text || `prompt ${number}`]));
    byId("asked").max = String(Math.max(0, told.asked.length - 1));
    byId("asked").value = String(Math.floor(told.asked.length / 2));
    show();
  }

  morlbench.load("board", folder).then((data) => {
    board = data;
    const names = Object.keys(board.tasks);
    if (!names.length) { byId("question").textContent = "This board has no record yet."; return; }
    options(byId("task"), names.map((name) => [name, name]));
    const wanted = names.find((name) => `#${encodeURIComponent(name)}` === location.hash || `#${name}` === location.hash);
    if (wanted) byId("task").value = wanted;
    byId("task").addEventListener("input", open);
    for (const id of ["prompt", "asked", "filter-text"]) byId(id).addEventListener("input", () => samples && show());
    open();
  }, (fault) => { byId("question").textContent = fault.message; });
})();
