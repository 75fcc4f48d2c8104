"""Gain in realised linear utility over the base model, paired by prompt."""

from collections.abc import Sequence

from morlbench import answers
from morlbench.metric import Evidence, Metric, one


class UtilityGain(Metric):
    """Mean over lattice preferences, prompts and draws of w·(r - r_base), both on the same prompts.

    Source: defined here. Unit: scaled reward; higher is better; not Pareto-compliant. Misleads when a gain is bought with
    KL: see `kl-to-base`.

    >>> from morlbench.example import example
    >>> round(UtilityGain()([example()]), 3)  # .733 - .3
    0.433
    """

    name = "utility-gain"
    family = "utility"
    unit = "utility"
    higher_is_better = True
    rewards_alone = True
    headline = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the mean of w·(r - r_base), over all answers where they can be enumerated and the base's value is known."""
        return float(answers.gains(one(runs)).mean())

    def interval(self, runs: Sequence[Evidence]) -> tuple[float, float] | None:
        """Return the 95% t interval over prompts of the paired gain; none where the value is exact."""
        run = one(runs)
        if answers.gains_exactly(run):
            return None
        probe = answers.front(run)
        gain = answers.realised(probe) - answers.realised(answers.base_for(run, probe))  # (p, n)
        return answers.mean_interval(gain.mean(0))
