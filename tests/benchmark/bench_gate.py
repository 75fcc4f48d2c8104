"""What a gate costs beside an answer: serving a new preference relabels the log, and nothing is trained again.

Run with `pytest tests/benchmark/bench_gate.py --benchmark-enable --benchmark-only -o addopts=`.
"""

import numpy as np
import pytest

from morlbench.latent import Posterior
from morlbench.methods.moe_cmab.gate import Gate, GateConfig, arms
from morlbench.preference import Utility


def fed(k: int, n: int, labels: str = "relabelled") -> tuple[Gate, np.ndarray, np.ndarray]:
    """A gate of k objectives that has seen n answers, and the context and preferences of 64 prompts."""
    rng = np.random.default_rng(0)
    mixtures = arms(k)[rng.integers(len(arms(k)), size=n)]
    gate = Gate.start(np.full((1, k), 0.5), k, 16, config=GateConfig(labels=labels))
    gate = gate.update(rng.normal(size=(n, 16)), mixtures, rng.random((n, k)))
    return gate, rng.normal(size=(64, 16)), np.tile(rng.dirichlet(np.ones(k)), (64, 1))


@pytest.mark.parametrize("k", [2, 5])
@pytest.mark.parametrize("labels", ["relabelled", "smeared"])
def test_a_new_preference_for_64_prompts(benchmark, k, labels):
    gate, z, preferences = fed(k, 800, labels)
    gate.weights(z, preferences)  # the projector is computed once per state
    benchmark(gate.weights, z, preferences, Utility("chebyshev"))


@pytest.mark.parametrize("k", [2, 5])
def test_an_update_with_64_answers(benchmark, k):
    gate, z, preferences = fed(k, 800)
    rewards = np.random.default_rng(1).random((64, k))
    benchmark(lambda: gate.update(z, preferences, rewards).weights(z, preferences))


def test_a_posterior_from_50_thumbs(benchmark):
    rng = np.random.default_rng(0)
    rewards, thumbs = rng.random((50, 3)), rng.integers(0, 2, 50).astype(float)
    benchmark(lambda: Posterior.start(3).update(rewards, thumbs, "thumb").mean)
