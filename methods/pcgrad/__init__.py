"""Train one policy on the sum of gradients, each stripped of its conflicts with the others (PCGrad)."""

from typing import ClassVar

from pydantic import Field

from morlbench.bench import Bench
from morlbench.lm.policy import single_policy
from morlbench.lm.train import Recipe, Settings, expert
from morlbench.method import Family, Method, Policy, Track, settings


@settings
class Pcgrad(Method):
    """Project each gradient off those it conflicts with, then sum; no preference is heeded."""

    name: ClassVar[str] = "pcgrad"
    version: ClassVar[int] = 1
    family: ClassVar[Family] = "single-policy"
    track: ClassVar[Track] = "single"
    rate: float = Field(default=3e-3, gt=0, le=1)
    rank: int = Field(default=8, ge=1, le=256)

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend the whole budget on one adapter."""
        recipe = Recipe((1 / bench.k,) * bench.k, gradients="pcgrad", settings=Settings(rate=self.rate, rank=self.rank))
        return single_policy(bench.base, bench.decoding, expert(bench, recipe, responses=bench.left, seed=seed))
