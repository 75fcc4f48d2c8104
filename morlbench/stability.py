"""How much a method's result varies between seeds: spreads of numbers, and of the region a front attains.

Fronts of several seeds are compared by empirical attainment (Grunert da Fonseca et al. 2001), computed by moocore.
"""

from collections.abc import Sequence

import numpy as np

from morlbench import answers, front
from morlbench.metric import Evidence, NoValue
from morlbench.preference import Array

ATTAINED = 3  # objectives up to which moocore computes attainment


def hypervolumes(runs: Sequence[Evidence]) -> Array:
    """Return each seed's hypervolume (s,)."""
    return np.array([front.hypervolume(answers.points(run), np.array(run.task.reference_point)) for run in several(runs)])


def utilities(runs: Sequence[Evidence]) -> Array:
    """Return each seed's realised linear utility (s,)."""
    return np.array([answers.utilities(run).mean() for run in several(runs)])


def iqr(values: Array) -> float:
    """Return the 75th minus the 25th percentile of values (s,), interpolated linearly."""
    low, high = np.percentile(values, [25, 75])
    return float(high - low)


def attainment_deviation(runs: Sequence[Evidence]) -> float:
    """Return the Vorob'ev deviation of the seeds' fronts above the reference point; raise NoValue beyond three objectives."""
    import moocore

    if runs[0].k > ATTAINED:
        raise NoValue(f"attainment is computed for at most {ATTAINED} objectives")

    points, seeds = _stacked(runs)
    return float(moocore.vorob_dev(-points, seeds, ref=-np.array(runs[0].task.reference_point)))


def surfaces(runs: Sequence[Evidence], percentiles: Sequence[float] = (10, 50, 90)) -> list[Array]:
    """Return per percentile the front (q, k) attained by at least that share of seeds (two or three objectives)."""
    return attained([answers.points(run) for run in several(runs)], percentiles)


def attained(fronts: Sequence[Array], percentiles: Sequence[float] = (10, 50, 90)) -> list[Array]:
    """Return per percentile the front (q, k) that at least that share of the fronts, each (p, k), attain."""
    import moocore

    points, seeds = np.concatenate([front.checked(f) for f in fronts]), np.repeat(np.arange(len(fronts)), [len(f) for f in fronts])
    found = moocore.eaf(-points, seeds, percentiles=list(percentiles))  # the last column is the percentile
    return [-found[found[:, -1] == percentile][:, :-1] for percentile in percentiles]


def seed_dispersion(runs: Sequence[Evidence]) -> float:
    """Return the root mean square, over preferences and objectives, of the standard deviation over seeds of mean rewards."""
    means = np.array([answers.at_lattice(run, answers.points(run)) for run in several(runs)])  # (s, p, k)
    return float(np.sqrt(means.var(0, ddof=1).mean()))


def several(runs: Sequence[Evidence]) -> Sequence[Evidence]:
    """Return the runs if they are at least two seeds, else raise NoValue."""
    if len({run.seed for run in runs}) < 2:
        raise NoValue("needs at least 2 seeds; given 1")
    return runs


def _stacked(runs: Sequence[Evidence]) -> tuple[Array, np.ndarray]:
    fronts = [front.checked(answers.points(run)) for run in several(runs)]
    return np.concatenate(fronts), np.repeat(np.arange(len(fronts)), [len(f) for f in fronts])
