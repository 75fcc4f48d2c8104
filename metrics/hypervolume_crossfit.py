"""Hypervolume without selection bias: which point reaches furthest is chosen on one half of the prompts."""

from collections.abc import Sequence

import numpy as np

from morlbench import crossfit, front
from morlbench.metric import Evidence, Metric, one


class CrossfitHypervolume(Metric):
    """c_k E_θ[ρ^k] with the point of each direction θ chosen on one half and its reach ρ read on the other, over 20 fixed
    splits.

    Source: polar form of the hypervolume, Zhang & Golovin 2020; see `morlbench.crossfit`. Unit: product of scaled rewards;
    higher is better; not Pareto-compliant in the strict sense, since halves disagree. Misleads with few prompts and close
    points: wrong choices pull a real front down by a tenth at two objectives, a third at five and more beyond, a collapsed one
    not at all (docs/statistics.md).
    Exact means have no such bias: theirs is the hypervolume itself.

    >>> from morlbench.example import example
    >>> round(CrossfitHypervolume()([example()]), 2)  # the prompts of the example agree on every choice
    0.29
    """

    name = "hypervolume-crossfit"
    family = "pareto"
    unit = "volume"
    higher_is_better = True
    rewards_alone = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the cross-fitted hypervolume."""
        run = one(runs)
        probe, reference = run.probe("front"), np.array(run.task.reference_point)
        if run.exact is not None:
            return front.hypervolume(run.exact.rewards, reference)
        return crossfit.hypervolume(probe.rewards, probe.prompts, reference)
