"""Seconds of training and search, every part in turn, stored experts in full."""

from collections.abc import Sequence

from morlbench import ledger
from morlbench.metric import Evidence, Metric, one


class TrainingSeconds(Metric):
    """Sum of seconds over ledger lines of kind training and search; stored experts are charged in full.

    Source: the record's ledger. Unit: s; lower is better at equal quality; not Pareto-compliant. Misleads between
    machines and loads: compare responses first.

    >>> from morlbench.example import example
    >>> TrainingSeconds()([example()])
    26.0
    """

    name = "training-seconds"
    family = "training"
    unit = "s"
    higher_is_better = False
    headline = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the sum of seconds over the ledger's lines of these kinds."""
        return ledger.total(one(runs), "seconds")
