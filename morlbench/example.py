"""A tiny run with numbers one can check by hand, for doctests, tutorials and `morlbench check metric`.

Three preferences (0, 1), (.5, .5), (1, 0) answered with mean rewards (.2, .8), (.6, .6), (.8, .2) on four prompts that differ by
-.03, -.01, .01, .03; the base earns (.3, .3) everywhere. Nothing in it was measured.
"""

from collections.abc import Sequence

import numpy as np

from morlbench.bench import Cost, Line
from morlbench.metric import Costs, Evidence, MethodFacts, Probe, Speed, TaskFacts
from morlbench.preference import Array, Utility
from morlbench.task import Exact

OFFSETS = np.array([-0.03, -0.01, 0.01, 0.03])  # of the four prompts
POINTS = ((0.2, 0.8), (0.6, 0.6), (0.8, 0.2))
BETA = 0.1


def example(
    points: Sequence[Sequence[float]] = POINTS, *, seed: int = 0, budget: int = 4096, task: str = "example", exact: bool = False
) -> Evidence:
    """Return one run whose mean rewards at evenly spread preferences are `points` (p, k)."""
    means = np.array(points, dtype=float)
    p, k = means.shape
    asked = _preferences(p, k)
    base = np.full((1, k), 0.3)
    probes = [
        _front(means, asked),
        _probe("base", np.full((1, k), 1 / k), base),
        _probe("held-out", np.full((1, k), 1 / k), means[[p // 2]]),
    ]
    probes += [_without(means, asked, i) for i in range(k)]
    probes += [_user(base + (means[[-1]] - base) * share, asked[[-1]], step) for step, share in ((0, 0.5), (16, 0.8), (64, 0.96))]
    probes.append(_user(means[[-1]], asked[[-1]], -1))
    names = tuple(f"objective-{i + 1}" for i in range(k))
    utilities = (Utility(), Utility("chebyshev"), Utility("soft-threshold", (0.5,) * k), Utility("hard-threshold", (0.5,) * k))
    facts = TaskFacts(task, 1, names, "competing", BETA, (1 / k,) * k, (0.1,) * k, utilities, _ideal(means), 40, 1.5)
    method = MethodFacts("example", 1, "meta-policy", "front", {}, ("linear",))
    return Evidence(facts, method, "nano", budget, seed, tuple(probes), _costs(budget, k), _exact(means, asked) if exact else None)


def _preferences(p: int, k: int) -> Array:
    """Return p preferences: evenly spaced for k = 2 (first objective rising), else corners, then the centroid."""
    if k == 2:
        first = np.linspace(0, 1, p) if p > 1 else np.array([0.5])
        return np.stack([first, 1 - first], 1)
    return np.concatenate([np.eye(k), np.full((max(p - k, 0), k), 1 / k)])[:p]


def _ideal(means: Array) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in (means + 0.1).tolist())


def _probe(name: str, preferences: Array, means: Array) -> Probe:
    rewards = (means[:, None] + OFFSETS[:, None])[:, :, None]  # (p, 4, 1, k)
    p, n = rewards.shape[:2]
    nll = np.full((p, n, 1), 2.0 if name == "base" else 2.1)
    return Probe(name, preferences, rewards, np.arange(n), ("an answer",) * (p * n), np.full((p, n, 1), float(name != "base")), nll=nll)


def _front(means: Array, asked: Array) -> Probe:
    """The lattice's answers; at inner preferences the stated weights rise with the prompt for the first objective."""
    probe = _probe("front", asked, means)
    tilt = np.zeros((4, means.shape[1]))
    tilt[:, 0], tilt[:, 1] = 5 * OFFSETS, -5 * OFFSETS
    inner = np.asarray((asked > 0).all(1))
    weights = asked[:, None] + tilt * inner[:, None, None]  # (p, 4, k)
    gold = probe.rewards - 0.05
    return Probe("front", asked, probe.rewards, probe.prompts, probe.responses, probe.kl, weights, nll=probe.nll, gold=gold)


def _without(means: Array, asked: Array, objective: int) -> Probe:
    """Deleting an objective costs it .2, and more on the prompts where its stated weight is higher."""
    probe = _probe(f"without-{objective}", asked, means)
    sign = (1, -1)[objective] if objective < 2 else 0
    probe.rewards[..., objective] -= 0.2 + sign * 2 * OFFSETS[:, None]
    return probe


def _user(means: Array, wanted: Array, step: int) -> Probe:
    probe = _probe("adapt" if step >= 0 else "told", wanted, means)
    return Probe(probe.name, wanted, probe.rewards, probe.prompts, probe.responses, probe.kl, user=0, step=step)


def _exact(means: Array, asked: Array) -> Exact:
    """One nat of KL at every preference; the true front earns .1 more than the rewards on each objective."""
    returns, best = means - BETA, means + 0.1
    value, optimum = (asked * returns).sum(1), (asked * best).sum(1)
    return Exact(asked, returns, means, np.ones(len(means)), value, optimum, np.full(len(means), 0.3), best)


def _costs(budget: int, k: int) -> Costs:
    """Two experts of 3/8 of the budget each (one read from the store) and a gate's search of 1/4."""
    share = budget * 3 // 8
    lines = (
        Line("expert 1", "training", Cost(share, 10 * share, 24, 24, 10.0)),
        Line("expert 2", "training", Cost(share, 10 * share, 24, 24, 12.0, True)),
        Line("gate", "search", Cost(budget // 4, 10 * (budget // 4), 0, 0, 4.0)),
        Line("front", "evaluation", Cost(100, 1000)),
    )
    return Costs(lines, Speed(80.0, 100.0, 0.02, 0.01, 3_000_000, 2_000_000, float(k)), 40.0, 60.0, 500_000_000, 50_000)
