"""Sparsity: mean squared gap between neighbours on the non-dominated front."""

from collections.abc import Sequence

from morlbench import answers, front
from morlbench.metric import Evidence, Metric, NoValue, one


class Sparsity(Metric):
    """S = Σ_i Σ_j (ṽ_i(j) - ṽ_i(j+1))² / (|P| - 1), ṽ_i sorted per objective, over the non-dominated points.

    Source: Xu et al. 2020 (PGMORL). Unit: squared scaled reward, so it depends on the scale; lower is better; not
    Pareto-compliant. Misleads because it improves when end points are lost: read it beside `cardinality` and `extent`.

    >>> from morlbench.example import example
    >>> round(Sparsity()([example()]), 3)  # (.4² + .2² + .2² + .4²) / 2
    0.2
    """

    name = "sparsity"
    family = "pareto"
    unit = "squared reward"
    higher_is_better = False

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the sparsity of the non-dominated points."""
        points = front.nondominated(answers.points(one(runs)))
        if len(points) < 2:
            raise NoValue("one non-dominated point has no gaps")
        return front.sparsity(points)
