"""Are KL, stated weights and exact values possible? What no model here can recompute is at least held to mathematics.

KL is not negative, finite, 0 for the base, and at most NATS per token. On tasks that can be listed much more is known: the
optimum, the base and the true front are computed again, and for every vector λ any policy obeys λ·E[r] - KL <= F(λ) with
F(λ) = E_x log Σ_y pi_0(y|x) exp(λ·r(x,y)) (Donsker and Varadhan's bound), so rewards have a least KL that can earn them. A
policy that is possible but was never trained passes here; only a repeated run shows it.
"""

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from morlbench.front import base_returns
from morlbench.metric import Evidence, Probe
from morlbench.preference import Array, lattice
from morlbench.protocol import KL_OF
from morlbench.task import Exact, Task
from morlbench.verify import Fault

if TYPE_CHECKING:
    from morlbench.closed_form import Problem
    from morlbench.lm.base import Base

NATS = 50.0  # per token; a base word of probability e^-50 is never sampled
TINY = 1e-5  # of KL: float32 sums
CLOSE = 1e-4  # of exact values between machines
SUMS = 1e-3  # of stated weights from 1: preferences are rounded to four digits
SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)  # of λ, in units of w / beta
LIKELY = 21.0  # -log of the chance at which answers and their stated expectation are called incompatible: 1e-9
FACTOR = 3.0  # by which sampled and exact KL may differ, beyond noise


def kl_and_weights(run: Evidence, task: Task) -> list[Fault]:
    """Check KL, likelihoods, stated weights and gold rewards of every probe."""
    found: list[Fault] = []
    limit = NATS * task.decoding.max_tokens
    for probe in run.probes:
        if probe.name == "base" and probe.kl is None:
            found.append(Fault("kl", "the base's own KL is missing; it is 0"))
        for name, values, most in (("kl", probe.kl, 0.0 if probe.name == "base" else limit), ("nll", probe.nll, NATS)):
            if values is not None and not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= most + TINY):
                told = f"{values.min():.4g} to {values.max():.4g}"
                found.append(Fault("kl", f"probe {probe.name!r} states a {name} of {told} nats; possible are 0 to {most:g}"))
        if probe.weights is not None and not _simplex(probe.weights):
            told = f"{probe.weights.min():.4g} to {probe.weights.max():.4g}, rows that sum to {probe.weights.sum(-1).max():.4g}"
            found.append(Fault("weights", f"probe {probe.name!r} states weights of {told}; each is 0 to 1 and a row sums to 1"))
    stated = [probe.kl is None for probe in run.probes if probe.name in KL_OF[1:]]
    if any(stated) and not all(stated):
        found.append(Fault("kl", "only one of the policy's probes 'front' and 'stated' has a KL"))
    return found


def _simplex(weights: Array) -> bool:
    """Say whether all rows of weights (p, n, k) are at least 0 and sum to 1."""
    return bool(np.isfinite(weights).all() and weights.min() >= -TINY and np.abs(weights.sum(-1) - 1).max() <= SUMS)


class Possible:
    """What policies of a listed task can reach; computed once per task and base."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[Problem, Array, Array, Exact]] = {}
        self._values: dict[tuple[str, str, bytes], tuple[Array, Array]] = {}

    def exact(self, run: Evidence, task: Task, base: "Base") -> list[Fault]:
        """Check the record's exact values, if the task can be listed."""
        from morlbench.lm.exact_task import ExactTask

        if not isinstance(task, ExactTask):
            return [] if run.exact is None else [Fault("exact", f"{task.name} cannot be listed, yet the record states exact values")]
        if run.exact is None:
            return []
        found = run.exact
        problem, slopes, bounds, truth = self._ground(task, base)
        p = len(run.probe("front").preferences)
        if (fault := _shapes(found, p, task.k)) or (fault := _sums(run, found, problem.beta)):
            return [fault]
        best, base_values = self._at(found.preferences, (task.name, base.identity))
        return _against_truth(found, truth.front, best, base_values) + _bounded(found, slopes, bounds) + _against_answers(run, found)

    def _at(self, preferences: Array, key: tuple[str, str]) -> tuple[Array, Array]:
        """Return the optimum and the base's value at each preference (p,), of a task that is known already."""
        from morlbench.closed_form import optimal_values

        problem, _, _, truth = self._known[key]
        place = (*key, preferences.tobytes())
        if place not in self._values:
            self._values[place] = optimal_values(problem, preferences), preferences @ base_returns(truth.preferences, truth.base)
        return self._values[place]

    def _ground(self, task: Task, base: "Base") -> "tuple[Problem, Array, Array, Exact]":
        from morlbench.lm.exact_task import ExactTask
        from morlbench.lm.policy import base_policy

        key = (task.name, base.identity)
        if key not in self._known and isinstance(task, ExactTask):
            from morlbench.closed_form import compress

            problem = compress(task.problem(base))
            directions = np.concatenate([lattice(task.k), -np.eye(task.k)])
            slopes = np.concatenate([directions * scale / task.beta for scale in SCALES])  # (m, k)
            truth = task.exact(base_policy(base, task.decoding), lattice(task.k))
            assert truth is not None  # the base can be listed
            self._known[key] = problem, slopes, np.array([_log_mean(problem, slope) for slope in slopes]), truth
        return self._known[key]


def _log_mean(problem: "Problem", slope: Array) -> float:
    """Return F(λ) for one λ (k,)."""
    tilted = problem.log_base + problem.rewards @ slope  # (n, c)
    top = tilted.max(1)
    return float((np.log(np.exp(tilted - top[:, None]).sum(1)) + top).mean())


def _shapes(found: Exact, p: int, k: int) -> Fault | None:
    wanted = {name: (p,) for name in ("kl", "value", "optimum", "base")} | {name: (p, k) for name in ("preferences", "returns", "rewards")}
    arrays = {field.name: np.asarray(getattr(found, field.name)) for field in fields(found)}
    for name, shape in wanted.items():
        if arrays[name].shape != shape or not np.isfinite(arrays[name]).all():
            return Fault("exact", f"field 'exact.{name}' has the shape {arrays[name].shape}; expected finite numbers {shape}")
    return None


def _sums(run: Evidence, found: Exact, beta: float) -> Fault | None:
    """Check what one field says of another."""
    if not np.allclose(found.preferences, run.probe("front").preferences, atol=1e-9):
        return Fault("exact", "field 'exact.preferences' is not what the front was asked at")
    if not np.allclose(found.returns, found.rewards - beta * found.kl[:, None], atol=TINY):
        return Fault("exact", "field 'exact.returns' is not rewards - beta KL")
    if not np.allclose(found.value, (found.returns * found.preferences).sum(1), atol=TINY):
        return Fault("exact", "field 'exact.value' is not the preference times the returns")
    return None


def _against_truth(found: Exact, front: Array, best: Array, base: Array) -> list[Fault]:
    """Compare front, optimum (p,) and base (p,) with this checkout's own; no value exceeds the optimum."""
    faults = []
    if found.front.shape != front.shape or np.abs(found.front - front).max() > CLOSE:
        faults.append(Fault("exact", "field 'exact.front' is not the task's true front"))
    for name, own, other in (("optimum", found.optimum, best), ("base", found.base, base)):
        if np.abs(own - other).max() > CLOSE:
            faults.append(Fault("exact", f"field 'exact.{name}' is not the task's own"))
    if (found.value > found.optimum + CLOSE).any():
        worst = int((found.value - found.optimum).argmax())
        faults.append(Fault("exact", f"a value of {found.value[worst]:.4f} is above the optimum of {found.optimum[worst]:.4f}"))
    return faults


def _bounded(found: Exact, slopes: Array, bounds: Array) -> list[Fault]:
    if found.kl.min() < -TINY or found.rewards.min() < -TINY or found.rewards.max() > 1 + TINY:
        return [Fault("kl", f"exact KL of {found.kl.min():.4g} nats or rewards outside [0, 1] are impossible")]
    least = (found.rewards @ slopes.T - bounds).max(1)  # (p,) the least KL that earns these rewards
    short = least - found.kl
    if short.max() <= CLOSE:
        return []
    worst = int(short.argmax())
    told = f"rewards {found.rewards[worst].round(3).tolist()} cost at least {least[worst]:.4f} nats; {found.kl[worst]:.4f} are stated"
    return [Fault("kl", f"an exact KL is impossible: {told}")]


def _against_answers(run: Evidence, found: Exact) -> list[Fault]:
    """Compare exact rewards and KL with the sampled ones: Hoeffding's bound for [0, 1], and a factor for the KL."""
    front = run.probe("front")
    n = front.rewards.shape[1] * front.rewards.shape[2]
    for sampled, stated in zip(front.means.reshape(-1), found.rewards.reshape(-1), strict=True):
        if n * _divergence(float(sampled), float(stated)) > LIKELY:
            return [Fault("exact", f"answers earn {sampled:.3f} on average where an exact reward of {stated:.3f} is stated")]
    return _kl_against_answers(front, found, n)


def _kl_against_answers(front: Probe, found: Exact, n: int) -> list[Fault]:
    if front.kl is None:
        return []
    sampled, stated = float(front.kl.mean()), float(found.kl.mean())
    noise = 6 * float(front.kl.mean(0).std()) / np.sqrt(n) + 0.1
    if abs(sampled - stated) > noise and max(sampled, stated) > FACTOR * min(sampled, stated):
        return [Fault("kl", f"answers have a KL of {sampled:.3f} nats on average where exactly {stated:.3f} are stated")]
    return []


def _divergence(p: float, q: float) -> float:
    """Return KL(Bernoulli p || Bernoulli q)."""
    q = min(max(q, 1e-12), 1 - 1e-12)
    return float(sum(a * np.log(a / b) for a, b in ((p, q), (1 - p, 1 - q)) if a > 0))
