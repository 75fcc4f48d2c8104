"""A hypernetwork from the preference to the scales of low-rank slots: a learnt map onto the whole Pareto set."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import nn

from morlbench.bench import Bench
from morlbench.lm.adapter import Adapter
from morlbench.lm.base import Base
from morlbench.lm.conditioned import Conditioned, Parts, serve
from morlbench.lm.conditioned_training import train
from morlbench.lm.train import Plan
from morlbench.lm.trained import Settings, Trained
from morlbench.method import Family, Policy, Track, settings
from morlbench.preference import Utility
from morlbench.seeds import derive

STEEPNESS = 3.0  # deviation of the hidden units' first weights: enough for units to bend within the simplex


@settings
class ParetoSetLearning(Trained):
    """theta(w) = theta_0 + sum_m h_m(w) b_m a_m^T; slots and hypernetwork h are trained together on sampled w."""

    name: ClassVar[str] = "pareto-set-learning"
    version: ClassVar[int] = 1
    family: ClassVar[Family] = "multi-policy"
    track: ClassVar[Track] = "front"
    scalarisation: Literal["linear", "chebyshev"] = "linear"
    hidden: int = Field(default=32, ge=1, le=4096)

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend the whole budget on the slots and their hypernetwork."""
        plan = Plan(self.optimiser(bench.base), bench.left, seed)
        slots = Slots(bench.base, bench.k, plan.settings, self.hidden, seed=seed)
        train(bench, slots, self.name, plan, utility=Utility(self.scalarisation))
        return serve(bench, slots)


class Slots(Conditioned):
    """rank (k + 1) slots of rank one, as many parameters as `conditioned-policy` has, and the network that scales them."""

    def __init__(self, base: Base, k: int, optimiser: Settings, hidden: int, *, seed: int) -> None:
        super().__init__()
        count = optimiser.rank * (k + 1)
        self.parts = Parts(base, count, rank=1, scale=optimiser.alpha / count, seed=seed)
        draw = torch.Generator().manual_seed(derive(seed, "hypernetwork") % 2**63)
        self.first, self.second = nn.Linear(k, hidden), nn.Linear(hidden, count)
        with torch.no_grad():
            self.first.weight.copy_(STEEPNESS * torch.randn(hidden, k, generator=draw))
            self.first.bias.copy_(-self.first.weight.mean(1))  # units bend around the middle of the simplex
            self.second.weight.copy_(torch.randn(count, hidden, generator=draw) / hidden**0.5)
            self.second.bias.fill_(1.0)

    def adapters(self) -> Sequence[Adapter]:
        """Return one rank-1 update per slot."""
        return self.parts.adapters()

    def forward(self, condition: torch.Tensor) -> torch.Tensor:
        """Return the hypernetwork's scales (n, slots) of preferences (n, k)."""
        return torch.as_tensor(self.second(torch.tanh(self.first(condition))))
