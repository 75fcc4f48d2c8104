"""Deviation of the attainment surface: how much the region a run attains varies between seeds."""

from collections.abc import Sequence

from morlbench import stability
from morlbench.metric import Evidence, Metric


class AttainmentDeviation(Metric):
    """Expected volume of the symmetric difference between a seed's attained set and the Vorob'ev expectation of all seeds.

    Source: Binois, Ginsbourger & Roustant 2015, computed by moocore (`vorob_dev`) for at most three objectives. Unit:
    product of scaled rewards; lower is better; not Pareto-compliant. Misleads without the surfaces beside it
    (`stability.surfaces`): equal deviations may lie anywhere.

    >>> from morlbench.example import example
    >>> AttainmentDeviation()([example(), example(seed=1)])  # two equal fronts
    0.0
    """

    name = "attainment-deviation"
    family = "stability"
    unit = "volume"
    higher_is_better = False
    over = "seeds"

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the Vorob'ev deviation of the seeds' fronts."""
        return stability.attainment_deviation(runs)
