"""Keep memory small while training: hand large freed blocks back to the system at once.

glibc raises the size from which a block is mapped by itself to 32 MB as such blocks are freed; what lies below it stays in the
heap and is split by smaller blocks, half a gigabyte in each process that trains on `nano`. Elsewhere nothing is done.
"""

import ctypes
import platform

MAPPED = 2 * 1024**2  # bytes; with 1 MB training takes longer, with 4 MB most of the memory is kept again
_M_MMAP_THRESHOLD = -3  # malloc.h of glibc


def release_early() -> None:
    """Fix the size from which glibc maps blocks by themselves, in this process and in copies made of it; results are the same bits."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, MAPPED)
