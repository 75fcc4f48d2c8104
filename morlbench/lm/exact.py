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

ROWS = 16_384  # rows in one forward pass


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
        p, n = len(preferences), len(prompts)
        gates = np.stack([policy.gate(prompts, np.tile(w, (n, 1)), LINEAR) for w in preferences])  # (p, n, M)
        owners = np.tile(np.arange(n), p)[:, None]
        pairs, place = np.unique(np.hstack([owners, gates.reshape(p * n, -1)]), axis=0, return_inverse=True)
        texts = tuple(prompts[int(i)] for i in pairs[:, 0])
        found = enumerate_answers(policy.mixture, policy.decoding, texts, pairs[:, 1:])
        return np.asarray(found[place.reshape(-1)].reshape(p, n, -1))
    if isinstance(policy, Enumerable):
        return policy.sequence_log_probs(prompts, preferences)
    return None


def enumerate_answers(mixture: Mixture, decoding: Decoding, prompts: Texts, weights: Array) -> Array:
    """Return log-probabilities (m, V^t) of every answer to m prompts, each with its mixture weights (m, M)."""
    widest = mixture.base.vocabulary ** (decoding.max_tokens - 1) * mixture.copies
    size = max(1, ROWS // widest)
    chunks = [slice(i, i + size) for i in range(0, len(prompts), size)]
    return np.concatenate([_walk(mixture, decoding.max_tokens, prompts[c], weights[c]) for c in chunks])


def estimate(values: Array, rewards: Array, kl: Array) -> Estimate:
    """Return means with intervals from samples: values and kl (p, n, d), rewards (p, n, d, k), d draws for each of n prompts.

    Prompts are fixed, so only the draws vary: the variance of the mean is the mean over prompts of s^2 / d, over n; with
    n (d - 1) degrees of freedom, at least 24, the normal quantile is replaced by Student's.
    """
    from scipy.stats import t as student

    _, n, d = values.shape
    error = np.sqrt(values.var(2, ddof=1).mean(1) / (d * n))
    margin = student.ppf(0.975, n * (d - 1)) * error
    return Estimate(rewards.mean((1, 2)), kl.mean((1, 2)), values.mean((1, 2)), np.asarray(margin))


@torch.inference_mode()
def _walk(mixture: Mixture, length: int, prompts: Texts, weights: Array) -> Array:
    """Return log-probabilities (m, V^t) of one chunk."""
    base, v = mixture.base, mixture.base.vocabulary
    ids, mask = base.encode(prompts)
    w = torch.as_tensor(weights, dtype=torch.float32, device=base.device)
    whole = torch.zeros(len(prompts), 1, dtype=torch.float64, device=base.device)
    cache: Cache | None = None
    for step in range(length):
        if cache is not None:
            cache.batch_repeat_interleave(v)
            mask = torch.cat([mask, torch.ones_like(mask[:, :1])], 1).repeat_interleave(v, 0)
            w = w.repeat_interleave(v, 0)
            ids = torch.arange(v, device=base.device).repeat(len(whole) * v ** (step - 1))[:, None]
        log_p, cache = mixture.log_probs(ids, mask, w, cache)
        log_p = log_p[:, 0].double()
        _check(base, prompts, log_p.cpu().numpy(), step)
        whole = (whole.reshape(-1, 1) + log_p).reshape(len(prompts), -1)
    return np.asarray(whole.cpu().numpy())


def _check(base: Base, prompts: Texts, log_p: Array, step: int) -> None:
    """Refuse next-word log-probabilities (m V^step, V) that are no distribution, naming the prefix."""
    v = log_p.shape[1]

    def prefix(row: int) -> str:
        prompt, answer = divmod(row, v**step)
        words = tuple(answer // v**place % v for place in reversed(range(step)))
        return f"{prompts[prompt]} {base.decode(words)}".strip()

    check_distribution(log_p, prefix)
