"""Exact: two objectives that have nothing to do with each other."""

from typing import ClassVar

from morlbench.lm.lexicon import LexiconTask
from morlbench.task import Relation


class ExactIndependent(LexiconTask):
    """Two additive lexicons with correlation 0 over the words."""

    name: ClassVar[str] = "exact-independent"
    version: ClassVar[int] = 1
    relation: ClassVar[Relation] = "independent"
    correlation: ClassVar[float] = 0.0
    draw: int = 5
    reference_point: ClassVar[tuple[float, ...]] = (0.548, 0.542)
    kl_budget: ClassVar[float | None] = 0.964
