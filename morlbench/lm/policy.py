"""Policies on a mixture of experts: one sampler, one KL, one gate function.

A language-model policy is two primitives, `gate` (which mixture for this prompt, preference and utility) and the mixture's
next-token log-probabilities. Sampling is by inverse CDF from draws fixed by the seed and the row, so the same seed gives
the same draws under every preference.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from morlbench.lm.adapter import Adapter
from morlbench.lm.base import Base
from morlbench.lm.mixing import Mixture
from morlbench.lm.recent import Ids, remember
from morlbench.method import Policy, Responses
from morlbench.preference import LINEAR, Array, Utility
from morlbench.task import Decoding, Texts

ROWS = 256  # rows in one batch
VALUES = 60_000_000  # float values in one (rows, t, V) block, for teacher-forced passes
LARGEST = 240_000_000  # the same for the one that sampling leaves for the KL on a large base: just under 1 GB in each process at work
CACHE = 4_000_000_000  # bytes of keys and values that a batch may hold while it is sampled, in each process at work
PROMPT = 256  # tokens of a prompt that are reckoned with there
Gate = Callable[[Texts, Array, Utility], Array]


@dataclass(frozen=True, eq=False)
class LMPolicy:
    """Experts combined with weights (n, M) that `gate` states for each row; the gate must be pure."""

    mixture: Mixture
    decoding: Decoding
    gate: Gate
    explains: bool = True  # whether the mixture's weights say what each objective counts: one expert per objective

    def respond(self, prompts: Texts, preferences: Array, *, utility: Utility = LINEAR, seed: int) -> Responses:
        """Sample one answer per prompt; see `method.Policy`."""
        weights, base, recent = self.gate(prompts, preferences, utility), self.mixture.base, self.mixture.recent
        key = (self.decoding, seed, prompts, weights.tobytes())
        if key in recent.answers:
            return recent.answers[key]
        draws = np.random.default_rng(seed).random((len(prompts), self.decoding.max_tokens))
        shape = (*draws.shape, base.vocabulary)
        recent.last = recent.log_p = None  # before another takes its place
        log_p = torch.zeros(shape, device=base.device) if np.prod(shape) <= _room(base) else None
        ids: list[tuple[int, ...]] = []
        size = _rows_sampled(self.mixture, self.decoding)
        for start in range(0, len(prompts), size):
            rows = slice(start, start + size)
            ids += sample(self.mixture, prompts[rows], weights[rows], draws[rows], None if log_p is None else log_p[rows])
        answers = Responses(tuple(map(base.decode, ids)), tuple(ids))
        recent.last, recent.log_p = (prompts, weights.tobytes(), answers.ids), log_p
        remember(recent.answers, key, answers)
        return answers

    def kl(self, prompts: Texts, preferences: Array, responses: Responses, *, utility: Utility = LINEAR) -> Array | None:
        """Return KL to the base in nats (n,): at each sampled prefix the full KL over the vocabulary, summed over tokens."""
        if not self.mixture.adapters:
            return np.zeros(len(prompts))
        weights, base, recent = self.gate(prompts, preferences, utility), self.mixture.base, self.mixture.recent
        asked = (prompts, weights.tobytes(), responses.ids)
        if asked in recent.kl:
            return recent.kl[asked]
        known = recent.along(asked)
        size = rows_in_pass(base, self.decoding) if known is not None else rows_in_pass(base, self.decoding, self.mixture.copies)
        parts = []
        for start in range(0, len(prompts), size):
            rows = slice(start, start + size)
            reference, mask = base_log_probs(base, self.decoding, prompts[rows], responses.ids[rows])
            _batch_likelihood(base, self.decoding, prompts[rows], responses.ids[rows])  # often asked next, when these blocks are gone
            if known is None:
                own, _ = teacher_force(self.mixture, prompts[rows], responses.ids[rows], weights[rows])
            else:
                own = known[rows, : mask.shape[1]]
            steps = (own - reference).mul_(own.exp()).nan_to_num_().sum(-1)  # (n, t); in place: no blocks are larger
            parts.append((steps * mask).sum(1).double().cpu().numpy())
        found: Array = np.maximum(np.concatenate(parts), 0.0)
        found.setflags(write=False)  # it is remembered
        remember(recent.kl, asked, found)
        recent.last = recent.log_p = None
        return found

    def explain(self, prompts: Texts, preferences: Array, *, utility: Utility = LINEAR) -> Array | None:
        """Return the gate's weights (n, k) where there is one expert per objective, else None."""
        return self.gate(prompts, preferences, utility) if self.explains else None

    def without(self, objective: int) -> Policy:
        """Return the policy with one expert's weight set to 0 and the rest renormalised (uniform if nothing is left)."""
        gate = self.gate

        def ablated(prompts: Texts, preferences: Array, utility: Utility) -> Array:
            weights = gate(prompts, preferences, utility).copy()
            weights[:, objective] = 0
            total = weights.sum(1, keepdims=True)
            others = (np.arange(weights.shape[1]) != objective) / max(weights.shape[1] - 1, 1)
            return np.asarray(np.where(total > 1e-9, weights / np.maximum(total, 1e-9), others))

        return replace(self, gate=ablated)


def base_policy(base: Base, decoding: Decoding) -> LMPolicy:
    """Return the base itself as a policy."""
    return LMPolicy(Mixture(base, (), temperature=decoding.temperature), decoding, _nothing, explains=False)


def base_nll(base: Base, decoding: Decoding, prompts: Texts, responses: Responses) -> Array:
    """Return each answer's negative log-likelihood under the base at the task's temperature, nats per token (n,)."""
    size = rows_in_pass(base, decoding)
    starts = range(0, len(prompts), size)
    parts = [_batch_likelihood(base, decoding, prompts[i : i + size], responses.ids[i : i + size]) for i in starts]
    return np.asarray(np.abs(np.concatenate(parts)))


@lru_cache(maxsize=256)  # batches, more than most questions have; each holds one number for each answer
def _batch_likelihood(base: Base, decoding: Decoding, prompts: Texts, answers: Ids) -> Array:
    """Return the mean log-likelihoods (n,) that `base_nll` negates, of one batch."""
    log_p, mask = base_log_probs(base, decoding, prompts, answers)
    own = torch.nan_to_num(log_p.gather(2, padded(answers, mask.device)[0][..., None])[..., 0]) * mask
    return np.asarray((own.sum(1) / mask.sum(1).clamp(min=1)).double().cpu().numpy())


@lru_cache(maxsize=1)  # KL and likelihood of one batch
def base_log_probs(base: Base, decoding: Decoding, prompts: Texts, answers: Ids) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the base's log-probabilities (n, t, V) before each answer token, and the mask (n, t) of tokens that exist."""
    return teacher_force(Mixture(base, (), temperature=decoding.temperature), prompts, answers, np.zeros((len(answers), 0)))


def _room(base: Base) -> int:
    """Return how many values sampling may leave for the KL, which saves a pass over all answers: up to two for each weight of the base."""
    return max(VALUES, min(LARGEST, 2 * int(base.model.num_parameters())))


def _rows_sampled(mixture: Mixture, decoding: Decoding) -> int:
    """Return how many rows may be sampled at once; where experts meet late, the prompts' states are kept beside those in use."""
    held = mixture.base.cache_bytes * (decoding.max_tokens + PROMPT) * mixture.copies * (2 if mixture.late else 1)
    return max(1, min(ROWS, CACHE // held))


def rows_in_pass(base: Base, decoding: Decoding, copies: int = 1) -> int:
    """Return how many rows one teacher-forced pass may have: its block of log-probabilities (rows, t, V) is bounded."""
    return max(1, min(ROWS, VALUES // (decoding.max_tokens * base.vocabulary * copies)))


@torch.inference_mode()
def sample(mixture: Mixture, prompts: Texts, weights: Array, draws: Array, log_probs: torch.Tensor | None = None) -> list[tuple[int, ...]]:
    """Sample ids for one batch from draws (n, t) in [0, 1); an answer ends with the end token, which is kept.

    `log_probs` (n, t, V), where given, receives the log-probabilities before each sampled token.
    """
    base, ends = mixture.base, set(mixture.base.ends)
    w = torch.as_tensor(weights, dtype=torch.float32, device=base.device)
    uniform = torch.as_tensor(draws, dtype=torch.float64, device=base.device)
    answers: list[list[int]] = [[] for _ in prompts]
    live = np.arange(len(prompts))
    log_p, cache, mask = mixture.begin(prompts, w)
    for step in range(draws.shape[1]):
        if log_probs is not None:
            log_probs[live, step] = log_p[:, 0]
        cdf = log_p[:, 0].double().exp().cumsum(-1)  # (live, V)
        point = uniform[torch.as_tensor(live, device=base.device), step] * cdf[:, -1]
        token = torch.searchsorted(cdf, point[:, None], right=True)[:, 0].clamp(max=cdf.shape[1] - 1)
        chosen = token.tolist()
        for row, value in zip(live, chosen, strict=True):
            answers[row].append(value)
        going = np.array([value not in ends for value in chosen])
        if not going.all():
            if not going.any():
                break
            keep = torch.as_tensor(np.flatnonzero(going), device=base.device)
            copies = torch.cat([keep + i * len(live) for i in range(mixture.copies)])
            cache.reorder_cache(copies)  # type: ignore[arg-type]  # every kind of layer has it, linear attention included
            live, token, mask, w = live[going], token[keep], mask[keep], w[keep]
        if step + 1 < draws.shape[1]:
            mask = torch.cat([mask, torch.ones_like(mask[:, :1])], 1)
            log_p, cache = mixture.log_probs(token[:, None], mask, w, cache)
    return [tuple(answer) for answer in answers]


@torch.inference_mode()
def teacher_force(mixture: Mixture, prompts: Texts, answers: Ids, weights: Array) -> tuple[torch.Tensor, torch.Tensor]:
    """Return log-probabilities (n, t, V) before each answer token and the mask (n, t) of tokens that exist."""
    base = mixture.base
    ids, mask = base.encode(prompts)
    tail, exists = padded(answers, base.device)
    # the last answer token predicts nothing that is needed, so it is not fed
    whole, whole_mask = torch.cat([ids, tail[:, :-1]], 1), torch.cat([mask, exists[:, :-1]], 1)
    w = torch.as_tensor(weights, dtype=torch.float32, device=base.device)
    log_p, _ = mixture.log_probs(whole, whole_mask, w, keep=tail.shape[1])
    return log_p, exists


def padded(answers: Ids, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the ids (n, t) of the answers, 0 after their ends, and the mask (n, t) of tokens that exist; t is at least 1."""
    longest = max((len(answer) for answer in answers), default=0)
    ids, exists = torch.zeros(2, len(answers), max(1, longest), dtype=torch.long, device=device)
    for i, answer in enumerate(answers):
        ids[i, : len(answer)] = torch.tensor(answer, dtype=torch.long)
        exists[i, : len(answer)] = 1
    return ids, exists


def _nothing(prompts: Texts, preferences: Array, utility: Utility) -> Array:
    return np.zeros((len(prompts), 0))


def single_policy(base: Base, decoding: Decoding, adapter: Adapter) -> LMPolicy:
    """Return one adapter as a policy that answers alike under every preference."""
    return LMPolicy(Mixture(base, (adapter,), temperature=decoding.temperature), decoding, _whole, explains=False)


def _whole(prompts: Texts, preferences: Array, utility: Utility) -> Array:
    return np.ones((len(prompts), 1))
