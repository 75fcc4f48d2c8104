"""What a user's ratings or thumbs say of their hidden preference: a posterior over the simplex, computed on a grid.

For each candidate preference w of a grid the user is modelled as rating = a + b u_w(r) + noise, or thumb ~ logistic(a + b u_w(r)),
with b > 0 and a, b and the noise integrated out: conjugate regression for ratings, Laplace's approximation for thumbs. What is
left is one evidence per w. Rewards of rated answers are whatever the policy knows of them: predicted ones are fine, and their
error becomes noise. What is left out: users who drift, and ratings whose scale saturates.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from morlbench.errors import BadInput, MorlbenchError
from morlbench.preference import LINEAR, Array, Utility
from morlbench.seeds import derive

Kind = Literal["rating", "thumb"]
POINTS = 101  # grid points at two objectives
DRAWS = 2_000  # uniform draws on the simplex beyond
NOISE = 0.1  # prior guess of a rating's noise, worth four ratings
OFFSET, SLOPE, SLOPE_SPREAD = 1.0, 1.0, 1.0  # a ~ N(0, OFFSET²), b ~ N(SLOPE, SLOPE_SPREAD²) with b > 0
THUMB_OFFSET, THUMB_SLOPE, THUMB_SPREAD = 2.0, 10.0, 10.0  # the same, in logits; a belongs to the mean answer
NEWTON_STEPS = 30


def simplex_grid(k: int) -> Array:
    """Return candidate preferences (g, k): 101 lattice points at k = 2, else 2,000 fixed Dirichlet(1) draws."""
    if k < 2:
        raise BadInput(f"a preference over {k} objectives has nothing to infer; expected at least 2")
    if k == 2:
        first = np.linspace(0, 1, POINTS)
        return np.column_stack([first, 1 - first])
    return np.asarray(np.random.default_rng(derive(0, "latent-preference", k)).dirichlet(np.ones(k), DRAWS))


@dataclass(frozen=True, eq=False)
class Posterior:
    """A belief over a grid of preferences (g, k) after n answers: predicted utilities (n, g), values (n,), thumbs mask (n,)."""

    grid: Array
    utilities: Array
    values: Array
    thumbs: NDArray[np.bool_]

    @classmethod
    def start(cls, k: int) -> "Posterior":
        """Return the uniform belief over k objectives' preferences."""
        grid = simplex_grid(k)
        return cls(grid, np.zeros((0, len(grid))), np.zeros(0), np.zeros(0, dtype=bool))

    def update(self, rewards: Array, values: Array, kind: Kind, utility: Utility = LINEAR) -> "Posterior":
        """Return the belief after values (n,) of answers whose rewards (n, k) are known or predicted."""
        rewards = np.asarray(rewards, dtype=float)
        if rewards.ndim != 2 or rewards.shape[1] != self.grid.shape[1]:
            raise MorlbenchError(f"rewards of shape {rewards.shape} were given; expected (n, {self.grid.shape[1]})")
        return self.update_expected(utility(rewards[:, None], self.grid), values, kind)

    def update_expected(self, utilities: Array, values: Array, kind: Kind) -> "Posterior":
        """Return the belief after values (n,) of answers whose expected utility (n, g) under each candidate is given."""
        values = np.asarray(values, dtype=float)
        if utilities.shape != (len(values), len(self.grid)) or not np.isfinite(utilities).all():
            raise MorlbenchError(
                f"utilities of shape {utilities.shape} were given; expected finite values ({len(values)}, {len(self.grid)})"
            )
        _check_values(values, kind)
        return replace(
            self,
            utilities=np.vstack([self.utilities, utilities]),
            values=np.append(self.values, values),
            thumbs=np.append(self.thumbs, np.full(len(values), kind == "thumb")),
        )

    @cached_property
    def probabilities(self) -> Array:
        """The belief (g,); it does not depend on the order of the answers."""
        evidence = np.zeros(len(self.grid))
        if (~self.thumbs).any():
            evidence += _rating_evidence(self.utilities[~self.thumbs], self.values[~self.thumbs])
        if self.thumbs.any():
            evidence += _thumb_evidence(self.utilities[self.thumbs], self.values[self.thumbs])
        raw = np.exp(evidence - evidence.max())
        return np.asarray(raw / raw.sum())

    @property
    def mean(self) -> Array:
        """Expected preference (k,): all that a linear utility needs."""
        return np.asarray(self.probabilities @ self.grid)

    @property
    def spread(self) -> Array:
        """Standard deviation (k,) of each weight."""
        return np.asarray(np.sqrt(self.probabilities @ (self.grid - self.mean) ** 2))

    def expected(self, rewards: Array, utility: Utility = LINEAR) -> Array:
        """Return the utility (...) of reward vectors (..., k), averaged over the belief."""
        return np.asarray(utility(rewards[..., None, :], self.grid) @ self.probabilities)


def _rating_evidence(utilities: Array, values: Array) -> Array:
    """Return log p(values | w) (g,), up to a constant, for utilities (n, g): normal-inverse-gamma regression with b > 0."""
    from scipy.special import stdtr

    n = len(values)
    shape = 2.0
    scale = NOISE**2 * (shape - 1)
    precision = np.array([(NOISE / OFFSET) ** 2, (NOISE / SLOPE_SPREAD) ** 2])  # of a and b, in units of the noise
    total, square, cross = utilities.sum(0), (utilities**2).sum(0), values @ utilities  # (g,)
    p_a, p_b = precision[0] + n, precision[1] + square
    det = p_a * p_b - total**2
    h_a, h_b = values.sum(), cross + precision[1] * SLOPE
    a, b = (p_b * h_a - total * h_b) / det, (p_a * h_b - total * h_a) / det
    left = scale + 0.5 * (values @ values + precision[1] * SLOPE**2 - a * h_a - b * h_b)
    left = np.maximum(left, 1e-12)
    positive = stdtr(2 * shape + n, b / np.sqrt(left / (shape + n / 2) * p_a / det))  # P(b > 0 | values)
    return np.asarray(-0.5 * np.log(det) - (shape + n / 2) * np.log(left) + np.log(np.maximum(positive, 1e-300)))


def _thumb_evidence(utilities: Array, values: Array) -> Array:
    """Return log p(values | w) (g,), up to a constant, for utilities (n, g): Laplace's approximation with b > 0."""
    from scipy.special import log_ndtr

    x = utilities - utilities.mean(0)  # (n, g)
    p_a, p_b = THUMB_OFFSET**-2, THUMB_SPREAD**-2

    def log_joint(a: Array, b: Array) -> Array:
        logits = a + b * x
        fit = (values[:, None] * logits - np.logaddexp(0, logits)).sum(0)
        return np.asarray(fit - 0.5 * (p_a * a**2 + p_b * (b - THUMB_SLOPE) ** 2))

    def curvature(a: Array, b: Array) -> tuple[Array, Array, Array, Array]:
        chance = 1 / (1 + np.exp(-(a + b * x)))
        weight = chance * (1 - chance)
        return chance, p_a + weight.sum(0), p_b + (weight * x**2).sum(0), (weight * x).sum(0)

    a, b = np.zeros(x.shape[1]), np.full(x.shape[1], THUMB_SLOPE)
    best = log_joint(a, b)
    for _ in range(NEWTON_STEPS):
        chance, h_a, h_b, h_ab = curvature(a, b)
        slope_a = (values[:, None] - chance).sum(0) - p_a * a
        slope_b = ((values[:, None] - chance) * x).sum(0) - p_b * (b - THUMB_SLOPE)
        det = h_a * h_b - h_ab**2
        step_a, step_b = (h_b * slope_a - h_ab * slope_b) / det, (h_a * slope_b - h_ab * slope_a) / det
        length = np.ones_like(best)  # halved where a full step would overshoot
        for _ in range(10):
            trial = log_joint(a + length * step_a, b + length * step_b)
            if (trial >= best - 1e-12).all():
                break
            length = np.where(trial < best - 1e-12, length / 2, length)
        a, b, best = a + length * step_a, b + length * step_b, trial
        if max(np.abs(step_a).max(), np.abs(step_b).max()) < 1e-9:
            break
    _, h_a, h_b, h_ab = curvature(a, b)
    det = h_a * h_b - h_ab**2
    return np.asarray(best - 0.5 * np.log(det) + log_ndtr(b / np.sqrt(h_a / det)))


def _check_values(values: Array, kind: Kind) -> None:
    if kind not in ("rating", "thumb"):
        raise BadInput(f"unknown kind of feedback {kind!r}; expected 'rating' or 'thumb'")
    if not np.isfinite(values).all():
        raise BadInput("a user's feedback holds a value that is not finite; expected finite ratings or thumbs 0 and 1")
    if kind == "thumb" and not np.isin(values, (0, 1)).all():
        raise BadInput("a thumb is neither 0 nor 1; give finite ratings as kind 'rating'")
