"""Shared by the meta-policy methods: one expert per objective, and the mixture that serves them at a preference."""

from morlbench.bench import Bench
from morlbench.lm.mixing import Mixture
from morlbench.lm.policy import LMPolicy
from morlbench.lm.train import Recipe, Settings, expert, one_hot
from morlbench.preference import Array, Utility
from morlbench.task import Texts


def objective_experts(bench: Bench, *, responses: int, seed: int, level: str, settings: Settings = Settings()) -> Mixture:  # noqa: B008
    """Return one plain expert per objective, `responses` in total shared equally, combined at `level`."""
    share = responses // bench.k
    found = [expert(bench, Recipe(one_hot(bench.k, i), settings=settings), responses=share, seed=seed) for i in range(bench.k)]
    return Mixture(bench.base, found, level, temperature=bench.decoding.temperature)


def by_preference(bench: Bench, mixture: Mixture) -> LMPolicy:
    """Return the policy whose mixture weights are the preference itself."""
    return LMPolicy(mixture, bench.decoding, _as_asked)


def _as_asked(prompts: Texts, preferences: Array, utility: Utility) -> Array:
    return preferences
