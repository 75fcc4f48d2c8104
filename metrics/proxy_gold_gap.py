"""Reward over-optimisation: how much more the training scorers credit a policy with than held-out scorers do."""

from collections.abc import Sequence
from dataclasses import replace

from morlbench import answers
from morlbench.metric import Evidence, Metric, NoValue, one


class ProxyGoldGap(Metric):
    """Mean over lattice preferences, prompts and draws of w·r - w·g, g the rewards by scorers no method may train on.

    Source: Gao et al. 2023 (scaling laws for reward model over-optimisation). Unit: scaled reward; lower is better; not
    Pareto-compliant. Misleads when the two scorers differ in level: compare with the base's own gap.

    >>> from morlbench.example import example
    >>> round(ProxyGoldGap()([example()]), 3)
    0.05
    """

    name = "proxy-gold-gap"
    family = "utility"
    unit = "utility"
    higher_is_better = False

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the proxy's utility minus the gold scorer's, averaged over the lattice."""
        probe = answers.front(one(runs))
        if probe.gold is None:
            raise NoValue("the task has no held-out scorer")
        return float((answers.realised(probe) - answers.realised(replace(probe, rewards=probe.gold))).mean())
