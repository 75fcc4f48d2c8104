"""Realised soft threshold utility per answer, over a few lattice preferences."""

from collections.abc import Sequence

from morlbench import answers
from morlbench.metric import Evidence, Metric, one


class SoftThresholdUtility(Metric):
    """Mean of u_w(r) = w·r - 2 Σ_i max(0, τ_i - r_i), per response, at five lattice preferences on the first 50 prompts.

    A soft constraint on each objective; thresholds τ belong to the task. A method that can steer by this utility was
    asked for it; another is scored with its ordinary answers to the same preferences and prompts. Source: defined here.
    Unit: utility; higher is better; not Pareto-compliant. Misleads when compared with the linear utility: the scales
    differ.

    >>> from morlbench.example import example
    >>> round(SoftThresholdUtility()([example()]), 3)
    0.333
    """

    name = "utility-soft-threshold"
    family = "utility"
    unit = "utility"
    higher_is_better = True
    rewards_alone = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the mean soft-threshold utility over preferences, prompts and draws."""
        probe, utility = answers.under(one(runs), "soft-threshold")
        return float(answers.realised(probe, utility).mean())

    def interval(self, runs: Sequence[Evidence]) -> tuple[float, float]:
        """Return the 95% t interval over prompts."""
        probe, utility = answers.under(one(runs), "soft-threshold")
        return answers.mean_interval(answers.realised(probe, utility).mean(0))
