"""How target rewards stand in a prompt, and which targets a preference asks for.

Rewards enter as levels, shares of the range the base's scored answers span. A text base reads them as words and decimals behind
the prompt. The base `exact` knows eight words: there each objective takes one word before the prompt, its digit in base 8, since
words between prompt and answer would be taken for the answer's beginning.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from morlbench.lm.base import Base
from morlbench.lm.bases import WORDS
from morlbench.preference import Array
from morlbench.task import Texts

Mapping = Literal["l2", "linf", "linear"]
DECIMALS = 10  # levels of a text base: 0.0 to 1.0


@dataclass(frozen=True, eq=False)
class Coding:
    """Writes levels (n, k) in [0, 1] into prompts (n): `words` are the digits of a base without numbers, `names` the objectives."""

    names: tuple[str, ...]
    words: tuple[str, ...] = ()

    @classmethod
    def of(cls, base: Base, names: tuple[str, ...]) -> "Coding":
        """Return the coding declared for a base."""
        return cls(names, WORDS) if base.name == "exact" else cls(names)

    def __call__(self, prompts: Texts, levels: Array) -> Texts:
        """Return the prompts with their levels."""
        write = self._digits if self.words else self._decimals
        return tuple(write(prompt, row) for prompt, row in zip(prompts, np.clip(levels, 0, 1), strict=True))

    def _digits(self, prompt: str, levels: Array) -> str:
        count = len(self.words)
        return " ".join([*(self.words[min(int(level * count), count - 1)] for level in levels), prompt])

    def _decimals(self, prompt: str, levels: Array) -> str:
        stated = ", ".join(f"{name} {round(level * DECIMALS) / DECIMALS:.1f}" for name, level in zip(self.names, levels, strict=True))
        return f"{prompt} ({stated})"


@dataclass(frozen=True, eq=False)
class Range:
    """The least and the largest reward (k,) among the base's scored answers: level 0 and level 1."""

    low: Array
    high: Array

    @classmethod
    def of(cls, rewards: Array) -> "Range":
        """Return the range of rewards (n, k)."""
        return cls(rewards.min(0), rewards.max(0))

    def levels(self, rewards: Array) -> Array:
        """Return rewards (n, k) as shares of the range; an objective that never varied is at level 1."""
        width = self.high - self.low
        shares = np.divide(rewards - self.low, width, out=np.ones_like(rewards), where=width > 0)
        return np.asarray(np.clip(shares, 0, 1))


def targets(preferences: Array, mapping: Mapping) -> Array:
    """Return the levels (n, k) that preferences (n, k) ask for: Yang et al. (2024), the solutions of their problem at several p.

    l2: w / ||w||_2. linf: 1 for the largest weight, min(1, k w_i) for the others. linear: w itself.
    """
    if mapping == "l2":
        return np.asarray(preferences / np.linalg.norm(preferences, axis=1, keepdims=True))
    if mapping == "linear":
        return np.asarray(preferences)
    largest = preferences == preferences.max(1, keepdims=True)
    return np.asarray(np.where(largest, 1.0, np.minimum(1.0, preferences.shape[1] * preferences)))


def goals(count: int, k: int, rng: np.random.Generator) -> Array:
    """Return levels (count, k) at the corners of the front: all 1 but one objective, drawn, at a level drawn from [0, 1]."""
    found = np.ones((count, k))
    found[np.arange(count), rng.integers(0, k, count)] = rng.random(count)
    return found


def near_front(rewards: Array, quantile: float) -> Array:
    """Return which rows of rewards (n, k) reach that quantile in at least one objective (n,): rejection sampling near the front."""
    return np.asarray((rewards >= np.quantile(rewards, quantile, axis=0)).any(1))
