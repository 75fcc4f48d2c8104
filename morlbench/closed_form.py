"""The best policies of a task whose answers can be listed, and the exact value of any policy, by summation.

For KL-regularised training, max E_pi[w·r] - beta KL(pi || pi_0), the optimum is pi*_w(y|x) ∝ pi_0(y|x) exp(w·r(x,y)/beta)
and its value J*(w) = E_x beta log Σ_y pi_0(y|x) exp(w·r(x,y)/beta); prompts weigh the same. Fronts live in regularised
returns rho_i = E[r_i] - beta KL, where w·rho = J and {pi*_w} is exactly the Pareto front (w >= 0, summing to 1).
Letters: n prompts, c answers, k objectives, p preferences. All logarithms are natural, all sums float64.
Leaves out how a policy's probabilities are found: `morlbench.lm.exact`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from morlbench.errors import BadInput, MorlbenchError
from morlbench.preference import Array

CELLS = 20_000_000  # float64 values in one block
DENSE = 5_000  # least number of weights of the true front beyond two objectives
TOLERANCE = 1e-3  # of a distribution's sum


@dataclass(frozen=True, eq=False)
class Problem:
    """Answers with their base log-probabilities (n, c), rewards (n, c, k) and the task's beta."""

    log_base: Array
    rewards: Array
    beta: float

    @property
    def k(self) -> int:
        """Number of objectives."""
        return int(self.rewards.shape[2])


@dataclass(frozen=True, eq=False)
class Values:
    """Expectations under p policies: rewards E[r_i] (p, k) and KL to the base in nats (p,)."""

    rewards: Array
    kl: Array
    beta: float

    @property
    def returns(self) -> Array:
        """Regularised returns E[r_i] - beta KL (p, k)."""
        return np.asarray(self.rewards - self.beta * self.kl[:, None])

    def at(self, preferences: Array) -> Array:
        """Return J_i(w_i) (p,): each policy's value at its own preference, preferences (p, k)."""
        return np.asarray((self.returns * preferences).sum(1))


def optimal(problem: Problem, preferences: Array) -> Values:
    """Return the values of pi*_w for preferences (p, k), at a cost of p * n * c exponentials, in blocks."""
    n, c, _ = problem.rewards.shape
    size = max(1, CELLS // (n * c))
    blocks = [preferences[i : i + size] for i in range(0, len(preferences), size)]
    rewards, kl = zip(*(_optimal_block(problem, block) for block in blocks), strict=True)
    return Values(np.concatenate(rewards), np.concatenate(kl), problem.beta)


def optimal_values(problem: Problem, preferences: Array) -> Array:
    """Return J*(w) (p,) for preferences (p, k)."""
    return optimal(problem, preferences).at(preferences)


def optimal_policy(problem: Problem, preference: Array) -> Array:
    """Return log pi*_w (n, c) for one preference (k,)."""
    tilted = problem.log_base + problem.rewards @ preference / problem.beta
    return np.asarray(tilted - _log_sum(tilted))


def values(problem: Problem, log_policy: Array) -> Values:
    """Return the exact values of p policies given as log-probabilities (p, n, c); -inf means never."""
    shares = np.exp(log_policy)
    rewards = np.einsum("pnc,nck->pk", shares, problem.rewards) / len(problem.rewards)
    ratio = np.where(shares > 0, np.where(shares > 0, log_policy, 0) - problem.log_base, 0)
    return Values(rewards, np.asarray((shares * ratio).sum(2).mean(1)), problem.beta)


def compress(problem: Problem) -> Problem:
    """Return an equal problem in which a prompt's answers of one reward vector are one: same optimum, far fewer answers.

    The optimum depends on pi_0 only through the mass of each reward vector. Unused places hold log mass -inf.
    """
    rows = [np.unique(rewards.round(9), axis=0, return_inverse=True) for rewards in problem.rewards]
    widest = max(len(kinds) for kinds, _ in rows)
    log_base = np.full((len(rows), widest), -np.inf)
    rewards = np.zeros((len(rows), widest, problem.k))
    for i, (kinds, place) in enumerate(rows):
        mass = np.bincount(place.reshape(-1), weights=np.exp(problem.log_base[i]), minlength=len(kinds))
        with np.errstate(divide="ignore"):
            log_base[i, : len(kinds)] = np.log(mass)
        rewards[i, : len(kinds)] = kinds
    return Problem(log_base, rewards, problem.beta)


def dense_grid(k: int) -> Array:
    """Return the true front's weights (g, k): 1,001 at k = 2, a lattice of at least 5,000 at k = 3 and 4, beyond that corners,
    centroid and Dirichlet draws of several concentrations (a lattice would hold hardly an interior point)."""
    if k == 2:
        first = np.linspace(0, 1, 1_001)
        return np.column_stack([first, 1 - first])
    if k in (3, 4):
        from pymoo.util.ref_dirs import get_reference_directions

        partitions = 99 if k == 3 else 31  # 5,050 and 5,984 points
        return np.asarray(get_reference_directions("das-dennis", k, n_partitions=partitions), dtype=float)
    rng = np.random.default_rng(k)
    draws = [rng.dirichlet(np.full(k, a), DENSE // 4) for a in (0.1, 0.3, 1.0, 3.0)]
    return np.concatenate([np.eye(k), np.full((1, k), 1 / k), *draws])


def front(problem: Problem) -> Array:
    """Return the true front in regularised returns (g, k), on the dense grid."""
    return optimal(problem, dense_grid(problem.k)).returns


def reference_point(problem: Problem) -> Array:
    """Return the reward hypervolume's reference (k,): the least mean reward among the base and the ideal experts of one
    objective, minus a tenth of that range, and not below 0."""
    experts = optimal(problem, np.eye(problem.k)).rewards
    points = np.concatenate([experts, values(problem, problem.log_base[None]).rewards])
    low, high = points.min(0), points.max(0)
    return np.asarray(np.maximum(low - 0.1 * (high - low), 0))


def reward_correlation(problem: Problem) -> Array:
    """Return the correlations (k, k) of the rewards over the base's answers, all prompts together; NaN where a reward never changes."""
    mass = (np.exp(problem.log_base) / len(problem.log_base)).reshape(-1)
    rows = problem.rewards.reshape(-1, problem.k)
    centred = rows - mass @ rows
    covariance = (centred * mass[:, None]).T @ centred
    spread = np.where(np.ptp(rows, axis=0) > 0, np.sqrt(np.diag(covariance)), np.nan)
    return np.asarray(covariance / np.outer(spread, spread))


def next_words(log_policy: Array, words: int, length: int) -> list[Array]:
    """Split sequence log-probabilities (..., V^t) into next-word ones: at step j an array (..., V^j, V).

    Answers are in lexicographic order of their word ids, the first word slowest. A prefix never reached is uniform.
    """
    totals = [log_policy]
    for _ in range(length):
        last = totals[-1]
        totals.append(_log_sum(last.reshape(*last.shape[:-1], -1, words))[..., 0])
    steps = []
    for whole, part in zip(totals[-1:0:-1], totals[-2::-1], strict=True):
        children = part.reshape(*part.shape[:-1], -1, words)
        with np.errstate(invalid="ignore"):
            step = children - whole[..., None]
        steps.append(np.where(np.isfinite(whole)[..., None], step, -np.log(words)))
    return steps


def mix(experts: Array, weights: Array, words: int, length: int, level: Literal["logits", "probabilities"]) -> Array:
    """Combine tabular experts (M, n, V^t) word by word on a shared prefix with weights (n, M); return (n, V^t).

    logits: sum_i w_i log pi_i renormalised at each word; probabilities: sum_i w_i pi_i at each word.
    """
    whole = np.zeros((experts.shape[1], 1))
    w = weights.T[:, :, None, None]  # (M, n, 1, 1)
    for step in next_words(experts, words, length):
        if level == "logits":
            combined = np.where(w > 0, w * np.where(w > 0, step, 0), 0).sum(0)
            combined = combined - _log_sum(combined)
        else:
            with np.errstate(divide="ignore"):
                combined = np.log((w * np.exp(step)).sum(0))
        whole = (whole[..., None] + combined).reshape(len(whole), -1)
    return whole


def check_distribution(log_probs: Array, prefix: Callable[[int], str]) -> None:
    """Raise MorlbenchError if next-word probabilities (rows, V) hold NaN or do not sum to 1; `prefix` names a row's text."""
    sums = np.exp(log_probs).sum(-1)
    wrong = np.isnan(log_probs).any(-1) | ~(np.abs(sums - 1) <= TOLERANCE)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        fault = "hold NaN" if np.isnan(log_probs[row]).any() else f"sum to {sums[row]:.6g}, not 1"
        raise MorlbenchError(f"the policy's next-word probabilities {fault} after {prefix(row)!r}")


def check_size(words: int, length: int, limit: int) -> None:
    """Raise BadInput before any work if V^t answers per prompt are more than `limit`."""
    if words**length > limit:
        shorter = int(np.log(limit) / np.log(words) + 1e-9)
        raise BadInput(
            f"{words} words and answers of {length} make {words**length:,} answers per prompt; the limit of exact evaluation is "
            f"{limit:,}, so at {words} words use at most {shorter} per answer"
        )


def _optimal_block(problem: Problem, preferences: Array) -> tuple[Array, Array]:
    """Return rewards (p, k) and KL (p,) of pi*_w: KL = E[w·r] / beta - log Z, so the base's table is read once."""
    gain = np.einsum("nck,pk->pnc", problem.rewards, preferences) / problem.beta
    tilted = problem.log_base + gain
    log_z = _log_sum(tilted)
    shares = np.exp(tilted - log_z)
    rewards = np.einsum("pnc,nck->pk", shares, problem.rewards, optimize=True) / len(problem.rewards)
    kl = (shares * gain).sum(2) - log_z[..., 0]
    return rewards, np.asarray(kl.mean(1))


def _log_sum(x: Array) -> Array:
    """Return log Σ exp over the last axis, which is kept with length 1; all -inf gives -inf."""
    top = x.max(-1, keepdims=True)
    safe = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.exp(x - safe).sum(-1, keepdims=True)) + safe)
