"""What training a policy on a weight is likely to gain, and which policies to train on which weights next.

Gains are modelled per objective by a hyperbolic curve in its own weight, fitted to the trainings that started near the policy
(Xu et al. 2020). What is left out: the sparsity term of the selection, and a model that tells objectives' interaction.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from morlbench.front import hypervolume
from morlbench.preference import Array

WIDTH = 0.1  # how near (in returns) a start must lie to count as alike
PULL = 0.01  # how strongly the curve is held at its first guess


@dataclass(frozen=True, eq=False)
class Trainings:
    """What was tried: start returns (m, k), weights (m, k) and end returns (m, k)."""

    starts: Array
    weights: Array
    ends: Array

    def add(self, start: Array, weight: Array, end: Array) -> "Trainings":
        """Return the log with one training more."""
        return Trainings(np.vstack([self.starts, start]), np.vstack([self.weights, weight]), np.vstack([self.ends, end]))

    @classmethod
    def none(cls, k: int) -> "Trainings":
        """Return an empty log for k objectives."""
        return cls(*(np.zeros((0, k)) for _ in range(3)))


def predicted(log: Trainings, start: Array, weights: Array) -> Array:
    """Return the returns (c, k) expected after training from `start` (k,) on each of weights (c, k)."""
    near = np.exp(-((log.starts - start) ** 2).sum(1) / (2 * WIDTH**2)) + 1e-3
    gains = log.ends - log.starts
    columns = [_hyperbola(_fitted(log.weights[:, i], gains[:, i], near), weights[:, i]) for i in range(len(start))]
    return np.asarray(start + np.stack(columns, 1))


def choose(
    log: Trainings, values: Array, weights: Array, reference: Array, count: int, tried: Collection[tuple[int, int]] = ()
) -> list[tuple[int, int]]:
    """Return `count` pairs (policy, place in weights) whose predicted returns add the most hypervolume, chosen greedily.

    values (m, k) are the policies' returns, weights (c, k) the candidates. A chosen pair's prediction counts as reached when the
    next is chosen; pairs that were `tried` are not chosen again. Fewer than `count` where no more are left.
    """
    points = [(i, j, p) for i, value in enumerate(values) for j, p in enumerate(predicted(log, value, weights)) if (i, j) not in tried]
    front, chosen = list(values), list[tuple[int, int]]()
    for _ in range(min(count, len(points))):
        volumes = [hypervolume(np.array([*front, point]), reference) for _, _, point in points]
        i, j, point = points.pop(int(np.argmax(volumes)))
        chosen.append((i, j))
        front.append(point)
    return chosen


def _fitted(weights: Array, gains: Array, near: Array) -> Array:
    """Return (A, a, b, c) of g(w) = A tanh(a (w - b) / 2) + c, A and a >= 0: least squares, held near a first guess."""
    from scipy.optimize import least_squares

    first = np.array([0.05, 5.0, 0.5, np.clip((near * gains).sum() / near.sum(), -0.99, 0.99)])
    root = np.sqrt(near / near.max())

    def misfit(theta: Array) -> Array:
        return np.concatenate([root * (_hyperbola(theta, weights) - gains), PULL * (theta - first) / [0.1, 5.0, 0.5, 0.1]])

    return np.asarray(least_squares(misfit, first, bounds=([0, 0, 0, -1], [1, 50, 1, 1])).x)


def _hyperbola(theta: Array, weights: Array) -> Array:
    size, slope, middle, level = theta
    return np.asarray(size * np.tanh(slope * (weights - middle) / 2) + level)
