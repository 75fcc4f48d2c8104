"""The hypervolume in polar form: an integral over directions that is linear in choices, so it can be cross-fitted and derived.

HV = c_k E_θ[ρ(θ)^k], ρ(θ) = max_p min_i (v_pi - ref_i)+ / θ_i, over unit directions θ of the positive orthant (Zhang & Golovin
2020); c_k is the area of that part of the sphere over k. A quadrature: exact to about 1e-5 at k = 2; beyond, where only ratios
and derivatives are used, objectives are scaled to their ranges first. The derivative of a front of six points is off by 2, 5 and
20 % of its length at k = 3, 5 and 10 (`pytest tests/test_metrics_front.py -k ranges`). Callers put objectives in one order first
(`front.canonical`).
"""

from functools import cache

import numpy as np
from scipy.special import gamma, ndtri

from morlbench.preference import Array

ANGLES = 256  # directions at k = 2
REACHES, SLOPES = 512, 4096  # beyond, for ratios over many sets and for one set's derivative


def ranges(points: Array, reference: Array) -> Array:
    """Return how far points (p, k) reach above the reference in each objective (k,); 1 where none does, and for two objectives."""
    found = (points - np.asarray(reference)).max(0)
    return np.where((found > 0) & (len(found) > 2), found, 1.0)


def reach(sets: Array, reference: Array, scale: Array) -> Array:
    """Return ρ of every point before the maximum: (b, p, m) for sets (b, p, k), objectives in units of scale (k,), m directions."""
    angles = directions(sets.shape[-1], REACHES)
    above = np.maximum(sets - np.asarray(reference), 0) / scale
    found = above[..., 0, None] / angles[:, 0]
    for i in range(1, angles.shape[1]):
        np.minimum(found, above[..., i, None] / angles[:, i], out=found)
    return np.asarray(found)


def volume(distance: Array, k: int) -> Array:
    """Return c_k E[ρ^k] (b,) from ρ (b, m)."""
    return np.asarray(_constant(k) * (distance**k).mean(-1))


def gradient(points: Array, reference: Array) -> Array:
    """Return the derivative (p, k) of the hypervolume of `points` (p, k) by each coordinate."""
    p, k = points.shape
    angles, scale = directions(k, SLOPES), ranges(points, reference)
    above = np.maximum(points - np.asarray(reference), 0) / scale
    ratios = above[:, None] / angles  # (p, m, k)
    limit = ratios.argmin(2)  # which objective stops a point in a direction
    distance = ratios.min(2)
    best = distance.argmax(0)  # (m,)
    each = np.arange(len(angles))
    stops, far = limit[best, each], distance[best, each]
    slope = _constant(k) * k * far ** (k - 1) / angles[each, stops] / len(angles)
    found = np.zeros((p, k))
    np.add.at(found, (best, stops), np.where(far > 0, slope, 0))
    return np.asarray(found * (scale.prod() / scale))


@cache
def directions(k: int, m: int) -> Array:
    """Return evenly spread unit vectors (m, k) of the positive orthant: ANGLES even angles for k = 2, else Sobol half-normals."""
    if k == 2:
        angle = (np.arange(ANGLES) + 0.5) / ANGLES * np.pi / 2
        return np.stack([np.cos(angle), np.sin(angle)], 1)
    from scipy.stats import qmc  # a second to import, which two objectives have no use for

    uniform = qmc.Sobol(k, scramble=False).random(m) * (1 - 1 / m) + 0.5 / m
    normal = ndtri((1 + uniform) / 2)
    return np.asarray(normal / np.linalg.norm(normal, axis=1, keepdims=True))


def _constant(k: int) -> float:
    return float(2 * np.pi ** (k / 2) / gamma(k / 2) / 2**k / k)
