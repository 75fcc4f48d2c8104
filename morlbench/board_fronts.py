"""Every method's front on one task, a small panel each: the band its seeds attain, the true or reference front, the others in grey.

Two objectives are drawn as fronts, more as parallel coordinates. On exact tasks the axes are regularised returns, where no
policy passes the true front; elsewhere mean rewards. The axes show the fronts and the bulk of the methods: what lies far
outside is marked by a triangle at the edge, so that a few bad methods do not squeeze the others into a corner. Leaves out the
other figures of a board: see `morlbench.board_figures`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from morlbench.leaderboard import Ranking
from morlbench.panels import INK, QUIET, colour, tint
from morlbench.preference import Array
from morlbench.stability import attained

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS, WIDTH, HEIGHT = 5, 2.65, 2.45  # of the grid; a panel's size in inches
STEPS = 160  # places at which a band is evaluated; points of a front that are drawn
GREY = "#d4d4d4"
ROOM, MARGIN = 0.3, 0.06  # of the span of the fronts and most methods: how far an axis follows the rest, and its rim


@dataclass(frozen=True, eq=False)
class Curve:
    """One method's points per seed, in the axes of the figure: s arrays (p, k), and the preferences (p, k) they were asked at."""

    label: str
    method: str
    points: tuple[Array, ...]
    preferences: Array

    @property
    def mean(self) -> Array:
        """Mean over seeds (p, k)."""
        return np.asarray(np.mean(self.points, 0))


@dataclass(frozen=True, eq=False)
class Scene:
    """What all panels of a task share: the curves, the front, the base, the axes' names and what the dashed line is."""

    task: str
    curves: tuple[Curve, ...]
    front: Array  # (g, k); empty where there is none
    base: Array  # (k,)
    axes: tuple[str, ...]
    front_name: str


def scene(ranking: Ranking, task: str) -> Scene | None:
    """Return what there is to draw of a task; None where no method has a record."""
    if task not in ranking.tasks:
        return None
    told = ranking.tasks[task]
    exact = bool(len(told.front))
    curves, bases = [], []
    for entry, found in ranking.digests.items():
        runs = found.runs.get(task, ())
        bases += [run.base for run in runs]
        each = [run.returns if exact else run.means for run in runs]
        points = tuple(one for one in each if one is not None)  # no KL, no returns: best-of-n on exact tasks
        if entry != "base" and points:
            curves.append(Curve(entry, entry.partition("+")[0], points, runs[0].preferences))
    if not curves:
        return None
    sampled = np.asarray(np.nanmean(bases, 0)) if np.isfinite(bases).any() else np.full(len(told.facts.objectives), np.nan)
    if exact:
        base = told.base_returns if np.isfinite(told.base_returns).all() else sampled
        return Scene(task, tuple(curves), told.front, base, told.facts.objectives, "true front, which no policy passes")
    return Scene(task, tuple(curves), np.array(told.facts.front), sampled, told.facts.objectives, "reference front")


def figure(ranking: Ranking, task: str) -> "Figure | None":
    """Return the task's figure."""
    from matplotlib.figure import Figure

    drawn = scene(ranking, task)
    if drawn is None:
        return None
    k, count = len(drawn.axes), len(drawn.curves)
    columns = min(COLUMNS, count)
    lines = -(-count // columns)
    names = 0.75 if k > 3 else 0.0  # inches for the objectives' names, upright
    wide, high = max(WIDTH * columns + 0.9, 8.1), HEIGHT * lines + 1.6 + names
    made = Figure(figsize=(wide, high))  # laid out by hand: a solver takes longer than all the drawing
    grid = {"left": 0.75 / wide, "right": 1 - 0.15 / wide, "top": 1 - 0.95 / high, "bottom": (0.6 + names) / high}
    axes = made.subplots(lines, columns, squeeze=False, gridspec_kw={**grid, "wspace": 0.08, "hspace": 0.2}).ravel()
    beyond, (low, top) = False, limits(drawn)
    for place, (ax, curve) in enumerate(zip(axes, drawn.curves, strict=False)):
        (_pair if k == 2 else _parallel)(ax, curve, drawn)
        ax.set_ylim(low[-1], top[-1])
        if k == 2:
            ax.set_xlim(low[0], top[0])
        beyond = _cut(ax, curve, low, top) or beyond
        ax.set_title(curve.label, color=colour(curve.method), fontsize=9.5)
        ax.tick_params(labelsize=8, labelleft=place % columns == 0, labelbottom=place + columns >= count)
    for ax in axes[count:]:
        ax.set_axis_off()
    unit = "E[reward] − β KL" if len(ranking.tasks[task].front) else "mean scaled reward"
    if k == 2:
        made.supxlabel(f"{drawn.axes[0]}  ({unit}, higher is better) →", fontsize=9.5)
    made.supylabel(f"{drawn.axes[1] if k == 2 else unit}  (higher is better) →", fontsize=9.5 if lines > 1 else 8.5, x=0.1 / wide)
    _title(made, drawn, ranking, beyond)
    return made


def limits(drawn: Scene) -> tuple[Array, Array]:
    """Return the lowest and highest value of the axes: two of each (2,) for two objectives, one (1,) for the shared axis of more.

    They hold the front, the base and the better three quarters of the methods on each side, and follow the others by ROOM of that span.
    """
    shared = len(drawn.axes) > 2
    ends = np.array([_ends(curve.mean, shared) for curve in drawn.curves])  # (m, 2, axes)
    known = [*([drawn.front.max(0)[None] if shared else drawn.front] if len(drawn.front) else []), drawn.base[None]]
    fixed = np.array([_ends(points, shared) for points in known if np.isfinite(points).all()]).reshape(-1, 2, ends.shape[2])
    low = np.vstack([np.quantile(ends[:, 0], 0.25, axis=0), fixed[:, 0].reshape(-1, ends.shape[2])]).min(0)
    top = np.vstack([np.quantile(ends[:, 1], 0.75, axis=0), fixed[:, 1].reshape(-1, ends.shape[2])]).max(0)
    span = (top - low).clip(1e-3)
    every = np.array([_ends(np.concatenate(curve.points), shared) for curve in drawn.curves])
    low = np.maximum(np.minimum(low, every[:, 0].min(0)), low - ROOM * span)
    top = np.minimum(np.maximum(top, every[:, 1].max(0)), top + ROOM * span)
    return low - MARGIN * span, top + MARGIN * span


def _ends(points: Array, shared: bool) -> Array:
    """Return the least and the largest (2, axes) of points (q, k), over all objectives together where they share an axis."""
    points = points.reshape(-1, 1) if shared else points
    return np.array([points.min(0), points.max(0)])


def _cut(ax: "Axes", curve: Curve, low: Array, top: Array) -> bool:
    """Put a triangle at the edge for every mean point beyond it, and say whether there is any."""
    if len(low) == 2:
        places = curve.mean
    else:  # an objective's range over preferences
        places = np.array([(i, end) for i, ends in enumerate(_ends(curve.mean, False).T) for end in ends])
        low, top = np.array([-np.inf, low[0]]), np.array([np.inf, top[0]])
    outside = [place for place in places if (place < low).any() or (place > top).any()]
    for place in outside:
        mark = next(mark for mark, out in zip("v^<>", (place[1] < low[1], place[1] > top[1], place[0] < low[0], True), strict=True) if out)
        ax.plot(*place.clip(low, top), mark, color=colour(curve.method), mfc="white", ms=6.5, mew=1.2, clip_on=False, zorder=6)
    return bool(outside)


def staircase(points: Array, x: Array) -> Array:
    """Return the height (m,) of the region that points (q, 2) attain at each x (m,): the best second value among those as far right.

    >>> staircase(np.array([[1.0, 3.0], [2.0, 1.0]]), np.array([0.5, 1.5, 2.5])).tolist()
    [3.0, 1.0, nan]
    """
    reached = points[:, 0] >= x[:, None]  # (m, q)
    height = np.where(reached, points[:, 1], -np.inf).max(1)
    return np.asarray(np.where(np.isfinite(height), height, np.nan))


def _pair(ax: "Axes", curve: Curve, drawn: Scene) -> None:
    """Draw a front of two objectives with the band its seeds attain."""
    from matplotlib.collections import LineCollection

    tone = colour(curve.method)
    if len(drawn.front):
        front = drawn.front[np.argsort(drawn.front[:, 0])]
        front = front[np.unique(np.linspace(0, len(front) - 1, STEPS).round().astype(int))]
        ax.plot(*front.T, color=QUIET, ls=(0, (4, 2)), lw=1.1, zorder=1.2)
    others = [other.mean for other in drawn.curves if other is not curve]
    ax.add_collection(LineCollection([mean for mean in others if len(mean) > 1], colors=GREY, linewidths=0.7, zorder=1))
    ax.plot(*np.array([mean[0] for mean in others if len(mean) == 1]).reshape(-1, 2).T, ".", color=GREY, ms=3.5, zorder=1)
    ax.plot(*drawn.base, "D", color=INK, ms=4.5, mec="white", mew=0.6, zorder=5)
    if len(curve.mean) == 1:
        ax.plot(*np.concatenate(curve.points).T, "o", color=tone, ms=3.5, alpha=0.5, mew=0, zorder=3)
        ax.plot(*curve.mean.T, "o", color=tone, ms=6, mec="white", mew=0.6, zorder=4)
        return
    if len(curve.points) > 1:
        _band(ax, curve.points, tone)
    ax.plot(*curve.mean.T, color=tone, lw=1.3, zorder=3)
    fills = [tint(tone, w) for w in curve.preferences[:, 0]]
    ax.scatter(curve.mean[:, 0], curve.mean[:, 1], c=fills, s=16, edgecolors=tone, linewidths=0.8, zorder=4)


def _band(ax: "Axes", points: Sequence[Array], tone: str) -> None:
    """Fill what at least one seed attains but not all of them."""
    some, every = attained(points, (1, 100))
    stacked = np.concatenate(points)
    low, high = stacked.min(0), stacked.max(0)
    x = np.linspace(low[0] - 0.02 * (high[0] - low[0]), high[0], STEPS)
    top, bottom = staircase(some, x), staircase(every, x)
    bottom = np.where(np.isnan(bottom), low[1], bottom)
    ax.fill_between(x, bottom, top, color=tone, alpha=0.22, lw=0, zorder=2)


def _parallel(ax: "Axes", curve: Curve, drawn: Scene) -> None:
    """Draw many objectives: range over preferences, the value at full weight, at equal weights, and the base."""
    k = len(drawn.axes)
    tone, x, mean = colour(curve.method), np.arange(k), curve.mean
    own = np.array([mean[int(curve.preferences[:, i].argmax()), i] for i in range(k)])
    middle = mean[int(np.abs(curve.preferences - 1 / k).sum(1).argmin())]
    if len(drawn.front):
        ax.plot(x, drawn.front.max(0), "_", color=QUIET, ms=9, mew=1.4, zorder=2)
    ax.bar(x, np.ptp(mean, axis=0), 0.6, bottom=mean.min(0), color=tone, alpha=0.22, zorder=1.5)
    seeds = np.array([[points[int(curve.preferences[:, i].argmax()), i] for i in range(k)] for points in curve.points])  # (s, k)
    ax.vlines(x, seeds.min(0), seeds.max(0), color=tone, lw=1.4, zorder=3)
    ax.plot(x, own, "o", color=tone, ms=4.5, zorder=4)
    ax.plot(x, middle, "_", color=tone, ms=8, mew=1.8, zorder=4)
    ax.plot(x, drawn.base, "D", color=INK, ms=3.2, mec="white", mew=0.5, zorder=3)
    ax.set_xticks(x, drawn.axes, rotation=60 if k > 3 else 0, fontsize=7.5)


def _title(made: "Figure", drawn: Scene, ranking: Ranking, beyond: bool) -> None:
    counts, high = sorted({len(curve.points) for curve in drawn.curves}), made.get_figheight()
    seeds = f"{counts[0]} to {counts[-1]}" if counts[1:] else str(counts[0])
    front = f"dashes: {drawn.front_name}; " if len(drawn.front) else ""
    if len(drawn.axes) == 2:
        about = f"marks: mean of seeds, pale to full: weight of {drawn.axes[0]} from 0 to 1; band: attained by one seed to all seeds;"
        rest = f"{front}diamond: base; grey: the other methods; a method of one policy is one point, its seeds beside it"
    else:
        about = "bar: range over preferences, mean of seeds; disc: at full weight on the objective, with the range over seeds;"
        rest = f"dash in colour: at equal weights; {'grey dash: best value on the true front; ' if len(drawn.front) else ''}diamond: base"
    about += " triangle: beyond the edge;" if beyond else ""
    title = f"{drawn.task} · {ranking.board.budget:,} scored responses · {seeds} seed{'s' if seeds != '1' else ''}"
    made.text(0.012, 1 - 0.1 / high, title, ha="left", va="top", fontsize=11.5, color=INK)
    for line, text in enumerate((about, rest)):
        made.text(0.012, 1 - (0.37 + 0.17 * line) / high, text, ha="left", va="top", fontsize=8.2, color="#555555")
