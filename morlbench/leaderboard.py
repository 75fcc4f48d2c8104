"""Records and a board in, one frozen Ranking out: scores, tie groups, rank intervals, missing cells, profiles.

The score of a method in a division: per seed the mean over tasks (from five tasks on their interquartile mean) of
(m - m_base) / (m_ref - mean m_base), m the division's metric and m_base the base's of the same seed; then the mean over seeds
with a t interval. Where a task has no reference front, it is the gain m - m_base in the metric's own unit. Methods that lack a
cell are shown and not ranked.
Leaves out files: see `morlbench.publish`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from morlbench import comparison, standing
from morlbench.board import ENOUGH, Board, Division
from morlbench.comparison import Comparison
from morlbench.digest import EntryDigest, TaskDigest, digest, metric
from morlbench.errors import BadRecord
from morlbench.panels import marked
from morlbench.record import RunRecord
from morlbench.standing import Field, Standing, anchors


@dataclass(frozen=True)
class Standings:
    """A division's rows, the comparisons made (Holm-corrected over exactly these), and what difference its seeds can show.

    draws: seed positions (b, s), the bootstrap behind the rank intervals; the site resamples other utilities by the same.
    """

    division: Division
    rows: tuple[Standing, ...]
    comparisons: tuple[Comparison, ...]
    detectable: float  # NaN where fewer than two methods are ranked
    draws: tuple[tuple[int, ...], ...]
    anchored: bool  # scores are shares of what the reference wins over the base; else gains in the metric's unit
    notes: tuple[str, ...] = ()

    @property
    def shown(self) -> tuple[Standing, ...]:
        """The rows that have a record here; the rest would be empty."""
        return tuple(row for row in self.rows if row.records)

    @property
    def absent(self) -> tuple[str, ...]:
        """The methods of the division without any record here."""
        return tuple(row.method for row in self.rows if not row.records)

    @property
    def runs(self) -> tuple[int, int]:
        """How many of the division's runs have a record that counts, and how many it wants."""
        return sum(row.records for row in self.rows), sum(len(cell.values) for row in self.rows for cell in row.cells)


@dataclass(frozen=True)
class Ranking:
    """A board's standings by division, what they were made from, and one sentence per record that does not count."""

    board: Board
    standings: tuple[Standings, ...]
    left_out: tuple[str, ...]
    digests: Mapping[str, EntryDigest]  # by method, as the board lists it
    tasks: Mapping[str, TaskDigest]  # those with a record

    @property
    def marks(self) -> dict[str, str]:
        """Every listed method's mark in figures and on pages; records that are added change none of them."""
        return marked([entry.text for entry in self.board.entries])

    @property
    def runs(self) -> tuple[int, int]:
        """How many of the board's runs have a record that counts, and how many it wants; each once, whatever divisions share it."""
        have = {(task, d.entry, run.seed) for d in self.digests.values() for task, runs in d.runs.items() for run in runs}
        wanted = self.board.wanted()
        return sum(cell in have for cell in wanted), len(wanted)


def rank(
    records: Sequence[RunRecord], board: Board, *, removed: Mapping[str, str] | None = None, levels: Mapping[str, str] | None = None
) -> Ranking:
    """Rank records on a board; `removed` maps keys to reasons and `levels` keys to verification levels.

    Raise BadRecord where records cannot stand on one board: a cell claimed twice, pooled versions, two bases.
    """
    counted, left_out = counting(records, board, removed or {})
    return ranking([digest(entry, runs, board) for entry, runs in counted.items()], board, left_out, levels or {})


def counting(records: Sequence[RunRecord], board: Board, removed: Mapping[str, str]) -> tuple[dict[str, list[RunRecord]], list[str]]:
    """Return the records that count by the board's entry, and one sentence for each that does not."""
    counted: dict[str, list[RunRecord]] = {}
    left_out = []
    for record in records:
        run = record.evidence
        reason = f"removed: {removed[record.key]}" if record.key in removed else board.refuses(run)
        if reason:
            left_out.append(f"{run.method.name} on {run.task.name}, seed {run.seed}: {reason}")
        else:
            counted.setdefault(board.entry(run), []).append(record)
    return counted, left_out


def ranking(digests: Sequence[EntryDigest], board: Board, left_out: Sequence[str], levels: Mapping[str, str]) -> Ranking:
    """Return the ranking of digested methods."""
    order = [entry.text for entry in board.entries]
    found = {d.entry: d for d in sorted(digests, key=lambda d: order.index(d.entry))}
    tasks = _tasks(list(found.values()), board)
    raised = standing.raised(found)
    fields = [Field(division, board, found, anchors(board, division, found, tasks), levels, raised) for division in board.divisions]
    standings = tuple(map(_standings, fields))
    return Ranking(board, standings, tuple(sorted(left_out)), found, tasks)


def _tasks(digests: Sequence[EntryDigest], board: Board) -> dict[str, TaskDigest]:
    """Return each task as its records tell it; raise BadRecord where two tell it differently."""
    found: dict[str, TaskDigest] = {}
    for d in digests:
        for name, told in d.tasks.items():
            first = found.setdefault(name, told)
            if told.facts != first.facts:
                odd = next(f for f in vars(first.facts) if getattr(told.facts, f) != getattr(first.facts, f))
                raise BadRecord(f"records of {d.entry} on {name} state another {odd.replace('_', ' ')} of the task than others do")
            if told.base != first.base:
                raise BadRecord(f"records of {d.entry} on {name} are of base {told.base}, others of {first.base}; a board has one")
    return {name: found[name] for name in board.tasks if name in found}


def _standings(field: Field) -> Standings:
    rows = standing.rows(field)
    scores = {row.method: np.array(row.per_seed) for row in rows if not row.unranked}
    controls = {a: b for a, b in field.division.controls.items() if a in scores and b in scores}
    comparisons = tuple(comparison.against_leader(scores, controls)) if len(scores) > 1 else ()
    draws = tuple(map(tuple, comparison.seed_draws(len(field.board.seeds)).tolist()))
    detectable = _detectable(scores, len(comparisons))
    return Standings(
        field.division, _ordered(rows, scores, controls), comparisons, detectable, draws, field.anchored, _notes(field, len(scores))
    )


def _ordered(rows: Sequence[Standing], scores: Mapping[str, np.ndarray], controls: Mapping[str, str]) -> tuple[Standing, ...]:
    """Return the rows best first with tie groups and rank intervals; unranked rows last, by score where they have one, else by cells."""
    groups = comparison.tie_groups(scores, controls)
    place = {name: (number, position) for number, group in enumerate(groups, 1) for position, name in enumerate(group)}
    ranks = dict(zip(scores, comparison.rank_intervals(np.array(list(scores.values()))), strict=True)) if scores else {}
    done = [replace(row, group=place[row.method][0], rank=ranks[row.method]) if row.method in place else row for row in rows]
    last = (len(groups) + 1, 0)

    def order(row: Standing) -> tuple[int, int, float, int]:
        return *place.get(row.method, last), -row.score.value if row.score else np.inf, sum(bool(cell.missing) for cell in row.cells)

    return tuple(sorted(done, key=order))


def _detectable(scores: Mapping[str, np.ndarray], comparisons: int) -> float:
    """Return the smallest true difference from the leader that these seeds find with power .8 at Holm's first step.

    The spread is the median over methods: one that varies wildly must not make the board look blind.
    """
    if len(scores) < 2:
        return np.nan
    best = comparison.leader(scores)
    differences = np.array([scores[best] - mine for name, mine in scores.items() if name != best])
    if differences.shape[1] < 2:
        return np.nan
    return comparison.minimum_detectable(comparison.median_spread(differences), differences.shape[1], comparisons=comparisons)


def _notes(field: Field, ranked: int) -> tuple[str, ...]:
    notes = []
    if ranked == 1 and len(field.division.methods) > 1:
        notes.append("One method alone has every cell, so its rank says nothing yet.")
    if field.board.provisional:
        notes.append(f"Provisional: {len(field.board.seeds)} seeds; a ranking takes {ENOUGH}.")
    sizes = {len(d.tasks[task].facts.objectives) for d in field.found.values() for task in field.division.tasks if task in d.tasks}
    if not field.anchored and len(sizes) > 1 and metric(field.division.metric).unit == "volume":
        several = ", ".join(map(str, sorted(sizes)))
        notes.append(f"Its tasks have {several} objectives: volumes in so many dimensions have no common unit, and the largest decide.")
    if not field.anchored:
        notes.append(_unanchored(field))
    return tuple(notes)


def _unanchored(field: Field) -> str:
    """Return why a score is a gain over the base and not a share of what can be won."""
    tasks, name = field.division.tasks, field.division.metric
    lacking = [task for task in tasks if not np.isfinite(field.anchors[task].ideal)]
    if not lacking:
        sign = 1 if metric(name).higher_is_better else -1
        worse = [task for task in tasks if not sign * field.anchors[task].reach > 0]
        why = f"By {name} the reference front is not better than the base on {', '.join(worse)}"
    elif len(lacking) == len(tasks):
        why = f"No task here has a frozen reference front with a value of {name}"
    else:
        why = f"There is no frozen reference front with a value of {name} for {', '.join(lacking)}"
    return f"{why}, so a score is the gain over the base of the same seed (the mean of its answers in all records), in its unit."
