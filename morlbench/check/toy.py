"""A tiny task for trying methods: four words in, four words out, in the language of the `exact` base.

Two objectives that compete at times: how many answer words come from the prompt, and how varied they are. It notes which
splits are asked for and which prompts are scored, so that a promise can tell who looked at test prompts.
"""

from itertools import islice, product
from typing import ClassVar

import numpy as np

from morlbench.lm.bases import WORDS
from morlbench.preference import LINEAR, Array, Utility
from morlbench.task import Decoding, Objective, Relation, Split, Task, Texts

LENGTH = 4  # words in a prompt and in an answer
SIZES: dict[Split, int] = {"train": 64, "dev": 32, "adapt": 16, "test": 12}


class Toy(Task):
    """Echo the prompt, or vary the words."""

    name: ClassVar[str] = "toy"
    version: ClassVar[int] = 1
    objectives: ClassVar[tuple[Objective, ...]] = (
        Objective("echo", "share of answer words that occur in the prompt", 0, 1),
        Objective("variety", "share of answer words that are distinct", 0, 1),
    )
    relation: ClassVar[Relation] = "competing"
    base: ClassVar[str] = "exact"
    decoding: ClassVar[Decoding] = Decoding(max_tokens=LENGTH, min_tokens=LENGTH)
    beta: ClassVar[float] = 0.05
    preference: ClassVar[tuple[float, ...]] = (0.5, 0.5)
    reference_point: ClassVar[tuple[float, ...]] = (0.1, 0.1)
    utilities: ClassVar[tuple[Utility, ...]] = (LINEAR, Utility("chebyshev"), Utility("soft-threshold", (0.5, 0.5)))

    def __init__(self) -> None:
        self.asked: list[str] = []  # splits
        self.scored: list[str] = []  # prompts

    def prompts(self, split: Split) -> Texts:
        """Return the split's prompts: consecutive combinations of four words, spread over the language."""
        self.asked.append(split)
        names = list(SIZES)
        start = sum(SIZES[name] for name in names[: names.index(split)])
        every = islice(product(WORDS, repeat=LENGTH), 5, None, 31)  # 132 of 4,096, none next to another
        return tuple(" ".join(words) for words in islice(every, start, start + SIZES[split]))

    def score(self, prompts: Texts, responses: Texts) -> Array:
        """Return echo and variety (n, 2)."""
        self.scored += prompts
        return np.array([_score(p.split(), r.split()) for p, r in zip(prompts, responses, strict=True)]).reshape(-1, 2)


def _score(prompt: list[str], answer: list[str]) -> tuple[float, float]:
    if not answer:
        return 0.0, 0.0
    return sum(word in prompt for word in answer) / len(answer), len(set(answer)) / len(answer)
