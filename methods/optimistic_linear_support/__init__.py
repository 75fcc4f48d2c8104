"""Train policies one after another where the front could still gain most (optimistic linear support)."""

from functools import partial
from typing import ClassVar

import numpy as np
from pydantic import Field

from morlbench.bench import Bench
from morlbench.errors import BadInput
from morlbench.lm.adapter import Adapter
from morlbench.lm.family import best_value, serve_one
from morlbench.lm.meta import returns
from morlbench.lm.train import Recipe, expert
from morlbench.lm.trained import Trained
from morlbench.method import Family, Policy, Track, settings
from morlbench.seeds import derive

from .support import affordable, next_preference

NOTHING = 1e-6  # an optimistic gap that is not worth a policy
FEWEST = 8  # dev answers that measure a policy, at least


@settings
class OptimisticLinearSupport(Trained):
    """Start at the vertices; train next at the corner weight with the largest optimistic gap; serve by best dev return."""

    name: ClassVar[str] = "optimistic-linear-support"
    version: ClassVar[int] = 1
    family: ClassVar[Family] = "multi-policy"
    track: ClassVar[Track] = "front"
    policies: int = Field(default=10, ge=2, le=100)
    dev_share: float = Field(default=0.1, gt=0, lt=1)

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend equal shares on at most `policies` policies, `dev_share` of each on measuring it."""
        shared = self.optimiser(bench.base)
        count = min(self.policies, bench.left // (shared.batch + FEWEST))
        self._check(bench, count, shared.batch)
        share = bench.left // count
        answers = min(max(int(share * self.dev_share), FEWEST), 256)
        tried, values, members = np.zeros((0, bench.k)), np.zeros((0, bench.k)), list[Adapter]()
        wanted = list(np.eye(bench.k))
        while len(members) < count:
            if not wanted:
                preference, gap = next_preference(tried, values)
                if gap <= NOTHING:
                    break
                wanted = [preference]
            w = wanted.pop(0)
            recipe = Recipe.at(w, shared)
            members.append(expert(bench, recipe, responses=share - answers, seed=seed))
            value = returns(bench, members[-1], answers, seed=derive(seed, "returns"))
            tried, values = np.vstack([tried, w]), np.vstack([values, value])
        return serve_one(bench, members, partial(best_value, values))

    def _check(self, bench: Bench, count: int, batch: int) -> None:
        if count < bench.k:
            raise BadInput(
                f"the budget of {bench.budget} responses is too small: optimistic-linear-support starts with {bench.k} policies of "
                f"{batch + FEWEST} responses each (and policies={self.policies} must allow them)"
            )
        if not affordable(count, bench.k):
            raise BadInput(f"the corners of {count} policies in {bench.k} objectives are too many to list; take fewer policies")
