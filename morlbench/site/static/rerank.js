// Ranks methods for one reader's preference. The same as morlbench/site/rerank.py says in Python, function by function; a test
// holds the two together. Pure functions of the data files; nothing here touches the page.
(function () {
  "use strict";
  const STEP = 255, FEW = 5, ALPHA = 0.05, BEHIND = 0.975, PENALTY = 2, AUGMENTATION = 0.05;
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const mean = (values) => sum(values) / values.length;
  const rounded = (value, digits) => { const scale = 10 ** digits; return Math.round(value * scale) / scale; };

  // Utilities of one answer's rewards, which begin at `at` of a flat array of bytes.
  const utilities = {
    linear({ preference }, rewards, at) {
      let total = 0;
      for (let i = 0; i < preference.length; i++) total += (preference[i] * rewards[at + i]) / STEP;
      return total;
    },
    chebyshev(wish, rewards, at) {
      const w = wish.preference;
      let worst = -Infinity;
      for (let i = 0; i < w.length; i++) worst = Math.max(worst, w[i] * (1 - rewards[at + i] / STEP));
      return -worst + AUGMENTATION * utilities.linear(wish, rewards, at);
    },
    "soft-threshold"(wish, rewards, at) {
      let short = 0;
      for (let i = 0; i < wish.thresholds.length; i++) short += Math.max(0, wish.thresholds[i] - rewards[at + i] / STEP);
      return utilities.linear(wish, rewards, at) - PENALTY * short;
    },
    "hard-threshold"({ steps }, rewards, at) {
      for (let i = 0; i < steps.length; i++) if (rewards[at + i] < steps[i]) return 0;
      return 1;
    },
  };

  // The mean utility of n answers that begin at an answer's number.
  function average(wish, rewards, first, n) {
    const k = wish.preference.length, utility = utilities[wish.utility];
    let total = 0;
    for (let j = 0; j < n; j++) total += utility(wish, rewards, (first + j) * k);
    return total / n;
  }

  function nearest(asked, w) {
    let best = 0, least = Infinity;
    asked.forEach((row, place) => {
      const apart = rounded(sum(row.map((value, i) => Math.abs(value - w[i]))), 9);
      if (apart < least) { least = apart; best = place; }
    });
    return best;
  }

  const dot = (a, b) => sum(a.map((value, i) => value * b[i]));

  // Utility per seed of a method's view; `answers` is the flat Uint8Array (s, p, n, k), needed unless the utility is linear.
  function utilityOf(view, asked, beta, wish, answers) {
    const row = nearest(asked, wish.preference);
    return view.means.map((means, seed) => {
      let value;
      if (wish.utility === "linear") value = dot(means[row], wish.preference);
      else {
        const n = answers.length / (view.means.length * asked.length * wish.preference.length);
        value = average(wish, answers, (seed * asked.length + row) * n, n);
      }
      if (!wish.charged) return value;
      return view.kl[seed][row] === null ? NaN : value - beta * view.kl[seed][row];
    });
  }

  // Of the base's mean rewards, or of its answers by seed.
  function baseUtility(task, wish, answers) {
    if (wish.utility === "linear") return [task.base.includes(null) ? NaN : dot(task.base, wish.preference)];
    const n = answers.length / wish.preference.length / task.base_seeds;
    return Array.from({ length: task.base_seeds }, (_, seed) => average(wish, answers, seed * n, n));
  }

  // The plain mean of fewer than five tasks, else their interquartile mean: floor(.25 n) values are cut at each end.
  function overTasks(values) {
    if (values.length < FEW) return mean(values);
    const sorted = [...values].sort((a, b) => a - b), cut = Math.floor(0.25 * sorted.length);
    return mean(sorted.slice(cut, sorted.length - cut));
  }

  // Two-sided p value of Student's t with whole degrees of freedom (Abramowitz & Stegun 1964, 26.7.3 and 26.7.4).
  function studentP(t, freedom) {
    const angle = Math.atan(Math.abs(t) / Math.sqrt(freedom)), cosine = Math.cos(angle) ** 2;
    let term = freedom % 2 ? Math.cos(angle) : 1, total = 0;
    for (let j = freedom % 2 ? 1 : 0; j < freedom - 1; j += 2) {
      total += term;
      term *= cosine * ((j + 1) / (j + 2));
    }
    const inside = freedom % 2 ? (2 / Math.PI) * (angle + Math.sin(angle) * total) : Math.sin(angle) * total;
    return 1 - inside;
  }

  // p value of the hypothesis that paired differences have mean 0; NaN for a single seed, which can tell nothing apart.
  function pairedP(differences) {
    const s = differences.length, centre = mean(differences);
    if (s < 2) return NaN;
    const error = Math.sqrt(sum(differences.map((d) => (d - centre) ** 2)) / (s - 1) / s);
    if (error < 1e-15) return Math.abs(centre) < 1e-15 ? 1 : 0;
    return studentP(centre / error, s - 1);
  }

  function holm(values) {
    const order = values.map((_, i) => i).sort((a, b) => values[a] - values[b]), adjusted = [];
    let highest = 0;
    order.forEach((place, i) => {
      highest = Math.max(highest, values[place] * (values.length - i));
      adjusted[place] = Math.min(highest, 1);
    });
    return adjusted;
  }

  // The mean of values (s,) in every draw.
  function resampled(values, draws) {
    const found = new Float64Array(draws.counts.length), s = values.length;
    for (let b = 0; b < found.length; b++) {
      const counts = draws.counts[b];
      let total = 0;
      for (let i = 0; i < s; i++) total += counts[i] * values[i];
      found[b] = Math.round((total / s) * 1e12) / 1e12;
    }
    return found;
  }

  function behind(leader, other, draws) {
    const differences = resampled(leader.map((value, i) => value - other[i]), draws);
    let ahead = 0, all = 0;
    for (let b = 0; b < differences.length; b++) {
      all += draws.times[b];
      if (differences[b] > 0) ahead += draws.times[b];
    }
    return ahead / all;
  }

  // Tie groups of [name, scores per seed], best first; each ends at the first method that is told apart from its first.
  function groups(scores, draws) {
    let rest = scores.map((one) => ({ one, key: rounded(mean(one[1]), 10) })).sort((a, b) => b.key - a.key).map((x) => x.one);
    const found = [];
    while (rest.length) {
      const best = rest[0][1], others = rest.slice(1).map(([, values]) => values);
      const adjusted = holm(others.map((values) => pairedP(best.map((value, i) => value - values[i]))));
      const beaten = others.findIndex((values, i) => adjusted[i] < ALPHA && behind(best, values, draws) >= BEHIND);
      const end = beaten < 0 ? rest.length : beaten + 1;
      found.push(rest.slice(0, end).map(([name]) => name));
      rest = rest.slice(end);
    }
    return found;
  }

  // Rank of values[i] among values, 1 for the largest; equals share their mean rank.
  function rankOf(values, i) {
    const mine = values[i];
    let above = 0, equal = 0;
    for (let j = 0; j < values.length; j++) {
      if (values[j] > mine) above++;
      else if (values[j] === mine) equal++;
    }
    return above + (equal + 1) / 2;
  }

  // How many draws give each method each rank: per method an array by twice the rank, since shared ranks may be halves.
  function rankCounts(scores, draws) {
    const means = scores.map(([, values]) => resampled(values, draws)), column = new Float64Array(scores.length);
    const found = scores.map(() => new Float64Array(2 * scores.length + 1));
    for (let b = 0; b < draws.times.length; b++) {
      for (let i = 0; i < column.length; i++) column[i] = means[i][b];
      for (let i = 0; i < column.length; i++) found[i][2 * rankOf(column, i)] += draws.times[b];
    }
    return found;
  }

  // Limits of 95% of ranks that were counted by twice their value: ranks that occurred, outwards where a quantile lies between two.
  function limits(counts) {
    const last = sum([...counts]) - 1;
    const at = (wanted) => {
      let seen = 0;
      return counts.findIndex((times) => (seen += times) > wanted) / 2;
    };
    return [at(Math.floor(0.025 * last)), at(Math.ceil(0.975 * last))];
  }

  // Places of methods (see rerank.py): {method, gain, group, rank, low, high}, best first. `answers(task, method)` gives a flat
  // Uint8Array, method null for the base; it is called only where the utility is not linear.
  function rerank(tasks, methods, view, wish, draws, answers) {
    const linear = wish.utility === "linear", scores = [];
    const wishes = tasks.map((task) => ({ ...wish, thresholds: task.thresholds, steps: task.steps }));
    const bases = tasks.map((task, t) => baseUtility(task, wishes[t], linear ? null : answers(task, null)));
    for (const method of methods) {
      const perTask = tasks.map((task, t) => {
        const asked = view === "front" ? task.asked : [task.preference];
        const flat = linear ? null : answers(task, method);
        const found = utilityOf(task.methods[method][view], asked, task.beta, wishes[t], flat), base = bases[t];
        return found.map((value, seed) => value - (base.length === found.length ? base[seed] : mean(base)));
      });
      const values = perTask[0].map((_, seed) => overTasks(perTask.map((row) => row[seed])));
      if (perTask.flat().every(Number.isFinite)) scores.push([method, values]);
    }
    const counted = rankCounts(scores, draws), now = scores.map(([, values]) => rounded(mean(values), 12));
    const found = new Map(scores.map(([method, values], i) => {
      const [low, high] = values.length < 2 ? [1, scores.length] : limits(counted[i]); // one seed tells nothing
      return [method, { method, gain: mean(values), rank: rankOf(now, i), low, high }];
    }));
    return groups(scores, draws).flatMap((group, number) => group.map((method) => ({ ...found.get(method), group: number + 1 })));
  }

  function bytes(text) {
    const raw = atob(text), found = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) found[i] = raw.charCodeAt(i);
    return found;
  }

  const received = new Map(), waiting = new Map();
  globalThis.morlbench = {
    rerank, nearest, studentP, bytes,
    // Data files are JSON in a call to `receive`, so that pages opened from a folder can load them.
    receive(name, data) {
      received.set(name, data);
      for (const { resolve } of waiting.get(name) ?? []) resolve(data);
      waiting.delete(name);
    },
    load(name, folder) {
      if (received.has(name)) return Promise.resolve(received.get(name));
      return new Promise((resolve, reject) => {
        const list = waiting.get(name);
        if (list) return list.push({ resolve, reject });
        waiting.set(name, [{ resolve, reject }]);
        const script = document.createElement("script");
        script.src = `${folder}${encodeURIComponent(name)}.js`;
        script.onerror = () => {
          const fault = new Error(`${script.src} cannot be loaded`), asked = waiting.get(name) ?? [];
          waiting.delete(name);
          for (const one of asked) one.reject(fault);
        };
        document.head.append(script);
      });
    },
  };
})();
