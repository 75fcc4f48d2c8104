"""Tokens sampled in training and search."""

from collections.abc import Sequence

from morlbench import ledger
from morlbench.metric import Evidence, Metric, one


class TrainingTokens(Metric):
    """Sum of tokens over ledger lines of kind training and search; stored experts are charged in full.

    Source: the record's ledger. Unit: tokens; lower is better at equal quality; not Pareto-compliant. Misleads between
    tokenizers.

    >>> from morlbench.example import example
    >>> TrainingTokens()([example()])
    40960.0
    """

    name = "training-tokens"
    family = "training"
    unit = "tokens"
    higher_is_better = False

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the sum of tokens over the ledger's lines of these kinds."""
        return ledger.total(one(runs), "tokens")
