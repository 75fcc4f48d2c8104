"""Gate entropy: how evenly the policy spreads its stated weight over the objectives."""

from collections.abc import Sequence

from morlbench import explanation
from morlbench.metric import Evidence, Metric, one


class GateEntropy(Metric):
    """Mean over preferences and prompts of -Σ_i a_i log a_i / log k.

    Source: Shannon 1948. Unit: share in [0, 1]: 0 is one expert alone, 1 is uniform; lower is more decided, which is a
    fact and no merit; not Pareto-compliant. Misleads when preferences themselves are uniform: read it beside the entropy
    of w. It is that of the mixture served, so a gate that is sure of a uniform mixture has 1.

    >>> from morlbench.example import example
    >>> round(GateEntropy()([example(((0.2, 0.8), (0.8, 0.2)))]), 3)  # corners only
    0.0
    """

    name = "gate-entropy"
    family = "explainability"
    unit = "share of log k"
    higher_is_better = False
    headline = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the mean entropy of the stated weights over log k."""
        return explanation.entropy(one(runs))
