"""Train one policy along the shortest vector in the hull of the objectives' unit gradients (MGDA)."""

from typing import ClassVar

from pydantic import Field

from morlbench.bench import Bench
from morlbench.lm.policy import single_policy
from morlbench.lm.train import Recipe, Settings, expert
from morlbench.method import Family, Method, Policy, Track, settings


@settings
class Mgda(Method):
    """Every step follows the min-norm point of the normalised gradients: no objective is harmed, no preference is heeded."""

    name: ClassVar[str] = "mgda"
    version: ClassVar[int] = 1
    family: ClassVar[Family] = "single-policy"
    track: ClassVar[Track] = "single"
    rate: float = Field(default=3e-3, gt=0, le=1)
    rank: int = Field(default=8, ge=1, le=256)

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend the whole budget on one adapter."""
        recipe = Recipe((1 / bench.k,) * bench.k, gradients="mgda", settings=Settings(rate=self.rate, rank=self.rank))
        return single_policy(bench.base, bench.decoding, expert(bench, recipe, responses=bench.left, seed=seed))
