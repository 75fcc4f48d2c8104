"""Few-shot adaptation: rated responses until 95% of the gain of being told is reached."""

from collections.abc import Sequence

from morlbench import adaptation
from morlbench.metric import Evidence, Metric, one


class ResponsesToAdapt(Metric):
    """The first of the checkpoints 0, 16, 64, 256 with Σ(U - U_base) >= .95 Σ(U_told - U_base), summed over hidden users.

    Source: defined here. Unit: rated responses; lower is better; not Pareto-compliant. Misleads for policies that are
    good at every preference: 0 then says that no adaptation was needed; and U does not pay for KL, so that a preference taken for
    more extreme than it is may look like one that is known sooner. Where the objectives' rewards always sum to the same, as on
    `exact-contextual-null`, a user's scale and preference cannot be told apart from ratings, and .95 may be out of reach. It is a
    first passage: what was reached may be lost again, which `few-shot-progress` shows.

    >>> from morlbench.example import example
    >>> ResponsesToAdapt()([example()])
    64.0
    """

    name = "responses-to-adapt"
    family = "adaptation"
    unit = "responses"
    higher_is_better = False
    headline = True
    rewards_alone = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the first checkpoint with pooled progress >= .95."""
        return adaptation.responses_needed(one(runs))
