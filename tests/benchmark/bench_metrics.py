"""How fast numbers come: indicators beside the loops of their formulas, a whole record, and the bootstrap, each with its limit.

Part of `make bench`; rows of a group are the same job, so their ratio is read off the table. Other libraries: `bench_peers.py`.
"""

import time
import timeit
from collections.abc import Callable

import moocore
import numpy as np
import pytest
from evidence import record
from reference import slow

from morlbench import front, score, stats


@pytest.fixture(scope="module")
def points():
    """A hundred points on a noisy quarter circle, larger is better."""
    angle = np.linspace(0.01, np.pi / 2 - 0.01, 100)
    return np.stack([np.cos(angle), np.sin(angle)], 1) * np.random.default_rng(0).uniform(0.97, 1, (100, 1))


@pytest.fixture(scope="module")
def weights():
    first = np.linspace(0, 1, 100)
    return np.stack([first, 1 - first], 1)


@pytest.mark.benchmark(group="eum")
def test_eum(benchmark, points, weights):
    benchmark(front.expected_utility, points, weights)


@pytest.mark.benchmark(group="eum")
def test_eum_in_loops(benchmark, points, weights):
    benchmark(slow.expected_utility, points.tolist(), weights.tolist())


@pytest.mark.benchmark(group="mul")
def test_mul(benchmark, points, weights):
    benchmark(front.maximum_utility_loss, points, points + 0.1, weights)


@pytest.mark.benchmark(group="mul")
def test_mul_in_loops(benchmark, points, weights):
    benchmark(slow.maximum_utility_loss, points.tolist(), (points + 0.1).tolist(), weights.tolist())


@pytest.mark.benchmark(group="hypervolume")
def test_hypervolume(benchmark, points):
    benchmark(front.hypervolume, points, np.zeros(2))


@pytest.fixture(scope="module")
def ten():
    """The 55 points of a front of ten objectives, none of which dominates another."""
    points = np.abs(np.random.default_rng(0).normal(size=(55, 10)))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


@pytest.mark.benchmark(group="hypervolume of ten objectives")
def test_hypervolume_of_ten_objectives(benchmark, ten, monkeypatch):
    monkeypatch.setattr(front, "_of_many", front._of_many.__wrapped__)  # remembers nothing
    benchmark.pedantic(front.hypervolume, (ten, np.zeros(10)), rounds=5)


@pytest.mark.benchmark(group="hypervolume of ten objectives")
def test_hypervolume_of_ten_objectives_by_moocore_at_once(benchmark, ten):
    benchmark.pedantic(moocore.Hypervolume(ref=np.zeros(10)), (-ten,), rounds=5)


@pytest.mark.benchmark(group="sparsity")
def test_sparsity(benchmark, points):
    benchmark(front.sparsity, points)


@pytest.mark.benchmark(group="igd+")
def test_igd_plus(benchmark, points):
    benchmark(front.igd_plus, points, points + 0.05)


@pytest.mark.benchmark(group="record")
@pytest.mark.parametrize("k", [2, 3, 5, 10])
def test_one_record_to_all_its_metrics(benchmark, k):
    run = record(k=k, prompts=100, utilities=True, exact=k == 2)
    score.score([run])  # plugins are imported once per process
    benchmark.pedantic(score.score, ([run],), rounds=5)
    assert _best(lambda: score.score([run]), 1) <= 0.2


@pytest.mark.benchmark(group="bootstrap")
@pytest.mark.parametrize(("k", "p"), [(2, 11), (3, 21)])
def test_two_thousand_replicates_of_ten_methods_and_five_seeds(benchmark, k, p):
    rng = np.random.default_rng(0)
    methods = [rng.uniform(0.3, 0.9, (5, p, 1, k)) + rng.normal(0, 0.1, (5, p, 100, k)) for _ in range(10)]

    def every() -> list[np.ndarray]:
        return [stats.bootstrap_hypervolumes(rewards, np.full(k, 0.1)) for rewards in methods]

    benchmark.pedantic(every, rounds=2)
    assert _best(every, 1) <= 3.0


def _best(call: Callable[[], object], number: int = 200) -> float:
    """Return the least processor seconds of a call, so that a busy machine does not decide."""
    return min(timeit.repeat(call, number=number, repeat=3, timer=time.process_time)) / number
