"""Mix the next-token probabilities of one expert per objective on a shared prefix."""

from typing import ClassVar

from pydantic import Field

from morlbench.bench import Bench
from morlbench.lm.meta import by_preference, objective_experts
from morlbench.lm.train import Settings
from morlbench.method import Family, Method, Policy, Track, settings


@settings
class ProbabilityMix(Method):
    """pi(y_t) = sum_i w_i pi_i(y_t): the linear opinion pool, token by token."""

    name: ClassVar[str] = "probability-mix"
    version: ClassVar[int] = 1
    family: ClassVar[Family] = "meta-policy"
    track: ClassVar[Track] = "front"
    rate: float = Field(default=3e-3, gt=0, le=1)
    rank: int = Field(default=8, ge=1, le=256)

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend budget / k on each expert."""
        shared = Settings(rate=self.rate, rank=self.rank)
        return by_preference(bench, objective_experts(bench, responses=bench.left, seed=seed, level="probabilities", settings=shared))
