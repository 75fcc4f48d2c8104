"""Cross gain: what a policy asked for one objective alone gains on the others; below 0 it harms them."""

from collections.abc import Sequence

from morlbench import control
from morlbench.metric import Evidence, Metric, one


class CrossGain(Metric):
    """Mean over objectives i and j != i of v_j at w = e_i minus the base's mean reward r_j.

    Source: defined here. Unit: scaled reward; higher is better; not Pareto-compliant. Misleads alone: a policy that learns
    nothing harms nobody (`own-gain`).

    >>> from morlbench.example import example
    >>> round(CrossGain()([example()]), 3)
    -0.1
    """

    name = "cross-gain"
    family = "pareto"
    unit = "reward"
    higher_is_better = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the mean gain of the objectives not asked for, at the corners of the lattice."""
        return control.corner_gains(one(runs))[1]
