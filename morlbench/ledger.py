"""Sums over a record's ledger lines and its speed measurement: what the cost metrics share."""

from collections.abc import Callable, Collection
from typing import Literal

from morlbench.bench import SPENT, Cost
from morlbench.metric import Evidence, NoValue, Speed

Field = Literal["responses", "tokens", "steps", "backward", "seconds"]


def total(run: Evidence, field: Field, kinds: Collection[str] = SPENT) -> float:
    """Return the sum of a cost over ledger lines of these kinds, the method's own work; raise NoValue if there is no ledger."""
    if not run.costs.lines:
        raise NoValue("the record holds no ledger")
    return float(sum(_READ[field](line.cost) for line in run.costs.lines if line.kind in kinds))


def longest(run: Evidence) -> float:
    """Return the seconds of the longest training part, 0 for a method that trains nothing."""
    total(run, "seconds", ())
    return max((line.cost.seconds for line in run.costs.lines if line.kind == "training"), default=0.0)


def cached_seconds(run: Evidence) -> float:
    """Return the seconds of lines that were read from the store."""
    total(run, "seconds", ())
    return float(sum(line.cost.seconds for line in run.costs.lines if line.cost.cached))


def speed(run: Evidence) -> Speed:
    """Return the record's speed measurement, or raise NoValue."""
    if run.costs.speed is None:
        raise NoValue("the record holds no speed measurement")
    return run.costs.speed


_READ: dict[Field, Callable[[Cost], float]] = {
    "responses": lambda cost: cost.responses,
    "tokens": lambda cost: cost.tokens,
    "steps": lambda cost: cost.steps,
    "backward": lambda cost: cost.backward,
    "seconds": lambda cost: cost.seconds,
}
