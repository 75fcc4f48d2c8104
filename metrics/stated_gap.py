"""Optimality gap at the task's one stated preference: the single track's number where answers can be enumerated."""

from collections.abc import Sequence

import numpy as np

from morlbench.metric import UNLISTED, Evidence, Metric, NoValue, one
from morlbench.preference import rows_at
from morlbench.task import ROUNDING


class StatedGap(Metric):
    """(J*(w) - J(w)) / (J*(w) - J_base(w)) at the task's stated preference w, J(w) = w·E[r] - β KL: 0 is perfect, the base is 1.

    Source: closed-form optimum of KL-regularised RL (see `morlbench.closed_form`). Unit: share; lower is better; not
    Pareto-compliant, for it is no set metric. Misleads where the base is nearly optimal at w: the denominator is then
    small, and no bound is set to it, as a run for one preference does not know the headroom elsewhere.

    >>> from morlbench.example import example
    >>> round(StatedGap()([example(exact=True)]), 3)  # w = (.5, .5): (.7 - .5) / (.7 - .3)
    0.5
    """

    name = "stated-gap"
    family = "utility"
    unit = "share of headroom"
    higher_is_better = False
    headline = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the gap of the exact values at the stated preference."""
        run = one(runs)
        if run.exact is None:
            raise NoValue(UNLISTED)
        stated = np.array(run.task.preference)
        rows = rows_at(run.exact.preferences, stated)
        if not len(rows):
            raise NoValue(f"the policy was not asked at the stated preference {stated.round(3).tolist()}")
        row, exact = rows[0], run.exact
        headroom = exact.optimum[row] - exact.base[row]
        if headroom <= ROUNDING:
            raise NoValue("the base is already the best policy at the stated preference")
        return float((exact.optimum[row] - exact.value[row]) / headroom)
