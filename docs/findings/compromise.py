"""Write the table and figure of compromise.md from the text board's records: `python docs/findings/compromise.py`.

On two language tasks with equal stated weights: what each method serves the users of the lattice, less the KL it pays
(`utility-charged`), above the base, above its own answers at equal weights given to all users (`stated-utility-charged`), and above
one policy trained by `linear-scalarization` for equal weights. All differences are paired by seed. Leaves out variants,
`best-of-n`, whose KL is unknown, and methods without all seeds on a task.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from morlbench import board, gather, registry, stats
from morlbench.dots import Dot, dots
from morlbench.marks import put
from morlbench.metric import Evidence
from morlbench.preference import Array

HERE = Path(__file__).parent
BOARD = HERE.parents[1] / "leaderboards/text"
TASKS = ("fluency-vs-helpfulness", "conciseness-vs-thoroughness")
COMPROMISE, BASE = "linear-scalarization", "base"
UNDRAWN = (BASE, "rewards-in-context")  # the latter would be off the scale
SEEDS = (0, 1, 2)
MARKS = "<!-- table: python docs/findings/compromise.py -->", "<!-- end of table -->"


@dataclass(frozen=True)
class Row:
    """One method on one task, a value a seed (s,): utility less KL over the lattice and at equal weights, and KL in nats."""

    family: str
    served: Array
    alike: Array
    kl: Array


def main() -> None:
    """Replace the table between the page's marks and draw the figure."""
    found = read(board.load(BOARD))
    fronts = dict.fromkeys(name for rows in found.values() for name in _sorted(rows) if _drawn(name, rows[name]))
    drawn = [_dot(task, name, rows) for task, rows in found.items() for name in fronts if name in rows]
    unit = "utility less KL over the lattice, above one policy for equal weights, larger is better"
    dots(drawn, HERE / "compromise/served", title="Serving each preference, against one compromise", unit=unit, line=0.0)
    put(HERE / "compromise.md", MARKS, "\n\n".join(table(task, found[task]) for task in TASKS))


def read(rules: board.Board) -> dict[str, dict[str, Row]]:
    """Return for each task the methods whose records count at every seed and that have a value at each."""
    found: dict[str, dict[str, Row]] = {task: {} for task in TASKS}
    for entry, records in gather.by_entry(rules):
        for task in TASKS:
            runs = sorted((r.evidence for r in records if r.evidence.task.name == task), key=lambda run: run.seed)
            if "+" not in entry and tuple(run.seed for run in runs) == SEEDS and runs[0].probe("front").kl is not None:
                found[task][entry] = _row(runs)
    return found


def _row(runs: Sequence[Evidence]) -> Row:
    metrics = (registry.load("metrics", name)() for name in ("utility-charged", "stated-utility-charged", "kl-to-base"))
    return Row(runs[0].method.family, *(np.array([metric([run]) for run in runs]) for metric in metrics))


def _drawn(name: str, row: Row) -> bool:
    return row.family != "single-policy" and name not in UNDRAWN


def _sorted(rows: dict[str, Row]) -> list[str]:
    return sorted(rows, key=lambda name: -float(rows[name].served.mean()))


def _dot(task: str, name: str, rows: dict[str, Row]) -> Dot:
    interval = stats.seed_interval(rows[name].served - rows[COMPROMISE].served)
    return Dot(task, name, interval.value, interval.low, interval.high)


def table(task: str, rows: dict[str, Row]) -> str:
    """Return one task's rows as markdown, the largest first."""
    lines = [
        "| method | family | over the base | over its own at equal weights | over the compromise | KL, nats |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for name in _sorted(rows):
        row = rows[name]
        gain = "–" if name == BASE else _shown(row.served - rows[BASE].served)
        own = "–" if row.family == "single-policy" or name == BASE else _shown(row.served - row.alike)
        over = "–" if name == COMPROMISE else _shown(row.served - rows[COMPROMISE].served)
        lines.append(f"| {name} | {row.family} | {gain} | {own} | {over} | {row.kl.mean():.1f} |")
    return f"**{task}**\n\n" + "\n".join(lines)


def _shown(difference: Array) -> str:
    found = stats.seed_interval(difference)
    return "{:.3f} ({:.3f} to {:.3f})".format(*(round(value, 3) + 0 for value in (found.value, found.low, found.high)))  # no -0.000


if __name__ == "__main__":
    main()
