"""Few-shot adaptation: how much of the way from the base to being told the preference the ratings bring."""

from collections.abc import Sequence

from morlbench import adaptation
from morlbench.metric import Evidence, Metric, one


class FewShotProgress(Metric):
    """Σ_users (U_step - U_base) / Σ_users (U_told - U_base) after the most ratings, each at the user's hidden preference.

    Source: defined here. Unit: share; 1 is as good as being told, and it may exceed 1 by luck, or since U does not pay for KL;
    higher is better; not Pareto-compliant. Misleads where telling hardly beats the base: pooling keeps the ratio finite, not precise.

    >>> from morlbench.example import example
    >>> round(FewShotProgress()([example()]), 3)
    0.96
    """

    name = "few-shot-progress"
    family = "adaptation"
    unit = "share"
    higher_is_better = True
    rewards_alone = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the pooled progress after the last step."""
        return adaptation.progress(one(runs))[-1][1]
