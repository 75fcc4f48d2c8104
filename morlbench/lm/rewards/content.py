"""What an answer covers and whether it holds together, from the sentence encoder's view of its clauses.

An answer is cut into clauses at sentence ends, commas and conjunctions; each is embedded once. Thoroughness sums what every
clause adds: how relevant it is, times how far it is from all clauses before it, times whether it tells words that neither
they nor the prompt hold; so repeats, padding, asides and the topic said back add little. Coherence has three parts in equal
shares: the mean closeness of the clauses to the prompt, that of neighbouring clauses, each as far as the clause tells something
(one clause alone leads nowhere and has none), and how likely the answer is to follow its prompt. Leaves out truth.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from morlbench.lm.rewards import text
from morlbench.lm.rewards.answer import form, is_answer
from morlbench.preference import Array
from morlbench.task import Texts

SHORTEST, MOST = 5, 10  # words of a clause, shorter ones join the next; clauses that are read
NEAR = (0.05, 0.45)  # cosine of a clause with the prompt: 0 for an aside, 1 for the matter itself
NEW = (0.05, 0.6)  # distance of a clause from the nearest earlier one: 0 for a repeat, 1 for another matter
ASPECTS = 2.0  # clauses' worth of content that earns 1 - 1/e
TELLS = 0.75  # content words of a clause beyond the prompt and the clauses before it that count in full
HOLDS = (0.0, 0.4)  # cosine of a clause with the one before: strangers, the same matter
FOLLOWS = (-4.0, -1.0)  # nats per token after the prompt: 0 for strange wording, 1 for the likeliest samples of the base
VARIED = (0.5, 0.8)  # distinct among the informative words: 0 where each is said twice, 1 for nearly all honest answers
_JOINT = re.compile(r"(?<=[.!?;:。！？])\s+|,\s+|\s+(?=(?:and|but|because|so|or|while|which|then|if|when)\s)")


def clauses(answer: str) -> list[str]:
    """Return the clauses of an answer, each of at least SHORTEST words where there are as many, at most MOST."""
    found: list[str] = []
    held = ""
    for part in _JOINT.split(answer.strip()[:2_000]):
        held = f"{held} {part}".strip()
        if len(text.words(held)) >= SHORTEST:
            found.append(held)
            held = ""
    if held and found:
        found[-1] = f"{found[-1]} {held}"
    elif text.words(held):
        found.append(held)
    return found[:MOST]


def thoroughness(prompts: Texts, responses: Texts) -> Array:
    """Return how much distinct, relevant content each answer covers (n,), in [0, 1)."""
    own = np.array([_covered(read) for read in _embedded(prompts, responses)])
    return np.asarray(form(prompts, responses) * (1 - np.exp(-own / ASPECTS)))


def coherence(prompts: Texts, responses: Texts) -> Array:
    """Return how far each answer keeps to its prompt, leads from clause to clause and follows from what was asked (n,), in [0, 1]."""
    from morlbench.lm.rewards.likelihood import answer_scorer

    follows = [text.ramp(float(value), *FOLLOWS) for value in answer_scorer()(responses, prompts)]
    own = (np.array([_knit(read) for read in _embedded(prompts, responses)]) + follows) / 3
    varied = np.array([text.ramp(text.fresh(answer), *VARIED) for answer in responses])
    return np.asarray(is_answer(prompts, responses) * varied * own)


@dataclass(frozen=True)
class _Read:
    """An answer's m clauses as scorers see them: near the prompt (m,), all cosines (m, m), and what each tells that is new (m,)."""

    near: Array
    alike: Array
    told: Array


def _embedded(prompts: Texts, responses: Texts) -> list[_Read]:
    """Return every answer's clauses, embedded in one pass over all texts."""
    from morlbench.lm.rewards.encoder import minilm

    parts = [clauses(answer) for answer in responses]
    flat = [clause for own in parts for clause in own]
    rows = minilm().embed([*prompts, *flat])
    asked, rest = rows[: len(prompts)], rows[len(prompts) :]
    ends = np.cumsum([len(own) for own in parts])
    return [_read(prompts[i], own, asked[i], rest[end - len(own) : end]) for i, (own, end) in enumerate(zip(parts, ends, strict=True))]


def _read(prompt: str, parts: list[str], asked: NDArray[np.float32], rows: NDArray[np.float32]) -> _Read:
    near = np.array([text.ramp(float(value), *NEAR) for value in rows @ asked])
    before = (" ".join([prompt, *parts[:i]]) for i in range(len(parts)))
    told = np.array([text.ramp(text.beyond(part, said), 0, TELLS) for part, said in zip(parts, before, strict=True)])
    return _Read(near, np.asarray(rows @ rows.T, dtype=float), told)


def _covered(read: _Read) -> float:
    new = [text.ramp(1 - float(read.alike[i, :i].max()), *NEW) if i else 1.0 for i in range(len(read.near))]
    return float((read.near * new * read.told).sum())


def _knit(read: _Read) -> float:
    """Return closeness to the prompt plus closeness from clause to clause, in [0, 2]."""
    if not len(read.near):
        return 0.0
    to_prompt = float(read.near.mean())
    steps = [text.ramp(float(read.alike[i, i + 1]), *HOLDS) * read.told[i + 1] for i in range(len(read.near) - 1)]
    return to_prompt + (float(np.mean(steps)) if steps else 0.0)
