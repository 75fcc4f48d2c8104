"""Exact: what counts is word order, how many words outrank the first or are outranked by it; not additive in words."""

from typing import ClassVar

import numpy as np

from morlbench.lm.exact_task import WORDS, ExactTask, Ids
from morlbench.preference import Array
from morlbench.seeds import derive
from morlbench.task import Decoding, Objective, Relation, Split


class ExactOrder(ExactTask):
    """Words have a rank, which depends on whether the prompt's first word is of the first four; answers of five words."""

    name: ClassVar[str] = "exact-order"
    version: ClassVar[int] = 1
    objectives: ClassVar[tuple[Objective, ...]] = (
        Objective("above", "share of the later words that rank above the answer's first word", 0, 1),
        Objective("below", "share of the later words that rank below the answer's first word", 0, 1),
    )
    relation: ClassVar[Relation] = "competing"
    decoding: ClassVar[Decoding] = Decoding(max_tokens=5, min_tokens=5)
    beta: ClassVar[float] = 0.05
    sizes: ClassVar[dict[Split, int]] = {"train": 256, "dev": 32, "adapt": 32, "test": 8}
    preference: ClassVar[tuple[float, ...]] = (0.8, 0.2)  # where the gain over the base is not small
    reference_point: ClassVar[tuple[float, ...]] = (0.0, 0.0)
    kl_budget: ClassVar[float | None] = 2.194

    def reward(self, prompts: Ids, answers: Ids) -> Array:
        """Return rewards (n, 2)."""
        ranks = _ranks()[prompts[:, 0] * 2 // len(WORDS)]  # (n, V)
        given = np.take_along_axis(ranks, answers, 1)  # (n, t)
        later, first = given[:, 1:], given[:, :1]
        return np.stack([(later > first).mean(1), (later < first).mean(1)], 1)


def _ranks() -> Ids:
    """Return each word's rank in both groups of prompts (2, V)."""
    rng = np.random.default_rng(derive(0, "exact order"))
    return np.stack([rng.permutation(len(WORDS)) for _ in range(2)])
