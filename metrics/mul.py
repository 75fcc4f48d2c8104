"""Maximum utility loss: the worst preference's loss against the reference front."""

from collections.abc import Sequence

from morlbench import answers, crossfit, front
from morlbench.metric import Evidence, Metric, one


class MaximumUtilityLoss(Metric):
    """MUL = max_w (max_z w·z - max_p w·v_p), z over the reference front, w over the lattice.

    Source: Zintgraf et al. 2015. On text tasks point and worst preference are chosen on one half of the prompts and scored
    on the other; on exact tasks it is computed in regularised returns, without noise. Unit: scaled reward; lower is better;
    weakly Pareto-compliant on exact tasks, cross-fitted only in expectation. Misleads where the reference is weak: a front
    may exceed it, and the loss is then negative.

    >>> from morlbench.example import example
    >>> round(MaximumUtilityLoss()([example()]), 3)  # the reference is .1 better everywhere
    0.1
    """

    name = "mul"
    family = "utility"
    unit = "utility"
    higher_is_better = False
    rewards_alone = True
    pareto_compliant = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the largest over lattice preferences of the reference's utility minus the front's best."""
        run = one(runs)
        points, reference = answers.reference_front(run)
        probe = answers.front(run)
        if run.exact is not None:
            return front.maximum_utility_loss(points, reference, probe.preferences)
        return crossfit.maximum_utility_loss(probe.rewards, probe.prompts, reference, probe.preferences)
