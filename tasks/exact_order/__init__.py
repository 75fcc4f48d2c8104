"""Exact: what counts is word order, the share of pairs of words in rising or in falling rank; not additive in words."""

from typing import ClassVar

import numpy as np

from morlbench.lm.bases import WORDS
from morlbench.lm.exact_task import ExactTask, Ids
from morlbench.preference import Array
from morlbench.seeds import derive
from morlbench.task import Decoding, Objective, Relation, Split


class ExactOrder(ExactTask):
    """Words have a rank; answers of five words; the prompt matters through the base alone."""

    name: ClassVar[str] = "exact-order"
    version: ClassVar[int] = 1
    objectives: ClassVar[tuple[Objective, ...]] = (
        Objective("rising", "share of the answer's ten pairs of words whose later word ranks strictly higher", 0, 1),
        Objective("falling", "share of the answer's ten pairs of words whose later word ranks strictly lower", 0, 1),
    )
    relation: ClassVar[Relation] = "competing"
    decoding: ClassVar[Decoding] = Decoding(max_tokens=5, min_tokens=5)
    beta: ClassVar[float] = 0.05
    sizes: ClassVar[dict[Split, int]] = {"train": 256, "dev": 32, "adapt": 32, "test": 8}
    preference: ClassVar[tuple[float, ...]] = (0.8, 0.2)  # where the gain over the base is not small
    reference_point: ClassVar[tuple[float, ...]] = (0.0, 0.0)
    kl_budget: ClassVar[float | None] = 3.577

    def reward(self, prompts: Ids, answers: Ids) -> Array:
        """Return rewards (n, 2)."""
        ranks = _ranks()[answers]  # (n, t)
        t = answers.shape[1]
        steps = np.stack([ranks[:, later] - ranks[:, earlier] for later in range(t) for earlier in range(later)], 1)
        return np.stack([(steps > 0).mean(1), (steps < 0).mean(1)], 1)


def _ranks() -> Ids:
    """Return each word's rank (V,)."""
    return np.random.default_rng(derive(0, "exact order")).permutation(len(WORDS))
