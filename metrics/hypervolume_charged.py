"""Hypervolume after every point has paid for its KL to the base."""

from collections.abc import Sequence

import numpy as np

from morlbench import answers, front
from morlbench.metric import Evidence, Metric, one


class HypervolumeCharged(Metric):
    """HV({v_p - β KL_p}) against the task's frozen reference point, β being the task's.

    Source: Zitzler & Thiele 1998 on regularised returns, which training maximises: reward is bought with KL (Gao et al. 2023), and a
    front of rewards alone ranks whoever spends most. Unit: product of scaled rewards; higher is better; not Pareto-compliant,
    since KL decides too. Misleads where β is not what a nat is worth to the user.

    >>> from morlbench.example import example
    >>> round(HypervolumeCharged()([example()]), 3)  # every point spends 1 nat at β = .1
    0.16
    """

    name = "hypervolume-charged"
    family = "pareto"
    unit = "volume"
    higher_is_better = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the hypervolume of the front's means less β times their mean KL."""
        run = one(runs)
        paid = answers.points(run) - run.task.beta * answers.kl(run)[:, None]
        return front.hypervolume(paid, np.array(run.task.reference_point))
