"""Preferences (weights on the simplex) and the utilities that turn a reward vector into one number.

The evaluation preferences are the same for every method: a lattice fixed by k and eight held-out draws fixed by the task.
Utilities are applied per response (expected scalarised returns): what one reader gets and one rating measures.
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from morlbench.errors import BadInput
from morlbench.seeds import derive

Array = NDArray[np.float64]
UtilityName = Literal["linear", "chebyshev", "soft-threshold", "hard-threshold"]
HELD_OUT = 8
AUGMENTATION = 0.05  # weight of the linear term in the augmented Chebyshev utility
INTERIOR = 0.01  # smallest weight of an interior preference
PENALTY = 2.0  # slope of the soft threshold's penalty


@dataclass(frozen=True)
class Utility:
    """A function u_w(r) of a reward vector and a preference, larger is better.

    linear: w·r. chebyshev: -max_i w_i (1 - r_i) + .05 w·r. soft-threshold: w·r - 2 Σ max(0, τ_i - r_i).
    hard-threshold: 1 if every r_i >= τ_i, else 0. Thresholds τ belong to the task.
    """

    name: UtilityName = "linear"
    thresholds: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in get_args(UtilityName):
            raise BadInput(f"unknown utility {self.name!r}; known: {', '.join(get_args(UtilityName))}")
        if self.name.endswith("threshold") and not self.thresholds:
            raise BadInput(f"utility {self.name!r} needs one threshold per objective")

    def __call__(self, rewards: Array, preferences: Array) -> Array:
        """Return u_w(r) over the last axis: rewards (..., k) and preferences (..., k) broadcast to (...)."""
        linear = (rewards * preferences).sum(-1)
        if self.name == "linear":
            return np.asarray(linear)
        if self.name == "chebyshev":
            return np.asarray(-(preferences * (1 - rewards)).max(-1) + AUGMENTATION * linear)
        shortfall = np.asarray(self.thresholds) - rewards  # (..., k)
        if self.name == "soft-threshold":
            return np.asarray(linear - PENALTY * np.maximum(shortfall, 0).sum(-1))
        met = (shortfall <= 0).all(-1)
        return np.asarray(np.broadcast_to(met, np.shape(linear)), dtype=float)


LINEAR = Utility()


def parse_preference(text: str, k: int) -> tuple[float, ...]:
    """Read '.7,.3' as a preference over k objectives, or raise BadInput."""
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise BadInput(f"preference {text!r} is not a list of numbers; expected {k} weights such as {_example(k)}") from None
    return check_preference(values, k)


def check_preference(values: tuple[float, ...], k: int) -> tuple[float, ...]:
    """Return `values` if they are k non-negative finite weights that sum to 1, else raise BadInput."""
    given = ",".join(f"{v:g}" for v in values)
    if len(values) != k:
        raise BadInput(f"preference {given} has {len(values)} weights; the task has {k} objectives, e.g. {_example(k)}")
    if not np.isfinite(values).all():
        raise BadInput(f"preference {given} holds a value that is not finite; expected e.g. {_example(k)}")
    if min(values) < 0 or abs(sum(values) - 1) > 1e-6:
        raise BadInput(f"preference {given} must be non-negative and sum to 1 (it sums to {sum(values):g}); e.g. {_example(k)}")
    return values


@cache
def _lattice(k: int) -> tuple[tuple[float, ...], ...]:
    if k == 2:
        first = np.linspace(0, 1, 11).round(10)
        return tuple(zip(first.tolist(), (1 - first).round(10).tolist(), strict=True))
    if k in (3, 4):
        from pymoo.util.ref_dirs import get_reference_directions

        partitions = 5 if k == 3 else 4
        return _tuples(get_reference_directions("das-dennis", k, n_partitions=partitions))
    corners = list(np.eye(k))
    if k <= 6:
        pairs = [(a + b) / 2 for i, a in enumerate(corners) for b in corners[i + 1 :]]
        fixed, total = [*corners, *pairs, np.full(k, 1 / k)], 35
    else:
        fixed, total = [*corners, np.full(k, 1 / k)], 55
    drawn = np.random.default_rng(k).dirichlet(np.ones(k), 4096)
    interior = drawn[(drawn > INTERIOR).all(1)].round(6)
    interior[:, 0] = (1 - interior[:, 1:].sum(1)).round(6)
    return _tuples(np.array([*fixed, *far_apart(interior, np.array(fixed), max(total - len(fixed), 8))]))


def lattice(k: int) -> Array:
    """Return the evaluation preferences (p, k): p = 11 at k=2, 21 at k=3, 35 at k=5, 55 at k=10.

    Beyond k=4 plain lattices hold hardly an interior point, so vertices, (at k <= 6) pairs and the centroid are joined by
    interior points, chosen greedily to lie far apart (Gonzalez 1985) among 4,096 uniform draws. Energy points as in pymoo take
    half a minute there and lie on the boundary nearly all: 4 of 140 were interior at k=5, none of 220 at k=10.
    """
    if k < 2:
        raise BadInput(f"a multi-objective task needs at least 2 objectives, not {k}")
    return np.array(_lattice(k))


def held_out(task: str, k: int) -> Array:
    """Return the task's eight held-out Dirichlet(1) preferences (8, k): never shown while training."""
    return np.random.default_rng(derive(0, "held-out", task)).dirichlet(np.ones(k), HELD_OUT).round(4)


def far_apart(points: Array, chosen: Array, count: int) -> list[Array]:
    """Pick `count` of points (n, k), each the farthest from all picked so far and from `chosen` (m, k) (Gonzalez 1985)."""
    picked: list[Array] = []
    distance = np.abs(points[:, None] - chosen).sum(-1).min(1)
    for _ in range(min(count, len(points))):
        best = int(distance.argmax())
        picked.append(points[best])
        distance = np.minimum(distance, np.abs(points - points[best]).sum(-1))
    return picked


def _tuples(points: Array) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in points.tolist())


def _example(k: int) -> str:
    return ",".join([f"{1 / k:.3g}"] * k) if k in (2, 4, 5, 10) else "weights that sum to 1"


def rows_at(preferences: Array, wanted: Array | tuple[float, ...]) -> NDArray[np.int64]:
    """Return which of the preferences (p, k) are the wanted one (k,)."""
    return np.flatnonzero(np.abs(preferences - np.asarray(wanted)).max(1) < 1e-6)
