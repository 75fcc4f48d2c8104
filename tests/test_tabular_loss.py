"""The loss in a table: leave-one-out REINFORCE converges to pi* and its gradient feels beta.

The advantages are the trainer's own (`leave_one_out`), in expectation over every group of two answers. That the trainer's reward
is this one, beta inside, is tested in test_train.py.
"""

import numpy as np
import torch

from morlbench.lm.trainer import leave_one_out

REWARD = torch.tensor([[0.0, 1.0, 0.4, 0.9], [1.0, 0.2, 0.7, 0.1]], dtype=torch.float64)  # (prompts, answers)
PRIOR = torch.tensor([[0.4, 0.1, 0.3, 0.2], [0.1, 0.4, 0.25, 0.25]], dtype=torch.float64)
GROUPS = torch.cartesian_prod(torch.arange(4), torch.arange(4))  # (groups, 2)


def expected_loss(logits: torch.Tensor, beta: float) -> torch.Tensor:
    """RLOO's loss in expectation over groups: -mean A log pi, A leave-one-out of s = r - beta log pi/pi_0 (held)."""
    log_p = torch.log_softmax(logits, 1)
    return _over_groups(log_p, REWARD - beta * (log_p.detach() - PRIOR.log()))


def _over_groups(log_p: torch.Tensor, signal: torch.Tensor) -> torch.Tensor:
    """Return the loss of answers with log_p (prompts, answers) and held signals, each group weighted by its probability."""
    advantages = leave_one_out(signal[:, GROUPS].reshape(-1, 1).numpy(), 2).reshape(len(signal), *GROUPS.shape)
    losses = -(torch.from_numpy(np.ascontiguousarray(advantages)) * log_p[:, GROUPS]).mean(2)  # (prompts, groups)
    return (log_p.detach()[:, GROUPS].sum(2).exp() * losses).sum(1).mean()


def values(logits: torch.Tensor, beta: float) -> torch.Tensor:
    """Return J (prompts,): the expected reward less beta KL."""
    p = torch.softmax(logits, 1)
    return (p * (REWARD - beta * (p.log() - PRIOR.log()))).sum(1)


def gap(logits: torch.Tensor, beta: float) -> float:
    value = values(logits, beta)
    best = beta * (PRIOR * (REWARD / beta).exp()).sum(1).log()
    return float((best - value).sum() / (best - (PRIOR * REWARD).sum(1)).sum())


def fit(beta: float) -> torch.Tensor:
    logits = PRIOR.log().clone().requires_grad_(True)
    optimiser = torch.optim.SGD([logits], lr=20.0)
    for _ in range(800):
        optimiser.zero_grad()
        expected_loss(logits, beta).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return logits.detach()


def test_the_unscaled_loss_converges_to_the_closed_form_optimum() -> None:
    logits = fit(0.1)
    best = torch.softmax(PRIOR.log() + REWARD / 0.1, 1)
    assert gap(logits, 0.1) < 0.005
    assert torch.allclose(torch.softmax(logits, 1), best, atol=0.01)


def test_the_expected_gradient_is_that_of_the_objective() -> None:
    logits = (PRIOR.log() + 0.3 * REWARD).clone().requires_grad_(True)
    for beta in (0.0, 0.1, 0.5):
        found, exact = (torch.autograd.grad(x, logits)[0] for x in (expected_loss(logits, beta), -values(logits, beta).mean()))
        assert torch.allclose(found, exact, atol=1e-12)


def test_the_gradient_changes_with_beta() -> None:
    logits = (PRIOR.log() + 0.3 * REWARD).clone().requires_grad_(True)
    gradients = [torch.autograd.grad(expected_loss(logits, beta), logits)[0] for beta in (0.0, 0.1, 0.5)]
    assert not torch.allclose(gradients[0], gradients[1])
    assert not torch.allclose(gradients[1], gradients[2])


def faulty_loss(logits: torch.Tensor, beta: float) -> torch.Tensor:
    """A fault of published code: the KL enters as one number for all answers, which centring removes."""
    log_p = torch.log_softmax(logits, 1)
    return _over_groups(log_p, REWARD - beta * (log_p.detach().exp() * (log_p.detach() - PRIOR.log())).sum())


def test_a_kl_term_that_centring_removes_is_found_by_its_gradient() -> None:
    logits = (PRIOR.log() + 0.3 * REWARD).clone().requires_grad_(True)
    with_kl, without = (torch.autograd.grad(faulty_loss(logits, beta), logits)[0] for beta in (0.5, 0.0))
    assert torch.allclose(with_kl, without)
