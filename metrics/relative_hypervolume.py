"""Hypervolume relative to the base's, per objective: comparable between numbers of objectives."""

from collections.abc import Sequence

from morlbench import growth
from morlbench.metric import Evidence, Metric, one


class RelativeHypervolume(Metric):
    """(HV(front) / HV(base))^(1/k).

    Source: the geometric mean of a volume per objective, defined here. Unit: multiple of the base; higher is better;
    Pareto-compliant. Misleads when the base lies close to the reference point: the ratio then explodes.

    >>> from morlbench.example import example
    >>> round(RelativeHypervolume()([example()]), 3)  # √(.29 / .04)
    2.693
    """

    name = "relative-hypervolume"
    family = "pareto"
    unit = "× base"
    higher_is_better = True
    rewards_alone = True
    pareto_compliant = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return (HV / HV of the base)^(1/k)."""
        return growth.relative_hypervolume(one(runs))
