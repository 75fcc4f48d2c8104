"""Exact: the twin of exact-contextual with one lexicon for all types; no gate can win here."""

from typing import ClassVar

from morlbench.lm.contextual import ContextualTask
from morlbench.task import Relation


class ExactContextualNull(ContextualTask):
    """All types share one lexicon."""

    name: ClassVar[str] = "exact-contextual-null"
    version: ClassVar[int] = 1
    relation: ClassVar[Relation] = "competing"
    types_differ: ClassVar[bool] = False
    reference_point: ClassVar[tuple[float, ...]] = (0.591, 0.566)
    kl_budget: ClassVar[float | None] = 1.161
