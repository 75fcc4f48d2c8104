"""The tables and figure of docs/findings/gate.md: `python docs/findings/gate.py`, about an hour on one core, half of it experts.

`python docs/findings/gate.py GATE ...` measures these gates alone and puts their rows into the table of other gates.
Gates explore dev prompts of exact-contextual and are judged on its test prompts by sums over all answers, under ideal experts
and, last, under trained ones (read from the store if they are there, else trained). Every number comes from fixed seeds.
Intervals resample seeds (of exploration, under trained experts also of their training) and test prompts together, within each draw.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from gate_trial import GATES, MARKS, NETWORK, Judged, Log, Logs, Worlds, explore, interval, judge, some, worth
from gate_worlds import ARMS, ideal, trained

from morlbench import plot, registry
from morlbench.bandit import Explorer
from morlbench.latent import Kind, Posterior
from morlbench.lm.base import Base, load_base
from morlbench.lm.contextual import DRAWS, UTILITIES, ContextualTask
from morlbench.methods.moe_cmab.gate import GateConfig
from morlbench.panels import colour
from morlbench.preference import LINEAR, Array
from morlbench.seeds import derive

HERE = Path(__file__).parent
OPEN, CLOSE = "<!-- tables: python docs/findings/gate.py -->", "<!-- end -->"
BETA = 0.05
SEEDS, LEVEL_SEEDS = 10, 3  # a draw; the second where experts are mixed at other levels
SOFT = UTILITIES[2]
USERS = ((0.1, 0.9), (0.3, 0.7), (0.5, 0.5), (0.7, 0.3), (0.9, 0.1))
NOISE, RATINGS, THUMBS = 0.1, 20, 50
SHORT = ("moe-cmab", "no context")
SHOWN = {  # gates of one method: its own colour, darker and paler
    "moe-cmab": (colour("moe-cmab"), "o"),
    "no context": ("#A3CFE8", "s"),
    "plug-in": ("#002A45", "^"),
    "disjoint, plug-in, pooled": ("#4FA3D6", "D"),
}


def headline(worlds: list[Worlds], logs: dict[float, Logs], *, whole: bool = False) -> dict[tuple[str, float], Judged]:
    """Judge every utility, without KL and with it; with `whole`, all gates wherever they are tabled or drawn."""
    found = {}
    for beta in (0.0, BETA):
        for u in UTILITIES:
            wanted = [(name, mark) for name in SHORT for mark in (300, 1000)]
            if whole and u.name != "chebyshev":
                further = SHOWN if u.name == "soft-threshold" else ()
                wanted = [(name, mark) for name in GATES for mark in MARKS if mark in (300, 1000) or name in further]
            found[u.name, beta] = judge(worlds, logs[beta], u, beta, wanted)
    return found


def headline_table(judged: dict[tuple[str, float], Judged]) -> str:
    """Return shares of the headroom at 300 and 1,000 and the paired difference to the gate without context."""
    lines = [
        "| utility | counted | headroom | share at 300 | share at 1,000 | over no context, 300 | 1,000 |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for (name, beta), found in judged.items():
        real = found.headroom >= 0.001
        shares = [found.share("moe-cmab", mark) if real else "–" for mark in (300, 1000)]
        gains = [found.over("moe-cmab", "no context", mark) for mark in (300, 1000)]
        lines.append(f"| {name} | {_counted(beta)} | {found.headroom:.4f} | " + " | ".join(shares + gains) + " |")
    return "\n".join(lines)


def comparators(judged: dict[tuple[str, float], Judged], names: Iterable[str] = GATES) -> str:
    """Return each gate's share of the thresholds' headroom, and its loss under the linear utility with KL."""
    columns = [(utility, beta, mark) for utility, beta in (("soft", 0.0), ("soft", BETA), ("hard", BETA)) for mark in (300, 1000)]
    heads = [f"{utility}, {_counted(beta)}, {mark:,}" for utility, beta, mark in columns]
    lines = ["| gate | " + " | ".join(heads) + " | linear, u - beta KL, over `mod`, 1,000 |", "|---|" + "---:|" * 7]
    linear = judged["linear", BETA]
    for name in names:
        shares = [judged[f"{utility}-threshold", beta].share(name, mark) for utility, beta, mark in columns]
        lines.append(f"| {name} | " + " | ".join([*shares, linear.over(name, linear.mod, 1000)]) + " |")
    return "\n".join(lines)


def rules(worlds: list[Worlds]) -> str:
    """Return cumulative regret over 936 explored answers by exploration rule, and what the finished gate is worth."""
    lines = ["| rule | regret, linear | regret, soft threshold | share of the soft headroom at 1,000 |", "|---|---:|---:|---:|"]
    configs = {rule: GateConfig(explorer=Explorer(rule), beta=BETA) for rule in ("linucb", "thompson", "epsilon-greedy", "uniform")}
    for name, config in (configs | {NETWORK: GateConfig(model="network", beta=BETA)}).items():
        gate, cells = NETWORK if name == NETWORK else "moe-cmab", []
        for utility in (LINEAR, SOFT):
            logs = [[{"log-ratio": explore(split["dev"], config, seed, utility)} for seed in range(SEEDS)] for split in worlds]
            cells.append(interval(np.array([[[log["log-ratio"].regret.sum()] for log in runs] for runs in logs]), form="{:.1f}"))
        cells.append(judge(worlds, logs, SOFT, BETA, [(gate, 1000)]).share(gate, 1000))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def users(worlds: list[Worlds], logs: Logs) -> str:
    """Return what is lost to the same gate told the preference, after ratings or thumbs of answers to adapt prompts."""
    lines = ["| feedback | u - beta KL, less the gate told w | by user (.1 / .3 / .5 / .7 / .9) |", "|---|---:|---|"]
    for count, kind in ((0, "rating"), (RATINGS, "rating"), (THUMBS, "thumb")):
        paired = zip(worlds, logs, strict=True)
        lost = np.array([[_users(split, log["log-ratio"], seed, count, kind) for seed, log in enumerate(runs)] for split, runs in paired])
        each = " / ".join(f"{x:+.4f}" for x in lost.mean((0, 1, 3)))
        lines.append(f"| {count} {kind}s | {interval(lost.mean(2))} | {each} |")
    return "\n".join(lines)


def _users(split: Worlds, log: Log, seed: int, count: int, kind: Kind) -> Array:
    """Return the difference (users, n) on test prompts; ratings and thumbs as `morlbench.probe` draws them, belief as the policy's."""
    adapt, test = split["adapt"], split["test"]
    gate = log.gate(split["dev"], "log-ratio", GateConfig(beta=BETA), 1000)
    rng = np.random.default_rng(derive(seed, "users", count))
    rows = some(adapt, count, rng)
    z, zt = adapt.context["log-ratio"][rows], test.context["log-ratio"]
    mixtures = gate.weights(z, rng.dirichlet(np.ones(2), count))
    rewards, _ = adapt.answer(rows, np.abs(mixtures[:, None] - ARMS).sum(2).argmin(1), rng)
    found = []
    for w in np.array(USERS):
        values = rng.uniform(-0.2, 0.2) + rng.uniform(0.5, 1.0) * rewards @ w + rng.normal(0, NOISE, count)
        values = (values > np.median(values)).astype(float) if kind == "thumb" else values
        posterior = Posterior.start(2)
        posterior = posterior.update_expected(gate.expected(z, mixtures, posterior.grid), values, kind)
        value = worth(test, np.arange(test.prompts), np.tile(w, (test.prompts, 1)), LINEAR) - BETA * test.kl.T  # (n, a)
        ways = [gate.weights_under(zt, posterior.grid, posterior.probabilities), gate.weights(zt, np.tile(w, (test.prompts, 1)))]
        adapted, told = (value[np.arange(test.prompts), np.abs(m[:, None] - ARMS).sum(2).argmin(1)] for m in ways)
        found.append(adapted - told)
    return np.array(found)


def draw(judged: dict[tuple[str, float], Judged], stem: Path) -> list[Path]:
    """Draw the gain over the best fixed mixture against scored responses."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(plot.STYLE):
        figure = Figure(figsize=(9.6, 4.2), layout="constrained")
        for ax, (name, beta) in zip(figure.subplots(1, 2), (("soft-threshold", 0.0), ("soft-threshold", BETA)), strict=True):
            found = judged[name, beta]
            for place, (gate, (tone, marker)) in enumerate(SHOWN.items()):
                gains = [found.gates[gate, mark] - found.fixed for mark in MARKS]
                bounds = [_numbers(interval(g)) for g in gains]
                mean = np.array([b[0] for b in bounds])
                error = np.abs(np.array([b[1:] for b in bounds]).T - mean)
                ax.errorbar(np.array(MARKS) + 8 * place - 12, mean, error, color=tone, marker=marker, ms=5, lw=1.4, capsize=2.5, label=gate)
            ax.axhline(found.headroom, color="#222222", lw=1.2, ls="--", label="best arm of every prompt (oracle)")
            ax.axhline(0, color="#777777", lw=1.2, ls=":", label="best fixed mixture in hindsight")
            ax.set_title(f"soft threshold, {_counted(beta)}")
            ax.set_xlabel("scored responses")
            ax.set_xticks(MARKS)
            ax.set_ylabel("gain over the best fixed mixture (utility, ↑)")
        figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return plot.save(figure, stem)


def main() -> None:
    """Write the page's tables and the figure, or the rows of the gates named alone."""
    names = sys.argv[1:]
    if unknown := set(names) - set(GATES):
        sys.exit(f"unknown gates: {'; '.join(sorted(unknown))}. Known: {'; '.join(GATES)}")
    base = load_base("exact")
    contextual, null = (registry.load("tasks", name) for name in ("exact-contextual", "exact-contextual-null"))
    worlds = [ideal(contextual(draw=i), base) for i in range(DRAWS)]
    if names:
        return amend(worlds, names)
    parts = of_ideal(worlds)
    flat = [ideal(null(draw=i), base) for i in range(DRAWS)]
    parts += ["**`exact-contextual-null`**, ideal experts:", headline_table(headline(flat, explored(flat)))]
    found = of_trained([contextual(draw=i) for i in range(DRAWS)], base)
    parts += [f"**Trained experts**, 16,384 responses each, {SEEDS} seeds a draw, of training and exploration:", headline_table(found)]
    parts += [margins(found["linear", BETA]), f"**Levels** at which experts are mixed, {LEVEL_SEEDS} seeds a draw, u - beta KL:"]
    write("\n\n".join([*parts, levels([contextual(draw=i) for i in range(DRAWS)], base)]))


def of_ideal(worlds: list[Worlds]) -> list[str]:
    """Return the tables under ideal experts; draw the figure."""
    logs = explored(worlds)
    judged = headline(worlds, logs, whole=True)
    draw(judged, HERE / "gate" / "gain")
    soft = [judged["soft-threshold", BETA].part(i) for i in range(len(worlds))]
    shares = "; ".join(f"{one.share('moe-cmab', 300)} and {one.share('moe-cmab', 1000)}" for one in soft)
    return [
        f"**Ideal experts**, three draws, {SEEDS} seeds each:", headline_table(judged), margins(judged["linear", BETA]),
        f"Soft threshold with KL at 300 and 1,000, draw by draw: {shares}.",
        "**Other gates**, ideal experts, share of the headroom:", comparators(judged),
        "**Exploration**, u - beta KL, explored under the utility named, cumulative regret to the best arm of each prompt:", rules(worlds),
        "**Hidden users** with a linear utility:", users(worlds, logs[BETA]),
    ]  # fmt: skip


def amend(worlds: list[Worlds], names: list[str]) -> None:
    """Put the rows of these gates into the page's table of other gates; leave all else as it is."""
    logs, wanted = explored(worlds), [(name, mark) for name in names for mark in (300, 1000)]
    cells = [(u, beta) for beta in (0.0, BETA) for u in UTILITIES if u.name != "chebyshev"]
    judged = {(u.name, beta): judge(worlds, logs[beta], u, beta, wanted) for u, beta in cells}
    head, rule, *fresh = comparators(judged, names).splitlines()
    page = HERE / "gate.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(f"{head}\n{rule}\n")
    old, gap, after = rest.partition("\n\n")
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in [*old.splitlines(), *fresh]}
    table = "\n".join([head, rule, *(rows[name] for name in GATES if name in rows)])
    page.write_text(f"{before}{table}{gap}{after}", encoding="utf-8")


def of_trained(tasks: Sequence[ContextualTask], base: Base) -> dict[tuple[str, float], Judged]:
    """Return what the gate and the one without context are worth under trained experts: SEEDS pairs a draw, explored once each."""
    worlds = [trained(task, base, seed) for task in tasks for seed in range(SEEDS)]
    found = headline(worlds, explored(worlds, [[seed] for _ in tasks for seed in range(SEEDS)]))
    return {key: judged.by_draw(len(tasks)) for key, judged in found.items()}


def levels(tasks: Sequence[ContextualTask], base: Base) -> str:
    """Return what the gate is worth where experts are mixed at another level than the method's, paired by seed."""
    lines = [
        "| experts | level | headroom, soft | share at 300 | share at 1,000 | worth at 1,000 over the first, soft | linear |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    wanted = [("moe-cmab", mark) for mark in (300, 1000)]
    for experts, names in (("ideal", ("logits", "probabilities")), ("trained", ("hidden", "logits", "parameters", "probabilities"))):
        first: list[Array] = []
        for level in names:
            worlds, seeds = _mixed(experts, level, tasks, base)
            logs = explored(worlds, seeds)[BETA]
            soft, linear = (judge(worlds, logs, utility, BETA, wanted).by_draw(len(tasks)) for utility in (SOFT, LINEAR))
            own = [judged.gates["moe-cmab", 1000] for judged in (soft, linear)]
            gains = [interval(ours - theirs) for ours, theirs in zip(own, first, strict=True)] if first else ["–", "–"]
            first = first or own
            cells = [f"{soft.headroom:.4f}", soft.share("moe-cmab", 300), soft.share("moe-cmab", 1000), *gains]
            lines.append(f"| {experts} | {level} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _mixed(experts: str, level: str, tasks: Sequence[ContextualTask], base: Base) -> tuple[list[Worlds], list[list[int]]]:
    """Return worlds and the seeds of exploration in each: LEVEL_SEEDS a draw, which trained experts share."""
    seeds = list(range(LEVEL_SEEDS))
    if experts == "ideal":
        return [ideal(task, base, "probabilities" if level == "probabilities" else "logits") for task in tasks], [seeds for _ in tasks]
    return [trained(task, base, seed, level) for task in tasks for seed in seeds], [[seed] for _ in tasks for seed in seeds]


def margins(linear: Judged) -> str:
    """Return what the gate loses under the linear utility with KL."""
    rows = [(mark, linear.over("moe-cmab", "no context", mark), linear.over("moe-cmab", linear.mod, mark)) for mark in (300, 1000)]
    said = "; ".join(f"at {mark:,}, {free} over no context and {mod} over `mod` with the same experts" for mark, free, mod in rows)
    return f"Linear, u - beta KL: {said}."


def explored(worlds: list[Worlds], seeds: Sequence[Sequence[int]] | None = None) -> dict[float, Logs]:
    """Return the method's own exploration for each way of counting KL, with context and without; `seeds` of each world."""
    seeds = seeds or [range(SEEDS)] * len(worlds)
    return {
        beta: [
            [{kind: explore(split["dev"], GateConfig(beta=beta), s, kind=kind) for kind in ("log-ratio", "none")} for s in own]
            for split, own in zip(worlds, seeds, strict=True)
        ]
        for beta in (0.0, BETA)
    }


def write(text: str) -> None:
    """Put the tables between the page's markers."""
    print(text)
    page = HERE / "gate.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(OPEN)
    page.write_text(f"{before}{OPEN}\n{text}\n{CLOSE}{rest.partition(CLOSE)[2]}", encoding="utf-8")


def _counted(beta: float) -> str:
    return "u - beta KL" if beta else "u alone"


def _numbers(text: str) -> list[float]:
    return [float(word) for word in text.replace("(", " ").replace(")", " ").replace("to", " ").split()]


if __name__ == "__main__":
    sys.exit(main())
