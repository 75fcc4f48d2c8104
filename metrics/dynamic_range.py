"""Controllability: how far an objective's reward moves from weight 0 to weight 1, the least movable objective's."""

from collections.abc import Sequence

from morlbench import control
from morlbench.metric import Evidence, Metric, one


class DynamicRange(Metric):
    """min over objectives of v_i at w = e_i minus the mean v_i over preferences with w_i = 0.

    Source: defined here. Unit: scaled reward; higher is better; not Pareto-compliant. The smallest of
    several noisy ranges is too small, the more so the more objectives there are. Misleads where the ends are good and the middle is not.

    >>> from morlbench.example import example
    >>> round(DynamicRange()([example()]), 3)
    0.6
    """

    name = "dynamic-range"
    family = "adaptation"
    unit = "reward"
    higher_is_better = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the value over the lattice."""
        return control.dynamic_range(one(runs))
