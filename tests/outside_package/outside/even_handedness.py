"""Even-handedness: how close the objectives' mean rewards are at the stated preference nearest to the middle."""

from collections.abc import Sequence

import numpy as np

from morlbench.metric import Evidence, Metric


class EvenHandedness(Metric):
    """1 - (max_i v_i - min_i v_i), v the mean reward at the front's preference nearest to (1/k, ..., 1/k).

    Source: none. Unit: scaled reward, 0 to 1; higher is better. Misleads where objectives differ in how far they can be raised.
    """

    name = "even-handedness"
    family = "pareto"
    unit = "reward"
    higher_is_better = True
    headline = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the evenness of the middle point."""
        front = runs[0].probe("front")
        distance = np.abs(front.preferences - 1 / runs[0].k).sum(1)
        middle = front.means[distance <= distance.min() + 1e-9].mean(0)  # as many as are equally near
        return float(1 - (middle.max() - middle.min()))
