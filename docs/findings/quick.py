"""Print the tables of docs/findings/quick.md: `python docs/findings/quick.py RUNS` on the records of its commands.

For each task and method over its seeds: at how many lattice preferences the realised linear utility exceeds the base's, mean utility,
the same less the KL paid, and hypervolume with their t intervals over seeds. Then each expert's gain in its own objective, by its gold
scorer and in the others, in standard errors paired by prompt: the experts are `rewarded-soups` at the ends of the lattice, or
`linear-scalarization` told that end alone, which spends the whole budget on it.
"""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from morlbench import answers, front, record, registry
from morlbench.metric import Evidence
from morlbench.preference import Array

METHODS = ("rewarded-soups", "mod", "moe-cmab", "random-weights", "shuffled-preference")
EXPERTS = """| seed | expert | own objective | base | gain in errors | by gold (in errors) | change of the others in errors | KL, nats |
|---:|---|---:|---:|---:|---:|---|---:|"""


def main(folder: Path) -> None:
    """Print both tables for each task that has records below `folder`, and one of whole-budget experts where there are any."""
    runs: dict[str, dict[str, list[Evidence]]] = defaultdict(lambda: defaultdict(list))
    whole: dict[str, list[Evidence]] = defaultdict(list)
    for path in record.find([folder]):
        evidence = record.load(path).evidence
        if evidence.method.name in METHODS:
            runs[evidence.task.name][evidence.method.name].append(evidence)
        elif evidence.method.name == "linear-scalarization" and 1.0 in evidence.task.preference:
            whole[evidence.task.name].append(evidence)
    for task, found in sorted(runs.items(), key=lambda item: -len(item[1]["moe-cmab"])):
        print(f"## {task}\n")
        _tables(found)
        print()
    for task, alone in whole.items():
        print(f"## {task}, experts of the whole budget\n\n{EXPERTS}")
        for e in sorted(alone, key=lambda e: (e.seed, e.task.preference.index(1.0))):
            i = e.task.preference.index(1.0)
            print(f"| {e.seed} | {e.task.objectives[i]} {_expert(e, i)}")
        print()


def _tables(runs: dict[str, list[Evidence]]) -> None:
    asked = len(next(e for some in runs.values() for e in some).probe("front").preferences)
    print(
        f"| method | seeds | wins over the base (of {asked}), by seed | utility | less the KL paid | hypervolume | KL, nats |\n"
        "|---|---:|---|---:|---:|---:|---:|"
    )
    named = sorted((name for name, some in runs.items() if some), key=lambda n: -np.mean([_volume(e) for e in runs[n]]))
    for name in named:
        print(_row(name, runs[name]))
    some = runs["rewarded-soups"] or runs[named[0]]
    base = [front.hypervolume(e.probe("base").means, np.array(e.task.reference_point)) for e in some]
    print(f"| *the base's own point* | {len(base)} | | | | {_interval(base)} | 0.0 |")
    print(f"\n{EXPERTS}")
    for evidence in runs["rewarded-soups"]:
        for i, name in enumerate(evidence.task.objectives):
            print(f"| {evidence.seed} | {name} {_expert(evidence, i)}")


def _row(name: str, runs: list[Evidence]) -> str:
    found = [answers.per_preference(e) for e in runs]
    wins = ", ".join(str(f.wins) for f in found)
    kl = [e.probe("front").kl for e in runs]
    nats = np.mean([x.mean() for x in kl if x is not None])
    utility = _interval([float(f.value.mean()) for f in found])
    charged = registry.load("metrics", "utility-charged")()
    paid = _interval([charged([e]) for e in runs])
    volume = _interval([_volume(e) for e in runs])
    return f"| {name} | {len(runs)} | {wins} | {utility} | {paid} | {volume} | {nats:.1f} |"


def _volume(evidence: Evidence) -> float:
    return front.hypervolume(answers.points(evidence), np.array(evidence.task.reference_point))


def _expert(evidence: Evidence, objective: int) -> str:
    probe = evidence.probe("front")
    asked = probe.preferences[:, objective].argmax()
    own = probe.rewards[asked].mean(1)  # (n, k)
    base = evidence.probe("base").rewards[0].mean(1)
    gain = own - base
    errors = _in_errors(gain)
    others = ", ".join(f"{name} {errors[i]:+.1f}" for i, name in enumerate(evidence.task.objectives) if i != objective)
    cells = (
        f"{own.mean(0)[objective]:.3f}",
        f"{base.mean(0)[objective]:.3f}",
        f"{errors[objective]:.1f}",
        _gold(evidence, objective),
        others,
        "–" if probe.kl is None else f"{probe.kl[asked].mean():.1f}",
    )
    return f"| {' | '.join(cells)} |"


def _gold(evidence: Evidence, objective: int) -> str:
    """Return what the expert gains by the second scorer of its objective, and in standard errors."""
    probe, base = evidence.probe("front"), evidence.probe("base")
    if probe.gold is None or base.gold is None:
        return "–"
    gain = (probe.gold[probe.preferences[:, objective].argmax()] - base.gold[0]).mean(1)
    return f"{gain.mean(0)[objective]:+.3f} ({_in_errors(gain)[objective]:+.1f})"


def _in_errors(gain: Array) -> Array:
    """Return mean gains (k,) over prompts (n, k) in their standard errors."""
    return np.asarray(gain.mean(0) / (gain.std(0, ddof=1) / np.sqrt(len(gain))))


def _interval(values: list[float]) -> str:
    low, high = answers.mean_interval(np.array(values))
    return f"{np.mean(values):.3f}" + (f" ({low:.3f} to {high:.3f})" if len(values) > 1 else "")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
