"""Realised linear utility at the stated preference after the KL to the base is paid: what the single track trains for."""

from collections.abc import Sequence

from morlbench import answers
from morlbench.metric import Evidence, Metric, one


class StatedUtilityCharged(Metric):
    """Mean over prompts and draws of w·r - β KL at the task's stated preference w, β being the task's.

    Source: the regularised return of KL-controlled training (Korbak et al. 2022); reward is bought with KL (Gao et al. 2023), and
    utility alone ranks whoever spends most. Unit: scaled reward; higher is better; not Pareto-compliant. Misleads where β is
    not what a nat is worth to the user.

    >>> from morlbench.example import example
    >>> round(StatedUtilityCharged()([example()]), 3)  # .6 for 1 nat at β = .1
    0.5
    """

    name = "stated-utility-charged"
    family = "utility"
    unit = "utility"
    higher_is_better = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the mean at the stated preference, over all answers where they can be enumerated."""
        run = one(runs)
        return float(answers.stated_utility(run, run.task.beta)[0].mean())

    def interval(self, runs: Sequence[Evidence]) -> tuple[float, float] | None:
        """Return the 95% t interval over prompts; none where the value is exact."""
        run = one(runs)
        values, exactly = answers.stated_utility(run, run.task.beta)
        return None if exactly else answers.mean_interval(values)
