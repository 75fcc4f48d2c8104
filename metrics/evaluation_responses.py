"""Scored responses spent on probing the finished policy."""

from collections.abc import Sequence

from morlbench import ledger
from morlbench.metric import Evidence, Metric, one


class EvaluationResponses(Metric):
    """Sum of responses over ledger lines of kind evaluation; stored experts are charged in full.

    Source: the record's ledger. Unit: responses; lower is better at equal quality; not Pareto-compliant. Misleads as a
    cost of the method: the probes are the benchmark's own.

    >>> from morlbench.example import example
    >>> EvaluationResponses()([example()])
    100.0
    """

    name = "evaluation-responses"
    family = "training"
    unit = "responses"
    higher_is_better = False

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the sum of responses over the ledger's lines of these kinds."""
        return ledger.total(one(runs), "responses", ("evaluation",))
