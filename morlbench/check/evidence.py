"""Made-up evidence for trying metrics: a policy that earns start + gain sqrt(w_i) on objective i, and variations of it.

Rich evidence has every probe a run can hold; poor evidence lacks all of them or holds answers that are all alike. `turned`
gives the same facts in another order, which no metric may notice.
"""

from dataclasses import replace
from typing import overload

import numpy as np

from morlbench.bench import Cost, Line
from morlbench.metric import Costs, Evidence, MethodFacts, Probe, Speed, TaskFacts
from morlbench.preference import Array, Utility, held_out, lattice
from morlbench.protocol import STEPS
from morlbench.seeds import derive
from morlbench.task import Exact

PROMPTS, START, GAIN, NOISE, KL, BETA = 24, 0.4, 0.3, 0.05, 2.0, 0.05


def rich(k: int = 2, *, seed: int = 0, budget: int = 4096, task: str = "made-up") -> Evidence:
    """Return one run's evidence with every kind of probe, costs, speed and exact values; k objectives."""
    rng = np.random.default_rng(derive(seed, "evidence", task, k, budget))
    asked, even = _asked(k), np.full((1, k), 1 / k)
    probes = [
        _probe("base", even, rng, gain=0.0, weights=False, kl=0.0),
        _probe("front", asked, rng),
        _probe("held-out", held_out(task, k), rng),
        replace(_probe("utility", asked[:5], rng), utility=Utility("chebyshev")),
    ]
    for i in range(k):
        left = asked * (np.arange(k) != i)
        probes.append(replace(_probe(f"without-{i}", left, rng, weights=False), preferences=asked))
    for user, wanted in enumerate(np.random.default_rng(3).dirichlet(np.ones(k), 2)):
        for step in STEPS:
            near = wanted + (1 / k - wanted) * np.exp(-step / 20)
            probes.append(replace(_probe("adapt", near[None], rng, weights=False), preferences=wanted[None], user=user, step=step))
        probes.append(replace(_probe("told", wanted[None], rng, weights=False), user=user))
    bar = tuple(0.5 + 0.02 * i for i in range(k))
    facts = TaskFacts(
        name=task, version=1, objectives=tuple(f"objective {i + 1}" for i in range(k)), relation="competing", beta=BETA,
        preference=(1 / k,) * k, reference_point=tuple(START - 0.1 - 0.01 * i for i in range(k)),
        utilities=(Utility(), Utility("chebyshev"), Utility("soft-threshold", bar), Utility("hard-threshold", bar)),
        front=tuple(map(tuple, (START + GAIN * np.sqrt(asked) + 0.05).tolist())), max_tokens=40, kl_budget=3.0,
    )  # fmt: skip
    method = MethodFacts("made-up", 1, "meta-policy", "front", {}, ("linear", "chebyshev"))
    return Evidence(facts, method, "made-up", budget, seed, tuple(probes), _costs(budget), _exact(asked, budget))


def bare(k: int = 2) -> Evidence:
    """Return evidence that holds nothing but its facts."""
    return replace(rich(k), probes=(), costs=Costs(), exact=None)


def alike(k: int = 2) -> Evidence:
    """Return evidence in which every answer, under every preference, scores the same."""
    full = rich(k)
    probes = tuple(replace(p, rewards=np.full_like(p.rewards, 0.5), kl=None, weights=None) for p in full.probes)
    return replace(full, probes=probes, exact=None)


def single(k: int = 2) -> Evidence:
    """Return evidence of a policy that serves one stated user: a front of one point, nothing else asked."""
    rng, stated = np.random.default_rng(5), np.full((1, k), 1 / k)
    full = rich(k)
    probes = (_probe("base", stated, rng, gain=0.0, weights=False, kl=0.0), _probe("front", stated, rng, weights=False))
    return replace(full, method=MethodFacts("made-up", 1, "single-policy", "single", {}), probes=probes, exact=None)


def without_reference(k: int = 2) -> Evidence:
    """Return rich evidence of a task that has no frozen reference front nor KL budget."""
    full = rich(k)
    return replace(full, task=replace(full.task, front=(), kl_budget=None))


def turned(runs: tuple[Evidence, ...], what: str) -> tuple[Evidence, ...]:
    """Return the runs with their objectives, preferences or prompts in reverse order."""
    turn = {"objectives": _objectives, "preferences": _preferences, "prompts": _prompts}[what]
    return tuple(turn(run) for run in runs)


def arrays(run: Evidence) -> list[Array]:
    """Return every array the evidence holds, for comparing it with itself later."""
    held: list[Array | None] = []
    for p in run.probes:
        held += [p.preferences, p.rewards, p.kl, p.weights, p.nll, p.gold, p.prompts.astype(float)]
    if run.exact is not None:
        held += [getattr(run.exact, name) for name in Exact.__dataclass_fields__]
    return [array for array in held if array is not None]


def _probe(name: str, preferences: Array, rng: np.random.Generator, *, gain: float = GAIN, weights: bool = True, kl: float = KL) -> Probe:
    """One answer per preference (p, k) and prompt; what can be won differs from prompt to prompt, and weights follow it."""
    p, k = preferences.shape
    ease = np.random.default_rng(4).uniform(0.5, 1.5, (PROMPTS, k))  # the same in every probe
    mean = START + gain * np.sqrt(preferences)[:, None] * ease  # (p, n, k)
    rewards = np.clip(mean + rng.normal(0, NOISE, mean.shape), 0, 1)[:, :, None]
    stated = preferences[:, None] * ease
    return Probe(
        name, preferences, rewards, np.arange(PROMPTS), tuple(f"{name} {i}" for i in range(p * PROMPTS)),
        kl=np.abs(rng.normal(kl, 0.1, (p, PROMPTS, 1))) if kl else np.zeros((p, PROMPTS, 1)),
        weights=stated / stated.sum(-1, keepdims=True) if weights else None,
        nll=rng.normal(2.1, 0.1, (p, PROMPTS, 1)), gold=np.clip(rewards - 0.1, 0, 1),
    )  # fmt: skip


def _exact(asked: Array, budget: int) -> Exact:
    """A policy that falls short of the best one by less the larger its budget, and the base at its start."""
    best = START + GAIN * np.sqrt(asked) + 0.05
    rewards = best - 0.05 * (256 / budget) ** 0.5
    kl = np.full(len(asked), 0.2)
    returns = rewards - BETA * kl[:, None]
    dense = np.random.default_rng(6).dirichlet(np.ones(asked.shape[1]), 301)
    front, base = START + GAIN * np.sqrt(dense) + 0.05, np.full(len(asked), START)
    return Exact(asked, returns, rewards, kl, (asked * returns).sum(1), (asked * best).sum(1), base, front)


def _costs(budget: int) -> Costs:
    half = budget // 2
    lines = (
        Line("expert 1", "training", Cost(half, half * 40, half // 64, half // 64, 10.0)),
        Line("expert 2", "training", Cost(half, half * 40, half // 64, half // 64, 12.0, True)),
        Line("front", "evaluation", Cost(264, 10_000, 0, 0, 5.0)),
    )
    return Costs(lines, Speed(90.0, 100.0, 0.02, 0.01, 3 * 10**8, 2 * 10**8, 2.0), 30.0, 50.0, 9 * 10**8, 40_000)


def _asked(k: int) -> Array:
    """The lattice, or beyond k = 4, where it takes seconds to compute, corners, centroid and fixed draws."""
    if k <= 4:
        return lattice(k)
    return np.concatenate([np.eye(k), np.full((1, k), 1 / k), np.random.default_rng(k).dirichlet(np.ones(k), 10)])


def _objectives(run: Evidence) -> Evidence:
    def turn(p: Probe) -> Probe:
        name = f"without-{run.k - 1 - int(p.name.removeprefix('without-'))}" if p.name.startswith("without-") else p.name
        return replace(
            p, name=name, preferences=_flip(p.preferences, -1), rewards=_flip(p.rewards, -1), weights=_flip(p.weights, -1),
            gold=_flip(p.gold, -1), utility=replace(p.utility, thresholds=p.utility.thresholds[::-1]),
        )  # fmt: skip

    task = replace(
        run.task, objectives=run.task.objectives[::-1], preference=run.task.preference[::-1],
        reference_point=run.task.reference_point[::-1], front=tuple(point[::-1] for point in run.task.front),
        utilities=tuple(replace(u, thresholds=u.thresholds[::-1]) for u in run.task.utilities),
    )  # fmt: skip
    exact = run.exact and replace(
        run.exact, preferences=_flip(run.exact.preferences, 1), returns=_flip(run.exact.returns, 1),
        rewards=_flip(run.exact.rewards, 1), front=_flip(run.exact.front, 1),
    )  # fmt: skip
    return replace(run, task=task, probes=tuple(map(turn, run.probes)), exact=exact)


def _preferences(run: Evidence) -> Evidence:
    def turn(p: Probe) -> Probe:
        size = len(p.prompts) * p.rewards.shape[2]
        blocks = [p.responses[i : i + size] for i in range(0, len(p.responses), size)][::-1]
        responses = tuple(text for block in blocks for text in block)
        return replace(_turned_rows(p, 0), preferences=_flip(p.preferences, 0), responses=responses)

    exact = run.exact and Exact(*(_flip(getattr(run.exact, name), 0) for name in Exact.__dataclass_fields__))
    return replace(run, probes=tuple(map(turn, run.probes)), exact=exact)


def _prompts(run: Evidence) -> Evidence:
    def turn(p: Probe) -> Probe:
        texts = np.array(p.responses, dtype=object).reshape(p.rewards.shape[:3])[:, ::-1]
        return replace(_turned_rows(p, 1), prompts=p.prompts[::-1], responses=tuple(texts.reshape(-1)))

    return replace(run, probes=tuple(map(turn, run.probes)))


def _turned_rows(p: Probe, axis: int) -> Probe:
    return replace(
        p, rewards=_flip(p.rewards, axis), kl=_flip(p.kl, axis), weights=_flip(p.weights, axis), nll=_flip(p.nll, axis),
        gold=_flip(p.gold, axis),
    )  # fmt: skip


@overload
def _flip(array: Array, axis: int) -> Array: ...
@overload
def _flip(array: None, axis: int) -> None: ...
def _flip(array: Array | None, axis: int) -> Array | None:
    return None if array is None else np.flip(array, axis)
