"""Do independent pieces of work at once, in forked copies of this process that share its memory.

A copy is there in milliseconds with every model loaded, and its results come back in the order of the pieces. What a piece
changes in its copy is lost, so it must return all that counts. Leaves out processors other than CPUs, whose state does not
survive a fork, and systems without one: there the pieces are done one after another.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import TypeVar

import torch

from morlbench.errors import MorlbenchError

Item = TypeVar("Item")
Result = TypeVar("Result")


def spread(work: Callable[[Item], Result], items: Sequence[Item], slots: int) -> Iterator[Result]:
    """Yield work(item) of every item in order, with `slots` copies of this process at work; an error is raised here.

    Results must pickle; each copy computes with one thread.
    """
    slots = min(slots, len(items)) if sys.platform == "linux" else 1
    if slots <= 1:
        yield from map(work, items)
        return
    context, helpers = multiprocessing.get_context("fork"), []
    for first in range(slots):
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=_serve, args=(work, items[first::slots], there), daemon=True)
        process.start()
        there.close()
        helpers.append((process, here))
    try:
        for i in range(len(items)):
            yield _next(helpers[i % slots][1])
    finally:
        for process, here in helpers:
            here.close()
            process.kill()
            process.join()


def _next(results: "Connection[object, tuple[bool, Result]]") -> Result:
    try:
        fine, value = results.recv()
    except EOFError:
        raise MorlbenchError("a process at work ended without a result; it may have run out of memory") from None
    if not fine and isinstance(value, Exception):
        raise value
    return value


def _serve(work: Callable[[Item], Result], items: Sequence[Item], results: "Connection[tuple[bool, object], object]") -> None:
    """Send (True, result) of each item, or (False, error) and no more; runs in the copy."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that forked, which then ends this one
    torch.set_num_threads(1)
    try:
        for item in items:
            results.send((True, work(item)))
    except Exception as error:  # whatever it is, the process that asked must hear of it
        results.send((False, error))
    finally:
        os._exit(0)  # without the clean-up that belongs to the original
