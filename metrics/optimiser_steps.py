"""Optimiser steps taken in training."""

from collections.abc import Sequence

from morlbench import ledger
from morlbench.metric import Evidence, Metric, one


class OptimiserSteps(Metric):
    """Sum of steps over ledger lines of kind training and search; stored experts are charged in full.

    Source: the record's ledger. Unit: steps; lower is better at equal quality; not Pareto-compliant. Misleads between
    batch sizes.

    >>> from morlbench.example import example
    >>> OptimiserSteps()([example()])
    48.0
    """

    name = "optimiser-steps"
    family = "training"
    unit = "steps"
    higher_is_better = False

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the sum of steps over the ledger's lines of these kinds."""
        return ledger.total(one(runs), "steps")
