"""Exact: two independent lexicons of one nested family, to see what the number of objectives costs."""

from typing import ClassVar

from morlbench.lm.lexicon import ScaleTask, numbered
from morlbench.task import Objective


class ExactScale2(ScaleTask):
    """Two objectives."""

    name: ClassVar[str] = "exact-scale-2"
    version: ClassVar[int] = 1
    objectives: ClassVar[tuple[Objective, ...]] = numbered(2)
    preference: ClassVar[tuple[float, ...]] = (1 / 2,) * 2
    reference_point: ClassVar[tuple[float, ...]] = (0.382, 0.497)
    kl_budget: ClassVar[float | None] = 1.242
