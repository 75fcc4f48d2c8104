"""Train one policy on the weighted sum of rewards for one stated preference."""

from typing import ClassVar

from pydantic import Field

from morlbench.bench import Bench
from morlbench.lm.policy import single_policy
from morlbench.lm.train import Recipe, Settings, expert
from morlbench.method import Family, Method, Policy, Track, settings


@settings
class LinearScalarization(Method):
    """RLOO on sum_i w_i r_i at the stated preference w, with the whole budget."""

    name: ClassVar[str] = "linear-scalarization"
    version: ClassVar[int] = 1
    family: ClassVar[Family] = "single-policy"
    track: ClassVar[Track] = "single"
    rate: float = Field(default=3e-3, gt=0, le=1)
    rank: int = Field(default=8, ge=1, le=256)

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend the whole budget on one adapter."""
        recipe = Recipe(bench.preference, settings=Settings(rate=self.rate, rank=self.rank))
        return single_policy(bench.base, bench.decoding, expert(bench, recipe, responses=bench.left, seed=seed))
