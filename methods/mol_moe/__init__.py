"""Frozen experts per objective, and a router that is trained to mix their weights by preference and prompt (Mol-MoE)."""

from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from morlbench.bench import Bench
from morlbench.errors import BadInput
from morlbench.lm.conditioned import serve
from morlbench.lm.conditioned_training import train
from morlbench.lm.meta import objective_experts
from morlbench.lm.pooled import Pooled
from morlbench.lm.train import Plan, whole_steps
from morlbench.lm.trained import Trained
from morlbench.method import Family, Policy, Track, settings

from .router import Router


@settings
class MolMoe(Trained):
    """theta(w, x) = theta_0 + sum_i g_i(w, x) Delta_i with a router g trained by reinforcement learning on sampled w."""

    name: ClassVar[str] = "mol-moe"
    version: ClassVar[int] = 1
    family: ClassVar[Family] = "meta-policy"
    track: ClassVar[Track] = "front"
    expert_share: float = Field(default=0.8, gt=0, lt=1)
    hidden: int = Field(default=32, ge=1, le=4096)
    router_rate: float = Field(default=3e-3, gt=0, le=1)

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend `expert_share` of the budget on experts and the rest on the router."""
        shared = self.optimiser(bench.base)
        spent = int(bench.left * self.expert_share)
        if bench.left - bench.k * whole_steps(spent // bench.k, shared) < shared.batch:
            raise BadInput(
                f"the budget of {bench.budget} responses is too small: expert_share={self.expert_share:g} leaves the router less than "
                f"one batch of {shared.batch}"
            )
        mixture = objective_experts(bench, responses=spent, seed=seed, level="parameters", settings=shared)
        features = Pooled.fit(bench.base, bench.prompts("train"))
        router = Router(mixture.adapters, features.size, self.hidden, seed=seed)
        train(bench, router, "router", Plan(replace(shared, rate=self.router_rate), bench.left, seed), features=features)
        return serve(bench, router, features=features, explains=True)
