"""Write the tables and figures of families.md from records alone: `python docs/findings/families.py`; `--run JOBS` makes these first.

Three stated preferences of `exact-competing` at `standard`: what a method falls short of the best policy there, J*(w) - J(w), in
thousandths of regularised value, and the pooled gap over the front. A single-policy method has one record per preference: the
task's own lies on the board, the other two beside this script. A front method has all three in one record. Then the gaps on every
task that the board has whole.
"""

import argparse
import csv
import io
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from morlbench import board, commands, launch, live, record, registry, stats, sweep
from morlbench.bench import BUDGETS
from morlbench.dots import Dot, dots
from morlbench.executor import Job, Processes
from morlbench.marks import put
from morlbench.metric import Evidence, Metric, NoValue
from morlbench.preference import rows_at
from morlbench.store import write_bytes

HERE = Path(__file__).parent
RECORDS = HERE.parents[1] / "leaderboards/exact/records"
BOARD = RECORDS / "exact-competing"
TASKS = (
    "exact-competing", "exact-correlated", "exact-independent", "exact-contextual", "exact-contextual-null", "exact-order", "exact-flat"
)  # fmt: skip
PREFERENCES = ((0.2, 0.8), (0.5, 0.5), (0.8, 0.2))
HEEDLESS = ("mgda", "pcgrad", "cagrad")  # train for no preference
HEEDFUL = (
    "linear-scalarization", "chebyshev", "gdpo", "dynaopt", "dynaopt-rescaled", "contextual-dynaopt", "markov-weighting",
    "hypervolume-guided", "gradient-weighted",
)  # fmt: skip
CONTROLS = ("base", "random-weights", "shuffled-preference", "single-best-expert", "best-of-n")
FAMILIES = ("single-policy", "multi-policy", "meta-policy", "control")
MARKS = "<!-- tables: python docs/findings/families.py -->", "<!-- end -->"
ACROSS = "<!-- tasks: python docs/findings/families.py -->", "<!-- end of tasks -->"
COSTS = "<!-- costs: python docs/findings/families.py -->", "<!-- end of costs -->"
BY_TASK = {  # metric: heading and digits of a table by task
    "optimality-gap": ("Over the front** (pooled gap)", 3),
    "stated-gap": ("At the stated preference**", 3),
    "regularised-hypervolume": ("Regularised hypervolume** (share of the true front's, in returns with KL)", 3),
    "kl-to-base": ("KL to the base** (nats, mean over the preferences asked)", 2),
}
SPENT = ("responses-scored", "training-seconds")


@dataclass(frozen=True)
class Row:
    """One method: shortfalls at the preferences (seeds,) where it was trained or asked, and gaps over the front (seeds,)."""

    name: str
    family: str
    shortfalls: dict[tuple[float, ...], list[float]]
    gaps: list[float]


@dataclass(frozen=True)
class Across:
    """One method on several tasks: (seeds,) by metric and task; a metric without a value somewhere is left out there."""

    name: str
    family: str
    found: dict[str, dict[str, list[float]]]


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
        and len(row.found.get("optimality-gap", {}).get(task, [])) > 1
        for interval in [stats.seed_interval(np.array(row.found["optimality-gap"][task]))]
    ]
    dots(found, HERE / "families/tasks", title="Over the front of seven tasks", unit="pooled gap, smaller is better")
    parts = {name: f"**{title}\n\n{by_task(several, name, digits)}" for name, (title, digits) in BY_TASK.items()}
    put(HERE / "families.md", ACROSS, "\n\n".join(parts[name] for name in list(BY_TASK)[:2]))
    put(HERE / "families.md", COSTS, "\n\n".join([*(parts[name] for name in list(BY_TASK)[2:]), f"**Cost**\n\n{costs(several)}"]))


def run(jobs: int) -> None:
    """Make the records that the page lacks, so many at once, from where an earlier call was stopped."""
    methods = dict.fromkeys(m for d in board.find("exact").divisions if set(TASKS) <= set(d.tasks) for m in d.methods)
    grid = sweep.Grid(tuple(methods), TASKS, "0..4", ("standard",), out=RECORDS)
    if not commands.sweep(grid, slots=jobs, threads=1, retry=False, as_json=False):
        raise SystemExit(1)
    told = [",".join(f"{x:g}".lstrip("0") for x in w) for w in PREFERENCES[:2]]  # the third is the task's own, on the board
    asked = [
        launch.Request(name, BOARD.name, "", "standard", str(seed), w, (), HERE / f"families/w={w}")
        for w in told for name in HEEDFUL for seed in range(5)
    ]  # fmt: skip
    todo = [Job(one, launch.plan(one).path(int(one.seeds)), BUDGETS["standard"]) for one in asked]
    progress = sweep.survey(todo, launch.Training(), retry=False)
    with live.LiveTable(progress) as table:
        sweep.sweep(progress, Processes(jobs, 1), table.tell)
    if progress.count("failed"):
        raise SystemExit(1)


def read() -> list[Row]:
    """Return a row for each method with records."""
    runs: dict[str, list[Evidence]] = defaultdict(list)
    for path in record.find([BOARD, *HERE.glob("families/w=*")]):
        runs[_name(path)].append(record.load(path, texts=False).evidence)
    every = next(run.exact for found in runs.values() for run in found if run.exact is not None and len(run.exact.preferences) > 1)
    optima = {w: float(every.optimum[rows_at(every.preferences, np.array(w))[0]]) for w in PREFERENCES}
    return [_row(name, found, optima) for name, found in runs.items()]


def _name(path: Path) -> str:
    """Return the method with its settings; its budget and preference are the table's."""
    return "+".join(part for part in path.parent.name.split("+") if not part.startswith(("budget=", "preference=")))


def _row(name: str, runs: list[Evidence], optima: dict[tuple[float, ...], float]) -> Row:
    shortfalls: dict[tuple[float, ...], list[float]] = defaultdict(list)
    gaps = []
    for run in runs:
        if run.exact is None:
            continue
        if name in HEEDLESS:  # one policy, whoever asks: its returns say what it is worth at any preference
            for w in PREFERENCES:
                shortfalls[w].append(1000 * (optima[w] - float(run.exact.returns[0] @ w)))
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
    metrics = {name: registry.load("metrics", name)() for name in (*BY_TASK, *SPENT)}
    rows = []
    for name, by_task in runs.items():
        first = next(iter(by_task.values()))[0]
        if first.exact is None or name == "best-of-n":  # best-of-n has no policy to price
            continue
        found = {m: {task: values for task, some in by_task.items() if (values := _values(metric, some))} for m, metric in metrics.items()}
        family = "control" if name in CONTROLS else first.method.family
        rows.append(Across(name, family, {metric: by for metric, by in found.items() if by}))
    return rows


def _values(metric: Metric, runs: list[Evidence]) -> list[float]:
    """Return the metric of each run, none where it has no value."""
    try:
        return [float(metric([run])) for run in runs]
    except NoValue:
        return []


def _middle(row: Across) -> float:
    return _mean(row.found.get("optimality-gap") or row.found["stated-gap"])


def _mean(found: dict[str, list[float]]) -> float:
    return float(np.mean([np.mean(values) for values in found.values()]))


def by_task(rows: list[Across], metric: str, digits: int) -> str:
    """Return the table of one metric, of every method that has it, smallest gap (of what there is) first within each family."""
    lines = [f"| family | method | {' | '.join(task.removeprefix('exact-') for task in TASKS)} | seeds |"]
    lines.append("|---|---|" + "---:|" * (len(TASKS) + 1))
    own = [row for row in rows if metric in row.found]
    if metric == "stated-gap":
        own = sorted(own, key=lambda row: (FAMILIES.index(row.family), _mean(row.found[metric])))
    for row in own:
        cells = [_shown(row.found[metric].get(task, []), digits) for task in TASKS]
        seeds = sorted({len(values) for values in row.found[metric].values()})
        lines.append(f"| {row.family} | {row.name} | {' | '.join(cells)} | {', '.join(map(str, seeds))} |")
    return "\n".join(lines)


def costs(rows: list[Across]) -> str:
    """Return what each method spent on a run, over all tasks and seeds: least to most, or one number where all are equal."""
    lines = ["| family | method | scored responses | training seconds, median (least to most) |", "|---|---|---:|---:|"]
    for row in rows:
        responses, seconds = (np.concatenate([*row.found[metric].values()]) for metric in SPENT)
        spent = f"{responses.min():,.0f}" + (f" to {responses.max():,.0f}" if np.ptp(responses) else "")
        lines.append(f"| {row.family} | {row.name} | {spent} | {np.median(seconds):.0f} ({seconds.min():.0f} to {seconds.max():.0f}) |")
    return "\n".join(lines)


def tasks_table(rows: list[Across]) -> str:
    """Return every metric's mean by method and task as csv."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["family", "method", "task", "metric", "value", "seeds"])
    for row in rows:
        for metric, found in row.found.items():
            for task, values in found.items():
                writer.writerow([row.family, row.name, task, metric, f"{np.mean(values):.4g}", len(values)])
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
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--run", type=int, metavar="JOBS", help="first make the records that are missing, so many at once")
    if found := options.parse_args().run:
        run(found)
    main()
