"""Do two records that claim to be one run tell the same of it?

Answers and rewards must be equal, what models compute of them equal to within what processors differ by; costs may differ.
"""

import numpy as np

from morlbench import table
from morlbench.metric import Probe
from morlbench.record import RunRecord
from morlbench.task import Exact

NEAR = 1e-4  # what processors make of equal answers' KL and exact values may differ by


def alike(first: RunRecord, second: RunRecord) -> bool:
    """Say whether two records hold the same answers with the same KL, weights, likelihood, gold and exact values; costs may differ."""
    if first is second:
        return True
    a, b = first.evidence, second.evidence
    return len(a.probes) == len(b.probes) and all(map(_same_probe, a.probes, b.probes)) and _same_exact(a.exact, b.exact)


def _same_exact(a: Exact | None, b: Exact | None) -> bool:
    if a is None or b is None:
        return a is b
    return all(_close(getattr(a, name), getattr(b, name)) for name in Exact.__dataclass_fields__)


def _same_probe(a: Probe, b: Probe) -> bool:
    if (a.name, a.user, a.step, a.utility, a.responses) != (b.name, b.user, b.step, b.utility, b.responses):
        return False
    return np.array_equal(table.rounded(a).rewards, table.rounded(b).rewards) and all(
        _close(*pair) for pair in ((a.preferences, b.preferences), (a.kl, b.kl), (a.weights, b.weights), (a.nll, b.nll), (a.gold, b.gold))
    )


def _close(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    """Say whether both are missing or equal to within what processors differ by."""
    if a is None or b is None:
        return a is b
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=NEAR, atol=NEAR, equal_nan=True))
