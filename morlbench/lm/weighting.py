"""Gradient weightings: from the Gramian G = J Jᵀ of k objective gradients to the weights w of the step Jᵀw.

Everything a multi-objective gradient method needs to know of its gradients is in their inner products, so each weighting is
a pure function of a k × k matrix and costs nothing beside a backward pass. Gradients point uphill (of the rewards).
An objective whose gradient is zero has no say in a step: MGDA would otherwise choose it alone and never move.
What is left out: weightings that need the whole gradients (GradDrop) or a history of losses.
"""

from collections.abc import Callable
from itertools import combinations
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from morlbench.errors import BadInput, MorlbenchError
from morlbench.preference import Array

if TYPE_CHECKING:
    from torch import Tensor

    Gram = Array | Tensor

Mask = NDArray[np.bool_]
Weighting = Callable[["Gram"], Array]  # (k, k) -> (k,); fix the other arguments with functools.partial
VANISHED = 1e-20  # squared length, relative to the longest gradient, below which a gradient is rounding error
SINGULAR = 1e-12  # squared sine below which a unit gradient is taken to lie in the span of others
TOLERANCE = 1e-9  # slack of a constraint on cosines
STATIONARY = 1e-6  # length, relative to the longest gradient, below which a mixture of gradients is zero
REVISIONS = {"cagrad": 3}  # of rules that once weighed otherwise: what was trained by an earlier one is not taken for this one's


def mgda(gram: "Gram", *, normalise: bool = True) -> Array:
    """Return simplex weights (k,) of the shortest vector in the gradients' convex hull (Désidéri 2012; Sener & Koltun 2018).

    Raw MGDA favours whichever gradient is shortest, so by default the hull is that of the *unit* gradients, and the weights
    are scaled back to sum to 1 over the raw ones. Vanished gradients get weight 0; if all vanished, weights are uniform.
    Two raw gradients have the closed form w_1 = clip((g_2 - g_1)·g_2 / ‖g_1 - g_2‖², 0, 1). Equal ones share their weight.
    """
    values = _read(gram)
    alive = _alive(values)
    if not alive.any():
        return np.full(len(values), 1 / len(values))
    return _shortest(values, alive, np.eye(len(values)), normalise=normalise)


def anchored(gram: "Gram", expert: int, floor: float = 0.6) -> Array:
    """Return simplex weights (k,) of the shortest mixture of unit gradients that gives `expert` at least `floor`.

    With two objectives that are not opposed beyond it this is the constant (floor, 1 - floor) on unit gradients: the reading
    is kept under its own name for comparison. Weights are scaled back to sum to 1 over raw gradients.
    """
    values = _read(gram)
    _check_expert(expert, len(values))
    if not 0 <= floor <= 1:
        raise BadInput(f"floor {floor:g} is outside [0, 1]; expected the expert's least weight, e.g. 0.6")
    alive = _alive(values)
    own: Array = np.eye(len(values))[expert]
    if not alive[expert]:
        return own
    return _shortest(values, alive, floor * own + (1 - floor) * np.eye(len(values)), normalise=True)


def projected(gram: "Gram", expert: int, epsilon: float) -> Array:
    """Return weights (k,) of d = argmin ‖d - g_i‖² subject to g_j·d >= -ε ‖g_j‖ ‖d‖ for every other objective j.

    For d = s u with ‖u‖ = 1 the best s is g_i·u, so the direction solves: maximise g_i·u on the unit sphere subject to
    cos(g_j, u) >= -ε. Relaxed to the unit ball that is convex, and its multipliers λ >= 0 give u ∝ g_i + Σ λ_j ĝ_j, of
    length 1 whenever the gradients are independent: the relaxation is exact. For each set S of constraints that hold with
    equality, u = -ε Σ a_j ĝ_j + t v in closed form, v being g_i's part orthogonal to S; the first S that is feasible with
    λ >= 0 is the optimum. ε = 0 projects onto half-spaces, ε >= 1 (or inf) returns g_i itself. If no S qualifies (g_i lies
    in the span of gradients it opposes), no direction in reach is acceptable and the weights are all 0: the gradient is 0, and AdamW
    goes on by what it remembers of earlier ones (some nine step lengths in all after one ordinary step).
    Weights are on raw gradients, non-negative, and not normalised: ‖d‖ shrinks as the conflict grows.
    """
    values = _read(gram)
    k = len(values)
    _check_expert(expert, k)
    if not epsilon >= 0:
        raise BadInput(f"epsilon {epsilon:g} is not acceptable; expected 0 (no harm), a cosine such as 0.3, or inf (plain expert)")
    alive = _alive(values)
    own: Array = np.eye(k)[expert]
    if not alive[expert] or epsilon >= 1:
        return own
    lengths = np.where(alive, np.sqrt(np.diag(values)), 1)
    cosines = values / np.outer(lengths, lengths)
    others = [j for j in range(k) if alive[j] and j != expert]
    for size in range(len(others) + 1):
        for active in combinations(others, size):
            direction = _direction(cosines, expert, list(active), epsilon)  # u = Σ direction_j ĝ_j
            if direction is not None and (cosines[others] @ direction >= -epsilon - TOLERANCE).all():
                return np.asarray((cosines[expert] @ direction) * lengths[expert] * direction / lengths)
    return np.zeros(k)


def pcgrad(gram: "Gram", *, seed: int | None = None) -> Array:
    """Return weights (k,) of the *sum* of gradients, each stripped of its conflicts in random order (Yu et al. 2020).

    TorchJD's weighting, with the order drawn from `seed`, by default from the Gramian's own digits: anew at each step, and the
    same in an equal run. The global generator is left as it was. No conflict: all 1.
    """
    import torch
    from torchjd.aggregation import PCGradWeighting

    values = _read(gram)
    relative = values / (np.diag(values).max() or 1.0)  # so that rewards twice as large draw the same order
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(crc32(relative.tobytes()) if seed is None else seed)
        weights = PCGradWeighting()(torch.from_numpy(values))
    return np.asarray(weights.numpy(), dtype=float)


def cagrad(gram: "Gram", c: float = 0.5) -> Array:
    """Return weights (k,) of the step with the best worst improvement within c ‖g_0‖ of the mean gradient g_0.

    Liu et al. 2021: d = g_0 + (c ‖g_0‖ / ‖g_w‖) g_w with w = argmin over the simplex of g_w·g_0 + c ‖g_0‖ ‖g_w‖. At c = 0
    the mean. If g_w vanishes the gradients are Pareto-stationary: no step helps all, and the weights are all 0 where 0 lies in the
    ball, c >= 1, else the mean. Vanished gradients get weight 0: the worst improvement is that of the others. (TorchJD's version
    needs cvxpy.)
    """
    values = _read(gram)
    if not c >= 0:
        raise BadInput(f"c {c:g} is not acceptable; expected a radius relative to the mean gradient, e.g. 0.5")
    alive = _alive(values, (10 * STATIONARY) ** 2)  # what is left of shorter ones in a mixture would pass for a stationary point
    if c == 0 or not alive.any():
        return np.full(len(values), 1 / len(values))
    weights = np.zeros(len(values))
    weights[alive] = _conflict_averse(values[np.ix_(alive, alive)] / np.diag(values).max(), c)
    return weights


def _conflict_averse(unit: Array, c: float) -> Array:
    """Return CAGrad's weights (k,) for a Gramian whose longest gradient has length 1 and none vanishes."""
    from scipy.optimize import minimize

    k = len(unit)
    mean = np.full(k, 1 / k)
    radius = c * _length(unit, mean)

    def worst(weights: Array) -> tuple[float, Array]:
        product, length = unit @ weights, max(_length(unit, weights), 1e-12)
        return float(mean @ product + radius * length), np.asarray(unit @ mean + radius * product / length)

    simplex = {"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(k)}
    options = {"ftol": 1e-14, "maxiter": 200}
    found = minimize(worst, mean, jac=True, bounds=[(0, 1)] * k, constraints=simplex, options=options).x.clip(0, 1)
    kink = mgda(unit, normalise=False)  # the one point where the function has no slope, if it lies there
    best: Array = min(kink, found / found.sum(), key=lambda weights: worst(weights)[0])
    length = _length(unit, best)
    if length < STATIONARY:
        return np.zeros(k) if c >= 1 else mean
    return np.asarray(mean + radius / length * best)


def _read(gram: "Gram") -> Array:
    """Return the Gramian as a float64 array (k, k), or say what is wrong with it."""
    values = np.asarray(gram if isinstance(gram, np.ndarray) else gram.detach().cpu().numpy(), dtype=float)
    if values.ndim != 2 or values.shape[0] != values.shape[1]:
        raise BadInput(f"a Gramian of shape {values.shape} was given; expected (k, k), the inner products of k gradients")
    if not np.isfinite(values).all():
        raise MorlbenchError("a gradient's inner products are not finite: training has diverged; lower the learning rate")
    return values


def _length(gram: Array, weights: Array) -> float:
    """Return ‖Jᵀw‖."""
    return float(np.sqrt((weights @ gram @ weights).clip(0)))


def _alive(gram: Array, least: float = VANISHED) -> Mask:
    """Return which gradients (k,) have more than the share `least` of the longest one's squared length."""
    squared = np.diag(gram)
    return np.asarray(squared > least * squared.max())


def _shortest(gram: Array, alive: Mask, vertices: Array, *, normalise: bool) -> Array:
    """Return simplex weights (k,) on gradients of the shortest point in the hull of `vertices` (k, k), rows of weights.

    Non-negative least squares finds it exactly: for x = s w, ‖Vᵀx‖² + (1 - Σx)² is, at the best s, increasing in ‖Vᵀw‖².
    """
    from scipy.optimize import nnls

    lengths = np.sqrt(np.where(alive, np.diag(gram), 1)) if normalise else np.sqrt(np.full(len(gram), np.diag(gram).max()))
    unit = gram / np.outer(lengths, lengths)
    corners = vertices[alive]
    eigenvalues, vectors = np.linalg.eigh(unit)
    factor = vectors * np.sqrt(np.maximum(eigenvalues, 0))  # unit = factor factorᵀ
    system = np.vstack([(corners @ factor).T, np.ones(len(corners))])
    solution, _ = nnls(system, np.append(np.zeros(len(gram)), 1.0))
    solution = _twins(corners @ unit @ corners.T) @ solution
    weights = solution / solution.sum() @ corners
    raw = np.where(alive, weights / lengths, 0)
    return np.asarray(raw / raw.sum())


def _twins(inner: Array) -> Array:
    """Return the matrix (m, m) that spreads the weights of equal points evenly, from the points' inner products (m, m)."""
    squared = np.diag(inner)
    equal = squared[:, None] + squared - 2 * inner <= SINGULAR * squared.max()
    return np.asarray(equal / equal.sum(1, keepdims=True))


def _direction(cosines: Array, expert: int, active: list[int], epsilon: float) -> Array | None:
    """Return coefficients (k,) on unit gradients of the best unit u with cos(g_j, u) = -ε on `active`, if λ >= 0 there."""
    inner = cosines[np.ix_(active, active)]
    if active and np.linalg.eigvalsh(inner)[0] < SINGULAR:
        return None
    on_edge = np.linalg.solve(inner, np.full(len(active), -epsilon))  # the point of the edge nearest the origin
    shadow = np.linalg.solve(inner, cosines[active, expert])  # g_i's projection on the active gradients
    free = 1 - cosines[active, expert] @ shadow  # squared length of g_i's part orthogonal to them
    room = 1 + epsilon * on_edge.sum()  # 1 - ‖nearest point‖²
    if free < SINGULAR or room < 0:
        return None
    along = np.sqrt(room / free)
    coefficients = np.zeros(len(cosines))
    coefficients[expert] = along
    coefficients[active] = on_edge - along * shadow
    return coefficients if (coefficients >= -TOLERANCE).all() else None


def _check_expert(expert: int, k: int) -> None:
    if not 0 <= expert < k:
        raise BadInput(f"expert {expert} was given; expected an objective's position from 0 to {k - 1}")
