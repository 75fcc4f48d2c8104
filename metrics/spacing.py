"""Spacing: how uneven the gaps between neighbours on the front are."""

from collections.abc import Sequence

from morlbench import answers, front
from morlbench.metric import Evidence, Metric, NoValue, one


class Spacing(Metric):
    """√(Σ_p (d_p - d̄)² / |P|), d_p the city-block distance to the nearest other non-dominated point.

    Source: Schott 1995, as in pymoo. Unit: scaled reward; lower is better; not Pareto-compliant. Misleads because two
    far points, or one tight cluster, are perfectly even.

    >>> from morlbench.example import example
    >>> round(Spacing()([example()]), 3)  # all nearest distances are .6
    0.0
    """

    name = "spacing"
    family = "pareto"
    unit = "reward"
    higher_is_better = False

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the spacing of the non-dominated points."""
        points = front.nondominated(answers.points(one(runs)))
        if len(points) < 2:
            raise NoValue("one non-dominated point has no spacing")
        return front.spacing(points)
