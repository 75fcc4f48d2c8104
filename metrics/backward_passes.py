"""Backward passes run in training."""

from collections.abc import Sequence

from morlbench import ledger
from morlbench.metric import Evidence, Metric, one


class BackwardPasses(Metric):
    """Sum of backward over ledger lines of kind training and search; stored experts are charged in full.

    Source: the record's ledger. Unit: passes; lower is better at equal quality; not Pareto-compliant. Misleads between
    batch sizes, and of gradient methods: their one pass carries k gradients.

    >>> from morlbench.example import example
    >>> BackwardPasses()([example()])
    48.0
    """

    name = "backward-passes"
    family = "training"
    unit = "passes"
    higher_is_better = False

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the sum of backward over the ledger's lines of these kinds."""
        return ledger.total(one(runs), "backward")
