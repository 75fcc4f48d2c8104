"""Explanation fidelity by deletion: do stated weights say where leaving an objective out hurts?"""

from collections.abc import Sequence

from morlbench import explanation
from morlbench.metric import Evidence, Metric, one


class ExplanationFidelity(Metric):
    """Mean over preferences and objectives of Spearman's ρ, across prompts, of the stated weight a_i(x) and r_i with a minus r_i
    with a_i = 0 and the rest renormalised.

    Source: deletion test by rank, after sensitivity-n of Ancona et al. 2018. Unit: correlation; higher is better; not
    Pareto-compliant. A constant explanation has no ranks and gets a dash. Misleads with noisy single answers: even
    perfect weights then reach only a part of 1.

    >>> from morlbench.example import example
    >>> round(ExplanationFidelity()([example()]), 3)
    1.0
    """

    name = "explanation-fidelity"
    family = "explainability"
    unit = "correlation"
    higher_is_better = True
    headline = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the mean rank correlation of stated weight and effect of deletion."""
        return explanation.fidelity(one(runs))
