"""The authors' hierarchical grid search: three values per weight, keep the best cell, look again inside it.

The score of a point is w · (mean dev rewards), so one scored point serves every preference: the log is shared, and each
preference only pays for the cells where no other has looked. What is left out: any model of the score between points.
"""

from collections.abc import Callable
from itertools import product

import numpy as np

from morlbench.preference import Array

Point = tuple[float, ...]  # mixture weights (k,), each in [0, 1]
Measure = Callable[[Point], Array | None]  # mean rewards (k,) of a mixture, None once the budget is spent
SIDES = 3  # values per weight in one grid


def search(measure: Measure, preferences: Array, levels: int) -> dict[Point, Array]:
    """Return every point looked at and its mean rewards (k,), after at most `levels` grids per preference (p, k).

    All preferences finish a level before one starts the next, so a budget that ends early is shared fairly.
    """
    log: dict[Point, Array] = {}
    k = preferences.shape[1]
    boxes = [np.tile([0.0, 1.0], (k, 1)) for _ in preferences]
    for _ in range(levels):
        for i, preference in enumerate(preferences):
            for point in grid(boxes[i]):
                if point not in log:
                    found = measure(point)
                    if found is None:
                        return log
                    log[point] = found
            boxes[i] = best_cell(boxes[i], log, preference)
    return log


def grid(box: Array) -> list[Point]:
    """Return the 3^k points of a box (k, 2), the last weight fastest."""
    return [tuple(map(float, point)) for point in product(*(np.linspace(low, high, SIDES) for low, high in box))]


def best_cell(box: Array, log: dict[Point, Array], preference: Array) -> Array:
    """Return the cell (k, 2), of the 2^k in a box, whose corners' scores sum highest; the first in ties."""
    k = len(box)
    scores = np.array([log[point] @ preference for point in grid(box)]).reshape((SIDES,) * k)
    starts = list(product(range(SIDES - 1), repeat=k))
    sums = [scores[tuple(slice(i, i + 2) for i in start)].sum() for start in starts]
    values = np.array([np.linspace(low, high, SIDES) for low, high in box])
    start = starts[int(np.argmax(sums))]
    return np.array([values[d, [i, i + 1]] for d, i in enumerate(start)])
