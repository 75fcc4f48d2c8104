"""Into how many trainings a budget is divided: held against a count by hand, and what it was at the larger budgets."""

import numpy as np
import pytest

from morlbench.lm.shares import looks, measured, trainings
from morlbench.lm.train import whole_steps
from morlbench.lm.trained import STANDARD


@pytest.mark.parametrize(
    ("responses", "most", "count"),
    [
        (32_768, 11, 11),  # 11 x 2,816 leave 1,792, less than a tenth
        (4096, 11, 8),  # 11, 10 and 9 shares of 256 leave 1,280 and more; 8 of 512 nothing
        (4096, 3, 3),  # 3 x 1,280 leave 256
        (700, 2, 2),  # 2 of 320 leave 60
        (768, 2, 2),  # 2 of 256 leave 256 of 768, but one policy is no front
    ],
)
def test_shares_are_as_many_as_leave_a_tenth(responses: int, most: int, count: int) -> None:
    assert trainings(responses, 2, most, lambda n: n * whole_steps(responses // n)) == count


def test_where_all_leave_more_the_least_is_left() -> None:
    left = {5: 300, 4: 250, 3: 200, 2: 220}
    assert trainings(1000, 2, 5, lambda count: 1000 - left[count]) == 3
    assert trainings(1000, 4, 5, lambda count: 1000 - left[count]) == 4


def test_what_measures_a_training_is_within_its_share() -> None:
    for share in np.random.default_rng(0).integers(72, 10_000, 200).tolist():
        for stored in (True, False):
            taken = measured(share, 0.1, STANDARD, stored=stored)
            assert 0 <= share - taken < (256 if stored else 64)
    assert [looks(share, 0.1) for share in (72, 500, 5000)] == [8, 50, 256]
