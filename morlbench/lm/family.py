"""Several whole policies behind one preference: each row is answered by one of them.

A family is a mixture that is only ever asked for one-hot weights, so every member is served exactly and rows of one batch
may have different members. Leaves out mixing: that is what meta-policies do.
"""

from collections.abc import Callable, Sequence

import numpy as np

from morlbench.bench import Bench
from morlbench.errors import BadInput
from morlbench.lm.adapter import Adapter
from morlbench.lm.mixing import Mixture
from morlbench.lm.policy import LMPolicy
from morlbench.preference import Array, Utility, lattice
from morlbench.task import Texts


def serve_one(bench: Bench, members: Sequence[Adapter], choose: Callable[[Array], Array]) -> LMPolicy:
    """Return a policy whose row with preference w is answered by the member `choose` names; it maps (n, k) to indices (n,)."""
    mixture = Mixture(bench.base, members, "parameters", temperature=bench.decoding.temperature)

    def gate(prompts: Texts, preferences: Array, utility: Utility) -> Array:
        """Return one-hot rows (n, members)."""
        return np.asarray(np.eye(len(members))[choose(preferences)])

    return LMPolicy(mixture, bench.decoding, gate, explains=False)


def nearest(known: Array, preferences: Array) -> Array:
    """Return which of known (m, k) is nearest to each preference (n, k), the first in ties: indices (n,)."""
    return np.asarray(((preferences[:, None] - known) ** 2).sum(-1).round(12).argmin(1))


def best_value(values: Array, preferences: Array) -> Array:
    """Return which of the policies with values (m, k) has the largest w·v at each preference (n, k): indices (n,)."""
    return np.asarray((preferences @ values.T).argmax(1))


def check_policies(policies: int, usual: int, k: int) -> None:
    """Raise BadInput where more than the lattice has are asked for, unless that is what is `usual`: one run would get two names."""
    most = len(lattice(k))
    if policies > most and policies != usual:
        raise BadInput(f"policies={policies} is more than the {most} preferences of the lattice of {k} objectives")


def spread(k: int, count: int) -> Array:
    """Return at most `count` preferences of the lattice (m, k) that lie far apart: vertices first, then the middle of gaps.

    All of the lattice if it is not larger, in its own order.
    """
    points = lattice(k)
    if count >= len(points):
        return points
    order = np.lexsort((np.arange(len(points)), -points.max(1)))  # a vertex first
    picked = [int(order[0])]
    while len(picked) < count:
        distance = np.abs(points[:, None] - points[picked]).sum(-1).min(1).round(9)
        picked.append(int(distance.argmax()))
    return np.asarray(points[sorted(picked)])
