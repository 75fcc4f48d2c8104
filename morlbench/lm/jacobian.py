"""The Jacobian of the objectives' losses from one forward and one backward pass, however many objectives there are.

Answers in a batch do not see each other, and each loss depends on an answer through its log-probability alone. So one
backward pass from the sum of the log-probabilities, read where it passes the outputs of every trained layer, serves all
objectives: an objective's gradient is the sum over answers of its own number for the answer, times the slopes there, times
the layer's input (the per-example gradients of Goodfellow 2015, arXiv:1510.01799, weighted instead of squared). Leaves out trained
parameters that are not the weight of a linear layer without bias; adapters have none.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from morlbench.errors import MorlbenchError


@dataclass(frozen=True, eq=False)
class Pass:
    """What went into a trained layer, inputs (n, t, i), and where the slopes by its outputs (n, t, o) arrive, which are not kept."""

    layer: nn.Linear
    inputs: torch.Tensor
    edge: GradientEdge


def trained_layers(model: nn.Module) -> list[nn.Linear]:
    """Return the linear layers that are trained; raise MorlbenchError where anything else is."""
    layers = [m for m in model.modules() if isinstance(m, nn.Linear) and m.weight.requires_grad]
    known = {id(layer.weight) for layer in layers}
    other = [name for name, p in model.named_parameters() if p.requires_grad and id(p) not in known]
    if other:
        raise MorlbenchError(f"gradient methods train the weights of linear layers only; {other[0]} is not one")
    return layers


@contextmanager
def watched(layers: Sequence[nn.Linear]) -> Iterator[list[Pass]]:
    """Yield a list to which every pass through one of the layers is added while the context is open."""
    passes: list[Pass] = []

    def note(layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        if isinstance(layer, nn.Linear):
            passes.append(Pass(layer, inputs[0].detach(), get_gradient_edge(output)))

    handles = [layer.register_forward_hook(note) for layer in layers]
    try:
        yield passes
    finally:
        for handle in handles:
            handle.remove()


def jacobian(shares: torch.Tensor, answers: torch.Tensor, passes: Sequence[Pass]) -> torch.Tensor:
    """Return the gradients (k, P) of k losses by the layers' weights, pass after pass, in double precision.

    `answers` (n,) are log-probabilities, of which answer i must depend on row i of each pass alone; `shares` (k, n) are the
    losses' derivatives by them.
    """
    found: dict[int, torch.Tensor] = {}

    def arrived(i: int) -> Callable[[tuple[torch.Tensor, ...]], None]:
        def use(slopes: tuple[torch.Tensor, ...]) -> None:
            slope = slopes[passes[i].edge.output_nr]
            found[i] = _gradients(passes[i], slope, shares.to(slope.dtype))

        return use

    handles = [p.edge.node.register_prehook(arrived(i)) for i, p in enumerate(passes)]
    try:  # asked for the weights and not for all slopes, so that each slope is freed once it is used
        torch.autograd.grad(answers.sum(), [p.layer.weight for p in passes])
    finally:
        for handle in handles:
            handle.remove()
    return torch.cat([found[i] for i in range(len(passes))], 1).double()


def along(direction: torch.Tensor, passes: Sequence[Pass]) -> torch.Tensor:
    """Return a function of the layers' weights whose gradient is `direction` (P,)."""
    weights = [p.layer.weight for p in passes]
    parts = torch.split(direction, [w.numel() for w in weights])
    return torch.stack([(w * part.view_as(w).to(w.dtype)).sum() for w, part in zip(weights, parts, strict=True)]).sum()


def _gradients(through: Pass, slope: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """Return the gradients (k, o i) of all losses by the layer's weight: the narrower side carries the shares, in one product."""
    k, out, width = len(shares), slope.shape[-1], through.inputs.shape[-1]
    inputs = through.inputs.to(slope.dtype)
    if out <= width:
        return (_shared(slope, shares).T @ inputs.flatten(0, 1)).view(k, out * width)
    return (slope.flatten(0, 1).T @ _shared(inputs, shares)).view(out, k, width).transpose(0, 1).reshape(k, out * width)


def _shared(values: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """Return values (n, t, d) times each loss's share of the row, (n t, k d)."""
    return (values[:, :, None] * shares.T[:, None, :, None]).flatten(2).flatten(0, 1)
