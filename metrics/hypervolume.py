"""Hypervolume of the mean rewards above the task's frozen reference point."""

from collections.abc import Sequence

import numpy as np

from morlbench import answers, crossfit, front
from morlbench.metric import Evidence, Metric, one


class Hypervolume(Metric):
    """Lebesgue measure of {z : ref <= z <= v_p for some p}, v_p the mean reward vector of the answers to lattice preference p.

    Source: Zitzler & Thiele 1998; computed by moocore, exactly where the non-dominated points are few (`front.EXACT`), else
    approximately, and the note says so. Unit: product of scaled rewards; higher is better; Pareto-compliant. Misleads because
    rankings can flip with the reference point (see `morlbench.sensitivity`), and because noisy means push it up:
    `hypervolume-crossfit` takes that off.

    >>> from morlbench.example import example
    >>> round(Hypervolume()([example()]), 3)  # above (.1, .1), in strips: .1*.7 + .4*.5 + .2*.1
    0.29
    """

    name = "hypervolume"
    family = "pareto"
    unit = "volume"
    higher_is_better = True
    rewards_alone = True
    pareto_compliant = True
    headline = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the volume that the mean reward vectors dominate."""
        return front.hypervolume(answers.points(one(runs)), np.array(one(runs).task.reference_point))

    def interval(self, runs: Sequence[Evidence]) -> tuple[float, float] | None:
        """Return the 95% t interval over prompts of the linearised hypervolume, its bias not taken off; none where it is exact, or 0."""
        run = one(runs)
        if run.exact is not None or self(runs) == 0:
            return None
        parts = crossfit.hypervolume_parts(run.probe("front").rewards, np.array(run.task.reference_point))
        return answers.mean_interval(parts)

    def note(self, runs: Sequence[Evidence]) -> str:
        """Say so where the value is approximate."""
        exact = front.is_exact(answers.points(one(runs)), np.array(one(runs).task.reference_point))
        return "" if exact else f"approximate: {front.SAMPLES} directions"
