"""Additive exact tasks: a word is worth something to each objective, and an answer is worth the mean of its words.

What a word is worth depends on the prompt's first word (four groups of two), so a policy must read its prompt. With two
objectives the lexicons of a group have a stated correlation over words; the correlation of the rewards over the base's
answers follows it closely and is measured in the task's card. Leaves out everything that depends on word order.
"""

from functools import cache
from typing import ClassVar

import numpy as np

from morlbench.lm.bases import WORDS
from morlbench.lm.exact_task import ExactTask, Ids
from morlbench.preference import Array
from morlbench.seeds import derive
from morlbench.task import Objective, Relation

GROUPS = 4


class LexiconTask(ExactTask):
    """Rewards are mean word values in the lexicon of the prompt's group; subclasses state the correlation over words."""

    preference: ClassVar[tuple[float, ...]] = (0.8, 0.2)  # where the gain over the base is not small
    objectives: ClassVar[tuple[Objective, ...]] = tuple(
        Objective(name, f"mean value of the answer's words in the {name} lexicon of the prompt's group", 0, 1)
        for name in ("first", "second")
    )
    correlation: ClassVar[float] = 0.0

    def lexicons(self) -> Array:
        """Return word values (GROUPS, k, V) in [0, 1]; each objective's best word is worth 1 and its worst 0."""
        return correlated_pairs(self.correlation, self.draw)

    def reward(self, prompts: Ids, answers: Ids) -> Array:
        """Return mean word values (n, k)."""
        values = self.lexicons()[prompts[:, 0] * GROUPS // len(WORDS)]  # (n, k, V)
        return np.asarray(np.take_along_axis(values, answers[:, None, :], 2).mean(2))


class ScaleTask(LexiconTask):
    """The first k of ten independent lexicons: one problem at every number of objectives."""

    relation: ClassVar[Relation] = "mixed"

    def lexicons(self) -> Array:
        """Return word values (GROUPS, k, V) in [0, 1]."""
        return free_lexicons(self.k)


def numbered(k: int) -> tuple[Objective, ...]:
    """Return the objectives of `ScaleTask` at k."""
    return tuple(
        Objective(f"lexicon-{i + 1}", f"mean value of the answer's words in lexicon {i + 1} of the prompt's group", 0, 1) for i in range(k)
    )


@cache
def correlated_pairs(correlation: float, draw: int) -> Array:
    """Return two lexicons per group (GROUPS, 2, V) whose values correlate by exactly `correlation` over the words."""
    rng = np.random.default_rng(derive(draw, "lexicon pair"))
    found = []
    for _ in range(GROUPS):
        basis = np.linalg.qr(np.column_stack([np.ones(len(WORDS)), rng.normal(size=(len(WORDS), 2))]))[0]
        first, other = basis[:, 1], basis[:, 2]  # orthonormal, both of mean 0
        found.append([first, correlation * first + np.sqrt(1 - correlation**2) * other])
    return unit_range(np.array(found))


@cache
def free_lexicons(k: int, most: int = 10) -> Array:
    """Return k independent lexicons per group (GROUPS, k, V): the first k of `most`, so that smaller tasks nest in larger."""
    rng = np.random.default_rng(derive(0, "free lexicons"))
    return unit_range(rng.normal(size=(GROUPS, most, len(WORDS)))[:, :k])


def unit_range(values: Array) -> Array:
    """Shift and stretch the last axis to [0, 1]; correlations do not change."""
    low, high = values.min(-1, keepdims=True), values.max(-1, keepdims=True)
    return np.asarray((values - low) / (high - low))
