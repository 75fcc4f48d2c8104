"""Exact: five independent lexicons of one nested family, to see what the number of objectives costs."""

from typing import ClassVar

from morlbench.lm.lexicon import ScaleTask, numbered
from morlbench.task import Objective


class ExactScale5(ScaleTask):
    """Five objectives."""

    name: ClassVar[str] = "exact-scale-5"
    version: ClassVar[int] = 1
    objectives: ClassVar[tuple[Objective, ...]] = numbered(5)
    preference: ClassVar[tuple[float, ...]] = (1 / 5,) * 5
    reference_point: ClassVar[tuple[float, ...]] = (0.264, 0.488, 0.405, 0.48, 0.431)
    kl_budget: ClassVar[float | None] = 0.937
