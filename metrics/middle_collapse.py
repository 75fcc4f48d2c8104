"""How far the worst inner preference lies below the chord of the corners: does mixing collapse in the middle?"""

from collections.abc import Sequence

from morlbench import flags
from morlbench.metric import Evidence, Metric


class MiddleCollapse(Metric):
    """max over inner preferences w of mean_x [sum_i w_i w·r(corner i) - w·r(w)]: what answering by the corners in shares gains.

    Source: Kong et al. (2025) name alignment collapse as a failure of parameter aggregation; the measure is defined here. Unit:
    utility; lower is better, and above 0 a mixture is worse than taking one expert or the other at random; not Pareto-compliant.
    Misleads where the corners bought their rewards with much KL: rewards alone are counted.

    >>> from morlbench.example import example
    >>> round(MiddleCollapse()([example()]), 3)
    -0.1
    """

    name = "middle-collapse"
    family = "adaptation"
    unit = "utility"
    higher_is_better = False

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the value; NoValue where the policy was not asked at the corners and inside."""
        return flags.middle_collapse(runs).value
