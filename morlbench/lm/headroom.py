"""How much a gate could gain on an exact task: ideal experts, every fixed mixture of them, and the best mixture per prompt.

Experts are the closed-form optima of single objectives, mixed log-linearly word by word (what `mod` does with experts that
have learnt all there is); arms are the lattice. The headroom is what a gate that knows the best arm of each prompt gains over
the best single arm in hindsight, per utility, averaged over the lattice's preferences. No sampling anywhere.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from morlbench import closed_form
from morlbench.closed_form import Problem
from morlbench.preference import Array, Utility, lattice


@dataclass(frozen=True)
class Headroom:
    """Mean utility over lattice preferences and prompts of each way to choose an arm."""

    base: float
    random: float
    mod: float
    fixed: float
    oracle: float

    @property
    def headroom(self) -> float:
        """What the best gate gains over the best fixed mixture."""
        return self.oracle - self.fixed


def mixtures(problem: Problem, words: int, length: int, level: Literal["logits", "probabilities"] = "logits") -> Array:
    """Return log-probabilities (a, n, V^t) of every lattice mixture of ideal experts, combined word by word at `level`."""
    experts = np.stack([closed_form.optimal_policy(problem, w) for w in np.eye(problem.k)])
    n = len(problem.rewards)
    return np.stack([closed_form.mix(experts, np.tile(w, (n, 1)), words, length, level) for w in lattice(problem.k)])


def headroom(problem: Problem, arms: Array, utility: Utility, *, with_kl: bool = False) -> Headroom:
    """Return what each way to choose among arms (a, n, V^t) is worth; `with_kl` subtracts beta KL from the utility."""
    penalty = problem.beta * np.stack([_kl(problem, arm) for arm in arms]) if with_kl else np.zeros(arms.shape[:2])
    rows = []
    for w in lattice(problem.k):
        u = utility(problem.rewards, w)  # (n, c)
        values = (np.exp(arms) * u).sum(2) - penalty  # (a, n)
        own = int(np.abs(lattice(problem.k) - w).sum(1).argmin())
        base = (np.exp(problem.log_base) * u).sum(1).mean()
        rows.append((base, values.mean(), values[own].mean(), values.mean(1).max(), values.max(0).mean()))
    return Headroom(*(float(x) for x in np.mean(rows, 0)))


def _kl(problem: Problem, log_policy: Array) -> Array:
    """Return KL to the base per prompt (n,)."""
    return np.asarray((np.exp(log_policy) * (log_policy - problem.log_base)).sum(1))
