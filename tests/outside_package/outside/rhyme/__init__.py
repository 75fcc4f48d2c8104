"""Rhyme: four words in, four words out; end like the prompt ends, and do not repeat a word."""

from itertools import islice, product
from typing import ClassVar

import numpy as np

from morlbench.preference import LINEAR, Array, Utility
from morlbench.task import Decoding, Objective, Relation, Split, Task, Texts

WORDS = ("ba", "ce", "di", "fo", "gu", "ha", "ji", "ko")
PLACES: dict[Split, tuple[int, int]] = {"train": (0, 32), "dev": (32, 48), "adapt": (48, 64), "test": (64, 80)}


class Rhyme(Task):
    """Rhyme against variety, in the language of the `exact` base."""

    name: ClassVar[str] = "rhyme"
    version: ClassVar[int] = 1
    objectives: ClassVar[tuple[Objective, ...]] = (
        Objective("rhyme", "share of words that end in the prompt's last vowel", 0, 1),
        Objective("variety", "number of distinct words", 1, 4, "words"),
    )
    relation: ClassVar[Relation] = "competing"
    base: ClassVar[str] = "exact"
    decoding: ClassVar[Decoding] = Decoding(max_tokens=4, min_tokens=4)
    beta: ClassVar[float] = 0.05
    preference: ClassVar[tuple[float, ...]] = (0.5, 0.5)
    reference_point: ClassVar[tuple[float, ...]] = (0.0, 0.0)
    utilities: ClassVar[tuple[Utility, ...]] = (LINEAR,)

    def prompts(self, split: Split) -> Texts:
        """Return every 17th combination of four words, split by place."""
        every = islice(product(WORDS, repeat=4), 0, None, 17)
        return tuple(" ".join(words) for words in islice(every, *PLACES[split]))

    def score(self, prompts: Texts, responses: Texts) -> Array:
        """Return rhyme and variety (n, 2)."""
        raw = np.array([_raw(p.split(), r.split()) for p, r in zip(prompts, responses, strict=True)], dtype=float).reshape(-1, 2)
        return np.stack([objective.scale(raw[:, i]) for i, objective in enumerate(self.objectives)], 1)


def _raw(prompt: list[str], answer: list[str]) -> tuple[float, int]:
    if not answer:
        return 0.0, 1
    return sum(word[-1] == prompt[-1][-1] for word in answer) / len(answer), len(set(answer))
