"""What a figure of a front is made of: one panel of two objectives, of regularised returns, or of many objectives side by side.

Colours belong to method names. Marks run from pale (weight 0) to full (weight 1); ellipses and bars are 95% intervals over prompts.
Leaves out titles, legends and files: see `morlbench.plot`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import fdtri

from morlbench.front import base_returns
from morlbench.metric import Evidence, TaskFacts
from morlbench.preference import Array
from morlbench.seeds import derive
from morlbench.stats import half_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe & Ito (2008) without black and yellow, then Tol's muted scheme (2021): told apart by readers with colour blindness.
PALETTE = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#332288",
    "#882255",
    "#117733",
    "#999933",
    "#AA4499",
    "#44AA99",
)
FIXED = (
    "moe-cmab", "rewarded-soups", "mod", "shuffled-preference", "linear-scalarization", "probability-mix", "emorl", "chebyshev",
    "preference-sweep", "conditioned-policy", "mgda", "random-weights",
)  # fmt: skip
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p")
INK, QUIET = "#222222", "#777777"
ROOM = np.array([0.054, 0.06])  # how far a label stands from its mark, in shares of the axes


@dataclass(frozen=True, eq=False)
class Curve:
    """One method's answers: rewards per preference and prompt (p, n, k), averaged over its seeds and draws."""

    label: str
    method: str
    marker: str
    preferences: Array
    rewards: Array
    seeds: tuple[Array, ...]  # each seed's means (p, k)

    @property
    def means(self) -> Array:
        """Mean rewards (p, k)."""
        return np.asarray(self.rewards.mean(1))


def colour(method: str) -> str:
    """Return the method's own colour, which its variants share: fixed for the best-known names, else a stable hash of the name."""
    name = method.partition("+")[0]
    place = FIXED.index(name) if name in FIXED else derive(0, "colour", name)
    return INK if name == "base" else PALETTE[place % len(PALETTE)]


def tint(tone: str, weight: float) -> tuple[float, float, float]:
    """Return the colour between white (weight 0) and `tone` (weight 1)."""
    from matplotlib.colors import to_rgb

    full = np.array(to_rgb(tone))
    mixed = 1 - (1 - full) * weight
    return float(mixed[0]), float(mixed[1]), float(mixed[2])


def marked(methods: Sequence[str]) -> dict[str, str]:
    """Return a mark for each method, so that two of one colour never share it."""
    used: dict[str, int] = {}
    marks = {}
    for method in methods:
        tone = colour(method)
        used[tone] = used.get(tone, -1) + 1
        marks[method] = MARKERS[used[tone] % len(MARKERS)]
    return marks


def pair(ax: "Axes", curves: Sequence[Curve], base: Array, task: TaskFacts, pair: tuple[int, int]) -> None:
    """Draw two objectives: curves with regions, base, reference point and reference front."""
    pick = list(pair)
    ordered = len(task.objectives) == 2
    if task.front and ordered:
        reference = np.array(task.front)[:, pick]
        reference = reference[np.argsort(reference[:, 0])]
        ax.plot(*reference.T, color=QUIET, ls=(0, (4, 2)), lw=1.3, zorder=1, label="reference front")
    for curve in curves:
        _curve(ax, curve, pick, ordered=ordered)
    _region(ax, base[:, pick], INK, alpha=0.16)
    ax.plot(*base[:, pick].mean(0), "D", color=INK, ms=7, mec="white", mew=0.8, zorder=6, label="base", ls="none")
    floor = np.array(task.reference_point)[pick]
    ax.plot(*floor, "+", color=QUIET, ms=11, mew=1.8, zorder=5, label="hypervolume reference point", ls="none")
    for side, i in zip("xy", pick, strict=True):
        text = f"{task.objectives[i]}  (mean scaled reward, higher is better)"
        (ax.set_xlabel if side == "x" else ax.set_ylabel)(text + " →", fontsize=10 if ordered else 9)
    ax.margins(0.09)
    if ordered:
        _weights(ax, curves, base, task)


def _curve(ax: "Axes", curve: Curve, pick: list[int], *, ordered: bool) -> None:
    tone, means = colour(curve.method), curve.means[:, pick]
    apart = [row for row in range(len(means)) if not (np.abs(means[:row] - means[row]).max(1) < 1e-9).any()]
    for row in apart:  # a policy blind to preferences is one region, not eleven on top of each other
        _region(ax, curve.rewards[row][:, pick], tone, alpha=0.10)
    if ordered:
        for seed in curve.seeds if len(curve.seeds) > 1 else ():
            ax.plot(*seed[:, pick].T, color=tone, lw=0.7, alpha=0.45, zorder=2)
        ax.plot(*means.T, color=tone, lw=1.7, zorder=3)
    fade = curve.preferences[:, pick[0]] if len(means) > 1 else np.ones(1)
    for point, weight in zip(means, fade, strict=True):
        ax.plot(*point, curve.marker, mfc=tint(tone, float(weight)), mec=tone, mew=1.2, ms=6.5, zorder=4)
    ax.plot([], [], curve.marker, color=tone, ls="-" if ordered and len(means) > 1 else "none", ms=6.5, label=curve.label)


def _weights(ax: "Axes", curves: Sequence[Curve], base: Array, task: TaskFacts) -> None:
    """Write the first objective's weight at the ends and the middle of each curve that is long enough, wherever there is room."""
    from matplotlib.patheffects import withStroke

    halo = [withStroke(linewidth=2.5, foreground="white")]
    drawn = np.concatenate([curve.means for curve in curves] + [base.mean(0)[None]])
    span = np.ptp(np.concatenate([drawn, np.array([task.reference_point])]), axis=0).clip(1e-9)
    marks, labels = list(drawn / span), list[Array]()
    for curve in curves:
        last = len(curve.means) - 1
        if last < 2 or (np.ptp(curve.means, axis=0) / span).max() < 0.3:
            continue
        for row, wanted in ((0, (-0.3, 1.0)), (last // 2, (1.0, 0.9)), (last, (0.3, -1.0))):
            point = curve.means[row]
            away = _room(point / span, wanted, marks, labels)
            if away is not None:
                labels.append(point / span + ROOM * away)
                ax.annotate(
                    f"w={curve.preferences[row, 0]:.2g}", (point[0], point[1]), xytext=(float(19 * away[0]), float(14 * away[1])),
                    textcoords="offset points", ha="center", va="center", fontsize=8, color=colour(curve.method), zorder=7,
                    path_effects=halo,
                )  # fmt: skip


def _room(point: Array, wanted: tuple[float, float], marks: Sequence[Array], labels: Sequence[Array]) -> Array | None:
    """Return the first direction, `wanted` first, in which a label covers neither mark nor label; None if none.

    A label in the middle of a curve keeps to its outer side.
    """
    sides = ((-1.2, 0.0), (1.2, 0.0), (0.0, 1.0), (0.0, -1.0)) if abs(wanted[0]) < 1 else ((1.3, 0.3), (0.3, 1.0))
    for away in (wanted, *sides):
        place = point + ROOM * np.array(away)
        if _clear(place, marks, 0.055, 0.028) and _clear(place, labels, 0.1, 0.05):
            return np.array(away)
    return None


def _clear(place: Array, others: Sequence[Array], width: float, height: float) -> bool:
    return all(abs(place[0] - other[0]) > width or abs(place[1] - other[1]) > height for other in others)


def returns(ax: "Axes", runs: Sequence[Evidence], task: TaskFacts) -> None:
    """Draw regularised returns E[r] - β KL against the true front, which no policy passes."""
    shown = [run for run in runs if run.exact is not None]
    true = shown[0].exact.front if shown[0].exact is not None else np.zeros((0, 2))
    ax.plot(*true[np.argsort(true[:, 0])].T, color=INK, lw=1.4, zorder=1, label="true front")
    for run in shown:
        if run.exact is not None:
            ax.plot(*run.exact.returns.T, color=colour(run.method.name), lw=1.3, marker="o", ms=4.5, alpha=0.9, zorder=3)
            if len(run.exact.preferences) >= run.k:
                ax.plot(*base_returns(run.exact.preferences, run.exact.base), "D", color=INK, ms=7, mec="white", mew=0.8, zorder=2)
    for side, name in zip("xy", task.objectives, strict=True):
        (ax.set_xlabel if side == "x" else ax.set_ylabel)(f"{name}  (E[reward] - β KL, higher is better) →")
    ax.set_title("regularised returns, exact", color=INK)
    ax.margins(0.09)


def parallel(ax: "Axes", curves: Sequence[Curve], base: Array, task: TaskFacts) -> None:
    """Draw many objectives: range over preferences, the reward at full weight with its interval, and the balanced preference."""
    k = len(task.objectives)
    width = 0.7 / max(len(curves), 1)
    for place, curve in enumerate(curves):
        tone, x = colour(curve.method), np.arange(k) + (place - (len(curves) - 1) / 2) * width
        means = curve.means
        ax.bar(x, np.ptp(means, axis=0), width * 0.8, bottom=means.min(0), color=tone, alpha=0.18, zorder=2)
        own = [int(curve.preferences[:, i].argmax()) for i in range(k)]
        middle = int(np.abs(curve.preferences - 1 / k).sum(1).argmin())
        half = [_half(curve.rewards[own[i], :, i]) for i in range(k)]
        top = [float(means[own[i], i]) for i in range(k)]
        ax.errorbar(x, top, half, fmt=curve.marker, color=tone, ms=6, capsize=2, zorder=4, label=curve.label)
        ax.plot(x, means[middle], "_", color=tone, ms=11, mew=2.2, zorder=4)
    half = [_half(base[:, i]) for i in range(k)]
    ax.errorbar(np.arange(k), base.mean(0), half, fmt="D", color=INK, ms=5, capsize=2, zorder=5, label="base")
    ax.plot(np.arange(k), task.reference_point, "_", color=QUIET, ms=26, mew=1.4, zorder=1, label="hypervolume reference point")
    ax.plot([], [], "o", color=QUIET, ms=6, label="mark: at full weight on the objective")
    ax.plot([], [], "_", color=QUIET, ms=11, mew=2.2, label="dash: at equal weights")
    ax.plot([], [], "s", color=QUIET, alpha=0.35, ms=9, label="bar: range over preferences")
    ax.set_xticks(range(k), task.objectives, rotation=20 if k > 6 else 0)
    ax.set_ylabel("mean scaled reward  (higher is better) →")


def _region(ax: "Axes", values: Array, tone: str, *, alpha: float) -> None:
    """Fill the 95% confidence ellipse (Hotelling) of the mean of values (n, 2)."""
    from matplotlib.patches import Ellipse

    n = len(values)
    if n < 4:
        return
    lengths, turn = np.linalg.eigh(np.cov(values.T) / n)
    size = 2 * np.sqrt(np.maximum(lengths, 0) * 2 * (n - 1) / (n - 2) * fdtri(2, n - 2, 0.95))
    angle = float(np.degrees(np.arctan2(turn[1, 1], turn[0, 1])))
    ax.add_patch(Ellipse(tuple(values.mean(0)), size[1], size[0], angle=angle, fc=tone, ec="none", alpha=alpha, zorder=1.5))


def _half(values: Array) -> float:
    return float(half_width(values)) if len(values) > 1 else 0.0
