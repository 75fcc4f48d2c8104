"""A builder of synthetic evidence whose true values are planted, for tests of everything that reads a record.

World: a policy asked for preference w has mean reward v_i(w) = start + gain * sqrt(w_i) on every objective (a concave front;
the base stays at start). Prompts add a shared effect, seeds a shift, answers noise; rewards are clipped to [0, 1]. Stated
weights follow a per-prompt factor that also drives the rewards, so explanations are faithful unless `explain` says otherwise.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from morlbench.bench import Cost, Line
from morlbench.metric import Costs, Evidence, MethodFacts, Probe, Speed, TaskFacts
from morlbench.preference import Array, Utility, held_out, lattice
from morlbench.record import Provenance, RunRecord
from morlbench.seeds import derive
from morlbench.table import rounded
from morlbench.task import Exact

STEPS = (0, 16, 64, 256)


@dataclass(frozen=True)
class World:
    """What `build` plants; every field has a quiet default."""

    task: str = "synthetic"
    method: str = "planted"
    family: str = "meta-policy"
    track: str = "front"
    k: int = 2
    prompts: int = 40
    draws: int = 1
    seed: int = 0
    budget: int = 4096
    start: float = 0.4
    gain: float = 0.3  # how much of sqrt(w_i) a policy earns; 0 is the base
    noise: float = 0.1
    prompt_spread: float = 0.05
    seed_spread: float = 0.0
    kl: float = 2.0  # nats at every preference
    explain: Literal["faithful", "echo", "none"] = "faithful"
    adapt: bool = True  # two hidden users and their told twins
    gold: bool = False
    exact: bool = False
    utilities: bool = False  # the lattice asked again under a Chebyshev and a soft-threshold utility
    reference_front: bool = False


def build(**changes: object) -> Evidence:
    """Return the evidence of one run in a World with these changes."""
    world = World(**changes)  # type: ignore[arg-type]
    asked = lattice(world.k) if world.track == "front" else np.full((1, world.k), 1 / world.k)
    rng = np.random.default_rng(derive(world.seed, world.method, world.task))
    shift = rng.normal(0, world.seed_spread, world.k)
    front = _probe(world, "front", asked, rng, shift)
    probes = [front, _probe(world, "held-out", held_out(world.task, world.k), rng, shift)]
    base = replace(world, gain=0.0, kl=0.0, explain="none")
    probes.append(_probe(base, "base", np.full((1, world.k), 1 / world.k), rng, np.zeros(world.k)))
    if world.utilities:
        for utility in _utilities(world.k):
            probes.append(replace(_probe(world, "utility", asked, rng, shift), utility=utility))
    if world.explain != "none" and world.track == "front":
        probes += [_without(world, front, i, rng) for i in range(world.k)]
    if world.adapt:
        probes += _users(world, rng, shift)
    exact = _exact(world, asked) if world.exact else None
    method = MethodFacts(world.method, 1, world.family, world.track, {"rank": 8})
    costs = _costs(world)
    return Evidence(_facts(world), method, "nano", world.budget, world.seed, tuple(map(rounded, probes)), costs, exact)


def record(**changes: object) -> RunRecord:
    """Return `build(**changes)` as a record."""
    return RunRecord(build(**changes), Provenance("0" * 40, False, "test", {"numpy": "2"}))


def mean_at(world: World, preferences: Array) -> Array:
    """Return the planted mean rewards (p, k) before noise and clipping."""
    return np.asarray(world.start + world.gain * np.sqrt(preferences))


def from_rewards(rewards: Array, preferences: Array, *, base: Array | None = None, task: TaskFacts | None = None) -> Evidence:
    """Return evidence whose only answers are `rewards` (p, n, d, k), and the base's (1, n, d, k) if given."""
    k, n = rewards.shape[-1], rewards.shape[1]
    probes = [_bare("front", np.asarray(preferences, dtype=float), rewards)]
    if base is not None:
        probes.append(_bare("base", np.full((1, k), 1 / k), base))
    facts = task or _facts(World(k=k, prompts=n))
    return Evidence(facts, MethodFacts("planted", 1, "meta-policy", "front", {}), "nano", 4096, 0, tuple(probes), Costs())


def _facts(world: World) -> TaskFacts:
    k = world.k
    front = tuple(map(tuple, (world.start + 0.05 + world.gain * np.sqrt(lattice(k))).tolist())) if world.reference_front else ()
    return TaskFacts(
        world.task, 1, tuple(f"objective-{i + 1}" for i in range(k)), "competing", 0.05, (1 / k,) * k, (world.start - 0.1,) * k,
        (Utility(), *_utilities(k)), front, 40, 3.0,
    )  # fmt: skip


def _utilities(k: int) -> tuple[Utility, Utility]:
    return Utility("chebyshev"), Utility("soft-threshold", (0.5,) * k)


def _probe(world: World, name: str, preferences: Array, rng: np.random.Generator, shift: Array) -> Probe:
    p, n, d, k = len(preferences), world.prompts, world.draws, world.k
    factor = np.random.default_rng(7).uniform(0.5, 1.5, (n, k))  # how much an objective can be won on each prompt
    effect = np.random.default_rng(8).normal(0, world.prompt_spread, (n, 1, k))
    mean = world.start + shift + world.gain * np.sqrt(preferences)[:, None, None] * factor[:, None]
    rewards = np.clip(mean + effect + rng.normal(0, world.noise, (p, n, d, k)), 0, 1)
    kl = np.maximum(rng.normal(world.kl, 0.1, (p, n, d)), 0) if world.kl else np.zeros((p, n, d))
    stated = preferences[:, None] * (factor if world.explain == "faithful" else np.ones((n, k)))  # (p, n, k)
    weights = None if world.explain == "none" else stated / stated.sum(-1, keepdims=True)
    texts = tuple(f"{name} {i} {j} {m}" for i in range(p) for j in range(n) for m in range(d))
    gold = np.clip(rewards - 0.1, 0, 1) if world.gold else None
    nll = np.full((p, n, d), 2.0 if name == "base" else 2.2)
    return Probe(name, preferences, rewards, np.arange(n), texts, kl, weights, nll=nll, gold=gold)


def _without(world: World, front: Probe, objective: int, rng: np.random.Generator) -> Probe:
    """The front's first half of the prompts, with one objective's planted gain taken away."""
    some = world.prompts // 2
    lost = world.gain * np.sqrt(front.preferences[:, objective])[:, None, None] * _factor(world)[:some, objective, None]
    rewards = front.rewards[:, :some].copy()
    rewards[..., objective] = np.clip(rewards[..., objective] - lost + rng.normal(0, 0.02, lost.shape), 0, 1)
    p, n, d, _ = rewards.shape
    return Probe(f"without-{objective}", front.preferences, rewards, front.prompts[:some], ("left out",) * (p * n * d))


def _factor(world: World) -> Array:
    return np.random.default_rng(7).uniform(0.5, 1.5, (world.prompts, world.k))


def _users(world: World, rng: np.random.Generator, shift: Array) -> list[Probe]:
    """Two hidden users: the policy starts at uniform weights and comes closer to theirs with every rated answer."""
    quiet, probes = replace(world, explain="none"), []
    for user, wanted in enumerate(np.random.default_rng(9).dirichlet(np.ones(world.k), 2)):
        for step in STEPS:
            near = wanted + (1 / world.k - wanted) * np.exp(-step / 20)
            probe = _probe(quiet, "adapt", near[None], rng, shift)
            probes.append(replace(probe, preferences=wanted[None], user=user, step=step))
        probes.append(replace(_probe(quiet, "told", wanted[None], rng, shift), user=user))
    return probes


def _exact(world: World, asked: Array) -> Exact:
    """A policy on the curve start + gain sqrt(w); the best one earns .05 more on each objective; KL is planted."""
    beta, best = 0.05, mean_at(world, asked) + 0.05
    rewards = mean_at(world, asked)
    kl = np.full(len(asked), world.kl)
    returns = rewards - beta * kl[:, None]
    dense = np.random.default_rng(1).dirichlet(np.ones(world.k), 501)
    base = np.full(len(asked), world.start)
    return Exact(asked, returns, rewards, kl, (asked * returns).sum(1), (asked * best).sum(1), base, mean_at(world, dense) + 0.05)


def _costs(world: World) -> Costs:
    share = world.budget // 4
    lines = (
        Line("expert 1", "training", Cost(share, share * 40, 64, 64, 10.0)),
        Line("expert 2", "training", Cost(share, share * 40, 64, 64, 12.0, True)),
        Line("gate", "search", Cost(share // 2, share * 20, 0, 0, 3.0)),
        Line("probes", "evaluation", Cost(1000, 40_000, 0, 0, 5.0)),
    )
    speed = Speed(90.0, 100.0, 0.02, 0.01, 300_000_000, 200_000_000, float(world.k))
    return Costs(lines, speed, 31.0, 50.0, 900_000_000, 40_000)


def _bare(name: str, preferences: Array, rewards: Array) -> Probe:
    p, n, d, _ = rewards.shape
    return Probe(name, preferences, np.asarray(rewards, dtype=float), np.arange(n), ("",) * (p * n * d))
