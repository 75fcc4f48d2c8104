"""What a board keeps of its records: the few numbers that rank and draw them, so that ten thousand records need little memory.

A method's records are digested together, since some metrics look at all its seeds or tasks, and are then let go. Leaves out
comparing methods: see `morlbench.leaderboard`.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple, TypeVar

import numpy as np

from morlbench import adaptation, answers, flags, registry
from morlbench import front as fronts
from morlbench.board import Board
from morlbench.errors import BadInput, BadRecord, MorlbenchError
from morlbench.flags import Flag
from morlbench.metric import Costs, Evidence, MethodFacts, Metric, NoValue, Probe, TaskFacts
from morlbench.preference import Array, rows_at
from morlbench.record import RunRecord
from morlbench.task import Exact

Facts = TypeVar("Facts", TaskFacts, MethodFacts)
KL, VOLUME = "kl-to-base", "hypervolume"  # beside every rank, and in figures


class Value(NamedTuple):
    """A metric's value, or NaN with the reason why there is none."""

    value: float
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Digest:
    """One run: its metrics and what its figures need. p preferences, k objectives."""

    task: str
    seed: int
    key: str
    values: Mapping[str, Value]  # every metric of the board over one run
    base_values: Mapping[str, float]  # the base's own value of each ranking metric, NaN where it has none
    preferences: Array  # (p, k) asked
    means: Array  # (p, k) mean rewards
    base: Array  # (k,) mean rewards of the base; NaN where it was not asked
    correlation: Array  # (k, k) of the objectives' rewards over the base's answers
    returns: Array | None  # (p, k) regularised returns on exact tasks
    progress: tuple[tuple[int, float], ...]  # (ratings, share of the way to being told)
    flags: tuple[Flag, ...]
    stated: Evidence | None  # the answers at the stated preference alone


@dataclass(frozen=True, eq=False)
class TaskDigest:
    """A task as its records tell it; `ideal` holds the reference front's value of each ranking metric, where it has one."""

    facts: TaskFacts
    base: str  # the identity of the base
    front: Array  # (g, k) true front in regularised returns; (0, k) where unknown
    base_returns: Array  # (k,) of the base, exact; NaN where unknown
    ideal: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class EntryDigest:
    """All counted runs of one method: per run, per task over seeds, and over tasks."""

    entry: str
    version: int
    family: str
    track: str
    settings: str
    peeks: bool  # whether answers to test prompts were scored while it served them
    runs: Mapping[str, tuple[Digest, ...]]  # by task, seeds rising
    over_seeds: Mapping[tuple[str, str], Value]  # by task and metric
    over_tasks: Mapping[str, Value]
    seed_flags: Mapping[str, tuple[Flag, ...]]  # by task
    tasks: Mapping[str, TaskDigest]


@cache
def metric(name: str) -> Metric:
    """Return the metric of that name; raise BadInput for an unknown one."""
    return registry.load("metrics", name)()


def metrics(board: Board) -> tuple[Metric, ...]:
    """Return every metric a board shows, once: those that rank, one per family, the cost and the KL beside them all.

    Raises BadInput where a metric that ranks, or the cost, is not one of a single run: those are compared seed by seed.
    """
    for each in (metric(name) for name in (*(division.metric for division in board.divisions), board.cost)):
        if each.over != "run":
            raise BadInput(f"board {board.name!r}: a metric that ranks and the cost are of one run; {each.name!r} is over {each.over}")
    names = [name for division in board.divisions for name in (division.metric, *division.profile.values())]
    return tuple(metric(name) for name in dict.fromkeys([*names, *board.profile.values(), board.cost, VOLUME, KL]))


def digest(entry: str, records: Iterable[RunRecord], board: Board) -> EntryDigest:
    """Return the digest of one method's counted records; raise BadRecord where they are not runs of one thing."""
    runs = sorted(records, key=lambda r: (list(board.tasks).index(r.evidence.task.name), r.evidence.seed))
    _check(entry, runs)
    by_task: dict[str, list[RunRecord]] = {}
    for run in runs:
        by_task.setdefault(run.evidence.task.name, []).append(run)
    evidence = {task: [run.evidence for run in some] for task, some in by_task.items()}
    shown, every = metrics(board), [run.evidence for run in runs]
    first = every[0].method
    seeds = [m for m in shown if m.over == "seeds"]
    rest = [m for m in shown if m.over in ("tasks", "budgets")]
    return EntryDigest(
        entry, first.version, first.family, first.track, _settings(every[0]), any(map(_peeks, every)),
        runs={task: tuple(_run(run, board, shown, some[0].evidence) for run in some) for task, some in by_task.items()},
        over_seeds={(task, m.name): measure(m, some) for task, some in evidence.items() for m in seeds},
        over_tasks={m.name: measure(m, every) for m in rest},
        seed_flags={task: _flags(flags.SEEDS, some) for task, some in evidence.items()},
        tasks={task: _task(some[0], board) for task, some in evidence.items()},
    )  # fmt: skip


def measure(wanted: Metric, runs: Sequence[Evidence]) -> Value:
    """Return the metric of these runs, or NaN and the reason."""
    try:
        value = float(wanted(runs))
    except MorlbenchError as fault:
        return Value(np.nan, sys.intern(str(fault)))  # many runs lack a value for one reason
    except Exception as fault:  # what a plugin raises costs its own value and no other's
        return Value(np.nan, f"the metric failed: {type(fault).__name__}: {' '.join(str(fault).split())}")
    return Value(value) if np.isfinite(value) else Value(np.nan, f"the metric returned {value}")


def _run(record: RunRecord, board: Board, shown: Sequence[Metric], first: Evidence) -> Digest:
    """Digest one run; facts that are those of the `first` run of its task are held once, and sent once between processes."""
    run = record.evidence
    run = replace(run, task=_once(run.task, first.task), method=_once(run.method, first.method))
    front, base = run.probe("front"), run.all("base")
    means = base[0].means[0] if base else np.full(run.k, np.nan)
    try:
        progress = tuple(adaptation.progress(run))
    except NoValue:
        progress = ()
    return Digest(
        run.task.name, run.seed, record.key,
        values={m.name: measure(m, [run]) for m in shown if m.over == "run"},
        base_values=_as_base(run, board),
        preferences=front.preferences, means=answers.points(run), base=means, correlation=_correlation(base, run.k),
        returns=None if run.exact is None else run.exact.returns,
        progress=progress, flags=_flags(flags.RUN, [run]), stated=_stated(run),
    )  # fmt: skip


def _once(mine: Facts, first: Facts) -> Facts:
    return first if mine == first else mine


def _as_base(run: Evidence, board: Board) -> dict[str, float]:
    """Return the ranking metrics of the base's answers, as if they were a method's, where a division has no anchors."""
    wanted = {d.metric for d in board.divisions if d.anchors is None and run.task.name in d.tasks}
    if not wanted or not run.all("base"):
        return dict.fromkeys(wanted, np.nan)
    front, base = answers.front(run), run.probe("base")
    same = answers.repeated(base, front.preferences)
    as_method = replace(run, probes=(replace(same, name="front"), base, *_base_stated(run, base)), exact=None)
    return {name: measure(metric(name), [as_method]).value for name in wanted}


def _base_stated(run: Evidence, base: Probe) -> tuple[Probe, ...]:
    return (replace(base, name="stated", preferences=np.array([run.task.preference])),)


def _task(run: Evidence, board: Board) -> TaskDigest:
    """Return the task's facts, its true front, and what the ranking metrics give its reference front."""
    wanted = {d.metric for d in board.divisions if d.anchors is None and run.task.name in d.tasks}
    ideal: dict[str, float] = {}
    if run.task.front and wanted:
        ideal = {name: _ideal(metric(name), run) for name in wanted}
    front, base_returns, exact = np.zeros((0, run.k)), np.full(run.k, np.nan), run.exact
    if exact is not None:
        front = exact.front
        if len(exact.preferences) >= run.k:
            base_returns = fronts.base_returns(exact.preferences, exact.base)
    return TaskDigest(run.task, run.base, front, base_returns, ideal)


def _ideal(wanted: Metric, run: Evidence) -> float:
    """Return the metric of the reference front, which answers every preference by its best point, with or without paying for KL."""
    points = np.array(run.task.front)
    spent = np.array(run.task.front_kl) if len(run.task.front_kl) == len(points) else None
    asked, stated = answers.front(run).preferences, np.array([run.task.preference])
    found = []
    for price in (0.0,) if spent is None else (0.0, run.task.beta):
        worth = points if spent is None else points - price * spent[:, None]  # (m, k); weights sum to 1, so a nat costs its price
        probes = list(run.all("base")[:1])
        for name, w in (("front", asked), ("stated", stated)):
            best = (w @ worth.T).argmax(1)
            probes.append(_answered(name, w, points[best], None if spent is None else spent[best], run.probe("front").prompts))
        found.append(measure(wanted, [replace(run, probes=tuple(probes), exact=None, method=replace(run.method, track="front"))]).value)
    return max(found) if wanted.higher_is_better else min(found)


def _answered(name: str, preferences: Array, means: Array, kl: Array | None, prompts: np.ndarray) -> Probe:
    """Return a probe whose answer to every prompt is worth `means` (p, k), at a KL of `kl` (p,) where it is known."""
    p, k, n = *means.shape, len(prompts)
    rewards = np.broadcast_to(means[:, None, None], (p, n, 1, k))
    return Probe(
        name, preferences, rewards, prompts, ("",) * (p * n), None if kl is None else np.broadcast_to(kl[:, None, None], (p, n, 1))
    )  # fmt: skip


def _stated(run: Evidence) -> Evidence | None:
    """Return the run with its answers at the stated preference alone; None where it was not asked there."""
    if (found := answers.at_stated(run)) is None:
        return None
    probe, one = found[0], slice(found[1], found[1] + 1)
    kl = None if probe.kl is None else probe.kl[one]
    slim = Probe("front", probe.preferences[one], probe.rewards[one], probe.prompts, (), kl)
    return replace(run, probes=(slim,), costs=Costs(), exact=_exactly(run, np.array(run.task.preference)))


def _exactly(run: Evidence, wanted: Array) -> Exact | None:
    """Return the run's exact values at one preference (k,); None where it has none there."""
    if run.exact is None:
        return None
    rows = rows_at(run.exact.preferences, wanted)[:1]
    at = {name: getattr(run.exact, name)[rows] for name in ("preferences", "returns", "rewards", "kl", "value", "optimum", "base")}
    return Exact(**at, front=run.exact.front[:0]) if len(rows) else None


def _flags(signs: Sequence[flags.Sign], runs: Sequence[Evidence]) -> tuple[Flag, ...]:
    found = []
    for sign in signs:
        try:
            found.append(sign(runs))
        except Exception:  # no value, or a fault: records come from anywhere, and no number of a ranking is a sign
            continue
    return tuple(found)


def _correlation(base: Sequence[Probe], k: int) -> Array:
    """Return the correlation (k, k) of rewards over the base's answers; NaN where a reward never changes."""
    if not base:
        return np.full((k, k), np.nan)
    rewards = base[0].rewards.reshape(-1, k)
    centred = rewards - rewards.mean(0)
    lengths = np.sqrt((centred**2).sum(0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(centred.T @ centred / np.outer(lengths, lengths))


def _peeks(run: Evidence) -> bool:
    return any(line.kind == "inference" and line.cost.responses for line in run.costs.lines)


def _settings(run: Evidence) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(run.method.settings.items()))


def _check(entry: str, runs: Sequence[RunRecord]) -> None:
    """Raise BadRecord where one cell is claimed twice, or versions, settings, bases or a task's facts are mixed under one name."""
    cells: set[tuple[str, int]] = set()
    first, tasks = runs[0].evidence, dict[str, Evidence]()
    for record in runs:
        run = record.evidence
        if run.method.version != first.method.version:
            both = sorted((run.method.version, first.method.version))
            raise BadRecord(f"records of {entry} are of versions {both[0]} and {both[1]} of the method; a board never pools versions")
        if _settings(run) != _settings(first):
            raise BadRecord(f"records of {entry} have different settings: {_settings(first)}; {_settings(run)}; name each on the board")
        same = tasks.setdefault(run.task.name, run)
        if run.task != same.task:
            raise BadRecord(f"records of {entry} on {run.task.name} state different facts of the task: {_odd(run.task, same.task)}")
        if run.base != same.base:
            raise BadRecord(f"records of {entry} on {run.task.name} are of bases {same.base} and {run.base}; a board has one")
        if (run.task.name, run.seed) in cells:
            raise BadRecord(f"two records claim to be {entry} on {run.task.name}, seed {run.seed}; keep one")
        cells.add((run.task.name, run.seed))


def _odd(mine: TaskFacts, first: TaskFacts) -> str:
    return next(name.replace("_", " ") for name in vars(first) if getattr(mine, name) != getattr(first, name))
