"""Experts per objective under a contextual bandit that gates them by prompt, preference and utility (MoE-CMAB)."""

from functools import partial
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from morlbench.bandit import Explorer, Rule
from morlbench.bench import Bench
from morlbench.errors import BadInput
from morlbench.lm.adapter import Adapter
from morlbench.lm.apart import at_once
from morlbench.lm.family import nearest, serve_one
from morlbench.lm.fewstep import affordable, combined, tune_each
from morlbench.lm.forked import spread
from morlbench.lm.meta import Experts, protected_experts
from morlbench.lm.mixing import Mixture, check_level
from morlbench.lm.policy import LMPolicy, base_policy
from morlbench.lm.trained import Settings, Trained
from morlbench.method import Family, Policy, Responses, Track, no_effect, settings
from morlbench.preference import LINEAR, Array, UtilityName
from morlbench.seeds import derive
from morlbench.task import Texts

from .arms import Basis
from .context import Context, Reader, fit
from .gate import Gate, GateConfig, Labels, Model
from .policy import GatedPolicy, told
from .tuned import TunedPolicy

BATCH, PART = 64, 32  # exploration answers scored at a time, and made at a time


@settings
class MoeCmab(Trained):
    """Projected experts, hidden-state aggregation and a shared-feature gate with relabelled utilities."""

    name: ClassVar[str] = "moe-cmab"
    version: ClassVar[int] = 2
    family: ClassVar[Family] = "meta-policy"
    track: ClassVar[Track] = "front"
    utilities: ClassVar[tuple[UtilityName, ...]] = ("linear", "chebyshev", "soft-threshold", "hard-threshold")

    experts: Experts = "projected"
    epsilon: float = Field(default=0.3, ge=0, le=1)
    level: str = "hidden"
    rule: Rule = "linucb"
    exploration: float = Field(default=Explorer.alpha, ge=0, le=100)
    model: Model = "shared"
    labels: Labels = "relabelled"
    penalty: bool = True
    caution: float = Field(default=0.5, ge=0, le=100)
    basis: Basis = "quadratic"
    context: Context = "log-ratio"
    components: Annotated[int, Field(ge=1, le=256)] = 16
    expert_share: float = Field(default=0.9, gt=0, lt=1)
    tune_share: float = Field(default=0.0, ge=0, lt=1)
    tuned: int = Field(default=11, ge=2, le=1000)

    def __post_init__(self) -> None:
        check_level(self.level)
        if self.expert_share + self.tune_share >= 1:
            raise BadInput(
                f"expert_share={self.expert_share:g} and tune_share={self.tune_share:g} leave the gate nothing; their sum must be below 1"
            )
        if self.experts != "projected":
            no_effect(self, "epsilon", f"experts={self.experts}")
        if self.model == "disjoint":
            no_effect(self, "basis", "model=disjoint")
        if self.context == "none":
            no_effect(self, "components", "context=none")
        if not self.tune_share:
            no_effect(self, "tuned", "tune_share=0")
        if self.rule != "linucb" and self.exploration != Explorer.alpha:
            raise BadInput(
                f"exploration={self.exploration:g} is LinUCB's bonus, which rule={self.rule} does not have; leave it out or set rule=linucb"
            )

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend `expert_share` of the budget on experts, `tune_share` on tuning above the gate, and the rest on the gate."""
        check_level(self.level, len(bench.base.layers))
        shared = self.optimiser(bench.base)
        aside = int(bench.budget * self.tune_share)
        known = affordable(bench, aside, self.tuned, shared.batch) if self.tune_share else None
        found = protected_experts(
            bench, self.experts, self.epsilon, responses=int(bench.budget * self.expert_share), seed=seed, settings=shared
        )  # fmt: skip
        mixture = Mixture(bench.base, found, self.level, temperature=bench.decoding.temperature)
        reader = fit(mixture, self.context, bench.prompts("train"), self.components)
        gate = self._learn(bench, mixture, reader, derive(seed, "gate"), aside)
        policy = GatedPolicy(mixture=mixture, decoding=bench.decoding, gate=partial(told, reader, gate), reader=reader, state=gate)
        return policy if known is None else self._tune(bench, policy, known, shared, seed)

    def _tune(self, bench: Bench, policy: GatedPolicy, known: Array, shared: Settings, seed: int) -> Policy:
        """Return the policy that serves each of known (m, k) by a few steps from the experts' mean mixture there."""
        prompts = bench.prompts("train")

        def start(w: Array) -> Adapter:
            chosen = policy.gate(prompts, np.tile(w, (len(prompts), 1)), LINEAR).mean(0)
            return combined(policy.mixture.adapters, chosen, shared.rank)

        found = tune_each(bench, known, start, shared, responses=bench.left, seed=seed)
        return TunedPolicy(policy, serve_one(bench, found, partial(nearest, known)))

    def _learn(self, bench: Bench, mixture: Mixture, reader: Reader, seed: int, aside: int) -> Gate:
        """Return the gate after exploring dev prompts with random preferences until `aside` responses are left."""
        rng = np.random.default_rng(seed)
        beta = bench.beta if self.penalty else 0.0
        config = GateConfig(Explorer(rule=self.rule, alpha=self.exploration), self.model, self.labels, beta, self.caution, self.basis)
        with bench.part("gate", bench.left - aside, kind="search"):
            first = min(BATCH, max((bench.left - aside) // 4, 1))
            prompts = _some(bench.prompts("dev"), first, rng)
            plain = base_policy(bench.base, bench.decoding).respond(prompts, np.zeros((first, bench.k)), seed=derive(seed, "base"))
            gate = Gate.start(_score(bench, prompts, plain), mixture.experts, reader.size, config=config, seed=seed)
            while bench.left > aside:
                count = min(BATCH, bench.left - aside)
                prompts = _some(bench.prompts("dev"), count, rng)
                z = reader(prompts)
                mixtures = gate.choose(z, rng.dirichlet(np.ones(bench.k), count), LINEAR, rng)
                explorer = LMPolicy(mixture, bench.decoding, lambda _p, w, _u: w)  # asked directly for mixtures
                answers, kl = _explore(explorer, prompts, mixtures, derive(seed, "explore", bench.left))
                gate = gate.update(z, mixtures, _score(bench, prompts, answers), kl)
        return gate


def _explore(explorer: LMPolicy, prompts: Texts, mixtures: Array, seed: int) -> tuple[Responses, Array]:
    """Return answers and their KL (n,), in parts that have draws of their own and may be made at the same time."""

    def part(start: int) -> tuple[Responses, Array]:
        some = slice(start, start + PART)
        answers = explorer.respond(prompts[some], mixtures[some], seed=derive(seed, start))
        kl = explorer.kl(prompts[some], mixtures[some], answers)
        return answers, np.zeros(len(answers.ids)) if kl is None else kl

    found = list(spread(part, range(0, len(prompts), PART), at_once(explorer.mixture.base)))
    texts, ids = tuple(x for answers, _ in found for x in answers.texts), tuple(x for answers, _ in found for x in answers.ids)
    return Responses(texts, ids), np.concatenate([kl for _, kl in found])


def _score(bench: Bench, prompts: Texts, answers: Responses) -> Array:
    return bench.score(prompts, answers.texts, tokens=answers.tokens)


def _some(prompts: Texts, count: int, rng: np.random.Generator) -> Texts:
    """Return `count` prompts in random order, each as often as any other."""
    order = np.concatenate([rng.permutation(len(prompts)) for _ in range(count // len(prompts) + 1)])
    return tuple(prompts[i] for i in order[:count])
