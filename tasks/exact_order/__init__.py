"""Exact: what counts is word order, rising or falling, with a bonus for the whole answer; not additive in words."""

from typing import ClassVar

import numpy as np

from morlbench.lm.exact_task import WORDS, ExactTask, Ids
from morlbench.preference import Array
from morlbench.seeds import derive
from morlbench.task import Decoding, Objective, Relation, Split

BONUS = 0.3  # of the reward, for an answer that rises (falls) throughout


class ExactOrder(ExactTask):
    """Words have a rank, which depends on whether the prompt's first word is of the first four; answers of five words."""

    name: ClassVar[str] = "exact-order"
    version: ClassVar[int] = 1
    objectives: ClassVar[tuple[Objective, ...]] = (
        Objective("rising", "share of neighbours in strictly rising rank (weight .7), and whether all are (.3)", 0, 1),
        Objective("falling", "share of neighbours in strictly falling rank (weight .7), and whether all are (.3)", 0, 1),
    )
    relation: ClassVar[Relation] = "competing"
    decoding: ClassVar[Decoding] = Decoding(max_tokens=5, min_tokens=5)
    beta: ClassVar[float] = 0.05
    sizes: ClassVar[dict[Split, int]] = {"train": 256, "dev": 32, "adapt": 32, "test": 8}
    preference: ClassVar[tuple[float, ...]] = (0.8, 0.2)  # where the gain over the base is not small
    reference_point: ClassVar[tuple[float, ...]] = (0.0, 0.0)
    kl_budget: ClassVar[float | None] = 7.174

    def reward(self, prompts: Ids, answers: Ids) -> Array:
        """Return rewards (n, 2)."""
        ranks = _ranks()[prompts[:, 0] * 2 // len(WORDS)]  # (n, V)
        steps = np.diff(np.take_along_axis(ranks, answers, 1), axis=1)  # (n, t - 1)
        good = np.stack([steps > 0, steps < 0], 2)
        return np.asarray((1 - BONUS) * good.mean(1) + BONUS * good.all(1))


def _ranks() -> Ids:
    """Return each word's rank in both groups of prompts (2, V)."""
    rng = np.random.default_rng(derive(0, "exact order"))
    return np.stack([rng.permutation(len(WORDS)) for _ in range(2)])
