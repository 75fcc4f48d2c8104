"""At how many lattice preferences the realised linear utility exceeds the base's."""

from collections.abc import Sequence

from morlbench import answers
from morlbench.metric import Evidence, Metric, one


class WinsOverBase(Metric):
    """Share of lattice preferences w at which the mean of w·r exceeds that of the base's answers to the same prompts.

    Source: defined here. Unit: share in [0, 1]; higher is better; not Pareto-compliant. Misleads because a win by a hair
    counts as one: the gains and their intervals are in `answers.per_preference`.

    >>> from morlbench.example import example
    >>> WinsOverBase()([example()])
    1.0
    """

    name = "wins-over-base"
    family = "utility"
    unit = "share of preferences"
    higher_is_better = True
    rewards_alone = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the share of lattice preferences with a positive gain, paired by prompt or exact."""
        return float((answers.gains(one(runs)) > 0).mean())
