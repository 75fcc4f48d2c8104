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
from morlbench.lm.shares import FEWEST, looks, measured, trainings
from morlbench.lm.train import Plan, Recipe, expert, retrained
from morlbench.lm.trained import Trained
from morlbench.method import Family, Policy, Track, settings
from morlbench.seeds import derive

from .support import affordable, next_preference

NOTHING = 1e-6  # an optimistic gap that is not worth a policy


@settings
class OptimisticLinearSupport(Trained):
    """Start at the vertices; train next at the corner weight with the largest optimistic gap; serve by best dev return.

    Where no corner has a gap, the policy that was trained least is trained on and measured again, which may open one.
    """

    name: ClassVar[str] = "optimistic-linear-support"
    version: ClassVar[int] = 2
    family: ClassVar[Family] = "multi-policy"
    track: ClassVar[Track] = "front"
    policies: int = Field(default=10, ge=2, le=100)
    dev_share: float = Field(default=0.1, gt=0, lt=1)

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend equal shares on at most `policies` trainings, `dev_share` of each on measuring what came of it."""
        shared = self.optimiser(bench.base)
        most = min(self.policies, bench.left // (shared.batch + FEWEST))
        self._check(bench, most, shared.batch)
        count = trainings(bench.left, bench.k, most, lambda n: n * measured(bench.left // n, self.dev_share, shared))
        share = bench.left // count
        answers = looks(share, self.dev_share)
        tried, values, members, turns = np.zeros((0, bench.k)), np.zeros((0, bench.k)), list[Adapter](), list[int]()
        vertices = list(np.eye(bench.k))
        for turn in range(count):
            w, gap = (vertices.pop(0), np.inf) if vertices else next_preference(tried, values)
            if gap > NOTHING:
                members.append(expert(bench, Recipe.at(w, shared), responses=share - answers, seed=seed))
                value = returns(bench, members[-1], answers, seed=derive(seed, "returns"))
                tried, values, turns = np.vstack([tried, w]), np.vstack([values, value]), [*turns, 1]
            else:
                place = int(np.argmin(turns))
                plan = Plan(shared, share - answers, derive(seed, "on", turn), start=members[place])
                members[place] = retrained(bench, Recipe.at(tried[place], shared), f"policy {place + 1} on", plan)
                values[place] = returns(bench, members[place], answers, seed=derive(seed, "returns"))
                turns[place] += 1
        return serve_one(bench, members, partial(best_value, values))

    def _check(self, bench: Bench, count: int, batch: int) -> None:
        if count < bench.k:
            raise BadInput(
                f"the budget of {bench.budget} responses is too small: optimistic-linear-support starts with {bench.k} policies of "
                f"{batch + FEWEST} responses each (and policies={self.policies} must allow them)"
            )
        if not affordable(count, bench.k):
            raise BadInput(f"the corners of {count} policies in {bench.k} objectives are too many to list; take fewer policies")
