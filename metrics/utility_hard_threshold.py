"""Realised hard threshold utility per answer, over a few lattice preferences."""

from collections.abc import Sequence

from morlbench import answers
from morlbench.metric import Evidence, Metric, one


class HardThresholdUtility(Metric):
    """Mean of u_w(r) = 1 if every r_i >= τ_i, else 0, per response, at five lattice preferences on the first 50 prompts.

    The share of answers a strict reader accepts; thresholds τ belong to the task. A method that can steer by this utility
    was asked for it; another is scored with its ordinary answers to the same preferences and prompts. Source: defined
    here. Unit: utility; higher is better; not Pareto-compliant. Misleads when compared with the linear utility: the
    scales differ.

    >>> from morlbench.example import example
    >>> round(HardThresholdUtility()([example()]), 3)
    0.333
    """

    name = "utility-hard-threshold"
    family = "utility"
    unit = "utility"
    higher_is_better = True
    rewards_alone = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the mean hard-threshold utility over preferences, prompts and draws."""
        probe, utility = answers.under(one(runs), "hard-threshold")
        return float(answers.realised(probe, utility).mean())

    def interval(self, runs: Sequence[Evidence]) -> tuple[float, float]:
        """Return the 95% t interval over prompts."""
        probe, utility = answers.under(one(runs), "hard-threshold")
        return answers.mean_interval(answers.realised(probe, utility).mean(0))
