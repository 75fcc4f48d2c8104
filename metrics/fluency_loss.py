"""How much stranger than its own answers the base finds a policy's, at the worst preference: fluency lost to aggregation."""

from collections.abc import Sequence

from morlbench import flags
from morlbench.metric import Evidence, Metric


class FluencyLoss(Metric):
    """max over lattice preferences of mean(-log pi_0(y)/|y| of the policy's answers) minus the same of the base's own.

    Source: Kong et al. (2025) name fluency loss as a failure of logit aggregation; the measure is defined here. Unit: nats per
    token; lower is better; not Pareto-compliant. Misleads where the base itself is not fluent, and for policies that answer in a
    style the base seldom uses: strange to the base is not ungrammatical.

    >>> from morlbench.example import example
    >>> round(FluencyLoss()([example()]), 3)
    0.1
    """

    name = "fluency-loss"
    family = "stability"
    unit = "nats/token"
    higher_is_better = False

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the value over the lattice; NoValue where likelihoods are unknown."""
        return flags.fluency_loss(runs).value
