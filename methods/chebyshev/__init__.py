"""Train one policy on the augmented Chebyshev utility of each response."""

from typing import ClassVar

from pydantic import Field

from morlbench.bench import Bench
from morlbench.lm.policy import single_policy
from morlbench.lm.train import Recipe, Settings, expert
from morlbench.method import Family, Method, Policy, Track, settings
from morlbench.preference import UtilityName


@settings
class Chebyshev(Method):
    """RLOO on -max_i w_i (1 - r_i) + .05 w·r at the stated preference w, with the whole budget."""

    name: ClassVar[str] = "chebyshev"
    version: ClassVar[int] = 1
    family: ClassVar[Family] = "single-policy"
    track: ClassVar[Track] = "single"
    utilities: ClassVar[tuple[UtilityName, ...]] = ("chebyshev",)
    rate: float = Field(default=3e-3, gt=0, le=1)
    rank: int = Field(default=8, ge=1, le=256)

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend the whole budget on one adapter."""
        recipe = Recipe(bench.preference, utility="chebyshev", settings=Settings(rate=self.rate, rank=self.rank))
        return single_policy(bench.base, bench.decoding, expert(bench, recipe, responses=bench.left, seed=seed))
