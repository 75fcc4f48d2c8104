"""Realised linear utility at the task's one stated preference: the number of the single track."""

from collections.abc import Sequence

from morlbench import answers
from morlbench.metric import Evidence, Metric, one


class StatedUtility(Metric):
    """Mean over prompts and draws of w·r at the task's stated preference w; front methods are asked at it from their ordinary
    run.

    Source: Roijers et al. 2013 (ESR), as `utility`. Unit: scaled reward; higher is better; not Pareto-compliant. Misleads
    as a summary of a front: it looks at one user only.

    >>> from morlbench.example import example
    >>> round(StatedUtility()([example()]), 3)
    0.6
    """

    name = "stated-utility"
    family = "utility"
    unit = "utility"
    higher_is_better = True
    rewards_alone = True
    headline = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the mean at the stated preference, over all answers where they can be enumerated."""
        run = one(runs)
        return float(answers.stated_utility(run)[0].mean())

    def interval(self, runs: Sequence[Evidence]) -> tuple[float, float] | None:
        """Return the 95% t interval over prompts; none where the value is exact."""
        run = one(runs)
        values, exactly = answers.stated_utility(run)
        return None if exactly else answers.mean_interval(values)
