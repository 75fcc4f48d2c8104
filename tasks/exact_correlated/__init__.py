"""Exact: two objectives that mostly want the same words."""

from typing import ClassVar

from morlbench.lm.lexicon import LexiconTask
from morlbench.task import Relation


class ExactCorrelated(LexiconTask):
    """Two additive lexicons with correlation .8 over the words."""

    name: ClassVar[str] = "exact-correlated"
    version: ClassVar[int] = 1
    relation: ClassVar[Relation] = "correlated"
    correlation: ClassVar[float] = 0.8
    draw: int = 8
    reference_point: ClassVar[tuple[float, ...]] = (0.484, 0.454)
    kl_budget: ClassVar[float | None] = 1.186
