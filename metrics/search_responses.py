"""Scored responses spent on search: gates, grids and selection."""

from collections.abc import Sequence

from morlbench import ledger
from morlbench.metric import Evidence, Metric, one


class SearchResponses(Metric):
    """Sum of responses over ledger lines of kind search; stored experts are charged in full.

    Source: the record's ledger. Unit: responses; lower is better at equal quality; not Pareto-compliant. Misleads when a
    method searches inside its training part.

    >>> from morlbench.example import example
    >>> SearchResponses()([example()])
    1024.0
    """

    name = "search-responses"
    family = "training"
    unit = "responses"
    higher_is_better = False

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the sum of responses over the ledger's lines of these kinds."""
        return ledger.total(one(runs), "responses", ("search",))
