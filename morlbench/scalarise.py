"""Scalars and weights that move while training: group scaling and gradient-driven weights.

Rewards are (n, k), rows of one group (answers to one prompt) consecutive. Fixed utilities are `morlbench.preference.Utility`;
what a gradient weighting needs only from the Gramian is in `morlbench.lm.weighting`.
"""

import numpy as np

from morlbench.errors import MorlbenchError
from morlbench.preference import Array

FLAT = 1e-8  # a group's standard deviation below which its answers do not differ


def group_scaled(rewards: Array, group: int) -> Array:
    """Return rewards (n, k) centred in their group of consecutive rows and divided by the group's standard deviation.

    An objective that is constant in a group says nothing there and gives 0. Rescaling an objective changes nothing.
    """
    if len(rewards) % group:
        raise MorlbenchError(f"{len(rewards)} rewards do not make whole groups of {group}")
    grouped = rewards.reshape(-1, group, rewards.shape[1])
    deviation = grouped.std(1, ddof=1, keepdims=True)
    scaled = (grouped - grouped.mean(1, keepdims=True)) / np.where(deviation > FLAT, deviation, np.inf)
    return np.asarray(scaled.reshape(rewards.shape))


def toward_influence(weights: Array, gram: Array, step: float) -> Array:
    """Return weights (k,) after one mirror-descent step towards the objectives whose gradients help all (Lu et al. 2025).

    The influence of objective i is g_i · Σ_j g_j, here in units of the mean squared gradient; w_i grows by exp(step · influence)
    and is renormalised. Equal influences, and gradients that have all vanished, change nothing.
    """
    size = np.trace(gram) / len(gram)
    if size <= 0:
        return weights
    influence = gram.sum(1) / size
    grown = weights * np.exp(step * (influence - influence.max()))
    return np.asarray(grown / grown.sum())
