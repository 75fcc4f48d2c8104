"""Exact: two objectives that pull apart word by word; the best front is known in closed form."""

from typing import ClassVar

from morlbench.lm.lexicon import LexiconTask
from morlbench.task import Objective, Relation


class ExactCompeting(LexiconTask):
    """Two additive lexicons with correlation -.8 over the words."""

    name: ClassVar[str] = "exact-competing"
    version: ClassVar[int] = 1
    objectives: ClassVar[tuple[Objective, ...]] = (
        Objective("first", "mean value of the answer's words in the first lexicon of the prompt's group", 0, 1),
        Objective("second", "mean value of the answer's words in the second lexicon of the prompt's group", 0, 1),
    )
    relation: ClassVar[Relation] = "competing"
    preference: ClassVar[tuple[float, ...]] = (0.5, 0.5)
    reference_point: ClassVar[tuple[float, ...]] = (0.1279, 0.0383)
    kl_budget: ClassVar[float | None] = 1.2426
    word_correlation: ClassVar[float] = -0.8
