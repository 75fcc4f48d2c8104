"""R2: mean over preferences of the front's smallest weighted Chebyshev distance to the ideal point."""

from collections.abc import Sequence

from morlbench import answers, front
from morlbench.metric import Evidence, Metric, one
from morlbench.preference import lattice


class R2(Metric):
    """R2 = E_w[min_p max_i w_i (1 - v_pi)], the ideal point being 1.

    Source: Hansen & Jaszkiewicz 1998; with two objectives the exact integral over all weights (moocore), else the mean over
    the evaluation lattice. Unit: weighted scaled reward; lower is better; weakly Pareto-compliant. Misleads for k > 2, where
    the lattice is coarse.

    >>> from morlbench.example import example
    >>> round(R2()([example()]), 3)
    0.207
    """

    name = "r2"
    family = "pareto"
    unit = "reward"
    higher_is_better = False
    rewards_alone = True
    pareto_compliant = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return R2 over all weights (k = 2) or the lattice."""
        return front.r2(answers.points(one(runs)), lattice(one(runs).k))
