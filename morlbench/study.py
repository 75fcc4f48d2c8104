"""The studies of `docs/findings`, one command each: run a grid, score its records, write the page's tables and figure.

A study is a grid and the metrics its page shows; everything is made from its records alone, so `--tables` writes the same
bytes again without a model. Its records are those of the boards, so that one run serves both. Leaves out the words of the
answer: they stand in the page by hand, outside the markers, and must be read again whenever the numbers change.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from morlbench import console, registry, stats
from morlbench.configure import build
from morlbench.errors import BadInput, MorlbenchError, unknown
from morlbench.facts import method_facts
from morlbench.marks import put
from morlbench.record import RunRecord
from morlbench.store import write_bytes
from morlbench.sweep import Grid, jobs

OPEN, CLOSE = "<!-- tables: morlbench study {name} -->", "<!-- end -->"
FINDINGS = Path("docs/findings")
EXACT_GAP, TEXT = "optimality-gap", "hypervolume"  # what the figures show of exact tasks and of text
GAP = "pooled optimality gap, smaller is better: 0 perfect, 1 the base"
BOARDS = Path("leaderboards")


@dataclass(frozen=True)
class Study:
    """A question's grid and what its page shows; `text` tasks are run only where asked, since they take hours."""

    name: str
    methods: tuple[str, ...]
    tasks: tuple[str, ...]
    text: tuple[str, ...]
    metrics: tuple[str, ...]  # a table each: methods by tasks
    families: tuple[str, ...]  # one table per task: methods by these metrics


STUDIES = {
    study.name: study
    for study in (
        Study(
            "aggregation",
            methods=(
                "rewarded-soups", "combine+level=factors", "combine+level=hidden-1", "combine+level=hidden-pre", "combine+level=hidden",
                "mod", "probability-mix", "combine+level=hidden-sum", "emorl",
            ),
            tasks=("exact-correlated", "exact-independent", "exact-competing", "exact-order"),
            text=("fluency-vs-helpfulness",),
            metrics=(EXACT_GAP, "kl-to-base", "hypervolume", "utility", "fluency-loss", "middle-collapse"),
            families=(
                "utility-gain", "hypervolume", "responses-scored", "throughput-ratio", "hypervolume-iqr", "control-spearman",
                "explanation-fidelity", "optimality-gap",
            ),
        ),
        Study(
            "relation",
            methods=("rewarded-soups", "mod", "probability-mix", "random-weights"),
            tasks=("exact-correlated", "exact-independent", "exact-competing", "exact-flat", "exact-order"),
            text=(),
            metrics=(EXACT_GAP, "linearity", "worst-step", "monotonicity-violations", "kl-to-base"),
            families=(),
        ),
        Study(
            "direct",
            methods=("linear-scalarization",),
            tasks=(
                "exact-correlated", "exact-independent", "exact-competing", "exact-flat", "exact-order", "exact-contextual",
                "exact-contextual-null", "exact-scale-2",
            ),
            text=(),
            metrics=("stated-gap", "kl-to-base"),
            families=(),
        ),
        Study(
            "experts",
            methods=("mod", "protected-experts", "protected-experts+epsilon=0", "protected-experts+experts=anchored"),
            tasks=(
                "exact-competing", "exact-correlated", "exact-independent", "exact-contextual", "exact-contextual-null", "exact-order",
                "exact-flat",
            ),
            text=(),
            metrics=(EXACT_GAP, "own-gain", "cross-gain", "extent", "kl-to-base"),
            families=(),
        ),
        Study(
            "scale",
            methods=(
                "mod", "moe-cmab", "rewarded-soups", "probability-mix", "protected-experts", "mol-moe",
                "conditioned-policy", "panacea", "pareto-set-learning", "random-weights", "single-best-expert",
            ),
            tasks=("exact-scale-2", "exact-scale-3", "exact-scale-5", "exact-scale-10"),
            text=(),
            metrics=(EXACT_GAP, "kl-to-base", "utility-gain"),
            families=(),
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One metric of one method on one task, over seeds."""

    task: str
    method: str
    metric: str
    value: stats.Interval | None
    seeds: int
    reason: str = ""


def find(name: str) -> Study:
    """Return the study of that name, or raise BadInput with the nearest."""
    if name not in STUDIES:
        raise BadInput(unknown("study", name, STUDIES))
    return STUDIES[name]


def grids(study: Study, *, seeds: str, budget: str, text: str = "", boards: Path = BOARDS) -> list[Grid]:
    """Return the runs of a study, into the boards' records; its text tasks too where a budget for them is given."""
    found = [Grid(study.methods, study.tasks, seeds, (budget,), out=boards / "exact" / "records")]
    if text and study.text:
        found.append(Grid(study.methods, study.text, seeds, (text,), out=boards / "text" / "records"))
    return found


def write(study: Study, grids: Sequence[Grid], out: Path = FINDINGS) -> list[Path]:
    """Write OUT/NAME/table.csv and figure from the grids' records, and the tables in OUT/NAME.md if it exists; return the paths."""
    from morlbench.score import gather

    found = [path for path in dict.fromkeys(job.path for grid in grids for job in jobs(grid)) if path.exists()]
    if not found:
        raise MorlbenchError(f"there is no record of the study {study.name!r}; `morlbench study {study.name}` makes them")
    records, faults = gather(found)
    if faults:
        raise MorlbenchError(faults[0])
    cells = measure(study, records)
    table, page = out / study.name / "table.csv", out / f"{study.name}.md"
    write_bytes(table, _csv(cells).encode())
    told = [c for c in cells if c.task in study.text]
    written = [table, *_figure(cells, study, EXACT_GAP, GAP, out / study.name / "gap")]
    written += _figure(told, study, TEXT, "hypervolume, larger is better", out / study.name / "text")
    if page.exists():
        _insert(page, study, markdown(study, cells))
        written.append(page)
    return written


def measure(study: Study, records: Sequence[RunRecord]) -> list[Cell]:
    """Return every cell of the study: means over seeds with t intervals; in the order of its tasks, methods and metrics."""
    from morlbench.score import score

    frame = score(records)
    order = [short(method) for method in study.methods]
    seeds = frame.groupby(["task", "method"])["seed"].nunique().to_dict()  # a metric over seeds has one row for all of them
    cells = []
    for (task, method, metric), rows in frame[frame["task"] != "*"].groupby(["task", "method", "metric"], sort=True):
        if metric not in {*study.metrics, *study.families}:
            continue
        values = rows["value"].to_numpy(dtype=float)
        whole = bool(np.isfinite(values).all())
        reason = "" if whole else str(rows[rows["value"].isna()]["reason"].iloc[0])
        value, count = stats.seed_interval(values) if whole else None, seeds[task, method]
        cells.append(Cell(str(task), short(str(method)), str(metric), value, count, reason))
    places = {name: i for i, name in enumerate((*study.tasks, *study.text))}
    return sorted(cells, key=lambda c: (places.get(c.task, 99), order.index(c.method) if c.method in order else 99, c.metric))


def short(label: str) -> str:
    """Return a method's name on the page: of a variant only what the studies vary, the level or the experts' rule."""
    name, _, rest = label.replace("+", " ", 1).partition(" ")
    if name not in ("combine", "protected-experts"):
        return name
    given = dict(part.split("=", 1) for part in rest.strip("()").replace(", ", "+").split("+") if "=" in part)
    settings = {key: str(value) for key, value in _usual(name).items()} | given
    if name == "combine":
        return settings["level"]
    return "anchored" if settings["experts"] == "anchored" else f"projected {float(settings['epsilon']):g}"


@cache
def _usual(name: str) -> dict[str, object]:
    """Return a method's default settings."""
    return method_facts(build(registry.load("methods", name), {})).settings


def markdown(study: Study, cells: Sequence[Cell]) -> str:
    """Return the page's tables: one per metric (methods by tasks), and one per task of a metric of each family."""
    parts = [_table(metric, [c for c in cells if c.metric == metric], across="task") for metric in study.metrics]
    if study.families:
        for task in dict.fromkeys(c.task for c in cells):
            chosen = [c for c in cells if c.task == task and c.metric in study.families]
            parts.append(_table(task, sorted(chosen, key=lambda c: study.families.index(c.metric)), across="metric"))
    return "\n\n".join(part for part in parts if part)


def _table(title: str, cells: Sequence[Cell], *, across: str) -> str:
    whole = [c for c in cells if c.value is not None]  # what no method has is no column
    columns = list(dict.fromkeys(c.task if across == "task" else c.metric for c in whole))
    methods = list(dict.fromkeys(c.method for c in cells))
    found = {(c.method, c.task if across == "task" else c.metric): c for c in cells}
    if not whole:
        return ""
    few, most = min(c.seeds for c in cells), max(c.seeds for c in cells)
    lines = [f"**{title}** (mean [95% interval] over {f'{few} to {most}' if few < most else most} seeds)", ""]
    lines += ["| method | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
    for method in methods:
        lines.append(f"| {method} | " + " | ".join(_shown(found.get((method, column))) for column in columns) + " |")
    return "\n".join(lines)


def _shown(cell: Cell | None) -> str:
    if cell is None or cell.value is None:
        return "–"
    value = cell.value
    form = "{:,.0f}".format if abs(value.value) >= 1000 else "{:.3f}".format
    limits = f" [{form(value.low)}, {form(value.high)}]" if np.isfinite(value.low) and value.low < value.high else ""
    return form(value.value) + limits


def _csv(cells: Sequence[Cell]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["task", "method", "metric", "value", "low", "high", "seeds", "reason"])
    for c in cells:
        numbers = [f"{x:.6g}" if np.isfinite(x) else "" for x in (c.value.value, c.value.low, c.value.high)] if c.value else ["", "", ""]
        writer.writerow([c.task, c.method, c.metric, *numbers, c.seeds, c.reason])
    return text.getvalue()


def _insert(page: Path, study: Study, tables: str) -> None:
    put(page, (OPEN.format(name=study.name), CLOSE), tables)


def _figure(cells: Sequence[Cell], study: Study, metric: str, unit: str, stem: Path) -> list[Path]:
    """Draw a metric of every method by task, with intervals, as PNG and SVG."""
    from morlbench.dots import Dot, dots

    whole, drawn = {short(method): method for method in study.methods}, [c for c in cells if c.metric == metric]
    shown = [Dot(c.task, whole[c.method], c.value.value, c.value.low, c.value.high, c.method) for c in drawn if c.value]
    return dots(shown, stem, title=f"{study.name}: {unit.partition(',')[0]}", unit=unit) if shown else []


def command(name: str, *, seeds: str, budget: str, text: str, slots: int, tables: bool) -> bool:
    """Run what a study lacks, then write its tables; with `tables`, only the latter. Say whether every run has its record."""
    from morlbench import commands

    study, whole = find(name), True
    if not tables:
        todo = grids(study, seeds=seeds, budget=budget, text=text)
        whole = all([commands.sweep(grid, slots=slots, threads=1, retry=False, as_json=False) for grid in todo])
    shown = grids(study, seeds=seeds, budget=budget, text=text or "quick")  # of text tasks what there is
    console.say(", ".join(str(path) for path in write(study, shown)))
    return whole
