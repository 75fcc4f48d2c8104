"""Contextual exact tasks: the best mixture of experts differs from prompt to prompt, by the prompt's type.

A prompt is type, two topic words and a filler. Each of six types trades the objectives off in its own way (four shapes,
two of them also with the objectives swapped), in equal shares; the type shows only as a word, never as a feature. Test
topics never occur in training. Answers are additive in their words, as in `morlbench.lm.lexicon`. The twin without
context gives every type one lexicon: there no gate can win. Lexicons come in three draws (`draw`), each with its own
assignment of words.
"""

from functools import cache
from typing import ClassVar

import numpy as np

from morlbench.errors import BadInput
from morlbench.lm.bases import PROMPT_WORDS, WORDS
from morlbench.lm.exact_task import ExactTask, Ids, all_answers
from morlbench.preference import Array, Utility
from morlbench.seeds import derive
from morlbench.task import Objective, Split, Texts

TYPES = ("balanced", "easy-hard", "mirror", "synergy", "graded", "graded-mirror")
DRAWS = 3
TOPICS: dict[Split, int] = {"train": 40, "dev": 8, "adapt": 8, "test": 8}  # 64 in all: two words
FILLERS: dict[Split, int] = {"train": 2, "dev": 1, "adapt": 1, "test": 1}  # prompts per type and topic
THRESHOLDS = (0.5, 0.5)
UTILITIES = (
    Utility("linear"), Utility("chebyshev"), Utility("soft-threshold", THRESHOLDS), Utility("hard-threshold", THRESHOLDS)
)  # fmt: skip


class ContextualTask(ExactTask):
    """Type x topic x filler prompts; subclasses say whether types differ."""

    beta: ClassVar[float] = 0.05
    preference: ClassVar[tuple[float, ...]] = (0.8, 0.2)  # where the gain over the base is not small
    objectives: ClassVar[tuple[Objective, ...]] = tuple(
        Objective(name, f"mean value of the answer's words in the {name} lexicon of the prompt's type", 0, 1)
        for name in ("first", "second")
    )
    utilities: ClassVar[tuple[Utility, ...]] = UTILITIES
    types_differ: ClassVar[bool] = True

    def __init__(self, draw: int = 0) -> None:
        super().__init__()
        if not 0 <= draw < DRAWS:
            raise BadInput(f"draw {draw} was given; expected 0 to {DRAWS - 1}")
        self.draw = draw

    @property
    def key(self) -> str:
        """What experts are stored under: other lexicons are another task."""
        return f"{super().key}-draw-{self.draw}" if self.draw else super().key

    def prompts(self, split: Split) -> Texts:
        """Return every type with every topic of the split, each with its fillers."""
        if split not in TOPICS:
            raise BadInput(f"unknown split {split!r}; known: {', '.join(TOPICS)}")
        return _prompts()[split]

    def lexicons(self) -> Array:
        """Return word values (types, 2, V) in [0, 1]."""
        return _lexicons(self.draw, self.types_differ)

    def reward(self, prompts: Ids, answers: Ids) -> Array:
        """Return mean word values (n, 2); a first word that names no type counts as the type its number leaves over."""
        values = self.lexicons()[prompts[:, 0] % len(TYPES)]  # (n, 2, V)
        return np.asarray(np.take_along_axis(values, answers[:, None, :], 2).mean(2))


def shape(kind: str, stance: Array) -> Array:
    """Return what words of stance (V,) in [0, 1] are worth to both objectives (2, V) under a type's trade-off."""
    s = stance
    pairs = {
        "balanced": (s, 1 - s),
        "easy-hard": (0.6 + 0.4 * s, 0.7 * (1 - s)),  # the first is had anyway, the second must be worked for
        "mirror": (0.7 * s, 0.6 + 0.4 * (1 - s)),
        "synergy": (s, s),
        "graded": (0.3 + 0.7 * s, 0.9 * (1 - s)),
        "graded-mirror": (0.9 * s, 0.3 + 0.7 * (1 - s)),
        "shared": (0.45 + 0.55 * s, 1 - 0.55 * s),  # of the twin: nearly every mixture meets the thresholds, whatever the prompt
    }
    return np.array(pairs[kind])


@cache
def _lexicons(draw: int, types_differ: bool) -> Array:
    rng = np.random.default_rng(derive(draw, "contextual lexicons"))
    steps = np.linspace(0, 1, len(WORDS))
    if not types_differ:
        return np.tile(shape("shared", rng.permutation(steps)), (len(TYPES), 1, 1))
    return np.stack([shape(kind, rng.permutation(steps)) for kind in TYPES])


@cache
def _prompts() -> dict[Split, Texts]:
    rng = np.random.default_rng(derive(0, "contextual prompts"))
    topics = all_answers(PROMPT_WORDS - 2)[rng.permutation(len(WORDS) ** (PROMPT_WORDS - 2))]
    found: dict[Split, Texts] = {}
    start = 0
    for split, count in TOPICS.items():
        rows = [
            (kind, *topic, filler)
            for topic in topics[start : start + count].tolist()
            for kind in range(len(TYPES))
            for filler in rng.permutation(len(WORDS))[: FILLERS[split]]
        ]
        found[split] = tuple(" ".join(WORDS[i] for i in row) for row in rows)
        start += count
    return found
