"""Rank a division's methods for one reader's preference: in Python what static/rerank.js computes in the browser.

A method's answers are those it gave at the asked preference nearest to the reader's (L1); they are judged by the reader's
own utility, answer by answer, less beta per nat of KL where it is charged. Per seed the score is the gain over the base,
over several tasks `stats.over_tasks` of them. Ranks and their intervals come from the board's stored bootstrap draws. A
method is told apart from the first of its group, and so begins the next, only where the paired t test rejects (Holm over
the comparisons with that first one; the board's first group counts its controls' too) and it is behind in 97.5% of the
draws.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from morlbench import comparison, stats
from morlbench.preference import Array, Utility, UtilityName
from morlbench.site.pack import STEP, Bytes, TaskPack, View, stepped

ALPHA, BEHIND = 0.05, 0.975


@dataclass(frozen=True)
class Wish:
    """What a reader wants: weights (k,), a utility, whose thresholds are each task's own, and whether KL is charged at its beta."""

    preference: tuple[float, ...]
    utility: UtilityName = "linear"
    charged: bool = False


@dataclass(frozen=True)
class Place:
    """A method's place for a wish: its mean gain over the base, tie group from 1, rank (1 best) with its 95% limits."""

    method: str
    gain: float
    group: int
    rank: float
    low: float
    high: float


def rerank(tasks: Sequence[TaskPack], methods: Sequence[str], view: str, wish: Wish) -> list[Place]:
    """Return the places of these methods over tasks of one number of objectives, best first."""
    gained = {method: np.array([gains(task, method, view, wish) for task in tasks]) for method in methods}  # (m, s) each
    scores = {method: _over_tasks(values) for method, values in gained.items() if np.isfinite(values).all()}
    if not scores:
        return []
    intervals = dict(zip(scores, comparison.rank_intervals(np.array(list(scores.values()))), strict=True))
    return [
        Place(method, float(scores[method].mean()), number, intervals[method].value, intervals[method].low, intervals[method].high)
        for number, group in enumerate(groups(scores), 1) for method in group
    ]  # fmt: skip


def gains(task: TaskPack, method: str, view: str, wish: Wish) -> Array:
    """Return the gain over the base per seed (s,), over its answers of that seed; by linear utility over its mean."""
    found, base = task.methods[method].views[view], base_utility(task, wish)
    return utility_of(found, task, task.preferences(view), wish) - (base if len(base) == len(found.means) else base.mean())


def utility_of(view: View, task: TaskPack, asked: Array, wish: Wish) -> Array:
    """Return the wish's realised utility per seed (s,) of answers asked at `asked` (p, k)."""
    w = np.array(wish.preference)
    row = nearest(asked, w)
    values = (view.means[:, row] * w).sum(-1) if wish.utility == "linear" else _worth(view.answers[:, row], task, wish).mean(1)
    return np.asarray(values - task.told.facts.beta * view.kl[:, row] if wish.charged else values)


def base_utility(task: TaskPack, wish: Wish) -> Array:
    """Return the wish's utility of the base, which has no KL to itself: of its mean rewards (1,), or of its answers by seed (s,)."""
    if wish.utility == "linear":
        return np.array([(task.base * np.array(wish.preference)).sum()])
    return np.asarray(_worth(task.base_answers, task, wish).mean(1))


def _worth(answers: Bytes, task: TaskPack, wish: Wish) -> Array:
    """Return the utility (...) of answers (..., k) in STEP parts."""
    thresholds = task.thresholds if wish.utility.endswith("threshold") else ()
    if wish.utility == "hard-threshold":
        return np.asarray((answers >= stepped(np.array(thresholds))).all(-1), dtype=float)
    return Utility(wish.utility, thresholds)(answers / STEP, np.array(wish.preference))


def nearest(asked: Array, preference: Array) -> int:
    """Return which of the asked preferences (p, k) is nearest (L1), the first of equals."""
    return int(np.abs(asked - preference).sum(1).round(9).argmin())


def groups(scores: Mapping[str, Array]) -> list[list[str]]:
    """Return tie groups, best first, of scores (s,) per method; each ends at the first method that is told apart from its first."""
    rest = sorted(scores, key=lambda name: -round(float(scores[name].mean()), 10))
    found = []
    while rest:
        compared = comparison.compare(scores, [(rest[0], name) for name in rest[1:]])
        beaten = (c.adjusted < ALPHA and _behind(scores[rest[0]], scores[c.second]) >= BEHIND for c in compared)
        end = next((i for i, is_beaten in enumerate(beaten, 1) if is_beaten), len(rest))
        found.append(rest[:end])
        rest = rest[end:]
    return found


def _behind(leader: Array, other: Array) -> float:
    """Return the share of bootstrap draws in which the other's mean is below the leader's."""
    difference = (leader - other)[comparison.seed_draws(len(leader))].mean(1)
    return float((difference.round(12) > 0).mean())


def _over_tasks(values: Array) -> Array:
    return np.array([stats.over_tasks(column) for column in values.T])


def drawn(seeds: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the board's draws without repetition: how often each takes every seed (u, s), and how many draws do so (u,)."""
    draws = comparison.seed_draws(seeds)
    counts = (draws[:, :, None] == np.arange(seeds)).sum(1)
    unique, times = np.unique(counts, axis=0, return_counts=True)
    return unique, times.astype(np.int64)
