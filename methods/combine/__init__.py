"""Combine one expert per objective at any level: parameters, factors, logits, probabilities, hidden states, or their sum."""

from typing import ClassVar

from pydantic import Field

from morlbench.bench import Bench
from morlbench.lm.meta import by_preference, objective_experts
from morlbench.lm.mixing import check_level
from morlbench.lm.train import Settings
from morlbench.method import Family, Method, Policy, Track, settings


@settings
class Combine(Method):
    """The experts of `rewarded-soups` and `mod`, at the preference itself, combined at `level`: the aggregation study's subject."""

    name: ClassVar[str] = "combine"
    version: ClassVar[int] = 1
    family: ClassVar[Family] = "meta-policy"
    track: ClassVar[Track] = "front"
    level: str = "hidden-pre"
    rate: float = Field(default=3e-3, gt=0, le=1)
    rank: int = Field(default=8, ge=1, le=256)

    def __post_init__(self) -> None:
        check_level(self.level)

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend budget / k on each expert."""
        check_level(self.level, len(bench.base.layers))  # before anything is spent
        shared = Settings(rate=self.rate, rank=self.rank)
        return by_preference(bench, objective_experts(bench, responses=bench.left, seed=seed, level=self.level, settings=shared))
