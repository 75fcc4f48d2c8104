"""One policy whose weights are a shared update plus one per objective, scaled by the preference (CLP)."""

from collections.abc import Sequence
from typing import ClassVar

import torch

from morlbench.bench import Bench
from morlbench.lm.adapter import Adapter
from morlbench.lm.base import Base
from morlbench.lm.conditioned import Conditioned, Parts, serve
from morlbench.lm.conditioned_training import train
from morlbench.lm.train import Plan
from morlbench.lm.trained import Settings, Trained
from morlbench.method import Family, Policy, Track, settings


@settings
class ConditionedPolicy(Trained):
    """theta(w) = theta_0 + Delta_shared + sum_i w_i Delta_i, all trained together on sampled w."""

    name: ClassVar[str] = "conditioned-policy"
    version: ClassVar[int] = 1
    family: ClassVar[Family] = "multi-policy"
    track: ClassVar[Track] = "front"

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend the whole budget on the one policy."""
        plan = Plan(self.optimiser(bench.base), bench.left, seed)
        blocks = Blocks(bench.base, bench.k, plan.settings, seed=seed)
        train(bench, blocks, self.name, plan)
        return serve(bench, blocks)


class Blocks(Conditioned):
    """A shared update at scale 1 and one per objective at scale w_i, each of the full rank."""

    def __init__(self, base: Base, k: int, optimiser: Settings, *, seed: int) -> None:
        super().__init__()
        rank = optimiser.rank
        self.parts = Parts(base, 1 + k, rank=rank, scale=optimiser.alpha / (2 * rank), seed=seed)  # shared + a mean of k

    def adapters(self) -> Sequence[Adapter]:
        """Return the shared update, then one per objective."""
        return self.parts.adapters()

    def forward(self, condition: torch.Tensor) -> torch.Tensor:
        """Return [1, w] (n, 1 + k) of preferences (n, k)."""
        return torch.cat([torch.ones_like(condition[:, :1]), condition], 1)
