"""Realised chebyshev utility per answer, over a few lattice preferences."""

from collections.abc import Sequence

from morlbench import answers
from morlbench.metric import Evidence, Metric, one


class ChebyshevUtility(Metric):
    """Mean of u_w(r) = -max_i w_i (1 - r_i) + .05 w·r, per response, at five lattice preferences on the first 50 prompts.

    A method that can steer by this utility was asked for it; another is scored with its ordinary answers to the same
    preferences and prompts. Source: Steuer & Choo 1983 (augmented weighted Chebyshev). Unit: utility; higher is better;
    not Pareto-compliant. Misleads when compared with the linear utility: the scales differ.

    >>> from morlbench.example import example
    >>> round(ChebyshevUtility()([example()]), 3)
    -0.163
    """

    name = "utility-chebyshev"
    family = "utility"
    unit = "utility"
    higher_is_better = True
    rewards_alone = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the mean chebyshev utility over preferences, prompts and draws."""
        probe, utility = answers.under(one(runs), "chebyshev")
        return float(answers.realised(probe, utility).mean())

    def interval(self, runs: Sequence[Evidence]) -> tuple[float, float]:
        """Return the 95% t interval over prompts."""
        probe, utility = answers.under(one(runs), "chebyshev")
        return answers.mean_interval(answers.realised(probe, utility).mean(0))
