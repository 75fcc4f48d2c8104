"""Direct preference optimisation with the other objectives as margins, one policy per preference (MODPO)."""

from dataclasses import replace
from functools import partial
from typing import ClassVar

from pydantic import Field

from morlbench.bench import Bench
from morlbench.errors import BadInput
from morlbench.lm.family import check_policies, nearest, serve_one, spread
from morlbench.lm.supervised import Fit, prefer
from morlbench.lm.trained import Trained
from morlbench.method import Family, Policy, Track, settings
from morlbench.seeds import derive

from .pairs import Label, gather, labelled

POLICIES = 11  # the whole lattice of two objectives
SLOWER = 2  # times less than the base's rate where the user sets none: labels are drawn, and that noise is not averaged as quickly


@settings
class Modpo(Trained):
    """One policy per preference by DPO on the base's pairs, which all preferences share; a preference is served by the nearest."""

    name: ClassVar[str] = "modpo"
    version: ClassVar[int] = 1
    family: ClassVar[Family] = "multi-policy"
    track: ClassVar[Track] = "front"
    policies: int = Field(default=POLICIES, ge=2, le=1000)
    epochs: float = Field(default=1.0, gt=0, le=100)
    labels: Label = "drawn"
    temperature: float = Field(default=0.03, gt=0, le=10)

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend the whole budget on scored pairs of base answers, then tune one policy per preference on them."""
        check_policies(self.policies, POLICIES, bench.k)
        shared = self.optimiser(bench.base)
        if self.rate is None:
            shared = replace(shared, rate=shared.rate / SLOWER)
        count, batch = bench.left // 2, shared.batch // 2
        if count < batch:
            raise BadInput(f"the budget of {bench.budget} responses is too small: modpo needs {batch} pairs, two responses each")
        with bench.part("pairs", 2 * count):
            scored = gather(bench, count, seed=seed)
        known = spread(bench.k, max(2, min(self.policies, count // batch)))
        steps = max(1, round(self.epochs * count / batch))
        found = []
        for i, w in enumerate(known):
            pairs, beta = labelled(scored, w, bench.beta, self.labels, self.temperature, seed=seed)
            with bench.part(f"policy {i + 1}", 0):
                found.append(prefer(bench, pairs, beta, Fit(shared, steps, batch, derive(seed, "policy"))))
        bench.trainable_parameters += sum(one.parameters for one in found)
        return serve_one(bench, found, partial(nearest, known))
