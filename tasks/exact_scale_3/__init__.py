"""Exact: three independent lexicons of one nested family, to see what the number of objectives costs."""

from typing import ClassVar

from morlbench.lm.lexicon import ScaleTask, numbered
from morlbench.task import Objective


class ExactScale3(ScaleTask):
    """Three objectives."""

    name: ClassVar[str] = "exact-scale-3"
    version: ClassVar[int] = 1
    objectives: ClassVar[tuple[Objective, ...]] = numbered(3)
    preference: ClassVar[tuple[float, ...]] = (1 / 3,) * 3
    reference_point: ClassVar[tuple[float, ...]] = (0.375, 0.488, 0.443)
    kl_budget: ClassVar[float | None] = 1.166
