"""Are the weights a policy states for a prompt true? Deleting an objective should hurt where its stated weight is high."""

from collections.abc import Sequence

import numpy as np

from morlbench.metric import Evidence, NoValue, Probe
from morlbench.preference import Array


def fidelity(run: Evidence) -> float:
    """Return the mean over preferences and objectives of the rank correlation, across prompts, of stated weight and effect.

    The effect of objective i on a prompt is its mean reward with the stated mixture minus that with i left out. Pairs where
    either is constant have no ranks and are left out; echoing w is constant within a preference and so has no value at all.
    """
    front, weights = _stated(run)
    alike: dict[bytes, list[tuple[int, Probe]]] = {}  # by what was asked: runs ask the same without each objective
    for i in range(run.k):
        for probe in run.all(f"without-{i}"):
            alike.setdefault(probe.prompts.tobytes() + probe.preferences.tobytes(), []).append((i, probe))
    if not alike:
        raise NoValue("the policy was not asked with an objective left out")
    found = np.concatenate([_correlations(*_paired(front, weights, left_out)) for left_out in alike.values()])
    if not len(found):
        raise NoValue("stated weights are the same for every prompt")
    return float(found.mean())


def entropy(run: Evidence) -> float:
    """Return the mean entropy of the stated weights over its maximum, log k."""
    weights = np.maximum(_stated(run)[1], 0)
    share = weights / np.maximum(weights.sum(-1, keepdims=True), 1e-12)
    terms = np.where(share > 0, share * np.log(np.maximum(share, 1e-12)), 0)
    return float(np.mean(-terms.sum(-1)) / np.log(run.k)) + 0.0


def _stated(run: Evidence) -> tuple[Probe, Array]:
    """Return the front's answers and their stated weights (p, n, k)."""
    probe = run.probe("front")
    if probe.weights is None:
        raise NoValue("the policy states no weights")
    return probe, probe.weights


def _paired(front: Probe, weights: Array, left_out: Sequence[tuple[int, Probe]]) -> tuple[Array, Array]:
    """Return stated weight and effect (o q, m) of o objectives left out, at the q preferences and m prompts their probes hold."""
    one = left_out[0][1]
    rows = np.abs(front.preferences - one.preferences[:, None]).max(2).argmin(1)
    order = np.argsort(front.prompts, kind="stable")
    columns = order[np.searchsorted(front.prompts, one.prompts, sorter=order).clip(max=len(order) - 1)]
    missing = one.prompts[front.prompts[columns] != one.prompts]
    if len(missing):
        raise NoValue(f"prompt {missing[0]} was asked with an objective left out, yet not with all of them")
    weights, rewards = weights[rows[:, None], columns], front.rewards[rows[:, None], columns].mean(2)  # (q, m, k)
    effects = [rewards[..., i] - probe.rewards[..., i].mean(2) for i, probe in left_out]
    return np.concatenate([weights[..., i] for i, _ in left_out]), np.concatenate(effects)


def _correlations(weights: Array, effect: Array) -> Array:
    """Return Spearman's correlation of each row of (q, m) where both vary."""
    varies = (np.ptp(weights, axis=1) > 1e-6) & (np.ptp(effect, axis=1) > 1e-9)
    if not varies.any():
        return np.zeros(0)
    a, b = _ranks(weights[varies]), _ranks(effect[varies])
    return np.asarray((a * b).sum(1) / np.sqrt((a**2).sum(1) * (b**2).sum(1)))


def _ranks(rows: Array) -> Array:
    """Return twice the ranks less their mean along each row of (q, m), ties shared: how many are below less how many are above."""
    return np.asarray(np.sign(rows[:, :, None] - rows[:, None]).sum(-1))
