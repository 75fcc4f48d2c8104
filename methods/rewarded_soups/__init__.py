"""Interpolate the weights of one expert per objective at any preference (Rewarded Soups)."""

from typing import ClassVar

from pydantic import Field

from morlbench.bench import Bench
from morlbench.lm.meta import by_preference, objective_experts
from morlbench.lm.train import Settings
from morlbench.method import Family, Method, Policy, Track, settings


@settings
class RewardedSoups(Method):
    """theta(w) = theta_0 + sum_i w_i Delta_i, with the experts' exact low-rank updates."""

    name: ClassVar[str] = "rewarded-soups"
    version: ClassVar[int] = 1
    family: ClassVar[Family] = "meta-policy"
    track: ClassVar[Track] = "front"
    rate: float = Field(default=3e-3, gt=0, le=1)
    rank: int = Field(default=8, ge=1, le=256)

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend budget / k on each expert."""
        shared = Settings(rate=self.rate, rank=self.rank)
        return by_preference(bench, objective_experts(bench, responses=bench.left, seed=seed, level="parameters", settings=shared))
