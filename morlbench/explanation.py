"""Are the weights a policy states for a prompt true? Deleting an objective should hurt where its stated weight is high."""

import numpy as np

from morlbench.metric import Evidence, NoValue, Probe
from morlbench.preference import Array


def fidelity(run: Evidence) -> float:
    """Return the mean over preferences and objectives of the rank correlation, across prompts, of stated weight and effect.

    The effect of objective i on a prompt is its mean reward with the stated mixture minus that with i left out. Pairs where
    either is constant have no ranks and are left out; echoing w is constant within a preference and so scores 0.
    """
    _stated(run)
    found: list[float] = []
    for i in range(run.k):
        for probe in run.all(f"without-{i}"):
            weights, effect = _paired(run, probe, i)
            found += _correlations(weights, effect)
    if not any(run.all(f"without-{i}") for i in range(run.k)):
        raise NoValue("the policy was not asked with an objective left out")
    if not found:
        raise NoValue("stated weights are the same for every prompt")
    return float(np.mean(found))


def entropy(run: Evidence) -> float:
    """Return the mean entropy of the stated weights over its maximum, log k."""
    weights = np.maximum(_stated(run)[1], 0)
    share = weights / np.maximum(weights.sum(-1, keepdims=True), 1e-12)
    terms = np.where(share > 0, share * np.log(np.maximum(share, 1e-12)), 0)
    return float(np.mean(-terms.sum(-1)) / np.log(run.k)) + 0.0


def _stated(run: Evidence) -> tuple[Probe, Array]:
    probe = run.probe("front")
    if probe.weights is None:
        raise NoValue("the policy states no weights")
    return probe, probe.weights


def _paired(run: Evidence, probe: Probe, objective: int) -> tuple[Array, Array]:
    """Return stated weight and effect (q, m) at the preferences and prompts that both probes hold."""
    front, weights = _stated(run)
    rows = np.abs(front.preferences - probe.preferences[:, None]).max(2).argmin(1)
    order = np.argsort(front.prompts, kind="stable")
    columns = order[np.searchsorted(front.prompts, probe.prompts, sorter=order).clip(max=len(order) - 1)]
    missing = probe.prompts[front.prompts[columns] != probe.prompts]
    if len(missing):
        raise NoValue(f"prompt {missing[0]} was asked with an objective left out, yet not with all of them")
    cells = rows[:, None], columns
    return weights[(*cells, objective)], front.rewards[..., objective][cells].mean(2) - probe.rewards[..., objective].mean(2)


def _correlations(weights: Array, effect: Array) -> list[float]:
    """Return Spearman's correlation per row of (q, m) where both vary."""
    varies = (np.ptp(weights, axis=1) > 1e-6) & (np.ptp(effect, axis=1) > 1e-9)
    if not varies.any():
        return []
    a, b = _ranks(weights[varies]), _ranks(effect[varies])
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    return [float(x) for x in (a * b).sum(1) / np.sqrt((a**2).sum(1) * (b**2).sum(1))]


def _ranks(rows: Array) -> Array:
    """Return ranks from 1 along each row of (q, m), ties shared: scipy's rankdata, which takes longer on rows this short."""
    below = (rows[:, None] < rows[:, :, None]).sum(-1)
    equal = (rows[:, None] == rows[:, :, None]).sum(-1)
    return np.asarray(below + (equal + 1) / 2)
