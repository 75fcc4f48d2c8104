"""Shared by the meta-policy methods: one expert per objective, and the mixture that serves them at a preference."""

from typing import Literal

import numpy as np

from morlbench.bench import Bench
from morlbench.lm.adapter import Adapter
from morlbench.lm.apart import experts
from morlbench.lm.mixing import Mixture, check_level
from morlbench.lm.policy import LMPolicy, single_policy
from morlbench.lm.train import Recipe, one_hot
from morlbench.lm.trained import Settings
from morlbench.method import Policy
from morlbench.preference import Array, Utility
from morlbench.task import Texts

Experts = Literal["projected", "plain", "anchored"]


def objective_experts(bench: Bench, *, responses: int, seed: int, level: str, settings: Settings) -> Mixture:
    """Return one plain expert per objective, `responses` in total shared equally, combined at `level`."""
    check_level(level, len(bench.base.layers))
    share = responses // bench.k
    recipes = [Recipe(one_hot(bench.k, i), settings=settings) for i in range(bench.k)]
    found = experts(bench, recipes, responses=share, seed=seed)
    return Mixture(bench.base, found, level, temperature=bench.decoding.temperature)


def protected_recipe(k: int, objective: int, kind: Experts, epsilon: float, settings: Settings) -> Recipe:
    """Return how the expert of one objective is trained where the other objectives may be protected.

    projected: argmin_d ||d - g_i||^2 subject to g_j·d >= -epsilon ||g_j|| ||d||. plain: epsilon = infinity. anchored: the
    min-norm point of unit gradients with own weight >= .6.
    """
    weights = one_hot(k, objective)
    if kind == "plain":
        return Recipe(weights, settings=settings)
    return Recipe(weights, gradients=kind, leader=objective, epsilon=epsilon if kind == "projected" else 0.0, settings=settings)


def protected_experts(bench: Bench, kind: Experts, epsilon: float, *, responses: int, seed: int, settings: Settings) -> list[Adapter]:
    """Return one adapter per objective by `protected_recipe`, `responses` in total shared equally."""
    recipes = [protected_recipe(bench.k, i, kind, epsilon, settings) for i in range(bench.k)]
    return experts(bench, recipes, responses=responses // bench.k, seed=seed)


def by_preference(bench: Bench, mixture: Mixture) -> LMPolicy:
    """Return the policy whose mixture weights are the preference itself."""
    return LMPolicy(mixture, bench.decoding, _as_asked)


def _as_asked(prompts: Texts, preferences: Array, utility: Utility) -> Array:
    return preferences


def score_answers(bench: Bench, policy: Policy, prompts: Texts, preferences: Array, *, seed: int) -> Array:
    """Return rewards (n, k) of one answer per prompt at preferences (n, k), charged to the bench."""
    answers = policy.respond(prompts, preferences, seed=seed)
    return bench.score(prompts, answers.texts, tokens=answers.tokens)


def dev_prompts(bench: Bench, count: int) -> Texts:
    """Return `count` dev prompts, always the same, each as often as any other."""
    prompts = bench.prompts("dev")
    return tuple(prompts[i % len(prompts)] for i in range(count))


def dev_mean(bench: Bench, policy: Policy, count: int, *, seed: int) -> Array:
    """Return the mean rewards (k,) of a preference-blind policy on `count` dev answers, charged to the bench."""
    prompts = dev_prompts(bench, count)
    return np.asarray(score_answers(bench, policy, prompts, np.full((count, bench.k), 1 / bench.k), seed=seed).mean(0))


def returns(bench: Bench, adapter: Adapter, answers: int, *, seed: int) -> Array:
    """Return a policy's regularised returns (k,), mean r_i - beta KL, on dev answers charged as search."""
    policy, prompts = single_policy(bench.base, bench.decoding, adapter), dev_prompts(bench, answers)
    asked = np.full((answers, bench.k), 1 / bench.k)
    with bench.part("returns", answers, kind="search"):
        found = policy.respond(prompts, asked, seed=seed)
        rewards = bench.score(prompts, found.texts, tokens=found.tokens)
    kl = policy.kl(prompts, asked, found)
    return np.asarray(rewards.mean(0) - (0.0 if kl is None else bench.beta * kl.mean()))
