"""How much a ranking by hypervolume owes to where the reference point was put.

The reference point is moved along the line from the task's own towards the best point seen (share 0 to 1) or away from it
(below 0). A far reference point rewards extreme points, a near one rewards the middle; where the order of methods changes
within a plausible range, hypervolume alone does not rank them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from morlbench import front
from morlbench.preference import Array

SHARES = tuple(np.linspace(-1, 0.5, 16).round(3).tolist())


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """Hypervolume of each method at each reference point, and the pairs of methods whose order changes."""

    shares: tuple[float, ...]
    volumes: dict[str, Array]  # (q,) each
    flips: tuple[tuple[str, str], ...]


def sensitivity(fronts: Mapping[str, Array], reference: Array, shares: tuple[float, ...] = SHARES) -> Sensitivity:
    """Return the hypervolumes of named fronts (p, k) over reference points between and beyond `reference` and the ideal point."""
    reference = np.asarray(reference, dtype=float)
    ideal = np.max([front.checked(points).max(0) for points in fronts.values()], axis=0)
    moved = np.array([reference + share * (ideal - reference) for share in shares])
    volumes = {name: np.array([front.hypervolume(points, place) for place in moved]) for name, points in fronts.items()}
    flips = tuple(pair for pair in combinations(fronts, 2) if _changes(volumes[pair[0]] - volumes[pair[1]]))
    return Sensitivity(shares, volumes, flips)


def _changes(difference: Array) -> bool:
    """Say whether the difference is clearly above 0 somewhere and clearly below 0 elsewhere."""
    return bool(difference.max() > 1e-9 and difference.min() < -1e-9)
