"""Worst regret: the largest absolute loss to the optimum at any preference (exact tasks)."""

from collections.abc import Sequence

from morlbench.metric import UNLISTED, Evidence, Metric, NoValue, one


class WorstRegret(Metric):
    """max over lattice preferences of J*(w) - J(w), in regularised utility.

    Source: closed-form optimum (see `morlbench.closed_form`). Unit: scaled reward; lower is better; not Pareto-compliant.
    Misleads as a ratio, which is why it is absolute: at a preference where nothing can be gained every ratio explodes.

    >>> from morlbench.example import example
    >>> round(WorstRegret()([example(exact=True)]), 3)
    0.2
    """

    name = "worst-regret"
    family = "pareto"
    unit = "utility"
    higher_is_better = False

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return max_w J*(w) - J(w)."""
        run = one(runs)
        exact = run.exact
        if exact is None:
            raise NoValue(UNLISTED)
        if run.method.track == "single":
            raise NoValue("one policy for one preference; see stated-gap")
        return float((exact.optimum - exact.value).max())
