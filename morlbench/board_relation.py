"""The map of how objectives relate: measured correlation against how much of the ideal point a compromise gives up.

Both are measured, not declared: the correlation of rewards over the base's answers, and the loss of the ideal point, the share of
what each objective alone can gain over the base that the point with the best mean gives up. Where the true front is not known, the
points seen stand for it: of runs that stay within the task's KL budget on average, since with enough KL one policy can have all
rewards. The declared label is the mark.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from morlbench.digest import KL, Digest
from morlbench.leaderboard import Ranking
from morlbench.panels import INK, PALETTE
from morlbench.preference import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABELS = {"competing": ("v", PALETTE[1]), "correlated": ("^", PALETTE[2]), "independent": ("o", PALETTE[0]), "mixed": ("s", PALETTE[3])}


def relation(ranking: Ranking) -> "Figure | None":
    """Return the map of all tasks with records; None where none has base answers and a front."""
    from matplotlib.figure import Figure

    places = {task: place for task in ranking.tasks if (place := measured(ranking, task)) is not None}
    if not places:
        return None
    figure = Figure(figsize=(7.6, 5.4), layout="constrained")
    ax = figure.subplots()
    for task, (correlation, loss, known) in places.items():
        mark, tone = LABELS[ranking.tasks[task].facts.relation]
        ax.plot(correlation, loss, mark, ms=9, mfc=tone if known else "white", mec=tone, mew=1.5, zorder=3)
    for label, (mark, tone) in LABELS.items():
        ax.plot([], [], mark, color=tone, ms=8, label=f"declared {label}")
    ax.plot([], [], "o", mfc="white", mec=INK, ms=8, label="hollow: points seen within the KL budget")
    ax.axvline(0, color="#bbbbbb", lw=0.9, zorder=1)
    ax.set_xlim(-1.08, 1.08)
    ax.set_ylim(min(-0.03, *(loss - 0.05 for _, loss, _ in places.values())), max(1.05, *(loss + 0.12 for _, loss, _ in places.values())))
    _named(figure, {task: (place[0], place[1]) for task, place in places.items()})
    ax.set_xlabel("correlation of rewards over the base's answers  (mean over pairs of objectives)", fontsize=9.5)
    ax.set_ylabel("loss of the ideal point at the best mean\n(0: one policy serves all; 1: a compromise gains nothing)", fontsize=9.5)
    figure.legend(loc="outside lower left", ncols=3, fontsize=8.5)
    about = "by the records' answers; the cards measure others, and the loss at equal weights"
    figure.suptitle(f"How the objectives of each task relate\n{about}", x=0.012, ha="left", fontsize=11, color=INK)
    return figure


def measured(ranking: Ranking, task: str) -> tuple[float, float, bool] | None:
    """Return a task's correlation, its loss of the ideal point, and whether its front is known; None where they cannot be told."""
    told = ranking.tasks[task]
    runs = [run for found in ranking.digests.values() for run in found.runs.get(task, ())]
    k = len(told.facts.objectives)
    correlation = float(np.mean([run.correlation[np.triu_indices(k, 1)].mean() for run in runs]))
    base = np.asarray(np.mean([run.base for run in runs], 0))
    if len(told.front):
        points, base = told.front, told.base_returns if np.isfinite(told.base_returns).all() else base
    elif told.facts.front:
        points = np.array(told.facts.front)
    else:
        points = affordable(runs, told.facts.kl_budget)
    loss = loss_of_ideal(points, base)
    known = bool(len(told.front) or told.facts.front)
    return (correlation, loss, known) if np.isfinite([correlation, loss]).all() else None


def affordable(runs: Sequence[Digest], budget: float | None) -> Array:
    """Return the points (q, k) of the runs whose mean KL is within the budget in nats; all where the task has none, none where none is."""
    points = [run.means for run in runs if budget is None or run.values[KL].value <= budget]
    return np.concatenate(points) if points else np.full((1, runs[0].means.shape[1]), np.nan)


def loss_of_ideal(points: Array, base: Array) -> float:
    """Return the share of the ideal gains over the base (k,) that the point with the best mean among points (q, k) gives up.

    >>> round(loss_of_ideal(np.array([[1.0, 0.0], [0.6, 0.6], [0.0, 1.0]]), np.array([0.2, 0.2])), 3)  # (2 - 1.2) / (2 - .4)
    0.5
    """
    ideal, best = points.max(0), points[points.mean(1).argmax()]
    gain = float((ideal - base).sum())
    return float((ideal - best).sum() / gain) if gain > 1e-9 else float("nan")


def _named(figure: "Figure", places: dict[str, tuple[float, float]]) -> None:
    """Write each task's name beside its mark, at the nearest height where it covers neither a mark nor another name."""
    ax = figure.axes[0]
    taken = [(x - 0.03, x + 0.03, y) for x, y in places.values()]  # left, right and height of what is there
    for task, (x, y) in sorted(places.items(), key=lambda item: -item[1][1]):
        length = 0.021 * len(task)  # of the name in the units of the axis
        sides = [side for side in (1, -1) if abs(x + side * (0.045 + length)) < 1.08] or [1]
        for step, side in ((step, side) for step in range(60) for side in sides):
            height = y + 0.02 * (step // 2) * (-1 if step % 2 else 1)
            near = x + 0.045 * side
            left, right = min(near, near + side * length), max(near, near + side * length)
            if all(right < a or left > b or abs(height - h) > 0.045 for a, b, h in taken):
                break
        taken.append((left, right, height))
        ax.annotate(
            task, (x, y), xytext=(near, height), ha="left" if side > 0 else "right", va="center", fontsize=8.5, color=INK,
            arrowprops={"arrowstyle": "-", "color": "#bbbbbb", "lw": 0.7} if abs(height - y) > 0.03 else None,
        )  # fmt: skip
