"""Learn one policy that is near the best for every preference (Reptile), then tune it a few steps per preference."""

from functools import partial
from typing import ClassVar

import numpy as np
from pydantic import Field

from morlbench.bench import Bench
from morlbench.errors import BadInput
from morlbench.lm.adapter import Adapter
from morlbench.lm.family import nearest, serve_one, spread
from morlbench.lm.fewstep import tune_each
from morlbench.lm.shares import trainings
from morlbench.lm.train import Plan, Recipe, retrained, steered
from morlbench.lm.trained import Settings, Trained
from morlbench.method import Family, Policy, Track, settings
from morlbench.preference import lattice
from morlbench.seeds import derive


@settings
class MetaMorl(Trained):
    """Reptile over lattice preferences with half the budget; the rest tunes the meta-policy at preferences that lie far apart."""

    name: ClassVar[str] = "meta-morl"
    version: ClassVar[int] = 2
    family: ClassVar[Family] = "meta-policy"
    track: ClassVar[Track] = "front"
    meta_share: float = Field(default=0.5, gt=0, lt=1)
    inner: int = Field(default=512, ge=64, le=1_000_000, multiple_of=64)  # whole batches
    step: float = Field(default=0.3, gt=0, le=1)
    policies: int = Field(default=55, ge=2, le=1000)

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend `meta_share` of the budget on the meta-policy and equal shares of the rest on tuning it."""
        shared = self.optimiser(bench.base)
        learning = int(bench.left * self.meta_share)
        affordable = (bench.left - learning) // shared.batch
        if learning < shared.batch or affordable < 2:
            raise BadInput(
                f"the budget of {bench.budget} responses is too small: meta-morl needs a batch of {shared.batch} for the meta-policy and "
                f"one for each of at least two preferences (meta_share={self.meta_share:g})"
            )
        start = self._learn(bench, shared, learning, seed)
        most = min(self.policies, len(lattice(bench.k)), affordable)
        batches = bench.left // shared.batch
        known = spread(bench.k, trainings(batches, 2, most, lambda count: batches // count * count))
        found = tune_each(bench, known, lambda w: start, shared, responses=bench.left, seed=seed)
        return serve_one(bench, found, partial(nearest, known))

    def _learn(self, bench: Bench, shared: Settings, responses: int, seed: int) -> Adapter:
        """Return the meta-policy: after each inner training, a step from where it started towards where it ended."""
        rng = np.random.default_rng(derive(seed, "preferences"))
        inner = min(self.inner, responses // shared.batch * shared.batch)
        meta: Adapter | None = None
        for i in range(responses // inner):
            w = rng.choice(lattice(bench.k))
            plan = Plan(shared, inner, derive(seed, "inner", i), start=meta)
            train = steered if meta is None else retrained
            meta = toward(meta, train(bench, Recipe.at(w, shared), f"inner {i + 1}", plan), self.step)
        if meta is None:
            raise BadInput(f"the meta-policy's {responses} responses hold no inner training of {inner}")
        return meta


def toward(start: Adapter | None, end: Adapter, step: float) -> Adapter:
    """Return start + step (end - start) in the trained factors; without a start (B = 0, readout 0), `end` with both shrunk."""
    if start is None:
        readout = None if end.readout is None else step * end.readout
        return Adapter({name: (a, step * b) for name, (a, b) in end.factors.items()}, readout)
    factors = {
        name: (start.factors[name][0].lerp(a, step), start.factors[name][1].lerp(b, step)) for name, (a, b) in end.factors.items()
    }  # fmt: skip
    if start.readout is None or end.readout is None:
        return Adapter(factors)
    return Adapter(factors, start.readout.lerp(end.readout, step))
