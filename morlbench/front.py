"""Sets of points, larger is better in every objective: thin, checked doors to moocore.

Points are (p, k). moocore returns NaN silently on NaN input, so every door refuses values that are not finite. Exact
hypervolume up to 5 objectives (6 with <= 500 points, 8 with <= 50); beyond that `hv_approx`, and `is_exact` says which.
"""

import numpy as np

from morlbench.errors import MorlbenchError
from morlbench.preference import Array


def hypervolume(points: Array, reference: Array) -> float:
    """Return the volume dominated by `points` (p, k) above `reference` (k,); worse-than-reference points add 0."""
    import moocore

    points = checked(points)
    inside = points[(points > reference).all(1)]
    if not len(inside):
        return 0.0
    if is_exact(inside):
        return float(moocore.hypervolume(inside, ref=np.asarray(reference), maximise=True))
    return float(moocore.hv_approx(inside, ref=np.asarray(reference), maximise=True, seed=0, nsamples=100_000))


def is_exact(points: Array) -> bool:
    """Say whether the hypervolume of this many points in this many objectives is computed exactly."""
    p, k = points.shape
    return bool(k <= 5 or (k == 6 and p <= 500) or (k <= 8 and p <= 50))


def nondominated(points: Array) -> Array:
    """Return the points no other point dominates, duplicates once, sorted by the first objective."""
    import moocore

    points = checked(points)
    kept = points[moocore.is_nondominated(points, maximise=True, keep_weakly=False)]
    return np.asarray(kept[np.lexsort(kept.T[::-1])])


def checked(points: Array) -> Array:
    """Return points (p, k) as floats, or raise MorlbenchError if empty, not 2-D or not finite."""
    points = np.asarray(points, dtype=float)
    if points.ndim != 2 or not len(points):
        raise MorlbenchError(f"a front must be (points, objectives) with at least one point; got shape {points.shape}")
    if not np.isfinite(points).all():
        raise MorlbenchError("a front holds a value that is not finite")
    return points
