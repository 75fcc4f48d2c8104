"""Policies conditioned on a preference: updates of one base whose scales are a function of it, trained together.

A row with preference w is answered by theta_0 + sum_m s_m(w) Delta_m. A `Conditioned` module states the updates Delta_m and the
scales s(w); training attaches both through the same `Mixture` that serves them, so that what is trained is what is served.
Each group of answers to one prompt gets its own w ~ Dirichlet(1), at least .05 (L1) away from the held-out preferences: the
leave-one-out mean then compares answers that were asked for the same. Leaves out an update per layer: scales are shared by all.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial

import numpy as np
import torch
from torch import nn

from morlbench.bench import Bench
from morlbench.lm.adapter import Adapter
from morlbench.lm.base import READOUT, Base
from morlbench.lm.mixing import Mixture
from morlbench.lm.policy import LMPolicy
from morlbench.preference import LINEAR, Array, Utility
from morlbench.seeds import derive
from morlbench.task import Texts

MARGIN = 0.05  # L1 distance to held-out preferences below which no training preference may lie
Features = Callable[[Texts], Array]  # what scales may know of a prompt (n, c)


class Conditioned(nn.Module, ABC):
    """M updates of the base, and their scales as a function of each row's condition: the preference, then features if any."""

    @abstractmethod
    def adapters(self) -> Sequence[Adapter]:
        """Return the M updates; gradients flow through those that are trained."""

    @abstractmethod
    def forward(self, condition: torch.Tensor) -> torch.Tensor:
        """Return scales (n, M) of conditions (n, k + c)."""


class Parts(nn.Module):
    """M trainable updates of one rank for every linear layer and for the readout, all zero at first: B = 0, A as LoRA's.

    `scale` stands for LoRA's alpha / r, r being the rank that is in force for a row: the sum of its parts' scaled ranks.
    """

    def __init__(self, base: Base, count: int, *, rank: int, scale: float, seed: int) -> None:
        super().__init__()
        sizes = {name: _size(module) for name, module in base.targets().items()} | {READOUT: _size(base.final_norm().readout)}
        draw = torch.Generator().manual_seed(derive(seed, "parts") % 2**63)
        self.names, self.scale = tuple(sizes), scale
        self.down, self.up = nn.ParameterList(), nn.ParameterList()
        for fan_in, fan_out in sizes.values():
            uniform = torch.rand(count, rank, fan_in, generator=draw) * 2 - 1
            self.down.append(nn.Parameter(uniform / fan_in**0.5))  # (M, r, in)
            self.up.append(nn.Parameter(torch.zeros(count, fan_out, rank)))  # (M, out, r)

    def adapters(self, gains: torch.Tensor | None = None) -> tuple[Adapter, ...]:
        """Return the M updates, scaled by gains (places, M) where each place (a linear layer or the readout) has its own."""
        places = len(self.names)
        ups = [self.up[p] * self.scale * (1.0 if gains is None else gains[p, :, None, None]) for p in range(places)]
        made = []
        for m in range(len(self.down[0])):
            factors = {name: (self.down[p][m], ups[p][m]) for p, name in enumerate(self.names)}
            a, b = factors.pop(READOUT)
            made.append(Adapter(factors, b @ a))
        return tuple(made)


class Sampling:
    """A steer that scalarises each row by its own preference; preferences are drawn anew for each batch, one per group."""

    def __init__(self, bench: Bench, utility: Utility = LINEAR, *, seed: int) -> None:
        self._avoid, self._utility = bench.held_out, utility
        self._rng = np.random.default_rng(derive(seed, "preferences"))
        self.preferences: Array = np.empty((0, bench.k))  # (n, k) of the batch at hand

    def draw(self, groups: int, group: int) -> Array:
        """Draw and return the preferences (groups * group, k) of the next batch, equal within a group of consecutive rows."""
        self.preferences = far_preferences(self._rng, groups, self._avoid).repeat(group, 0)
        return self.preferences

    def scalar(self, rewards: Array) -> Array:
        """Return u_w(r) (n,) with each row's own w."""
        return np.asarray(self._utility(rewards, self.preferences))

    def mix(self, gram: Array) -> Array | None:
        """Follow the scalar."""
        return None


def far_preferences(rng: np.random.Generator, count: int, avoid: Array) -> Array:
    """Return Dirichlet(1) draws (count, k) none of which lies within MARGIN (L1) of a row of avoid (m, k)."""
    found = np.empty((0, avoid.shape[1]))
    while len(found) < count:
        drawn = rng.dirichlet(np.ones(avoid.shape[1]), count)
        far = np.abs(drawn[:, None] - avoid).sum(-1).min(1) >= MARGIN
        found = np.concatenate([found, drawn[far]])
    return found[:count]


def attached(base: Base, conditioned: Conditioned, condition: torch.Tensor) -> AbstractContextManager[object]:
    """Return a context in which base's rows carry the updates at conditions (n, k + c); gradients reach the module."""
    return Mixture(base, conditioned.adapters()).attach(conditioned(condition))


def condition_of(preferences: Array, prompts: Texts, features: Features | None) -> Array:
    """Return what scales are a function of (n, k + c): the preferences, then the prompts' features if there are any."""
    return preferences if features is None else np.hstack([preferences, features(prompts)])


def serve(bench: Bench, conditioned: Conditioned, *, features: Features | None = None, explains: bool = False) -> LMPolicy:
    """Return the trained module as a policy: its updates mixed at parameter level by its scales, computed in double precision."""
    mixture = Mixture(bench.base, [_frozen(adapter) for adapter in conditioned.adapters()], temperature=bench.decoding.temperature)
    scales = copy.deepcopy(conditioned).cpu().double().requires_grad_(False)
    return LMPolicy(mixture, bench.decoding, partial(_gate, scales, features), explains)


def _gate(scales: Conditioned, features: Features | None, prompts: Texts, preferences: Array, utility: Utility) -> Array:
    """Return the scales (n, M) of each row."""
    return np.asarray(scales(torch.as_tensor(condition_of(preferences, prompts, features))).numpy())


def _frozen(adapter: Adapter) -> Adapter:
    factors = {name: (a.detach().cpu().clone(), b.detach().cpu().clone()) for name, (a, b) in adapter.factors.items()}
    return Adapter(factors, None if adapter.readout is None else adapter.readout.detach().cpu().clone())


def _size(module: nn.Module) -> tuple[int, int]:
    """Return (in, out) of a linear layer, GPT-2's transposed kind included."""
    weight = module.get_parameter("weight")
    rows, columns = weight.shape
    return (columns, rows) if isinstance(module, nn.Linear) else (rows, columns)
