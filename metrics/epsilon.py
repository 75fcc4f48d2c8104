"""Additive epsilon: the smallest shift after which the front covers the reference front."""

from collections.abc import Sequence

from morlbench import answers, front
from morlbench.metric import Evidence, Metric, one


class AdditiveEpsilon(Metric):
    """ε = max over reference points z of min_p max_i (z_i - v_pi).

    Source: Zitzler et al. 2003, computed by moocore. On exact tasks in regularised returns. Unit: scaled reward; lower is
    better; weakly Pareto-compliant. Misleads because it is the worst case alone: one gap hides what happens elsewhere.

    >>> from morlbench.example import example
    >>> round(AdditiveEpsilon()([example()]), 3)
    0.1
    """

    name = "epsilon"
    family = "pareto"
    unit = "reward"
    higher_is_better = False
    rewards_alone = True
    pareto_compliant = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the indicator of this run's points against the reference front."""
        points, reference = answers.reference_front(one(runs))
        return front.epsilon(points, reference)
