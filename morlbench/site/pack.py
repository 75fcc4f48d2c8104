"""What a browser gets of a board's records: mean rewards and KL of every run, every answer's rewards in a byte, a few answers.

Mean rewards are kept to six decimals. An answer's rewards are rounded to 1/255, which moves the mean of a utility of slope 1 by
less than 1/510; a hard threshold is rounded alike: an answer that meets it still does, one that
misses it by less than 1/255 may too.
Views: 'front' is what was asked at the lattice, 'single' what was asked at the task's stated preference.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from morlbench import answers, registry
from morlbench.bench import SPENT
from morlbench.board import Board
from morlbench.digest import TaskDigest
from morlbench.errors import BadInput, BadRecord
from morlbench.gather import counted_of, folders, spread
from morlbench.leaderboard import Ranking
from morlbench.metric import Costs, Evidence, Probe
from morlbench.preference import Array
from morlbench.record import RunRecord, load
from morlbench.task import Task

STEP = 255  # an answer's reward is a whole number of STEP parts
SHOWN = 12  # prompts whose answers can be read
FRONT_POINTS = 160  # points of a true front that are drawn
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class View:
    """A method's runs at p asked preferences: means (s, p, k), kl (s, p) in nats (NaN unknown), answers (s, p, n, k) in 1/255."""

    seeds: tuple[int, ...]
    means: Array
    kl: Array
    answers: Bytes


@dataclass(frozen=True)
class Sample:
    """One answer to be read: its text, its rewards (k,) and its KL in nats (NaN unknown)."""

    text: str
    rewards: tuple[float, ...]
    kl: float


@dataclass(frozen=True, eq=False)
class Spent:
    """What a method's runs on a task cost, means over seeds."""

    responses: float
    tokens: float
    steps: float
    seconds: float
    evaluation: float  # scored responses of the evaluation, which no budget counts
    wall_seconds: float
    peak_bytes: float
    parameters: float


@dataclass(frozen=True, eq=False)
class MethodPack:
    """One method on one task: its views by track, the answers to read by track (per asked preference, per prompt), its cost."""

    views: Mapping[str, View]
    samples: Mapping[str, tuple[tuple[Sample, ...], ...]]
    spent: Spent


@dataclass(eq=False)
class TaskPack:
    """One task of a board: what its records say of it, and every method on it."""

    name: str
    told: TaskDigest
    asked: Array  # (p, k) of the front view
    thresholds: tuple[float, ...]
    base: Array  # (k,) mean rewards of the base
    base_answers: Bytes  # (s, n, k)
    base_samples: tuple[Sample, ...]
    shown: tuple[int, ...]  # positions in the test split
    prompts: tuple[str, ...]  # of the test split; () where the task of that version is not installed
    methods: dict[str, MethodPack] = field(default_factory=dict)

    @property
    def exact(self) -> bool:
        """Whether the true front is known, so that fronts are drawn in regularised returns."""
        return bool(len(self.told.front))

    def preferences(self, view: str) -> Array:
        """Return the preferences (p, k) that a view was asked at."""
        return self.asked if view == "front" else np.array([self.told.facts.preference])


def packs(ranking: Ranking) -> dict[str, TaskPack]:
    """Return every task of the board that has records, with every method's counted runs."""
    board, paths = ranking.board, folders(ranking.board)[0]
    work = [(entry, tuple(found), board, ranking.tasks) for entry, found in paths.items()]
    whole: dict[str, TaskPack] = {}
    for alone in spread(_packed, work, sum(map(len, paths.values()))):
        for name, pack in alone.items():
            first = whole.setdefault(name, pack)
            first.methods |= pack.methods
            if not len(first.asked):
                first.asked = pack.asked
    return {name: whole[name] for name in board.tasks if name in whole}


def _packed(work: tuple[str, tuple[Path, ...], Board, Mapping[str, TaskDigest]]) -> dict[str, TaskPack]:
    """Return every task that an entry has records of, with that entry alone."""
    entry, paths, board, told = work
    grouped: dict[str, list[RunRecord]] = {}
    for record in counted_of(entry, paths, board):
        grouped.setdefault(record.evidence.task.name, []).append(record)
    found: dict[str, TaskPack] = {}
    for name, records in grouped.items():
        records.sort(key=lambda record: record.evidence.seed)
        texts = with_texts(records[0], paths).evidence
        runs = [record.evidence for record in records]
        found[name] = pack = _task(told[name], texts, runs)
        pack.methods[entry] = _method(runs, texts, pack.shown)
    return found


def with_texts(record: RunRecord, paths: Sequence[Path]) -> RunRecord:
    """Return the same record with its answers: the one of that key, since a folder may hold others that do not count."""
    run = record.evidence
    for path in paths:
        if (path.parent.parent.name, path.stem) == (run.task.name, f"seed-{run.seed}"):
            try:
                found = load(path)
            except BadRecord:
                continue
            if found.key == record.key:
                return found
    raise BadRecord(f"{run.method.name} on {run.task.name}, seed {run.seed}: its record is gone")


def _task(told: TaskDigest, texts: Evidence, runs: Sequence[Evidence]) -> TaskPack:
    name, facts = texts.task.name, texts.task
    bases = [run.probe("base") for run in runs if run.all("base")]
    means = told.base_returns if np.isfinite(told.base_returns).all() else _mean([probe.means[0] for probe in bases], texts.k)
    thresholds = next((u.thresholds for u in facts.utilities if u.thresholds), ()) or tuple(map(float, means.round(3)))
    prompts = installed(name, facts.version)
    count = len(texts.probe("front").prompts)
    shown = tuple(int(i) for i in np.unique(np.linspace(0, count - 1, SHOWN).round().astype(int)))
    answers = np.stack([_bytes(probe)[0] for probe in bases]) if bases else np.zeros((0, 0, texts.k), np.uint8)
    asked = texts.probe("front").preferences if texts.method.track == "front" else np.zeros((0, texts.k))
    samples = _samples(texts.probe("base"), 0, shown) if bases else ()
    return TaskPack(name, told, asked, thresholds, means.round(6), answers, samples, shown, prompts)


def installed(name: str, version: int) -> tuple[str, ...]:
    """Return the test prompts of the installed task if it is of that version, else ()."""
    task = task_of(name, version)
    return task.prompts("test") if task else ()


def task_of(name: str, version: int) -> Task | None:
    """Return the installed task of that name and version; None where there is none."""
    try:
        task = registry.load("tasks", name)()
    except BadInput:
        return None
    return task if task.version == version else None


def _method(runs: Sequence[Evidence], texts: Evidence, shown: Sequence[int]) -> MethodPack:
    views: dict[str, View] = {}
    samples: dict[str, tuple[tuple[Sample, ...], ...]] = {}
    if runs[0].method.track == "front":
        views["front"] = _view(runs, [run.probe("front") for run in runs])
        probe = texts.probe("front")
        samples["front"] = tuple(_samples(probe, row, shown) for row in range(len(probe.preferences)))
    stated = [_stated(run) for run in runs]
    told = _stated(texts)
    if told is not None and all(probe is not None for probe in stated):
        views["single"] = _view(runs, [probe for probe in stated if probe is not None])
        samples["single"] = (_samples(told, 0, shown),)
    return MethodPack(views, samples, _spent([run.costs for run in runs]))


def _stated(run: Evidence) -> Probe | None:
    """Return the answers at the stated preference alone, or None where it was not asked there."""
    if (found := answers.at_stated(run)) is None:
        return None
    probe, i = found
    size = probe.rewards.shape[1] * probe.rewards.shape[2]
    kl = None if probe.kl is None else probe.kl[i : i + 1]
    texts = probe.responses[i * size : (i + 1) * size]
    return Probe(probe.name, probe.preferences[i : i + 1], probe.rewards[i : i + 1], probe.prompts, texts, kl)


def _view(runs: Sequence[Evidence], probes: Sequence[Probe]) -> View:
    measured = [_measured(run, probe) for run, probe in zip(runs, probes, strict=True)]
    means, kl = (np.stack(column).round(6) for column in zip(*measured, strict=True))
    return View(tuple(run.seed for run in runs), means, kl, np.stack([_bytes(probe) for probe in probes]))


def _measured(run: Evidence, probe: Probe) -> tuple[Array, Array]:
    """Return mean rewards (p, k) and KL (p,) at the probe's preferences: exact where the record knows them, else sampled."""
    if run.exact is not None:
        apart = np.abs(run.exact.preferences[None] - probe.preferences[:, None]).max(-1)
        if (apart.min(1) < 1e-6).all():
            rows = apart.argmin(1)
            return run.exact.rewards[rows], run.exact.kl[rows]
    kl = np.full(len(probe.preferences), np.nan) if probe.kl is None else probe.kl.mean((1, 2))
    return probe.means, kl


def _bytes(probe: Probe) -> Bytes:
    p, n, d, k = probe.rewards.shape
    return stepped(probe.rewards.reshape(p, n * d, k))


def stepped(rewards: Array) -> Bytes:
    """Return rewards, or thresholds of them, as whole numbers of STEP parts."""
    return np.asarray((rewards.clip(0, 1) * STEP).round(), dtype=np.uint8)


def _samples(probe: Probe, row: int, shown: Sequence[int]) -> tuple[Sample, ...]:
    """Return the first draw's answers to the shown prompts at one of the probe's preferences."""
    _, n, d, _ = probe.rewards.shape
    return tuple(
        Sample(
            probe.responses[(row * n + i) * d], tuple(probe.rewards[row, i, 0].round(3).tolist()),
            float("nan") if probe.kl is None else round(float(probe.kl[row, i, 0]), 3),
        )
        for i in shown if i < n
    )  # fmt: skip


def _spent(costs: Sequence[Costs]) -> Spent:
    def mean(values: Sequence[float]) -> float:
        return float(np.mean(values))

    counted = [[line.cost for line in one.lines if line.kind in SPENT] for one in costs]
    asked = [sum(line.cost.responses for line in one.lines if line.kind == "evaluation") for one in costs]
    return Spent(
        mean([sum(c.responses for c in some) for some in counted]), mean([sum(c.tokens for c in some) for some in counted]),
        mean([sum(c.steps for c in some) for some in counted]), mean([sum(c.seconds for c in some) for some in counted]),
        mean(asked), mean([one.wall_seconds for one in costs]), mean([one.peak_memory_bytes for one in costs]),
        mean([one.trainable_parameters for one in costs]),
    )  # fmt: skip


def _mean(values: Sequence[Array], k: int) -> Array:
    return np.asarray(np.mean(values, 0)) if len(values) else np.full(k, np.nan)


def text_of(answers: Bytes) -> str:
    """Return the bytes as base64, as the pages carry them."""
    return base64.b64encode(answers.tobytes()).decode()


def thinned(points: Array) -> Array:
    """Return at most FRONT_POINTS of a front (g, 2) along its first objective."""
    if not len(points):
        return points
    rising = points[np.lexsort(points.T[::-1])]
    return np.asarray(rising[np.unique(np.linspace(0, len(rising) - 1, FRONT_POINTS).round().astype(int))])


def whole(pack: MethodPack, view: str, board: Board) -> bool:
    """Say whether a method has that view in every seed of the board."""
    return view in pack.views and pack.views[view].seeds == tuple(sorted(board.seeds))
