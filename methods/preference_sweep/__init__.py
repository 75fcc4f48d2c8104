"""Train one policy per preference of the lattice and serve the nearest: the plain way to a front."""

from functools import partial
from typing import ClassVar

from pydantic import Field

from morlbench.bench import Bench
from morlbench.errors import BadInput
from morlbench.lm.apart import experts
from morlbench.lm.family import check_policies, nearest, serve_one, spread
from morlbench.lm.train import Recipe
from morlbench.lm.trained import Trained
from morlbench.method import Family, Policy, Track, settings

POLICIES = 55  # the whole lattice up to ten objectives


@settings
class PreferenceSweep(Trained):
    """Linear scalarisation at each lattice preference with an equal share of the budget."""

    name: ClassVar[str] = "preference-sweep"
    version: ClassVar[int] = 1
    family: ClassVar[Family] = "multi-policy"
    track: ClassVar[Track] = "front"
    policies: int = Field(default=POLICIES, ge=2, le=1000)

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend an equal share on each policy; fewer policies where a share would be less than a batch."""
        check_policies(self.policies, POLICIES, bench.k)
        shared = self.optimiser(bench.base)
        count = min(self.policies, bench.left // shared.batch)
        if count < 2:
            raise BadInput(f"the budget of {bench.budget} responses is too small: a sweep needs two batches of {shared.batch} responses")
        known = spread(bench.k, count)
        share = bench.left // len(known)
        found = experts(bench, [Recipe.at(w, shared) for w in known], responses=share, seed=seed)
        return serve_one(bench, found, partial(nearest, known))
