"""One low-rank update by singular values: some learnt, and one per objective that is the preference itself (Panacea)."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import nn

from morlbench.bench import Bench
from morlbench.lm.adapter import Adapter
from morlbench.lm.base import Base
from morlbench.lm.conditioned import Conditioned, Parts, serve
from morlbench.lm.conditioned_training import train
from morlbench.lm.train import Plan
from morlbench.lm.trained import Settings, Trained
from morlbench.method import Family, Policy, Track, settings


@settings
class Panacea(Trained):
    """Delta W(w) = U diag(sigma_1..sigma_r, c w_1..c w_k) V^T in every linear layer, trained on sampled w."""

    name: ClassVar[str] = "panacea"
    version: ClassVar[int] = 1
    family: ClassVar[Family] = "multi-policy"
    track: ClassVar[Track] = "front"

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend the whole budget on the one policy."""
        plan = Plan(self.optimiser(bench.base), bench.left, seed)
        slots = SingularValues(bench.base, bench.k, plan.settings, seed=seed)
        train(bench, slots, self.name, plan)
        return serve(bench, slots)


class SingularValues(Conditioned):
    """`rank` slots with learnt singular values and k whose singular values are w_i times one learnt scale per layer."""

    def __init__(self, base: Base, k: int, optimiser: Settings, *, seed: int) -> None:
        super().__init__()
        self.shared, self.k = optimiser.rank, k
        self.parts = Parts(base, self.shared + k, rank=1, scale=optimiser.alpha / (self.shared + 1), seed=seed)
        self.values = nn.Parameter(torch.ones(len(self.parts.names), self.shared))  # sigma
        self.scale = nn.Parameter(torch.ones(len(self.parts.names), 1))  # c

    def adapters(self) -> Sequence[Adapter]:
        """Return one rank-1 update per slot, learnt singular values and scales folded in."""
        return self.parts.adapters(torch.cat([self.values, self.scale.expand(-1, self.k)], 1))

    def forward(self, condition: torch.Tensor) -> torch.Tensor:
        """Return [1, .., 1, w] (n, rank + k) of preferences (n, k)."""
        return torch.cat([torch.ones_like(condition[:, :1]).expand(-1, self.shared), condition], 1)
