"""The least KL that sampled answers imply: a stated mean below it is refused.

For every function f any policy obeys KL >= E_policy[f] - log E_base[exp f] (Donsker and Varadhan), over prompts and answers
together, since both policies answer the same prompts. Here f is λ·r, for λ on a small grid of weights and scales, and both
expectations are means over the record's own answers, less ERRORS standard errors. f is cut at its largest value over the base's
answers: of what the base says more rarely a sample of this size tells nothing. So the bound is far below the true KL (a tenth to a
fifth of it on the text tasks); between the two a stated KL is the submitter's word.
"""

from functools import cache

import numpy as np

from morlbench.metric import Evidence
from morlbench.preference import Array, lattice
from morlbench.protocol import KL_OF
from morlbench.verify import Fault

SCALES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
ERRORS = 4.0
SLACK = 0.05  # nats


def least_kl(run: Evidence) -> list[Fault]:
    """Check the mean KL at every preference of the policy's probes against the least that its answers imply."""
    base = run.probe("base").rewards.reshape(-1, run.k)
    for probe in (probe for probe in run.probes if probe.name in KL_OF[1:] and probe.kl is not None):
        stated = np.asarray(probe.kl).mean((1, 2))
        least = np.array([bound(rewards.reshape(-1, run.k), base) for rewards in probe.rewards])
        worst = int((least - stated).argmax())
        if least[worst] > stated[worst] + SLACK:
            told = f"probe {probe.name!r} states a mean KL of {stated[worst]:.3f} nats at {probe.preferences[worst].round(3).tolist()}"
            return [Fault("kl", f"{told}; its answers imply at least {least[worst]:.3f}")]
    return []


def bound(policy: Array, base: Array) -> float:
    """Return the largest lower bound on the KL over the grid, from rewards of a policy's answers (n, k) and of the base's (m, k)."""
    slopes = _slopes(base.shape[1])
    ours, theirs = policy @ slopes.T, base @ slopes.T  # (n, g), (m, g)
    top = theirs.max(0)
    ours, tilted = np.minimum(ours - top, 0), np.exp(theirs - top)
    error = np.sqrt(ours.var(0) / len(ours) + (tilted.std(0) / tilted.mean(0)) ** 2 / len(tilted))
    return float((ours.mean(0) - np.log(tilted.mean(0)) - ERRORS * error).max())


@cache
def _slopes(k: int) -> Array:
    """Return λ (g, k): the lattice's weights, each objective less, and one against another, at every scale."""
    eye = np.eye(k)
    against = [eye[i] - eye[j] for i in range(k) for j in range(k) if i != j]
    return np.concatenate([np.concatenate([lattice(k), -eye, against]) * scale for scale in SCALES])
