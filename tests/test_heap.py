"""Large blocks go back to the system when they are freed, wherever small ones lie between them."""

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told")

KEPT = """
import ctypes, sys
from morlbench.lm.heap import release_early

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

def filled(size):
    block = libc.malloc(size)
    ctypes.memset(block, 1, size)
    return block

if sys.argv[1] == "early":
    release_early()
libc.free(filled(30 * 2**20))  # from now on glibc by itself maps no block below 30 MB
before, large = resident(), []
for _ in range(20):
    large.append(filled(4 * 2**20))
    filled(200_000)  # stays
for block in large:
    libc.free(block)
print((resident() - before) // 2**20)
"""


def test_freed_blocks_leave_the_process() -> None:
    kept = {how: int(subprocess.check_output([sys.executable, "-c", KEPT, how], text=True)) for how in ("early", "late")}
    assert kept["early"] <= 4
    assert kept["late"] >= 60  # what would be kept: the check can fail
