"""Give the system the memory that glibc keeps after it was freed.

Tensors of a step come in many sizes, and what they leave behind is seldom fit for the next ones, so that a training grows far
beyond what it holds. Leaves out other C libraries, where nothing is done.
"""

import ctypes
from contextlib import suppress


def give_back() -> None:
    """Give back what is freed: to be called where little is in use, since whatever is needed again is cleared anew."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
