"""Zero-shot adaptation: realised linear utility at the eight held-out preferences."""

from collections.abc import Sequence

from morlbench import answers
from morlbench.metric import Evidence, Metric, one


class HeldOutUtility(Metric):
    """Mean over the task's held-out Dirichlet(1) preferences, prompts and draws of w·r(x, y).

    Source: Roijers et al. 2013 (ESR), as `utility`. Unit: scaled reward; higher is better; not Pareto-compliant. Misleads
    if compared with `utility`: the preferences differ, and extreme ones, which earn most, are rare here.

    >>> from morlbench.example import example
    >>> round(HeldOutUtility()([example()]), 3)
    0.6
    """

    name = "held-out-utility"
    family = "adaptation"
    unit = "utility"
    higher_is_better = True
    rewards_alone = True
    headline = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the mean of w·r at the held-out preferences."""
        return float(answers.realised(one(runs).probe("held-out")).mean())

    def interval(self, runs: Sequence[Evidence]) -> tuple[float, float]:
        """Return the 95% t interval over prompts."""
        return answers.mean_interval(answers.realised(one(runs).probe("held-out")).mean(0))
