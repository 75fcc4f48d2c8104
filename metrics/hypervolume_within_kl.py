"""Hypervolume of the points that stay within the task's KL budget."""

from collections.abc import Sequence

import numpy as np

from morlbench import answers, front
from morlbench.metric import Evidence, Metric, NoValue, one


class HypervolumeWithinKl(Metric):
    """Hypervolume of {v_p : KL_p <= budget}, the budget being the median single-objective expert's KL, frozen with the task.

    Source: defined here, since reward is bought with KL (Gao et al. 2023). Unit: product of scaled rewards; higher is
    better; not Pareto-compliant, since KL decides too. Misleads at the edge: a point a hair over the budget counts for
    nothing.

    >>> from morlbench.example import example
    >>> round(HypervolumeWithinKl()([example()]), 3)  # every point spends 1 of 1.5 nats
    0.29
    """

    name = "hypervolume-within-kl"
    family = "pareto"
    unit = "volume"
    higher_is_better = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the hypervolume of the points with mean KL within the budget."""
        run = one(runs)
        if run.task.kl_budget is None:
            raise NoValue("the task has frozen no KL budget")
        within = answers.points(run)[answers.kl(run) <= run.task.kl_budget]
        return front.hypervolume(within, np.array(run.task.reference_point)) if len(within) else 0.0
