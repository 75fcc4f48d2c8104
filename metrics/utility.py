"""Realised linear utility: what a reader with preference w gets per answer, averaged over the lattice."""

from collections.abc import Sequence

from morlbench import answers
from morlbench.metric import Evidence, Metric, one


class RealisedUtility(Metric):
    """Mean over lattice preferences w, prompts and draws of w·r(x, y), per response (expected scalarised returns).

    Source: Roijers et al. 2013 (ESR against SER). Unit: scaled reward in [0, 1]; higher is better. Not a set metric, so not
    Pareto-compliant by design: it asks for the right answer at the right preference. Misleads when the lattice is not how
    users are spread, and when one easy objective carries the mean: read it beside the base's value.

    >>> from morlbench.example import example
    >>> round(RealisedUtility()([example()]), 3)  # (.8 + .6 + .8) / 3
    0.733
    """

    name = "utility"
    family = "utility"
    unit = "utility"
    higher_is_better = True
    rewards_alone = True
    headline = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the mean of w·r over preferences, prompts and draws, or all answers where they can be enumerated."""
        return float(answers.utilities(one(runs)).mean())

    def interval(self, runs: Sequence[Evidence]) -> tuple[float, float] | None:
        """Return the 95% t interval over prompts of the mean over preferences; none where the value is exact."""
        run = one(runs)
        return None if run.exact is not None else answers.mean_interval(answers.realised(answers.front(run)).mean(0))
