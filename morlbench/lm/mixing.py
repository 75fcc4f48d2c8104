"""Aggregate experts at every level: parameters, hidden states, logits or probabilities, with weights per row.

parameters: theta_0 + sum_i w_i B_i A_i, exact, one forward for all rows. factors: A and B averaged separately, as some
published code does, which adds cross terms; for comparison only. logits: sum_i w_i log pi_i, renormalised (MOD, Shi et al.
2024). probabilities: sum_i w_i pi_i. hidden: states after the final norm and readout, then the shared head; with a
bias-free head this equals `logits`. hidden-pre: before the final norm. hidden-N: after layer N, going on through
upper layers that carry the parameter mixture, so that hidden-0 would be `parameters` and a one-hot weight always gives the
expert itself. hidden-sum: states after the final norm summed without normalising (weights times the number of experts),
as in the EMORL code.

Leaves out merging into weights on disk: a policy serves with hooks that live for one call, the base stays untouched.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import nn
from transformers import Cache, DynamicCache

from morlbench.errors import BadInput
from morlbench.lm.adapter import Adapter
from morlbench.lm.base import Base
from morlbench.lm.recent import Recent
from morlbench.task import Texts

Hook = Callable[[nn.Module, tuple[torch.Tensor, ...], torch.Tensor], torch.Tensor]
Fixed = Literal["parameters", "factors", "logits", "probabilities", "hidden", "hidden-pre", "hidden-sum"]
LEVELS: tuple[str, ...] = get_args(Fixed)


def check_level(level: str, layers: int | None = None) -> str:
    """Return `level` if it names an aggregation level (of a base with that many layers), else raise BadInput."""
    if level in LEVELS:
        return level
    number = level.removeprefix("hidden-")
    if number.isdecimal() and int(number) >= 1 and level == f"hidden-{int(number)}" and (layers is None or int(number) <= layers):
        return level
    top = f"1..{layers}" if layers else "1..number of layers"
    raise BadInput(f"unknown aggregation level {level!r}; expected one of {', '.join(LEVELS)} or hidden-N with N in {top}")


class Mixture:
    """M experts on one base, combined at one level; weights (n, M) choose each row's mixture."""

    def __init__(self, base: Base, adapters: Sequence[Adapter], level: str = "parameters", *, temperature: float = 1.0) -> None:
        self.base, self.adapters, self.temperature = base, tuple(adapters), temperature
        self.level = check_level(level, len(base.layers))
        self._stack = _Stack(base, self.adapters)
        self.recent = Recent()
        self._begun: tuple[Texts, torch.Tensor, Cache] | None = None

    @property
    def experts(self) -> int:
        """Number of experts, M."""
        return len(self.adapters)

    @property
    def copies(self) -> int:
        """Rows the model runs for each row asked: 1 for parameter levels, else M."""
        return 1 if self.level in ("parameters", "factors") or not self.adapters else self.experts

    def log_probs(
        self, ids: torch.Tensor, mask: torch.Tensor, weights: torch.Tensor, cache: Cache | None = None, *, keep: int = 1
    ) -> tuple[torch.Tensor, Cache]:
        """Return log-probabilities (n, keep, V) after the last `keep` of ids (n, t), and the cache to go on with.

        mask (n, t_all) covers cached and new positions; weights (n, M). The cache holds `copies` rows per row.
        """
        hidden, cache = self.states(ids, mask, weights, cache, keep=keep)
        return self.combine(hidden, weights), cache

    def begin(self, prompts: Texts, weights: torch.Tensor) -> tuple[torch.Tensor, Cache, torch.Tensor]:
        """Return log-probabilities (n, 1, V) after the prompts, the cache to go on with, and the prompts' mask (n, t).

        Where experts meet late, a prompt's states serve every weight: those of the last batch of prompts are kept.
        """
        ids, mask = self.base.encode(prompts)
        if not self.late:
            return (*self.log_probs(ids, mask, weights), mask)
        if self._begun is None or self._begun[0] != prompts:
            self._begun = (prompts, *self.states(ids, mask, weights))
        _, hidden, cache = self._begun
        return self.combine(hidden, weights), copy.deepcopy(cache), mask

    @property
    def late(self) -> bool:
        """Whether experts meet after the backbone only, so that their states serve every weight."""
        return self.copies > 1 and self._mixed_layer is None

    def states(
        self, ids: torch.Tensor, mask: torch.Tensor, weights: torch.Tensor, cache: Cache | None = None, *, keep: int = 1
    ) -> tuple[torch.Tensor, Cache]:
        """Return the backbone's states (copies * n, keep, d) after the last `keep` of ids (n, t), and the cache; see `log_probs`."""
        m = self.copies
        tiled, tiled_mask = (ids, mask) if m == 1 else (ids.repeat(m, 1), mask.repeat(m, 1))
        position = (tiled_mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        with ExitStack() as hooks:
            hooks.enter_context(self.attach(weights))
            past = cache or DynamicCache(config=self.base.model.config)
            hidden = self.base.backbone(
                input_ids=tiled, attention_mask=tiled_mask, position_ids=position, past_key_values=past, use_cache=True
            )
        return hidden.last_hidden_state[:, -keep:], hidden.past_key_values

    def attach(self, weights: torch.Tensor) -> ExitStack:
        """Return a context in which the base's layers carry the mixture of rows with weights (n, M); gradients reach both."""
        hooks = ExitStack()
        if not self.adapters:
            return hooks
        if self.copies == 1:
            hooks.enter_context(self._stack.serve(weights, weights, separately=self.level == "factors"))
            return hooks
        own = torch.eye(self.experts, dtype=weights.dtype, device=weights.device).repeat_interleave(len(weights), 0)
        split = self._mixed_layer  # rows are expert-major: the first n rows are expert 0
        if split is None:
            hooks.enter_context(self._stack.serve(own, own))
            return hooks
        hooks.enter_context(self._stack.serve(own, weights.repeat(self.experts, 1), split=split))
        hooks.enter_context(_mixed_after(self.base.layers[split - 1], weights, self.experts))
        return hooks

    @property
    def _mixed_layer(self) -> int | None:
        number = self.level.removeprefix("hidden-")
        top = len(self.base.layers)
        return int(number) if number.isdigit() else top if number == "pre" else None

    def combine(self, hidden: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Turn states (copies * n, keep, d) into log-probabilities (n, keep, V) under weights (n, M)."""
        m, n = self.copies, len(weights)
        if m == 1:
            return self._log_softmax(self.base.head(hidden))
        states = hidden.view(m, n, *hidden.shape[1:])
        w = weights.T[:, :, None, None].float()  # (M, n, 1, 1)
        if self.level in ("hidden", "hidden-sum"):
            scale = m if self.level == "hidden-sum" else 1
            return self._log_softmax(self.base.head(((states * w).sum(0) * scale).to(hidden.dtype)))
        if self.level == "logits":
            # log-softmax of weighted logits equals the renormalised sum of log-probabilities when weights sum to 1
            return torch.log_softmax((self._log_softmax(self.base.head(states)) * w).sum(0), -1)
        if self.level == "probabilities":
            return torch.logsumexp(self._log_softmax(self.base.head(states)) + w.clamp(min=1e-38).log(), 0)
        return self._log_softmax(self.base.head(states[0]))  # mixed inside: all copies are equal

    def _log_softmax(self, logits: torch.Tensor) -> torch.Tensor:
        return torch.log_softmax(logits.float() / self.temperature, -1)


class _Stack:
    """The adapters' factors, concatenated by module, and the hooks that apply them: in float32, as they were trained."""

    def __init__(self, base: Base, adapters: Sequence[Adapter]) -> None:
        self._base, self._experts = base, len(adapters)
        self._places: list[_Place] = []
        self._readout: torch.Tensor | None = None
        numbers = {id(m): i for i, layer in enumerate(base.layers) for m in layer.modules()}
        if not adapters:
            return
        for name, module in base.targets().items():
            a = torch.stack([x.factors[name][0] for x in adapters]).to(base.device)  # (M, r, in)
            b = torch.stack([x.factors[name][1] for x in adapters]).to(base.device)  # (M, out, r)
            down, up = a.flatten(0, 1).T.contiguous(), b.transpose(1, 2).flatten(0, 1)
            self._places.append(_Place(numbers[id(module)], module, a, b, down, up))
        readouts = [x.readout for x in adapters if x.readout is not None]
        self._readout = torch.stack(readouts).to(base.device) if len(readouts) == len(adapters) else None  # (M, d, d)

    @contextmanager
    def serve(self, lower: torch.Tensor, upper: torch.Tensor, *, split: int = 0, separately: bool = False) -> Iterator[None]:
        """Apply row weights (rows, M) while the context is open: `lower` below layer `split`, `upper` from there on."""
        handles = []
        low, high = (rows.to(self._base.device, torch.float32) for rows in (lower, upper))
        scales: dict[tuple[bool, int], torch.Tensor] = {}  # places of one rank share theirs
        for place in self._places:
            below, rank = place.layer < split, place.a.shape[1]
            weights = low if below else high
            if separately:
                hook = _separate(place, weights)
            else:
                if (below, rank) not in scales:
                    scales[below, rank] = weights.repeat_interleave(rank, 1)[:, None]  # (rows, 1, M r)
                hook = _exact(place, scales[below, rank])
            handles.append(place.module.register_forward_hook(hook))
        if self._readout is not None:
            handles.append(self._base.final_norm().readout.register_forward_hook(_full(high, self._readout)))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


@dataclass(frozen=True, eq=False)
class _Place:
    """One linear layer and the experts' factors there, A (M, r, in), B (M, out, r), also concatenated for one product."""

    layer: int
    module: nn.Module
    a: torch.Tensor
    b: torch.Tensor
    down: torch.Tensor  # (in, M r)
    up: torch.Tensor  # (M r, out)


def _exact(place: _Place, scale: torch.Tensor) -> Hook:
    def hook(_module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
        return (output + ((inputs[0].float() @ place.down) * scale) @ place.up).to(output.dtype)

    return hook


def _separate(place: _Place, weights: torch.Tensor) -> Hook:
    def hook(_module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
        mean_a, mean_b = torch.einsum("nm,mri->nri", weights, place.a), torch.einsum("nm,mor->nor", weights, place.b)
        return (output + inputs[0].float() @ mean_a.transpose(1, 2) @ mean_b.transpose(1, 2)).to(output.dtype)

    return hook


def _full(weights: torch.Tensor, updates: torch.Tensor) -> Hook:
    def hook(_module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
        x = inputs[0]  # (rows, t, d)
        for i, update in enumerate(updates):
            output = output + weights[:, i, None, None] * (x @ update.T)
        return output

    return hook


@contextmanager
def _mixed_after(layer: nn.Module, weights: torch.Tensor, m: int) -> Iterator[None]:
    def hook(_module: nn.Module, _inputs: object, output: torch.Tensor | tuple[torch.Tensor, ...]) -> object:
        if isinstance(output, tuple):
            return (_mix(output[0], weights, m), *output[1:])
        return _mix(output, weights, m)

    handle = layer.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def _mix(states: torch.Tensor, weights: torch.Tensor, m: int) -> torch.Tensor:
    """Replace each expert's states (M n, t, d) by their weighted sum, repeated M times."""
    mixed = (states.view(m, len(weights), *states.shape[1:]) * weights.T[:, :, None, None].float()).sum(0)
    return mixed.to(states.dtype).repeat(m, 1, 1)
