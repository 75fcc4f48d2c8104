"""Own gain: what a policy asked for one objective alone gains on that objective."""

from collections.abc import Sequence

from morlbench import control
from morlbench.metric import Evidence, Metric, one


class OwnGain(Metric):
    """Mean over objectives i of v_i at w = e_i minus the base's mean reward r_i.

    Source: defined here. Unit: scaled reward; higher is better; not Pareto-compliant. Misleads alone: it does not show what the
    other objectives pay (`cross-gain`), nor the KL.

    >>> from morlbench.example import example
    >>> round(OwnGain()([example()]), 3)
    0.5
    """

    name = "own-gain"
    family = "pareto"
    unit = "reward"
    higher_is_better = True
    rewards_alone = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the mean own gain at the corners of the lattice."""
        return control.corner_gains(one(runs))[0]
