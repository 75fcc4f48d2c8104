"""Optimality gap: the share of what can be gained over the base that is still missing (exact tasks)."""

from collections.abc import Sequence

import numpy as np

from morlbench.metric import UNLISTED, Evidence, Metric, NoValue, one


class OptimalityGap(Metric):
    """Σ_w (J*(w) - J(w)) / Σ_w (J*(w) - J_base(w)), J(w) = w·E[r] - β KL: 0 is perfect, the base is 1.

    Source: closed-form optimum of KL-regularised RL (see `morlbench.closed_form`). Unit: share; lower is better; not
    Pareto-compliant, for it is no set metric. Misleads where the base is nearly optimal: the denominator is then small.

    >>> from morlbench.example import example
    >>> round(OptimalityGap()([example(exact=True)]), 3)  # .2 / (.8333 - .3)
    0.375
    """

    name = "optimality-gap"
    family = "pareto"
    unit = "share of headroom"
    higher_is_better = False
    headline = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the pooled gap of the exact values."""
        run = one(runs)
        if run.exact is None:
            raise NoValue(UNLISTED)
        if run.method.track == "single":
            raise NoValue("one policy for one preference; see stated-gap")
        if not np.isfinite(run.exact.gap):
            raise NoValue("the base is already the best policy")
        return run.exact.gap
