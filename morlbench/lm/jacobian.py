"""The Jacobian of the objectives' losses in one forward pass and little more than one backward pass an objective.

Rows of a batch do not see each other, and each loss depends on an answer through its log-probability alone. So the states
before the head get, for every objective, the same gradient times one number per answer: the head, half of a backward pass
in a small model with a large vocabulary, is gone through once for all objectives.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def watched(module: nn.Module) -> Iterator[list[torch.Tensor]]:
    """Yield a list that every output of `module` is added to while the context is open."""
    outputs: list[torch.Tensor] = []
    handle = module.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    try:
        yield outputs
    finally:
        handle.remove()


def jacobian(losses: torch.Tensor, answers: torch.Tensor, states: torch.Tensor, parameters: Sequence[nn.Parameter]) -> torch.Tensor:
    """Return the gradients (k, P) of losses (k,) in double precision.

    `answers` (n,) are the log-probabilities the losses are functions of; row i of `answers` must depend on row i of `states`
    (n, t, d) alone, and no parameter may act after the states.
    """
    (head,) = torch.autograd.grad(answers.sum(), states, retain_graph=True)  # (n, t, d)
    rows = []
    for loss in losses:
        (own,) = torch.autograd.grad(loss, answers, retain_graph=True)  # (n,)
        found = torch.autograd.grad(states, parameters, head * own[:, None, None], retain_graph=True, allow_unused=True)
        rows.append(torch.cat([_flat(g, p) for g, p in zip(found, parameters, strict=True)]))
    return torch.stack(rows).double()


def along(direction: torch.Tensor, parameters: Sequence[nn.Parameter]) -> torch.Tensor:
    """Return a function of the parameters whose gradient is `direction` (P,)."""
    parts = torch.split(direction, [p.numel() for p in parameters])
    return torch.stack([(p * part.view_as(p).to(p.dtype)).sum() for p, part in zip(parameters, parts, strict=True)]).sum()


def _flat(gradient: torch.Tensor | None, parameter: nn.Parameter) -> torch.Tensor:
    return torch.zeros_like(parameter).flatten() if gradient is None else gradient.flatten()
