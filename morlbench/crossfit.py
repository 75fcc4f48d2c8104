"""Set metrics without selection bias: choose on one half of the prompts, score on the other, over 20 fixed splits.

The best of several noisy means is better than it is by luck. Here each choice (which point serves a preference, which
point reaches furthest in a direction) is made on one half and its value read on the other. Halves come from a hash of the
prompt's id, so they are the same for every method and every run. What remains is a bias downwards, since with noise the
choice is sometimes wrong: none for a policy that ignores the preference, a tenth for a real front of close points in two
objectives, a third in five (docs/statistics.md). So it shows whether a front is one, and is read beside the plain value.
"""

from functools import cache

import numpy as np

from morlbench import front, polar
from morlbench.preference import Array
from morlbench.seeds import derive

SPLITS = 20


def halves(prompts: np.ndarray) -> Array:
    """Return which prompts (n,) are in the first half of each split: booleans (SPLITS, n), halves equal to within one."""
    return np.asarray(_halves(tuple(int(prompt) for prompt in prompts)))


def half_means(rewards: Array, prompts: np.ndarray) -> tuple[Array, Array, Array]:
    """Return mean rewards (2 SPLITS, p, k) on each half, on its other half, and the other half's share of the prompts.

    rewards (p, n, d, k). Row i chooses, row i of the second array is what the choice is worth.
    """
    p, n, _, k = rewards.shape
    first = halves(prompts).astype(float)
    mask = np.concatenate([first, 1 - first]) if n > 1 else np.ones((2 * SPLITS, 1))  # (2 SPLITS, n); one prompt has no halves
    per_prompt = rewards.mean(2).transpose(1, 0, 2).reshape(n, p * k)
    means = (mask @ per_prompt / np.maximum(mask.sum(1, keepdims=True), 1)).reshape(-1, p, k)
    other = np.roll(np.arange(2 * SPLITS), SPLITS)
    return means, means[other], mask.sum(1)[other] / n


def expected_utility(rewards: Array, prompts: np.ndarray, weights: Array) -> float:
    """Return the cross-fitted mean over weights (m, k) of w·v at the best point; rewards (p, n, d, k)."""
    choose, worth, share = half_means(rewards, prompts)
    value = _picked(worth @ weights.T, (choose @ weights.T).argmax(1))  # (2 SPLITS, m)
    return float(value.mean(1) @ share / share.sum())


def chosen_means(rewards: Array, prompts: np.ndarray, weights: Array) -> Array:
    """Return the mean rewards (m, k) of the point that is best for each weight (m, k); rewards (p, n, d, k).

    It is chosen on one half and read on the other, averaged over the splits, which need not choose the same point.
    """
    choose, worth, share = half_means(rewards, prompts)
    picked = (choose @ weights.T).argmax(1)  # (2 SPLITS, m)
    return np.asarray(np.einsum("bmk,b->mk", np.take_along_axis(worth, picked[..., None], 1), share) / share.sum())


def maximum_utility_loss(rewards: Array, prompts: np.ndarray, reference: Array, weights: Array) -> float:
    """Return the cross-fitted largest loss against the reference front (q, k): point and worst weight chosen on one half."""
    choose, worth, share = half_means(rewards, prompts)
    best = (reference @ weights.T).max(0)  # (m,)
    tried = choose @ weights.T  # (2 SPLITS, p, m)
    picked = tried.argmax(1)
    worst = (best - tried.max(1)).argmax(1)  # (2 SPLITS,)
    loss = best - _picked(worth @ weights.T, picked)
    return float(np.take_along_axis(loss, worst[:, None], 1)[:, 0] @ share / share.sum())


def hypervolume(rewards: Array, prompts: np.ndarray, reference: Array) -> float:
    """Return the hypervolume with its selection bias taken off; rewards (p, n, d, k), reference (k,).

    In each direction (`morlbench.polar`) the point that reaches furthest is chosen on one half and its reach read on the
    other. The exact value is multiplied by the ratio of the cross-fitted to the plain quadrature, whose error cancels.
    """
    points = rewards.mean((1, 2))
    k, order = points.shape[1], front.canonical(points)
    rewards, points, reference = rewards[..., order], points[:, order], np.asarray(reference)[order]
    scale = polar.ranges(points, reference)
    whole = polar.reach(points[None], reference, scale)
    plain = polar.volume(whole.max(1), k)[0]
    if plain <= 0:
        return 0.0
    choose, worth, share = half_means(rewards, prompts)
    picked = (polar.reach(choose, reference, scale).round(9) + 1e-9 * whole).argmax(1)  # of equals the one that all prompts prefer
    fitted = polar.volume(_picked(polar.reach(worth, reference, scale), picked), k) @ share / share.sum()
    return float(front.hypervolume(points, reference) * fitted / plain)


def largest_mean(values: Array, prompts: np.ndarray) -> float:
    """Return the cross-fitted largest mean over prompts of values (q, n): its row is chosen on one half, read on the other."""
    choose, worth, share = half_means(values[..., None, None], prompts)
    return float(_picked(worth, choose.argmax(1))[:, 0] @ share / share.sum())


def hypervolume_parts(rewards: Array, reference: Array) -> Array:
    """Return values (n,), one per prompt, whose mean is the hypervolume and whose spread is its sampling error.

    The hypervolume of mean rewards is linearised in each prompt's rewards (p, n, d, k) by its derivative: the infinitesimal
    jackknife (Efron 1982). No replicate is drawn.
    """
    per_prompt = rewards.mean(2)  # (p, n, k)
    points = per_prompt.mean(1)
    order = front.canonical(points)
    slope = polar.gradient(points[:, order], np.asarray(reference)[order])
    moved = (per_prompt - points[:, None])[..., order]
    return np.asarray(front.hypervolume(points, reference) + (moved * slope[:, None]).sum((0, 2)))


def _picked(table: Array, choice: np.ndarray) -> Array:
    """Pick from (b, p, m) the chosen point (b, m): (b, m)."""
    return np.asarray(np.take_along_axis(table, choice[:, None], 1)[:, 0])


@cache
def _halves(prompts: tuple[int, ...]) -> tuple[tuple[bool, ...], ...]:
    middle = (len(prompts) + 1) // 2
    rows = []
    for split in range(SPLITS):
        rank = np.argsort(np.argsort([derive(split, "half", prompt) for prompt in prompts], kind="stable"))
        rows.append(tuple((rank < middle).tolist()))
    return tuple(rows)
