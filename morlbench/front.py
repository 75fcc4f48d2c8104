"""Sets of points, larger is better in every objective: thin, checked doors to moocore.

Points are (p, k). moocore returns NaN silently on NaN input, so every door refuses values that are not finite; it is given
negated points, since its `maximise` picks columns by a mask, which takes longer than a sweep over a hundred points. Exact
hypervolume wherever the non-dominated points are few enough (`EXACT`); beyond that `hv_approx`, and `is_exact` says which.
"""

from collections.abc import Callable
from functools import lru_cache
from math import inf, isfinite

import numpy as np

from morlbench.errors import MorlbenchError
from morlbench.preference import Array

EXACT = {5: inf, 6: 500, 8: 100, 10: 56, 16: 16, inf: 8}  # objectives up to: non-dominated points, so that it takes a second at most
WHOLE = 7  # objectives up to which moocore takes all points at once
FEW = 12  # points that it takes at once beyond
SAMPLES = 20_000  # directions of the approximate hypervolume: `pytest tests/test_metrics_front.py -k close` holds it to 10 %


def hypervolume(points: Array, reference: Array) -> float:
    """Return the volume dominated by `points` (p, k) above `reference` (k,); worse-than-reference points add 0."""
    points = checked(points)
    if points.shape[1] <= 5:  # always exact, and moocore leaves out what is below the reference
        return _volume(np.asarray(reference, dtype=float).tobytes())(-points)
    above = np.ascontiguousarray(_above(points, reference))
    return _of_many(above.tobytes(), len(above), points.shape[1])


@lru_cache(maxsize=512)  # a ranking asks more than once
def _of_many(above: bytes, p: int, k: int) -> float:
    """Return the volume of non-dominated points (p, k) above 0, given as float64 bytes."""
    points = np.frombuffer(above).reshape(p, k)
    if _few(p, k):
        return _sliced(points)
    import moocore

    box = points.max(0)  # in ranges of their own all objectives count alike for a direction: a quarter of the error
    scaled = (points / box)[:, canonical(points)]  # so that naming the objectives differently changes nothing
    return float(moocore.hv_approx(scaled, ref=np.zeros(k), maximise=True, seed=0, nsamples=SAMPLES) * box.prod())


def _sliced(points: Array) -> float:
    """Return the volume of non-dominated points (p, k) above 0, each point's own part by itself: WFG (While et al. 2012).

    A point's own part is its box less what later points cover of it. The smallest boxes come first, so that few of the later
    points differ within them; moocore takes over where few are left.
    """
    p, k = points.shape
    if p <= FEW or k <= WHOLE:
        return _volume(np.zeros(k).tobytes())(-points) if p else 0.0
    boxes = points.prod(1)
    order = np.argsort(boxes, kind="stable")
    boxes, points = boxes[order], points[order]
    covered = [_sliced(nondominated(np.minimum(points[i + 1 :], points[i]))) for i in range(p - 1)]
    return float(boxes.sum() - sum(covered))


def canonical(points: Array) -> np.ndarray:
    """Return an order of the objectives (k,) that does not depend on how they are named: by mean, then by spread."""
    return np.lexsort((points.std(0).round(9), points.mean(0).round(9)))


@lru_cache(maxsize=64)
def _volume(reference: bytes) -> Callable[[Array], float]:
    """Return moocore's hypervolume above one reference point (float64 bytes) of negated points, prepared once."""
    import moocore

    found: Callable[[Array], float] = moocore.Hypervolume(ref=-np.frombuffer(reference))
    return found


def hypervolumes(sets: Array, reference: Array) -> Array:
    """Return the exact hypervolume (b,) of each of b sets (b, p, k): one sweep for k = 2, moocore set by set beyond.

    Meant for bootstrap replicates. The sweep sorts each set by its first objective, best first, and adds the strips by
    which the running best of the second grows.
    """
    sets, reference = np.asarray(sets, dtype=float), np.asarray(reference, dtype=float)
    checked(sets.reshape(-1, sets.shape[-1]))
    above = np.maximum(sets - reference, 0)  # (b, p, k); a point below the reference has zero volume
    if sets.shape[-1] > 2:
        volume = _volume(np.zeros(sets.shape[-1]).tobytes())
        return np.array([volume(points) for points in -above])
    order = np.argsort(-above[..., 0], axis=1)
    first, second = np.take_along_axis(above[..., 0], order, 1), np.take_along_axis(above[..., 1], order, 1)
    best = np.maximum.accumulate(second, 1)
    rise = np.diff(best, axis=1, prepend=0)
    return np.asarray((first * rise).sum(1))


def is_exact(points: Array, reference: Array) -> bool:
    """Say whether `hypervolume` of points (p, k) above `reference` (k,) is exact: few objectives, or few points above it."""
    return _few(*_above(checked(points), reference).shape)


def _above(points: Array, reference: Array) -> Array:
    """Return what reaches above the reference in every objective and is not dominated, as its distances (q, k) from there."""
    inside = points[(points > reference).all(1)]
    return nondominated(inside) - reference if len(inside) else inside


def _few(p: int, k: int) -> bool:
    return p <= next(limit for most, limit in EXACT.items() if k <= most)


def nondominated(points: Array) -> Array:
    """Return the points no other point dominates, duplicates once, sorted by the first objective."""
    import moocore

    points = checked(points)
    kept = points[moocore.is_nondominated(-points, keep_weakly=False)]
    return np.asarray(kept[np.lexsort(kept.T[::-1])])


def expected_utility(points: Array, weights: Array) -> float:
    """Return the mean over weights (m, k) of the best w·v among points (p, k) (Zintgraf et al. 2015)."""
    return float((checked(points) @ np.asarray(weights).T).max(0).mean())


def maximum_utility_loss(points: Array, reference: Array, weights: Array) -> float:
    """Return the largest, over weights (m, k), of best w·z in the reference front (q, k) minus best w·v (Zintgraf et al. 2015)."""
    turned = np.asarray(weights).T
    return float(((checked(reference) @ turned).max(0) - (checked(points) @ turned).max(0)).max())


def sparsity(points: Array) -> float:
    """Return the mean squared gap between neighbours, summed over objectives, of the non-dominated points (Xu et al. 2020)."""
    kept = nondominated(points)
    if len(kept) < 2:
        return 0.0
    return float((np.diff(np.sort(kept, 0), axis=0) ** 2).sum() / (len(kept) - 1))


def spacing(points: Array) -> float:
    """Return the spread of nearest-neighbour distances (city block) of the non-dominated points (Schott 1995, as in pymoo)."""
    from scipy.spatial.distance import cdist

    kept = nondominated(points)
    if len(kept) < 2:
        return 0.0
    apart = cdist(kept, kept, "cityblock")
    np.fill_diagonal(apart, np.inf)
    return float(apart.min(1).std())


def extent(points: Array) -> float:
    """Return the range of the non-dominated points, averaged over objectives."""
    return float(np.ptp(nondominated(points), axis=0).mean())


def r2(points: Array, weights: Array) -> float:
    """Return the mean over weights of the smallest max_i w_i (1 - v_i): smaller is better (Hansen & Jaszkiewicz 1998).

    With two objectives the mean is the exact integral over all weights (moocore), else over `weights` (m, k). The ideal
    point is 1, the largest scaled reward.
    """
    import moocore

    points = checked(points)
    if points.shape[1] == 2:
        return float(moocore.r2_exact(points, ref=np.ones(2), maximise=True))
    return float((np.asarray(weights) * (1 - points)[:, None]).max(-1).min(0).mean())


def igd_plus(points: Array, reference: Array) -> float:
    """Return the mean distance by which reference points (q, k) are not reached (Ishibuchi et al. 2015, as in moocore)."""
    import moocore

    return float(moocore.igd_plus(-checked(points), ref=-checked(reference)))


def epsilon(points: Array, reference: Array) -> float:
    """Return the smallest shift after which the points weakly dominate the reference (Zitzler et al. 2003, as in moocore)."""
    import moocore

    return float(moocore.epsilon_additive(-checked(points), ref=-checked(reference)))


def returns_reference(front: Array, preferences: Array, base: Array) -> Array:
    """Return the reference point (k,) of a true front (g, k) in regularised returns, the same for every policy.

    It is the smallest return of the front and of the base, less a tenth of their range.
    """
    both = np.concatenate([checked(front), base_returns(preferences, base)[None]])
    return np.asarray(both.min(0) - 0.1 * np.ptp(both, axis=0))


def base_returns(preferences: Array, base: Array) -> Array:
    """Return the base's returns v (k,), which solve preferences (p, k) @ v = its values J_base(w) (p,): it has no KL.

    The preferences must span the objectives, which a single policy's one does not.
    """
    return np.asarray(np.linalg.lstsq(preferences, base, rcond=None)[0])


def checked(points: Array) -> Array:
    """Return points (p, k) as floats, or raise MorlbenchError if empty, not 2-D or not finite."""
    points = np.asarray(points, dtype=float)
    if points.ndim != 2 or not len(points):
        raise MorlbenchError(f"a front must be (points, objectives) with at least one point; got shape {points.shape}")
    if not isfinite(points.sum()):  # one pass: a sum is finite only if all its terms are
        raise MorlbenchError("a front holds a value that is not finite")
    return points
