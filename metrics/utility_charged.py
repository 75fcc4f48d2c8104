"""Realised linear utility over the lattice after the KL to the base is paid: what the front track trains for."""

from collections.abc import Sequence

import numpy as np

from morlbench import answers
from morlbench.metric import Evidence, Metric, one


class UtilityCharged(Metric):
    """Mean over lattice preferences w, prompts and draws of w·r - β KL at w, β being the task's.

    Source: the regularised return of KL-controlled training (Korbak et al. 2022), averaged over users; on exact tasks the
    `optimality-gap` is its shortfall from the best policies as a share of the base's. Reward is bought with KL (Gao et al. 2023),
    so utility alone ranks whoever spends most; a hypervolume asks only which points there are, this one also who is served
    which. Unit: scaled reward; higher is better; not Pareto-compliant. Misleads where β is not what a nat is worth to the user.

    >>> from morlbench.example import example
    >>> round(UtilityCharged()([example()]), 3)  # (.8 + .6 + .8) / 3 for 1 nat at β = .1
    0.633
    """

    name = "utility-charged"
    family = "utility"
    unit = "utility"
    higher_is_better = True
    headline = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the mean over preferences, prompts and draws, or all answers where they can be enumerated."""
        run = one(runs)
        return float((answers.utilities(run) - run.task.beta * answers.at_lattice(run, answers.kl(run))).mean())

    def interval(self, runs: Sequence[Evidence]) -> tuple[float, float] | None:
        """Return the 95% t interval over prompts of the mean over preferences; none where the value is exact."""
        run = one(runs)
        probe = answers.front(run)
        if run.exact is not None or probe.kl is None:
            return None
        paid = answers.realised(probe) - run.task.beta * np.asarray(probe.kl.mean(2))  # (p, n)
        return answers.mean_interval(paid.mean(0))
