"""Scored responses spent on training and search: the budget's currency."""

from collections.abc import Sequence

from morlbench import ledger
from morlbench.metric import Evidence, Metric, one


class ResponsesScored(Metric):
    """Sum of responses over ledger lines of kind training and search; stored experts are charged in full.

    Source: the record's ledger. Unit: responses; lower is better at equal quality; not Pareto-compliant. Misleads when
    responses differ in length: see `training-tokens`.

    >>> from morlbench.example import example
    >>> ResponsesScored()([example()])
    4096.0
    """

    name = "responses-scored"
    family = "training"
    unit = "responses"
    higher_is_better = False
    headline = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the sum of responses over the ledger's lines of these kinds."""
        return ledger.total(one(runs), "responses")
