"""Selection regret: what a user loses because the policy's own answer to a preference is not its best point for it."""

from collections.abc import Sequence

import numpy as np

from morlbench import answers, crossfit, front
from morlbench.metric import Evidence, Metric, one


class SelectionRegret(Metric):
    """E_w[max_p w·v_p] - E_w[w·v_w], the first cross-fitted: the price of control being off.

    Source: defined here, after Zintgraf et al. 2015; on exact tasks in regularised returns, without noise, where the best
    policy of every preference has none. Unit: scaled reward; lower is better; not Pareto-compliant. May be a little below 0
    elsewhere, since the choice on half of the prompts can be wrong. Misleads for a preference-blind policy: one point cannot be
    chosen wrongly, so its regret is 0.

    >>> from morlbench.example import example
    >>> swapped = example(((0.8, 0.2), (0.6, 0.6), (0.2, 0.8)))  # answers the opposite preference
    >>> round(SelectionRegret()([swapped]), 3)  # .733 - (.2 + .6 + .2) / 3
    0.4
    """

    name = "selection-regret"
    family = "utility"
    unit = "utility"
    higher_is_better = False

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return EUM minus realised linear utility."""
        run = one(runs)
        probe = answers.front(run)
        if run.exact is not None:
            own = (answers.at_lattice(run, run.exact.returns) * probe.preferences).sum(1)
            return front.expected_utility(run.exact.returns, probe.preferences) - float(np.mean(own))
        best = crossfit.expected_utility(probe.rewards, probe.prompts, probe.preferences)
        return best - float(answers.realised(probe).mean())
