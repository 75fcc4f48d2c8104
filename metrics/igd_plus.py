"""IGD+: how far, on average, the reference front is from being reached."""

from collections.abc import Sequence

from morlbench import answers, front
from morlbench.metric import Evidence, Metric, one


class IgdPlus(Metric):
    """IGD+ = mean over reference points z of min_p ‖max(z - v_p, 0)‖.

    Source: Ishibuchi et al. 2015, computed by moocore. On exact tasks in regularised returns against the true front. Unit:
    scaled reward; lower is better; weakly Pareto-compliant (plain IGD is not, and is left out). Misleads where the reference
    front is weak or sparse: points beyond it count as reached.

    >>> from morlbench.example import example
    >>> round(IgdPlus()([example()]), 3)
    0.141
    """

    name = "igd-plus"
    family = "pareto"
    unit = "reward"
    higher_is_better = False
    rewards_alone = True
    pareto_compliant = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the indicator of this run's points against the reference front."""
        points, reference = answers.reference_front(one(runs))
        return front.igd_plus(points, reference)
