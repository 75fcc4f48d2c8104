"""Realised linear utility at the task's one stated preference: the number of the single track."""

from collections.abc import Sequence

import numpy as np

from morlbench import answers
from morlbench.metric import Evidence, Metric, NoValue, one
from morlbench.preference import Array, rows_at


class StatedUtility(Metric):
    """Mean over prompts and draws of w·r at the task's stated preference w; front methods are asked at it from their ordinary
    run.

    Source: Roijers et al. 2013 (ESR), as `utility`. Unit: scaled reward; higher is better; not Pareto-compliant. Misleads
    as a summary of a front: it looks at one user only.

    >>> from morlbench.example import example
    >>> round(StatedUtility()([example()]), 3)
    0.6
    """

    name = "stated-utility"
    family = "utility"
    unit = "utility"
    higher_is_better = True
    rewards_alone = True
    headline = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the mean of w·r at the stated preference, over all answers where they can be enumerated."""
        run = one(runs)
        exact = _exactly(run)
        return float(_at_stated(run).mean()) if exact is None else exact

    def interval(self, runs: Sequence[Evidence]) -> tuple[float, float] | None:
        """Return the 95% t interval over prompts; none where the value is exact."""
        run = one(runs)
        return answers.mean_interval(_at_stated(run)) if _exactly(run) is None else None


def _exactly(run: Evidence) -> float | None:
    """Return the exact utility at the stated preference; None where only answers tell it."""
    if run.exact is None:
        return None
    rows = rows_at(run.exact.preferences, run.task.preference)
    return float(run.exact.rewards[rows[0]] @ run.task.preference) if len(rows) else None


def _at_stated(run: Evidence) -> Array:
    """Return the utility per prompt (n,) at the stated preference."""
    if (found := answers.at_stated(run)) is None:
        raise NoValue(f"the policy was not asked at the stated preference {np.round(run.task.preference, 3).tolist()}")
    probe, row = found
    return np.asarray(answers.realised(probe)[row])
