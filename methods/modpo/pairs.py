"""The pairs MODPO learns from: two base answers to a prompt, scored once, labelled for a preference by its leading objective.

Since all k rewards of both answers are known, the same pairs serve every preference. A margin on a preference pair is a shift of
the reference's log-probabilities, so TRL's loss is MODPO's when the reference of the chosen answer is raised by margin / beta.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from morlbench.bench import Bench
from morlbench.lm.mixing import Mixture
from morlbench.lm.policy import base_policy, padded, rows_in_pass, teacher_force
from morlbench.lm.supervised import Ids, Pairs
from morlbench.preference import Array
from morlbench.seeds import derive
from morlbench.task import Decoding, Texts

Label = Literal["drawn", "hard"]


@dataclass(frozen=True, eq=False)
class Scored:
    """Two answers to each of n prompts: sampled ids, rewards (2, n, k) and the base's log-probabilities (2, n)."""

    prompts: Texts
    answers: tuple[tuple[Ids, ...], tuple[Ids, ...]]
    rewards: Array
    reference: Array


def gather(bench: Bench, count: int, *, seed: int) -> Scored:
    """Sample and score `count` pairs of base answers to train prompts, each prompt as often as any other."""
    own = bench.prompts("train")
    prompts = tuple(own[i % len(own)] for i in range(count))
    base, asked = base_policy(bench.base, bench.decoding), np.full((count, bench.k), 1 / bench.k)
    both = [base.respond(prompts, asked, seed=derive(seed, "answers", side)) for side in (0, 1)]
    rewards = np.stack([bench.score(prompts, found.texts, tokens=found.tokens) for found in both])
    reference = np.stack([log_probs(base.mixture, bench.decoding, prompts, found.ids) for found in both])
    return Scored(prompts, (both[0].ids, both[1].ids), rewards, reference)


def labelled(scored: Scored, preference: Array, beta: float, label: Label, temperature: float, *, seed: int) -> tuple[Pairs, float]:
    """Return the pairs as they teach preference (k,), and the beta that TRL's loss takes.

    Zhou et al. (2024), equation 7, with the leading objective i = argmax w, so that w_i > 0, and rewards measured in units of
    the label's temperature tau: -log sigmoid((beta log-ratio difference - sum_{j != i} w_j difference of r_j) / (w_i tau)).
    """
    leader = int(np.argmax(preference))
    difference = scored.rewards[0] - scored.rewards[1]  # (n, k)
    first = first_wins(difference[:, leader], label, temperature, seed=derive(seed, "labels", leader))
    margin = np.where(first, 1, -1) * (difference @ np.where(np.arange(len(preference)) == leader, 0, preference))
    one, other = scored.answers
    pairs = Pairs(
        scored.prompts,
        tuple(a if wins else b for a, b, wins in zip(one, other, first, strict=True)),
        tuple(b if wins else a for a, b, wins in zip(one, other, first, strict=True)),
        np.where(first, scored.reference[0], scored.reference[1]) + margin / beta,
        np.where(first, scored.reference[1], scored.reference[0]),
    )
    return pairs, beta / (float(preference[leader]) * temperature)


def first_wins(difference: Array, label: Label, temperature: float, *, seed: int) -> Array:
    """Return whether the first answer is preferred (n,), for r(first) - r(second) (n,).

    drawn: Bradley-Terry, with probability sigmoid(difference / temperature). hard: the larger reward; ties by a coin.
    """
    draws = np.random.default_rng(seed).random(len(difference))
    if label == "hard":
        return np.asarray(np.where(difference == 0, draws < 0.5, difference > 0))
    return np.asarray(draws < 1 / (1 + np.exp(-difference / temperature)))


def log_probs(mixture: Mixture, decoding: Decoding, prompts: Texts, answers: tuple[Ids, ...]) -> Array:
    """Return log pi(y|x) (n,) of the base's answers."""
    size, parts = rows_in_pass(mixture.base, decoding), []
    for start in range(0, len(prompts), size):
        rows = slice(start, start + size)
        log_p, exists = teacher_force(mixture, prompts[rows], answers[rows], np.zeros((len(prompts[rows]), 0)))
        picked = log_p.gather(2, padded(answers[rows], exists.device)[0][:, :, None])[:, :, 0]
        parts.append((picked * exists).sum(1).double().cpu().numpy())
    return np.concatenate(parts)
