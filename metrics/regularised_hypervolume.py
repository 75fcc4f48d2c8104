"""Share of the true front's hypervolume, in regularised returns (exact tasks)."""

from collections.abc import Sequence

from morlbench import front
from morlbench.metric import UNLISTED, Evidence, Metric, NoValue, one


class RegularisedHypervolume(Metric):
    """HV({ρ_p}) / HV(true front), ρ_i = E[r_i] - β KL; the reference point is the smallest return of the base and the true
    front, less a tenth of the range.

    Source: Zitzler & Thiele 1998 in regularised returns. Unit: share, at most 1, since no policy exceeds the true front;
    higher is better; Pareto-compliant. Misleads at k > 3, where the grid of the true front is coarse.

    >>> from morlbench.example import example
    >>> round(RegularisedHypervolume()([example(exact=True)]), 3)
    0.287
    """

    name = "regularised-hypervolume"
    family = "pareto"
    unit = "share of true front"
    higher_is_better = True
    pareto_compliant = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return HV of the returns over HV of the true front."""
        run = one(runs)
        exact = run.exact
        if exact is None:
            raise NoValue(UNLISTED)
        if len(exact.preferences) < run.k:
            raise NoValue("a policy asked at one preference does not tell the base's returns, which the reference point needs")
        floor = front.returns_reference(exact.front, exact.preferences, exact.base)
        return front.hypervolume(exact.returns, floor) / front.hypervolume(exact.front, floor)
