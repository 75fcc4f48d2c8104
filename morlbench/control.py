"""Controllability: do rewards follow the weights they are asked for, how far, and how evenly?

Everything looks at the mean rewards v (p, k) at the lattice preferences w (p, k), the exact ones where answers can be listed.
A single policy cannot be asked, so it has no value here.
"""

import numpy as np
import pandas as pd

from morlbench.front import base_returns
from morlbench.metric import Evidence, NoValue
from morlbench.preference import Array

DIGITS = 9  # beyond which a reward did not move: sums of floats go up and down


def spearman(run: Evidence) -> float:
    """Return the smallest over objectives of Spearman's correlation of w_i and v_i; 0 where v_i never moves."""
    w, v = (pd.DataFrame(x).rank().to_numpy() for x in _moved(run))
    return min(_correlation(w[:, i], v[:, i]) for i in range(run.k))


def kendall(run: Evidence) -> float:
    """Return the smallest over objectives of Kendall's tau-b of w_i and v_i; 0 where v_i never moves."""
    w, v = _moved(run)
    return min(_tau(w[:, i], v[:, i]) for i in range(run.k))


def dynamic_range(run: Evidence) -> float:
    """Return the smallest over objectives of v_i at w_i = 1 minus the mean v_i where w_i = 0."""
    w, v = _asked(run)
    ranges = []
    for i in range(run.k):
        top, bottom = w[:, i] > 1 - 1e-9, w[:, i] < 1e-9
        if not top.any() or not bottom.any():
            raise NoValue(f"the policy was not asked at weights 0 and 1 of {run.task.objectives[i]}")
        ranges.append(v[top, i].mean() - v[bottom, i].mean())
    return float(min(ranges))


def corner_gains(run: Evidence) -> tuple[float, float]:
    """Return the mean gain over the base, asked for one objective alone, on that objective and on the others."""
    w, v = _asked(run)
    corners = [np.abs(w - corner).sum(1) < 1e-9 for corner in np.eye(run.k)]
    missing = [name for name, rows in zip(run.task.objectives, corners, strict=True) if not rows.any()]
    if missing:
        raise NoValue(f"the policy was not asked for {missing[0]} alone")
    base = run.probe("base").means[0]
    if run.exact is not None and v is run.exact.rewards:
        base = base_returns(run.exact.preferences, run.exact.base)  # exact on both sides
    gains = np.stack([v[rows].mean(0) for rows in corners]) - base  # (asked for, gained on)
    own = np.eye(run.k, dtype=bool)
    return float(gains[own].mean()), float(gains[~own].mean())


def violations(run: Evidence) -> float:
    """Return the mean over objectives of the share of steps to the next higher w_i at which the mean v_i falls."""
    w, v = _moved(run)
    shares = []
    for i in range(run.k):
        levels, place = np.unique(w[:, i].round(6), return_inverse=True)
        means = np.bincount(place, v[:, i]) / np.bincount(place)
        shares.append((np.diff(means).round(DIGITS) < 0).mean() if len(levels) > 1 else 0.0)
    return float(np.mean(shares))


def linearity(run: Evidence) -> float:
    """Return the pooled R² of the affine regressions of v on w."""
    w, v = _asked(run)
    design = np.column_stack([np.ones(len(w)), w[:, 1:]])  # weights sum to 1: one column is implied
    residual = v - design @ np.linalg.lstsq(design, v, rcond=None)[0]
    spread = ((v - v.mean(0)) ** 2).sum()
    if spread < 1e-12:
        raise NoValue("rewards do not move with the preference")
    return float(1 - (residual**2).sum() / spread)


def worst_step(run: Evidence) -> float:
    """Return the longest move between a preference and its nearest ones, over the largest distance between any two points."""
    w, v = _asked(run)
    apart = np.abs(w[:, None] - w).sum(-1) + 10 * np.eye(len(w))
    moved = np.sqrt(((v[:, None] - v) ** 2).sum(-1))
    if moved.max() < 1e-9:
        raise NoValue("rewards do not move with the preference")
    near = apart <= apart.min(1, keepdims=True) + 1e-6
    return float(moved[near].max() / moved.max())


def _asked(run: Evidence) -> tuple[Array, Array]:
    probe = run.probe("front")
    if run.method.track != "front" or len(probe.preferences) < 3:
        raise NoValue("a single policy takes no preference")
    if run.exact is not None and len(run.exact.preferences) == len(probe.preferences):
        return run.exact.preferences, run.exact.rewards  # without the noise of few answers
    return probe.preferences, probe.means


def _moved(run: Evidence) -> tuple[Array, Array]:
    """Return preferences and rewards as `_asked` does, without movements that are rounding."""
    w, v = _asked(run)
    return w, v.round(DIGITS)


def _correlation(a: Array, b: Array) -> float:
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / scale) if scale > 0 else 0.0


def _tau(a: Array, b: Array) -> float:
    upper = np.triu_indices(len(a), 1)
    da, db = np.sign(a[:, None] - a)[upper], np.sign(b[:, None] - b)[upper]
    scale = np.sqrt((da != 0).sum() * (db != 0).sum())
    return float((da * db).sum() / scale) if scale > 0 else 0.0
