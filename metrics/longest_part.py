"""Seconds of the longest training part, plus search: the time with every expert trained at once."""

from collections.abc import Sequence

from morlbench import ledger
from morlbench.metric import Evidence, Metric, one


class LongestPart(Metric):
    """max over training parts of their seconds, plus the seconds of search, which comes after.

    Source: the record's ledger. Unit: seconds; lower is better; not Pareto-compliant. Misleads where parts depend on each
    other and cannot run at once.

    >>> from morlbench.example import example
    >>> LongestPart()([example()])
    16.0
    """

    name = "longest-part"
    family = "training"
    unit = "s"
    higher_is_better = False

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the longest training part plus all search, in seconds."""
        longest = ledger.longest(one(runs))
        return longest + ledger.total(one(runs), "seconds", ("search",))

    def note(self, runs: Sequence[Evidence]) -> str:
        """Say how many parts there are, as a ledger does not tell which of them had to wait for others."""
        parts = sum(line.kind == "training" for line in one(runs).costs.lines)
        return f"the longest of {parts} parts, as if none waited for another" if parts > 1 else ""
