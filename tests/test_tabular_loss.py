"""SCIENCE T6 in a table: the trainer's loss, with exact expectations, converges to pi* and its gradient feels beta."""

import torch

REWARD = torch.tensor([[0.0, 1.0, 0.4, 0.9], [1.0, 0.2, 0.7, 0.1]], dtype=torch.float64)  # (prompts, answers)
PRIOR = torch.tensor([[0.4, 0.1, 0.3, 0.2], [0.1, 0.4, 0.25, 0.25]], dtype=torch.float64)


def expected_loss(logits: torch.Tensor, beta: float) -> torch.Tensor:
    """RLOO's loss with infinitely many answers per prompt: -E_pi[A log pi], A = s - E s, s = r - beta log pi/pi_0 (held)."""
    log_p = torch.log_softmax(logits, 1)
    p = log_p.exp()
    signal = (REWARD - beta * (log_p - PRIOR.log())).detach()
    advantage = signal - (p.detach() * signal).sum(1, keepdim=True)
    return -(p.detach() * advantage * log_p).sum(1).mean()


def gap(logits: torch.Tensor, beta: float) -> float:
    p = torch.softmax(logits, 1)
    value = (p * (REWARD - beta * (p.log() - PRIOR.log()))).sum(1)
    best = beta * (PRIOR * (REWARD / beta).exp()).sum(1).log()
    return float((best - value).sum() / (best - (PRIOR * REWARD).sum(1)).sum())


def fit(beta: float) -> torch.Tensor:
    logits = PRIOR.log().clone().requires_grad_(True)
    optimiser = torch.optim.SGD([logits], lr=2.0)
    for _ in range(8_000):
        optimiser.zero_grad()
        expected_loss(logits, beta).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return logits.detach()


def test_the_unscaled_loss_converges_to_the_closed_form_optimum() -> None:
    logits = fit(0.1)
    best = torch.softmax(PRIOR.log() + REWARD / 0.1, 1)
    assert gap(logits, 0.1) < 0.005
    assert torch.allclose(torch.softmax(logits, 1), best, atol=0.01)


def test_the_gradient_changes_with_beta() -> None:
    logits = (PRIOR.log() + 0.3 * REWARD).clone().requires_grad_(True)
    gradients = [torch.autograd.grad(expected_loss(logits, beta), logits)[0] for beta in (0.0, 0.1, 0.5)]
    assert not torch.allclose(gradients[0], gradients[1])
    assert not torch.allclose(gradients[1], gradients[2])


def faulty_loss(logits: torch.Tensor, beta: float) -> torch.Tensor:
    """A fault of published code: the KL enters as one number for all answers, which centring removes."""
    log_p = torch.log_softmax(logits, 1)
    p = log_p.exp().detach()
    signal = REWARD - beta * (p * (log_p.detach() - PRIOR.log())).sum()
    advantage = signal - (p * signal).sum(1, keepdim=True)
    return -(p * advantage * log_p).sum(1).mean()


def test_a_kl_term_that_centring_removes_is_found_by_its_gradient() -> None:
    logits = (PRIOR.log() + 0.3 * REWARD).clone().requires_grad_(True)
    with_kl, without = (torch.autograd.grad(faulty_loss(logits, beta), logits)[0] for beta in (0.5, 0.0))
    assert torch.allclose(with_kl, without)
