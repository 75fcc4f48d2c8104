"""Train one policy per preference of the lattice and serve the nearest: the plain way to a front."""

from functools import partial
from typing import ClassVar

from pydantic import Field

from morlbench.bench import Bench
from morlbench.errors import BadInput
from morlbench.lm.apart import experts
from morlbench.lm.family import check_policies, nearest, serve_one, spread
from morlbench.lm.shares import trainings
from morlbench.lm.train import Recipe, whole_steps
from morlbench.lm.trained import Trained
from morlbench.method import Family, Policy, Track, settings
from morlbench.preference import lattice

POLICIES = 55  # the whole lattice up to ten objectives


@settings
class PreferenceSweep(Trained):
    """Linear scalarisation at each lattice preference with an equal share of the budget."""

    name: ClassVar[str] = "preference-sweep"
    version: ClassVar[int] = 2
    family: ClassVar[Family] = "multi-policy"
    track: ClassVar[Track] = "front"
    policies: int = Field(default=POLICIES, ge=2, le=1000)

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend an equal share on each policy; fewer policies where a share would be less than a batch or leave much of it unspent."""
        check_policies(self.policies, POLICIES, bench.k)
        shared = self.optimiser(bench.base)
        affordable = bench.left // shared.batch
        if affordable < 2:
            raise BadInput(f"the budget of {bench.budget} responses is too small: a sweep needs two batches of {shared.batch} responses")
        most = min(self.policies, len(lattice(bench.k)), affordable)
        known = spread(bench.k, trainings(bench.left, 2, most, lambda count: count * whole_steps(bench.left // count, shared)))
        share = bench.left // len(known)
        found = experts(bench, [Recipe.at(w, shared) for w in known], responses=share, seed=seed)
        return serve_one(bench, found, partial(nearest, known))
