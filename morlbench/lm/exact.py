"""Score a policy exactly: walk the tree of all answers once and sum.

Breadth-first on the KV cache: at each level every row of the batch is one (preference, prompt, prefix), and the next level
repeats it for every word. Preferences whose gate gives a prompt the same mixture share its rows. Memory is bounded by
walking few (mixture, prompt) pairs at a time. A policy that is not a mixture on one base may list its own answers
(`Enumerable`); any other is estimated from samples, with an interval.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from transformers import Cache

from morlbench.closed_form import check_distribution
from morlbench.lm.base import Base
from morlbench.lm.mixing import Mixture
from morlbench.lm.policy import LMPolicy
from morlbench.method import Policy
from morlbench.preference import LINEAR, Array
from morlbench.task import Decoding, Texts

ROWS = 2_048  # rows in one forward pass


@runtime_checkable
class Enumerable(Protocol):
    """A policy that can state the probability of every answer itself."""

    def sequence_log_probs(self, prompts: Texts, preferences: Array) -> Array:
        """Return log-probabilities (p, n, V^t) at preferences (p, k); answers in lexicographic order of their word ids."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """Means per preference with the half-width of their 95% intervals: value (p,), rewards (p, k), kl (p,), margin (p,)."""

    rewards: Array
    kl: Array
    value: Array
    margin: Array  # of the value


def sequence_log_probs(policy: Policy, prompts: Texts, preferences: Array) -> Array | None:
    """Return log pi(y|x) for every answer (p, n, V^t) at preferences (p, k); None where the policy cannot be listed.

    Raises MorlbenchError with the offending prefix if next-word probabilities hold NaN or do not sum to 1.
    """
    if isinstance(policy, LMPolicy):
        gates = [policy.gate(prompts, np.tile(w, (len(prompts), 1)), LINEAR) for w in preferences]
        return enumerate_answers(policy.mixture, policy.decoding, prompts, np.stack(gates))
    if isinstance(policy, Enumerable):
        return policy.sequence_log_probs(prompts, preferences)
    return None


def enumerate_answers(mixture: Mixture, decoding: Decoding, prompts: Texts, weights: Array) -> Array:
    """Return log-probabilities (p, n, V^t) of every answer to n prompts under p mixtures of each, weights (p, n, M).

    Experts that meet after the backbone are walked once for all mixtures; else each distinct (prompt, mixture) is walked.
    """
    p, n, m = weights.shape
    if mixture.late:
        return _in_chunks(mixture, decoding.max_tokens, prompts, weights)
    owners = np.tile(np.arange(n), p)[:, None]
    pairs, place = np.unique(np.hstack([owners, weights.reshape(p * n, m)]), axis=0, return_inverse=True)
    found = _in_chunks(mixture, decoding.max_tokens, tuple(prompts[int(i)] for i in pairs[:, 0]), pairs[None, :, 1:])[0]
    return np.asarray(found[place.reshape(-1)].reshape(p, n, -1))


def estimate(values: Array, rewards: Array, kl: Array) -> Estimate:
    """Return means with intervals from samples: values and kl (p, n, d), rewards (p, n, d, k), d draws for each of n prompts.

    Prompts are fixed, so only the draws vary: the variance of the mean is the mean over prompts of s^2 / d, over n; with
    n (d - 1) degrees of freedom, at least 24, the normal quantile is replaced by Student's.
    """
    from scipy.special import stdtrit

    _, n, d = values.shape
    error = np.sqrt(values.var(2, ddof=1).mean(1) / (d * n))
    margin = stdtrit(n * (d - 1), 0.975) * error
    return Estimate(rewards.mean((1, 2)), kl.mean((1, 2)), values.mean((1, 2)), np.asarray(margin))


def _in_chunks(mixture: Mixture, length: int, prompts: Texts, weights: Array) -> Array:
    """Walk few prompts at a time, so that no forward pass has many more than ROWS rows; return (q, n, V^t)."""
    size = max(1, ROWS // (mixture.base.vocabulary ** (length - 1) * mixture.copies))
    chunks = [slice(i, i + size) for i in range(0, len(prompts), size)]
    return np.concatenate([_walk(mixture, length, prompts[c], weights[:, c]) for c in chunks], 1)


@torch.inference_mode()
def _walk(mixture: Mixture, length: int, prompts: Texts, weights: Array) -> Array:
    """Return log-probabilities (q, n, V^t) of one chunk under weights (q, n, M); q > 1 only where states serve every weight."""
    base, v, n = mixture.base, mixture.base.vocabulary, len(prompts)
    ids, mask = base.encode(prompts)
    w = torch.as_tensor(weights, dtype=torch.float32, device=base.device)  # (q, n V^step, M)
    whole = torch.zeros(len(w), n, dtype=torch.float64, device=base.device)  # (q, n V^step)
    cache: Cache | None = None
    for step in range(length):
        if cache is not None:
            cache.batch_repeat_interleave(v)
            mask = torch.cat([mask, torch.ones_like(mask[:, :1])], 1).repeat_interleave(v, 0)
            w = w.repeat_interleave(v, 1)
            ids = torch.arange(v, device=base.device).repeat(n * v ** (step - 1))[:, None]
        states, cache = mixture.states(ids, mask, w[0], cache)
        log_p = torch.stack([mixture.combine(states, rows)[:, 0] for rows in w]).double()  # (q, n V^step, V)
        _check(base, prompts, log_p.flatten(0, 1).cpu().numpy(), step)
        whole = (whole[..., None] + log_p).flatten(1)
    return np.asarray(whole.reshape(len(w), n, -1).cpu().numpy())


def _check(base: Base, prompts: Texts, log_p: Array, step: int) -> None:
    """Refuse next-word log-probabilities (q n V^step, V) that are no distribution, naming the prefix."""
    v = log_p.shape[1]

    def prefix(row: int) -> str:
        prompt, answer = divmod(row % (len(prompts) * v**step), v**step)
        words = tuple(answer // v**place % v for place in reversed(range(step)))
        return f"{prompts[prompt]} {base.decode(words)}".strip()

    check_distribution(log_p, prefix)
