"""Forked copies give what one process gives, in order, and say so when they cannot."""

import os
import sys

import numpy as np
import pytest

from morlbench.errors import BadInput, MorlbenchError
from morlbench.lm import forked

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux only")


@pytest.mark.parametrize("slots", [1, 2, 5])
def test_results_come_in_the_order_of_the_items(slots: int) -> None:
    assert list(forked.spread(lambda i: i * i, range(7), slots)) == [0, 1, 4, 9, 16, 25, 36]


def test_copies_work_beside_each_other_and_see_what_the_process_holds() -> None:
    held = np.arange(3)
    found = list(forked.spread(lambda i: (os.getpid(), held[i]), range(3), 3))
    assert len({pid for pid, _ in found}) == 3
    assert os.getpid() not in {pid for pid, _ in found}
    assert [int(value) for _, value in found] == [0, 1, 2]


def test_an_error_in_a_copy_is_raised_here() -> None:
    def work(i: int) -> int:
        if i == 2:
            raise BadInput("item 2 is bad")
        return i

    results = forked.spread(work, range(4), 2)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(BadInput, match="item 2"):
        next(results)


def test_a_copy_that_dies_is_reported_and_not_waited_for() -> None:
    with pytest.raises(MorlbenchError, match="without a result"):
        list(forked.spread(lambda i: os._exit(3), range(2), 2))


def test_copies_end_with_the_loop_that_reads_them() -> None:
    results = forked.spread(lambda i: os.getpid(), range(100), 2)
    pid = next(results)
    results.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
