"""Peak resident memory of the run."""

from collections.abc import Sequence

from morlbench.metric import Evidence, Metric, NoValue, one


class PeakMemory(Metric):
    """`costs.peak_memory_bytes` of the record.

    Source: the record's costs. Unit: MB; lower is better at equal quality; not Pareto-compliant. Misleads between
    machines and loads: it is resident memory of the process, data and scorers included, and on a GPU the tensors there as well.

    >>> from morlbench.example import example
    >>> PeakMemory()([example()])
    500.0
    """

    name = "peak-memory"
    family = "training"
    unit = "MB"
    higher_is_better = False

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the number kept in the record's costs."""
        value = float(one(runs).costs.peak_memory_bytes) / 1e6
        if value <= 0:
            raise NoValue("the record holds no such cost")
        return value
