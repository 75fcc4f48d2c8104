"""The worst seed's hypervolume of the front."""

from collections.abc import Sequence

from morlbench import stability
from morlbench.metric import Evidence, Metric


class WorstHypervolume(Metric):
    """min over seeds of the hypervolume of the front.

    Source: order statistics over seeds, defined here. Unit: that of the hypervolume; higher is better; not
    Pareto-compliant, being a minimum over seeds. Misleads between methods with different numbers of seeds: a minimum
    falls with every draw.

    >>> from morlbench.example import example
    >>> weaker = example(((0.2, 0.7), (0.5, 0.5), (0.8, 0.2)), seed=1)
    >>> round(WorstHypervolume()([example(), weaker]), 3)
    0.21
    """

    name = "hypervolume-worst"
    family = "stability"
    unit = "volume"
    higher_is_better = True
    rewards_alone = True
    over = "seeds"

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the minimum over seeds."""
        return float(min(stability.hypervolumes(runs)))
