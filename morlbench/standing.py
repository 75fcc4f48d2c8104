"""One row of a leaderboard: a method's task scores against the base and the reference, its profile over eight families, its flags.

Leaves out comparing methods and ordering them: see `morlbench.leaderboard`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import rankdata

from morlbench import flags, stats
from morlbench.board import Board, Division
from morlbench.digest import EntryDigest, TaskDigest, Value, metric
from morlbench.growth import largest_family
from morlbench.history import GRADES
from morlbench.metric import FAMILIES, Evidence, MetricFamily, NoValue
from morlbench.preference import Array
from morlbench.stats import Interval

EMPTY = Value(np.nan, "no record")
CONTROL = "control"  # the family of methods that keep the others honest

PEEKS = "scores test answers at inference"


@dataclass(frozen=True)
class Cell:
    """A method on a task: the metric's raw value and the task score per seed, in the board's order of seeds (NaN where missing)."""

    task: str
    values: tuple[float, ...]
    scores: tuple[float, ...]
    missing: str = ""  # why there is no score; '' where every seed has one
    records: int = 0  # seeds with a record

    @property
    def mean(self) -> float:
        """Mean raw value over the seeds that have one; NaN where none has."""
        known = [value for value in self.values if np.isfinite(value)]
        return float(np.mean(known)) if known else float("nan")


@dataclass(frozen=True)
class Facet:
    """One family of a method's profile: the mean over tasks of its metric, and the mean over tasks of its rank there (1 best).

    Ranks are among the methods of the division that compete and have a value: no controls, and at least two.
    """

    family: MetricFamily
    metric: str
    value: float  # NaN where there is none
    rank: float  # NaN where there is none
    reason: str = ""


@dataclass(frozen=True)
class Standing:
    """One row of a division, best first; `group` counts tie groups from 1 and is None for a row that is not ranked."""

    method: str  # as the board lists it
    version: int
    family: str
    track: str
    cells: tuple[Cell, ...]
    per_seed: tuple[float, ...]  # the score per seed (s,); () where a cell is missing
    score: Interval | None
    group: int | None
    rank: Interval | None
    profile: tuple[Facet, ...]
    flags: tuple[str, ...]  # raised failure signatures, 'name (task, task)'
    level: str  # the lowest verification level of its records
    unranked: str = ""  # why it has no rank

    @property
    def records(self) -> int:
        """How many runs of the method have a record in the division."""
        return sum(cell.records for cell in self.cells)


@dataclass(frozen=True, eq=False)
class Anchor:
    """What the base, seed by seed, and the reference earn on a task; NaN where unknown."""

    base: Array  # (s,) in the board's order of seeds
    ideal: float

    @property
    def reach(self) -> float:
        """How far the reference's value is above the base's mean; NaN where either is unknown."""
        known = self.base[np.isfinite(self.base)]
        return self.ideal - float(known.mean()) if len(known) else float("nan")


@dataclass(frozen=True, eq=False)
class Field:
    """What the rows of one division are made from. anchored: every task has both anchors, so scores are shares of what can be won."""

    division: Division
    board: Board
    found: Mapping[str, EntryDigest]
    anchors: Mapping[str, Anchor]
    levels: Mapping[str, str]
    raised: Mapping[tuple[str, str], frozenset[str]]  # failure signatures by method and task with records

    @property
    def anchored(self) -> bool:
        """Whether every task has a reference that is better than its base, so that a score is a share of what can be won."""
        sign = 1 if metric(self.division.metric).higher_is_better else -1
        return all(sign * a.reach > 0 for a in self.anchors.values())  # not where it is NaN

    def scores(self, task: str, values: Array) -> Array:
        """Return task scores (s,) of raw values (s,), larger is better: what is gained over the base of the same seed."""
        anchor = self.anchors[task]
        if self.anchored:
            return np.asarray((values - anchor.base) / anchor.reach)
        return np.asarray(values - anchor.base if metric(self.division.metric).higher_is_better else anchor.base - values)


def anchors(board: Board, division: Division, found: Mapping[str, EntryDigest], tasks: Mapping[str, TaskDigest]) -> dict[str, Anchor]:
    """Return each task's anchors: the division's, else the base's value at each seed, and the reference front's value.

    Every record holds the base's answers to the seed, some of which differ between machines: all records of a seed are averaged, so
    that its base is one and the same for every method.
    """
    if division.anchors:
        base, ideal = division.anchors
        return {task: Anchor(np.full(len(board.seeds), base), ideal) for task in division.tasks}
    known = {}
    for task in division.tasks:
        by_seed: dict[int, list[float]] = {seed: [] for seed in board.seeds}
        for run in (run for d in found.values() for run in d.runs.get(task, ())):
            by_seed[run.seed].append(run.base_values.get(division.metric, np.nan))
        bases = [float(np.nanmean(values)) if np.isfinite(values).any() else np.nan for values in by_seed.values()]
        ideal = tasks[task].ideal.get(division.metric, np.nan) if task in tasks else np.nan
        known[task] = Anchor(np.array(bases), ideal)
    return known


def rows(field: Field) -> list[Standing]:
    """Return every row of the division in the order of the board, before methods are compared with each other."""
    return _judged(_profiled([_row(name, field) for name in field.division.methods], field), field)


def _row(name: str, field: Field) -> Standing:
    division, found = field.division, field.found.get(name)
    cells = tuple(_cell(task, found, field) for task in division.tasks)
    lacking = [f"{cell.task}: {cell.missing}" for cell in cells if cell.missing]
    unranked = division.unranked.get(name, "") or (PEEKS if found and found.peeks else "")
    if found and found.track == "single" and division.track == "front":
        unranked = unranked or "one policy for one preference; see the single track"
    if lacking and not unranked:
        unranked = lacking[0] + (f" (and {len(lacking) - 1} of {len(cells)} tasks more)" if lacking[1:] else "")
    per_seed: tuple[float, ...] = ()
    if not lacking:
        per_seed = tuple(stats.over_tasks(np.array(column)) for column in zip(*(cell.scores for cell in cells), strict=True))
    here = [field.levels.get(run.key, GRADES[0]) for task in division.tasks for run in (found.runs.get(task, ()) if found else ())]
    return Standing(
        name, found.version if found else 0, found.family if found else "", found.track if found else "", cells, per_seed,
        score=stats.seed_interval(np.array(per_seed)) if per_seed else None, group=None, rank=None, profile=(), flags=(),
        level=next((grade for grade in GRADES if grade in here), ""), unranked=unranked,
    )  # fmt: skip


def _cell(task: str, found: EntryDigest | None, field: Field) -> Cell:
    seeds, wanted = field.board.seeds, field.division.metric
    runs = {run.seed: run for run in (found.runs.get(task, ()) if found else ())}
    absent = [seed for seed in seeds if seed not in runs]
    got = [runs[seed].values.get(wanted, EMPTY) if seed in runs else EMPTY for seed in seeds]
    values = np.array([value.value for value in got])
    scores = field.scores(task, values)
    missing = ""
    if len(absent) == len(seeds):
        missing = EMPTY.reason
    elif absent:
        missing = f"no record of seed{'s' if absent[1:] else ''} {', '.join(map(str, absent))}"
    elif not np.isfinite(values).all():
        missing = next(value.reason for value in got if not np.isfinite(value.value))
    elif not np.isfinite(scores).all():
        missing = "the base did not answer, so there is nothing to compare with"
    return Cell(task, tuple(values.tolist()), tuple(scores.tolist()), missing, len(seeds) - len(absent))


def _profiled(rows: Sequence[Standing], field: Field) -> list[Standing]:
    """Return the rows with a facet for each of the eight families."""
    facets: dict[str, list[Facet]] = {row.method: [] for row in rows}
    for family in FAMILIES:
        name = {**field.board.profile, **field.division.profile}[family]
        table = {row.method: _values(field.found.get(row.method), name, field) for row in rows}
        whole = {method: values for method, (values, _) in table.items() if np.isfinite(values).all()}
        place = _mean_ranks({row.method: whole[row.method] for row in rows if row.method in whole and _competes(row, field)}, name)
        for method, (values, reason) in table.items():
            value = float(np.mean(values)) if method in whole else np.nan
            facets[method].append(Facet(family, name, value, place.get(method, np.nan), reason))
    return [replace(row, profile=tuple(facets[row.method])) for row in rows]


def _competes(row: Standing, field: Field) -> bool:
    """Return whether a method can win a family: controls are shown beside the others, and so is what the division does not rank."""
    found = field.found.get(row.method)
    return row.family != CONTROL and row.method not in field.division.unranked and not (found and found.peeks)


def _mean_ranks(values: Mapping[str, Array], name: str) -> dict[str, float]:
    """Return each method's mean rank over tasks (1 best) by a metric's values (m,) of all; nothing for one alone, which beats nobody."""
    if len(values) < 2:
        return {}
    sign = -1 if metric(name).higher_is_better else 1
    ranks = rankdata(sign * np.array(list(values.values())).round(12), axis=0).mean(1)
    return dict(zip(values, map(float, ranks), strict=True))


def _values(found: EntryDigest | None, name: str, field: Field) -> tuple[Array, str]:
    """Return a metric's value per task (m,), seeds averaged, NaN where a seed lacks it, and the first reason for that."""
    tasks, seeds = field.division.tasks, field.board.seeds
    nothing = np.full(len(tasks), np.nan)
    if found is None:
        return nothing, EMPTY.reason
    if found.track == "single" and field.division.track == "front":
        return nothing, "one policy for one preference"
    kind = metric(name).over
    if kind in ("tasks", "budgets"):
        for task in largest_family(field.board.tasks) if kind == "tasks" else ():
            if {run.seed for run in found.runs.get(task, ())} != set(seeds):
                return nothing, f"{task} lacks a record, and a growth without it is another"
        got = found.over_tasks.get(name, EMPTY)
        return np.full(len(tasks), got.value), got.reason
    values, reasons = [], []
    for task in tasks:
        runs = {run.seed: run.values.get(name, EMPTY) for run in found.runs.get(task, ())}
        some = [runs.get(seed, EMPTY) for seed in seeds]
        if kind == "seeds":
            some = [found.over_seeds.get((task, name), EMPTY) if len(runs) == len(seeds) else EMPTY]
        values.append(float(np.mean([value.value for value in some])))
        reasons += [f"{task}: {value.reason}" for value in some if not np.isfinite(value.value)]
    return np.array(values), reasons[0] if reasons else ""


def _judged(rows: Sequence[Standing], field: Field) -> list[Standing]:
    """Return the rows with their raised failure signatures and on how many of the tasks they have records of."""
    tasks, judged = field.division.tasks, []
    for row in rows:
        counts = Counter(name for task in tasks for name in field.raised.get((row.method, task), ()))
        known = sum((row.method, task) in field.raised for task in tasks)
        judged.append(replace(row, flags=tuple(f"{name} {count}/{known}" for name, count in sorted(counts.items()))))
    return judged


def raised(found: Mapping[str, EntryDigest]) -> dict[tuple[str, str], frozenset[str]]:
    """Return the failure signatures that each method raises on each task, in more than half of its seeds."""
    singles: dict[str, list[Evidence]] = {}
    for d in found.values():
        for task, runs in d.runs.items() if d.family == "single-policy" else ():
            singles.setdefault(task, []).extend(run.stated for run in runs if run.stated)
    return {(name, task): _raised(d, task, singles.get(task, ())) for name, d in found.items() for task in d.runs}


def _raised(found: EntryDigest, task: str, singles: Sequence[Evidence]) -> frozenset[str]:
    """Return the failure signatures of one method on one task; a front method is held against single policies too."""
    runs = found.runs.get(task, ())
    counts = Counter(flag.name for run in runs for flag in run.flags if flag.raised)
    usual = {name for name, count in counts.items() if count > len(runs) / 2}
    signs = list(found.seed_flags.get(task, ()))
    ours = [run.stated for run in runs if run.stated is not None]
    if found.track == "front" and ours and singles:
        with suppress(NoValue):
            signs.append(flags.below_single(ours, singles))
    return frozenset(usual | {flag.name for flag in signs if flag.raised})
