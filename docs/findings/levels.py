"""Print how every level of aggregation differs from `mod` on text, seed by seed: `python docs/findings/levels.py`.

The levels of a seed share their experts, so differences are paired: mean over seeds with its t interval. Utility is linear and
realised, mean over the lattice; regularised is the same less beta per nat; surprise is the mean negative log-likelihood of
answers under the base at the inner preferences, nats per token. At the corners all normalised levels are the same expert.
"""

from pathlib import Path

import numpy as np

from morlbench import answers, front, record, stats
from morlbench.metric import Evidence
from morlbench.study import find, short

RECORDS = Path(__file__).parents[2] / "leaderboards/text/records/fluency-vs-helpfulness"
COLUMNS = ("utility", "regularised utility", "hypervolume", "KL, nats", "surprise inside")


def main() -> None:
    """Print the table."""
    found: dict[str, dict[int, tuple[float, ...]]] = {}
    order = [short(method) for method in find("aggregation").methods]
    for path in record.find([RECORDS]):
        name = short(path.parent.name)
        if name in order:
            run = record.load(path, texts=False).evidence
            found.setdefault(name, {})[run.seed] = _numbers(run)
    seeds = sorted(set.intersection(*(set(runs) for runs in found.values())))
    print("| level | " + " | ".join(COLUMNS) + " |\n|---|" + "---:|" * len(COLUMNS))
    print("| *mod itself* | " + " | ".join(f"{value:.3f}" for value in np.mean([found["mod"][seed] for seed in seeds], 0)) + " |")
    for name in order:
        if name != "mod":
            rows = np.array([np.subtract(found[name][seed], found["mod"][seed]) for seed in seeds])
            print(f"| {name} | " + " | ".join(_shown(column) for column in rows.T) + " |")


def _numbers(run: Evidence) -> tuple[float, ...]:
    probe = run.probe("front")
    utility = float(answers.per_preference(run).value.mean())
    if probe.kl is None or probe.nll is None:
        raise SystemExit(f"the record of {run.method.name} states no KL or likelihood")
    kl, inside = float(probe.kl.mean()), (probe.preferences > 0).all(1)
    volume = front.hypervolume(answers.points(run), np.array(run.task.reference_point))
    return utility, utility - run.task.beta * kl, volume, kl, float(probe.nll[inside].mean())


def _shown(values: np.ndarray) -> str:
    interval = stats.seed_interval(values)
    if np.abs(values).max() < 5e-4:
        return "0"
    return f"{interval.value:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}]"


if __name__ == "__main__":
    main()
