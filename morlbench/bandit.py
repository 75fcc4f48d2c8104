"""Contextual bandits whose feedback is a whole reward vector: one ridge regression on features, and the rules that explore.

The state is the log itself (features and reward vectors) and a diagonal prior, so that any utility can be regressed after
the fact: with A = Λ + ΦᵀΦ, the coefficients of target t are θ = A⁻¹Φᵀt, and A⁻¹Φᵀ is computed once per state. A new
utility therefore costs O(n d) and nothing is trained again (Li et al. 2010 for LinUCB; the relabelling is ours).
What is left out: forgetting, and feedback that arrives late.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from morlbench.errors import BadInput, MorlbenchError
from morlbench.preference import Array

Rule = Literal["linucb", "thompson", "epsilon-greedy", "uniform"]
SPREAD = 0.25  # prior guess of a target's standard deviation around its prediction, worth one observation


@dataclass(frozen=True, eq=False)
class Ridge:
    """A linear regression of reward vectors: prior precision (d,), features (n, d), rewards (n, k). It never changes; `update` adds."""

    prior: Array
    features: Array
    rewards: Array

    @classmethod
    def empty(cls, prior: Array, k: int) -> "Ridge":
        """Return a regression that has seen nothing, for d features and k objectives."""
        if not (np.isfinite(prior).all() and (prior > 0).all()):
            raise BadInput("a prior precision is not a positive number; without one the regression has no answer before data")
        return cls(prior, np.zeros((0, len(prior))), np.zeros((0, k)))

    def update(self, features: Array, rewards: Array) -> "Ridge":
        """Return the regression with rows features (n, d) and rewards (n, k) added."""
        check_rows("features", features, (len(rewards), len(self.prior)))
        check_rows("rewards", rewards, (len(rewards), self.rewards.shape[1]))
        return replace(self, features=np.vstack([self.features, features]), rewards=np.vstack([self.rewards, rewards]))

    @cached_property
    def covariance(self) -> Array:
        """A⁻¹ (d, d), to be multiplied by the noise's variance."""
        return np.asarray(np.linalg.inv(np.diag(self.prior) + self.features.T @ self.features))

    @cached_property
    def projector(self) -> Array:
        """A⁻¹Φᵀ (d, n): what turns any labels of the log into coefficients."""
        return np.asarray(self.covariance @ self.features.T)

    @cached_property
    def _root(self) -> Array:
        return np.asarray(np.linalg.cholesky(self.covariance))

    def coefficients(self, targets: Array) -> Array:
        """Return θ (d,) or (d, p) of targets (n,) or (n, p) over the log's rows."""
        return np.asarray(self.projector @ targets)

    def noise(self, targets: Array) -> Array:
        """Return the standard deviation (p,) of targets (n, p) around their regression; SPREAD before any data."""
        left = (targets * (targets - self.features @ self.coefficients(targets))).sum(0)  # residuals² + θᵀΛθ
        return np.asarray(np.sqrt((SPREAD**2 + left) / (1 + len(targets))))

    def width(self, features: Array) -> Array:
        """Return √(φᵀA⁻¹φ) (...) of features (..., d)."""
        return np.asarray(np.sqrt(((features @ self.covariance) * features).sum(-1)))

    def sample(self, rng: np.random.Generator, count: int) -> Array:
        """Return deviations (count, d) of θ from its mean, for noise 1."""
        return np.asarray(rng.standard_normal((count, len(self.prior))) @ self._root.T)


@dataclass(frozen=True)
class Explorer:
    """How an arm is chosen while learning: the rule, LinUCB's bonus `alpha` (in standard deviations) and ε-greedy's `epsilon`."""

    rule: Rule = "linucb"
    alpha: float = 1.0
    epsilon: float = 0.1

    def __post_init__(self) -> None:
        if self.rule not in get_args(Rule):
            raise BadInput(f"unknown exploration rule {self.rule!r}; known: {', '.join(get_args(Rule))}")
        if not 0 <= self.alpha < np.inf:
            raise BadInput(f"alpha {self.alpha:g} is outside [0, inf); expected a bonus in standard deviations, e.g. 1")
        if not 0 <= self.epsilon <= 1:
            raise BadInput(f"epsilon {self.epsilon:g} is outside [0, 1]; expected the share of random choices, e.g. 0.1")

    def choose(self, means: Array, features: Array, ridge: Ridge, noise: Array, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return one arm per row (n,): predicted utilities (n, a), their features (n, a, d), noise (n,)."""
        rows, arms = means.shape
        if self.rule == "uniform":
            return np.asarray(rng.integers(arms, size=rows))
        if self.rule == "epsilon-greedy":
            return np.asarray(np.where(rng.random(rows) < self.epsilon, rng.integers(arms, size=rows), means.argmax(1)))
        if self.rule == "linucb":
            means = means + self.alpha * noise[:, None] * ridge.width(features)
        if self.rule == "thompson":  # one θ per row, shared by its arms
            means = means + noise[:, None] * np.einsum("nad,nd->na", features, ridge.sample(rng, rows))
        return np.asarray(means.argmax(1))


@dataclass(frozen=True, eq=False)
class Network:
    """A small network x (n, i) -> h (n, d) -> rewards (n, k); its last layer's inputs serve a `Ridge` as features (NeuralUCB).

    Zhou et al. 2020 with the covariance of the last layer only (Xu et al. 2022). One hidden layer of rectified units.
    """

    weights: Array  # (i + 1, hidden); the last row is the bias

    @classmethod
    def start(cls, inputs: int, hidden: int, *, seed: int) -> "Network":
        """Return random weights (He et al. 2015)."""
        drawn = np.random.default_rng(seed).normal(0, 1, (inputs + 1, hidden))
        return cls(np.asarray(drawn * np.sqrt(2 / (inputs + 1))))

    def features(self, inputs: Array) -> Array:
        """Return (..., hidden + 1): a constant and the hidden units of inputs (..., i)."""
        units = np.maximum(inputs @ self.weights[:-1] + self.weights[-1], 0)
        return np.concatenate([np.ones((*units.shape[:-1], 1)), units], axis=-1)

    def fit(self, inputs: Array, targets: Array, *, steps: int = 100, rate: float = 0.01, decay: float = 1e-3) -> "Network":
        """Return the network after Adam steps on the squared error to targets (n, k), the last layer starting at the ridge solution."""
        hidden = self.features(inputs)
        last = np.linalg.solve(hidden.T @ hidden + np.eye(hidden.shape[1]), hidden.T @ targets)
        parameters = [self.weights.copy(), last]
        extended = np.hstack([inputs, np.ones((len(inputs), 1))])
        first, second = [np.zeros_like(p) for p in parameters], [np.zeros_like(p) for p in parameters]
        for step in range(1, steps + 1):
            before = extended @ parameters[0]
            units = np.hstack([np.ones((len(inputs), 1)), np.maximum(before, 0)])
            error = (units @ parameters[1] - targets) / len(inputs)
            slopes = [extended.T @ ((error @ parameters[1][1:].T) * (before > 0)), units.T @ error]
            for i, slope in enumerate(slopes):
                slope = slope + decay * parameters[i]
                first[i] = 0.9 * first[i] + 0.1 * slope
                second[i] = 0.999 * second[i] + 0.001 * slope**2
                parameters[i] -= rate * first[i] / (1 - 0.9**step) / (np.sqrt(second[i] / (1 - 0.999**step)) + 1e-8)
        return Network(np.asarray(parameters[0], dtype=float))


def check_rows(name: str, values: Array, shape: Sequence[int]) -> None:
    """Raise unless `values` is a finite array of this shape."""
    if np.shape(values) != tuple(shape):
        raise MorlbenchError(f"the gate was given {name} of shape {np.shape(values)}; expected {tuple(shape)}")
    if not np.isfinite(values).all():
        raise MorlbenchError(f"the gate was given {name} that are not all finite; check the task's scorer")
