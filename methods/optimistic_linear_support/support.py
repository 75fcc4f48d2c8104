"""The geometry of optimistic linear support: corner weights and how much a new policy could gain there.

Values are (m, k), one row per policy; the surface known so far is max_j w·v_j over the simplex, convex and piecewise linear.
Gaps are largest at its corners (Roijers et al. 2014). What is left out: approximate policies' own error in the bound.
"""

from itertools import combinations
from math import comb

import numpy as np

from morlbench.preference import Array

SYSTEMS = 50_000  # linear systems solved for one list of corners, at most


def corners(values: Array) -> Array:
    """Return the corner weights (c, k) of max_j w·v_j, the simplex's vertices among them.

    A corner is where k of the planes w·v_j = s and walls w_i = 0 meet on the simplex with no plane above.
    """
    m, k = values.shape
    rows = np.vstack([np.hstack([values, -np.ones((m, 1))]), np.hstack([np.eye(k), np.zeros((k, 1))])])  # (m + k, k + 1)
    total = np.append(np.ones(k), 0.0)
    found = []
    for chosen in combinations(range(m + k), k):
        system = np.vstack([rows[list(chosen)], total])
        if abs(np.linalg.det(system)) < 1e-10:
            continue
        point = np.linalg.solve(system, np.append(np.zeros(k), 1.0))
        weights, height = point[:k], point[k]
        if (weights > -1e-9).all() and (values @ weights <= height + 1e-9).all():
            found.append(weights.clip(0))
    return np.unique(np.round(found, 9), axis=0)


def affordable(policies: int, k: int) -> bool:
    """Say whether the corners of that many policies' surface can be listed."""
    return comb(policies + k, k) <= SYSTEMS


def optimistic(weights: Array, tried: Array, values: Array) -> float:
    """Return the largest w·u any policy could reach at weights (k,) if those at tried (m, k) are optimal, with u_i <= 1."""
    from scipy.optimize import linprog

    heights = (values @ tried.T).max(0)  # the surface at each weight tried
    found = linprog(-weights, A_ub=tried, b_ub=heights, bounds=[(None, 1.0)] * len(weights))
    return float(-found.fun) if found.success else float(np.inf)


def next_preference(tried: Array, values: Array) -> tuple[Array, float]:
    """Return the corner weights (k,) with the largest optimistic gap, and that gap (0 or less: nothing is left to gain)."""
    candidates = [w for w in corners(values) if np.abs(tried - w).sum(1).min() > 1e-6]
    if not candidates:
        return tried[0], 0.0
    gaps = [optimistic(w, tried, values) - float((values @ w).max()) for w in candidates]
    best = int(np.argmax(gaps))
    return candidates[best], gaps[best]
