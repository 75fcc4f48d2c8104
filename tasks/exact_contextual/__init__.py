"""Exact: six prompt types that trade two objectives off differently, so that a gate has something to gain."""

from typing import ClassVar

from morlbench.lm.contextual import ContextualTask
from morlbench.task import Relation


class ExactContextual(ContextualTask):
    """Each type has a lexicon of its own shape; the type shows only as the prompt's first word."""

    name: ClassVar[str] = "exact-contextual"
    version: ClassVar[int] = 1
    relation: ClassVar[Relation] = "mixed"
    reference_point: ClassVar[tuple[float, ...]] = (0.398, 0.401)
    kl_budget: ClassVar[float | None] = 2.1
