"""The arms of `moe-cmab`'s gate, mixtures of the experts, and the functions of a mixture that its regression uses.

Quadratics by default, since what a mixture is worth bends smoothly. Hats over the mixture weight of two experts, the ablation,
follow any shape, yet see corners at their knots where there are none and then serve them.
"""

from collections.abc import Callable
from itertools import combinations
from typing import Literal

import numpy as np

from morlbench.errors import BadInput
from morlbench.preference import Array

Basis = Literal["quadratic", "hats"]
KNOTS = 5  # linear hats over the mixture weight of two experts


def arms(experts: int) -> Array:
    """Return the fixed arms (a, m): 11 lattice mixtures of two experts; else one-hots, the uniform and the pairwise mixes."""
    if experts < 2:
        raise BadInput(f"a gate needs at least 2 experts, not {experts}")
    if experts == 2:
        first = np.linspace(0, 1, 11).round(10)
        return np.column_stack([first, 1 - first])
    one_hot = np.eye(experts)
    pairs = [(one_hot[i] + one_hot[j]) / 2 for i, j in combinations(range(experts), 2)]
    return np.array([*one_hot, np.full(experts, 1 / experts), *pairs])


def hats(mixtures: Array) -> Array:
    """Return the basis (..., h) of mixtures (..., m): 5 linear hats over the first weight if m = 2, else 1, a and all a_i a_j."""
    experts = mixtures.shape[-1]
    if experts == 2:
        knots = np.linspace(0, 1, KNOTS)
        return np.asarray(np.maximum(0, 1 - np.abs(mixtures[..., :1] - knots) * (KNOTS - 1)))
    first, second = np.triu_indices(experts, 1)
    products = mixtures[..., first] * mixtures[..., second]
    return np.concatenate([np.ones((*mixtures.shape[:-1], 1)), mixtures, products], axis=-1)


def quadratics(mixtures: Array) -> Array:
    """Return Bernstein's quadratics (..., m (m + 1) / 2) of mixtures (..., m): all a_i², then all 2 a_i a_j; they sum to 1."""
    first, second = np.triu_indices(mixtures.shape[-1], 1)
    return np.concatenate([mixtures**2, 2 * mixtures[..., first] * mixtures[..., second]], axis=-1)


BASES: dict[Basis, Callable[[Array], Array]] = {"quadratic": quadratics, "hats": hats}
