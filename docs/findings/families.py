"""Write the tables and figures of families.md from records alone: `python docs/findings/families.py`.

Three stated preferences of `exact-competing` at `standard`: what a method falls short of the best policy there, J*(w) - J(w), in
thousandths of regularised value, and the pooled gap over the front. A single-policy method has one record per preference: the
task's own lies on the board, the other two beside this script. A front method has all three in one record. Then the gaps on every
task that the board has whole.
"""

import csv
import io
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from morlbench import record, registry, stats
from morlbench.dots import Dot, dots
from morlbench.marks import put
from morlbench.metric import Evidence
from morlbench.store import write_bytes

HERE = Path(__file__).parent
RECORDS = HERE.parents[1] / "leaderboards/exact/records"
BOARD = RECORDS / "exact-competing"
TASKS = (
    "exact-competing", "exact-correlated", "exact-independent", "exact-contextual", "exact-contextual-null", "exact-order", "exact-flat"
)  # fmt: skip
PREFERENCES = ((0.2, 0.8), (0.5, 0.5), (0.8, 0.2))
CONTROLS = ("base", "random-weights", "shuffled-preference", "single-best-expert", "best-of-n")
FAMILIES = ("single-policy", "multi-policy", "meta-policy", "control")
MARKS = "<!-- tables: python docs/findings/families.py -->", "<!-- end -->"
ACROSS = "<!-- tasks: python docs/findings/families.py -->", "<!-- end of tasks -->"


@dataclass(frozen=True)
class Row:
    """One method: shortfalls at the preferences (seeds,) where it was trained or asked, and gaps over the front (seeds,)."""

    name: str
    family: str
    shortfalls: dict[tuple[float, ...], list[float]]
    gaps: list[float]


@dataclass(frozen=True)
class Across:
    """One method on several tasks: gap at the task's stated preference and over the front, (seeds,) by task."""

    name: str
    family: str
    stated: dict[str, list[float]]
    pooled: dict[str, list[float]]


def main() -> None:
    """Write the csv tables, the figures, and the tables between the page's marks."""
    rows = sorted(read(), key=lambda row: (FAMILIES.index(row.family), _order(row)))
    write_bytes(HERE / "families/table.csv", table(rows).encode())
    wanted = [row for row in rows if row.family != "control" and len(row.shortfalls) == 3 and _order(row) < 100 and _plain(row)]
    found = [
        Dot(f"w = ({w[0]:g}, {w[1]:g})", row.name, interval.value, interval.low, interval.high)
        for w in PREFERENCES
        for row in wanted
        if w in row.shortfalls
        for interval in [stats.seed_interval(np.array(row.shortfalls[w]))]
    ]
    dots(
        found,
        HERE / "families/shortfall",
        title="exact-competing at three stated preferences",
        unit="J* - J in thousandths, smaller is better",
    )
    put(HERE / "families.md", MARKS, markdown(rows))
    several = sorted(across(), key=lambda row: (FAMILIES.index(row.family), _middle(row)))
    write_bytes(HERE / "families/tasks.csv", tasks_table(several).encode())
    found = [
        Dot(task, row.name, interval.value, interval.low, interval.high)
        for task in TASKS
        for row in several
        if row.family != "control"
        and "+" not in row.name
        and row.name != "combine"
        and _middle(row) < 1
        and len(row.pooled.get(task, [])) > 1
        for interval in [stats.seed_interval(np.array(row.pooled[task]))]
    ]
    dots(found, HERE / "families/tasks", title="Over the front of seven tasks", unit="pooled gap, smaller is better")
    parts = ["**Over the front** (pooled gap)", gaps(several, "pooled"), "**At the stated preference**", gaps(several, "stated")]
    put(HERE / "families.md", ACROSS, "\n\n".join(parts))


def read() -> list[Row]:
    """Return a row for each method with records."""
    runs: dict[str, list[Evidence]] = defaultdict(list)
    for path in record.find([BOARD, *HERE.glob("families/w=*")]):
        runs[_name(path)].append(record.load(path, texts=False).evidence)
    return [_row(name, found) for name, found in runs.items()]


def _name(path: Path) -> str:
    """Return the method with its settings; its budget and preference are the table's."""
    return "+".join(part for part in path.parent.name.split("+") if not part.startswith(("budget=", "preference=")))


def _row(name: str, runs: list[Evidence]) -> Row:
    shortfalls: dict[tuple[float, ...], list[float]] = defaultdict(list)
    gaps = []
    for run in runs:
        if run.exact is None:
            continue
        for asked, value, optimum in zip(run.exact.preferences, run.exact.value, run.exact.optimum, strict=True):
            for w in PREFERENCES:
                if np.abs(asked - w).max() < 1e-6:
                    shortfalls[w].append(1000 * float(optimum - value))
        if run.method.track == "front":
            gaps.append(run.exact.gap)
    return Row(name, "control" if name in CONTROLS else runs[0].method.family, dict(shortfalls), gaps)


def _plain(row: Row) -> bool:
    """Say whether a method has its own settings; the levels of `combine` stand in aggregation.md."""
    return "+" not in row.name and row.name != "combine"


def _order(row: Row) -> float:
    return float(np.mean([np.mean(values) for values in row.shortfalls.values()])) if row.shortfalls else np.inf


def across() -> list[Across]:
    """Return a row for each method with records on the tasks of TASKS."""
    runs: dict[str, dict[str, list[Evidence]]] = defaultdict(lambda: defaultdict(list))
    for path in record.find([RECORDS / task for task in TASKS]):
        run = record.load(path, texts=False).evidence
        runs[_name(path)][run.task.name].append(run)
    stated = registry.load("metrics", "stated-gap")()
    rows = []
    for name, by_task in runs.items():
        first = next(iter(by_task.values()))[0]
        if first.exact is None or name == "best-of-n":  # best-of-n has no policy to price
            continue
        family = "control" if name in CONTROLS else first.method.family
        pooled = {task: [run.exact.gap for run in some if run.exact] for task, some in by_task.items() if first.method.track == "front"}
        rows.append(Across(name, family, {task: [float(stated([run])) for run in some] for task, some in by_task.items()}, pooled))
    return rows


def _middle(row: Across) -> float:
    return _mean(row.pooled or row.stated)


def _mean(found: dict[str, list[float]]) -> float:
    return float(np.mean([np.mean(values) for values in found.values()]))


def gaps(rows: list[Across], kind: Literal["pooled", "stated"]) -> str:
    """Return the table of one kind of gap, of every method that has it, best mean first within each family."""
    lines = [f"| family | method | {' | '.join(task.removeprefix('exact-') for task in TASKS)} | seeds |"]
    lines.append("|---|---|" + "---:|" * (len(TASKS) + 1))
    kept = [(row, found) for row in rows if (found := row.pooled if kind == "pooled" else row.stated)]
    for row, found in sorted(kept, key=lambda pair: (FAMILIES.index(pair[0].family), _mean(pair[1]))):
        cells = [_shown(found.get(task, []), 3) for task in TASKS]
        seeds = sorted({len(values) for values in found.values()})
        lines.append(f"| {row.family} | {row.name} | {' | '.join(cells)} | {', '.join(map(str, seeds))} |")
    return "\n".join(lines)


def tasks_table(rows: list[Across]) -> str:
    """Return the gaps as csv."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["family", "method", "task", "gap", "value", "seeds"])
    for row in rows:
        for kind, found in (("pooled", row.pooled), ("stated", row.stated)):
            for task, values in found.items():
                writer.writerow([row.family, row.name, task, kind, f"{np.mean(values):.4g}", len(values)])
    return text.getvalue()


def markdown(rows: list[Row]) -> str:
    """Return one table for each family."""
    parts = []
    for family in FAMILIES:
        lines = [
            f"**{family}**",
            "",
            "| method | " + " | ".join(f"J* - J at ({w[0]:g}, {w[1]:g})" for w in PREFERENCES) + " | pooled gap | seeds |",
        ]
        lines.append("|---|---:|---:|---:|---:|---:|")
        for row in (row for row in rows if row.family == family and row.shortfalls):
            cells = [_shown(row.shortfalls.get(w, []), 1) for w in PREFERENCES]
            count = sorted({len(values) for values in row.shortfalls.values()})
            lines.append(f"| {row.name} | {' | '.join(cells)} | {_shown(row.gaps, 3)} | {', '.join(map(str, count))} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _shown(values: list[float], digits: int) -> str:
    if not values:
        return "–"
    interval = stats.seed_interval(np.array(values))
    limits = f" [{interval.low:.{digits}f}, {interval.high:.{digits}f}]" if len(values) > 1 else ""
    return f"{interval.value:.{digits}f}{limits}"


def table(rows: list[Row]) -> str:
    """Return every number of the page as csv."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["family", "method", "preference", "thousandths", "seeds"])
    for row in rows:
        for w, values in sorted(row.shortfalls.items()):
            writer.writerow([row.family, row.name, w[0], f"{np.mean(values):.4g}", len(values)])
    return text.getvalue()


if __name__ == "__main__":
    main()
