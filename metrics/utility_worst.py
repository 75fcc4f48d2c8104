"""The worst seed's realised linear utility."""

from collections.abc import Sequence

from morlbench import stability
from morlbench.metric import Evidence, Metric


class WorstUtility(Metric):
    """min over seeds of the realised linear utility.

    Source: order statistics over seeds, defined here. Unit: that of the utility; higher is better; not Pareto-compliant.
    Misleads between methods with different numbers of seeds: a minimum falls with every draw.

    >>> from morlbench.example import example
    >>> weaker = example(((0.2, 0.7), (0.5, 0.5), (0.8, 0.2)), seed=1)
    >>> round(WorstUtility()([example(), weaker]), 3)
    0.667
    """

    name = "utility-worst"
    family = "stability"
    unit = "utility"
    higher_is_better = True
    rewards_alone = True
    over = "seeds"

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the minimum over seeds."""
        return float(min(stability.utilities(runs)))
