"""Realised linear utility at the stated preference after the KL to the base is paid: what the single track trains for."""

from collections.abc import Sequence

import numpy as np

from morlbench import answers
from morlbench.metric import Evidence, Metric, NoValue, one
from morlbench.preference import Array, rows_at


class StatedUtilityCharged(Metric):
    """Mean over prompts and draws of w·r - β KL at the task's stated preference w, β being the task's.

    Source: the regularised return of KL-controlled training (Korbak et al. 2022); reward is bought with KL (Gao et al. 2023), and
    utility alone ranks whoever spends most. Unit: scaled reward; higher is better; not Pareto-compliant. Misleads where β is
    not what a nat is worth to the user.

    >>> from morlbench.example import example
    >>> round(StatedUtilityCharged()([example()]), 3)  # .6 for 1 nat at β = .1
    0.5
    """

    name = "stated-utility-charged"
    family = "utility"
    unit = "utility"
    higher_is_better = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the mean at the stated preference, over all answers where they can be enumerated."""
        run = one(runs)
        exact = _exactly(run)
        return float(_at_stated(run).mean()) if exact is None else exact

    def interval(self, runs: Sequence[Evidence]) -> tuple[float, float] | None:
        """Return the 95% t interval over prompts; none where the value is exact."""
        run = one(runs)
        return answers.mean_interval(_at_stated(run)) if _exactly(run) is None else None


def _exactly(run: Evidence) -> float | None:
    """Return the exact regularised value at the stated preference; None where only answers tell it."""
    if run.exact is None:
        return None
    rows = rows_at(run.exact.preferences, run.task.preference)
    return float(run.exact.value[rows[0]]) if len(rows) else None


def _at_stated(run: Evidence) -> Array:
    """Return utility less the price of KL per prompt (n,) at the stated preference."""
    if (found := answers.at_stated(run)) is None:
        raise NoValue(f"the policy was not asked at the stated preference {np.round(run.task.preference, 3).tolist()}")
    probe, row = found
    if probe.kl is None:
        raise NoValue("the policy's KL to the base is unknown")
    return np.asarray(answers.realised(probe)[row] - run.task.beta * probe.kl[row].mean(1))
