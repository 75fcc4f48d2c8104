"""Exact: a nearly flat front and a small beta, where linear weights collapse to its ends."""

from typing import ClassVar

from morlbench.lm.lexicon import LexiconTask
from morlbench.task import Relation


class ExactFlat(LexiconTask):
    """Two additive lexicons with correlation -.95 over the words, and a tenth of the usual beta."""

    name: ClassVar[str] = "exact-flat"
    version: ClassVar[int] = 1
    relation: ClassVar[Relation] = "competing"
    correlation: ClassVar[float] = -0.95
    draw: int = 2
    beta: ClassVar[float] = 0.01
    reference_point: ClassVar[tuple[float, ...]] = (0.0, 0.0)
    kl_budget: ClassVar[float | None] = 6.436
