"""Exact: two objectives that pull apart word by word; the best front is known in closed form."""

from typing import ClassVar

from morlbench.lm.lexicon import LexiconTask
from morlbench.task import Relation


class ExactCompeting(LexiconTask):
    """Two additive lexicons with correlation -.8 over the words."""

    name: ClassVar[str] = "exact-competing"
    version: ClassVar[int] = 1
    relation: ClassVar[Relation] = "competing"
    correlation: ClassVar[float] = -0.8
    reference_point: ClassVar[tuple[float, ...]] = (0.234, 0.18)
    kl_budget: ClassVar[float | None] = 1.243
