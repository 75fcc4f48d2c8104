"""Exact: ten independent lexicons of one nested family, to see what the number of objectives costs."""

from typing import ClassVar

from morlbench.lm.lexicon import ScaleTask, numbered
from morlbench.task import Objective


class ExactScale10(ScaleTask):
    """Ten objectives."""

    name: ClassVar[str] = "exact-scale-10"
    version: ClassVar[int] = 1
    objectives: ClassVar[tuple[Objective, ...]] = numbered(10)
    preference: ClassVar[tuple[float, ...]] = (1 / 10,) * 10
    reference_point: ClassVar[tuple[float, ...]] = (0.264, 0.413, 0.389, 0.452, 0.431, 0.323, 0.381, 0.346, 0.321, 0.379)
    kl_budget: ClassVar[float | None] = 1.105
