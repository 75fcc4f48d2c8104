"""Forked copies give what one process gives, in order, and say so when they cannot."""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

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


def _resident() -> float:
    """Memory of this process in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no such call")
def test_copies_do_not_inherit_memory_that_was_freed() -> None:
    held = [b"x" * 60_000 for _ in range(4_000)]  # 240 MB in blocks too small to be given back one by one
    full = _resident()
    last = held[-1]  # keeps the top of the heap in use
    del held
    kept = _resident()
    found = list(forked.spread(lambda _: _resident(), range(2), 2))
    assert kept > full - 100, "the C library gave freed memory back by itself: this test shows nothing"
    assert max(found) < full - 150
    assert last


def test_an_error_in_a_copy_is_raised_here() -> None:
    def work(i: int) -> int:
        if i == 2:
            raise BadInput("item 2 is bad")
        return i

    with pytest.raises(BadInput, match="item 2"):
        list(forked.spread(work, range(4), 2))


def test_a_copy_that_dies_is_reported_and_not_waited_for() -> None:
    with pytest.raises(MorlbenchError, match="without a result"):
        list(forked.spread(lambda i: os._exit(3), range(2), 2))


def test_a_copy_that_dies_is_reported_while_another_is_at_work() -> None:
    begin = time.monotonic()
    with pytest.raises(MorlbenchError, match="without a result"):
        list(forked.spread(lambda i: os._exit(3) if i else time.sleep(30), range(2), 2))
    assert time.monotonic() - begin < 20


def test_an_error_of_any_kind_arrives_with_its_place() -> None:
    class Awkward(Exception):
        def __init__(self, one: str, two: str) -> None:
            super().__init__(f"{one} and {two}")

    def work(i: int) -> int:
        raise Awkward("one", "two")

    with pytest.raises(MorlbenchError, match="Awkward: one and two") as caught:
        list(forked.spread(work, range(2), 2))
    assert "in work" in caught.value.__notes__[0]


def test_copies_end_with_the_loop_that_reads_them() -> None:
    results = forked.spread(lambda i: os.getpid(), range(100), 2)
    pid = next(results)
    results.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_what_copies_tell_is_heard_before_they_are_done() -> None:
    heard: list[int] = []

    def work(i: int, tell: forked.Tell) -> int:
        tell(1)
        tell(10)
        return i

    assert list(forked.follow(work, range(3), 2, heard.append)) == [0, 1, 2]
    assert sorted(heard) == [1, 1, 1, 10, 10, 10]


def test_copies_end_when_their_process_is_killed(tmp_path: Path) -> None:
    program = f"""
import os, time
from morlbench.lm import forked
def work(i, tell):
    open(r"{tmp_path}/%d" % i, "w").write(str(os.getpid()))
    while True:
        tell(1)
        time.sleep(0.05)
list(forked.follow(work, range(2), 2, lambda more: None))
"""
    process = subprocess.Popen([sys.executable, "-c", program])
    pids = [_written(tmp_path / name) for name in ("0", "1")]
    process.kill()
    process.wait()
    for pid in pids:
        assert _within(lambda pid=pid: _ended(pid)), f"process {pid} goes on"


def _within(condition: Callable[[], object], seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def _written(path: Path) -> int:
    assert _within(lambda: path.exists() and path.read_text())
    return int(path.read_text())


def _ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
