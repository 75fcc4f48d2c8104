"""Expected utility metric: the best point for each preference, chosen on one half of the prompts, scored on the other."""

from collections.abc import Sequence

from morlbench import answers, crossfit, front
from morlbench.metric import Evidence, Metric, one


class ExpectedUtility(Metric):
    """EUM = E_w[max_p w·v_p] over the lattice, v_p the mean reward vector of the answers to preference p (front, SER).

    Source: Zintgraf et al. 2015; cross-fitted over 20 fixed splits (`morlbench.crossfit`), since the best of noisy means is
    biased up; on exact tasks v_p are regularised returns, without noise. Unit: scaled reward; higher is better; weakly
    Pareto-compliant on exact tasks (a dominating front is never worse), cross-fitted only in expectation. A policy of an
    exact task whose answers cannot be listed (`best-of-n`) is valued by rewards alone. Misleads when control is off: it
    assumes that someone picks the best point for each user; `selection-regret` says what that is worth.

    >>> from morlbench.example import example
    >>> round(ExpectedUtility()([example()]), 3)
    0.733
    """

    name = "eum"
    family = "utility"
    unit = "utility"
    higher_is_better = True
    rewards_alone = True
    pareto_compliant = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the mean over lattice preferences of max_p w·v_p, cross-fitted where v is sampled."""
        run = one(runs)
        probe = answers.front(run)
        if run.exact is not None:
            return front.expected_utility(run.exact.returns, probe.preferences)
        return crossfit.expected_utility(probe.rewards, probe.prompts, probe.preferences)
