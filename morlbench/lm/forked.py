"""Do independent pieces of work at once, in forked copies of this process that share its memory.

A copy is there in milliseconds with every model loaded, and its results come back in the order of the pieces. What a piece
changes in its copy is lost, so it must return all that counts. Leaves out processors other than CPUs, whose state does not
survive a fork, and systems without one: there the pieces are done one after another.
"""

import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Generic, Literal, TypeVar

import torch

from morlbench.errors import MorlbenchError

Item = TypeVar("Item")
Result = TypeVar("Result")
Tell = Callable[[int], None]  # how much more of a piece is done
Word = tuple[Literal["told", "made", "failed"], object]


def spread(work: Callable[[Item], Result], items: Sequence[Item], slots: int) -> Iterator[Result]:
    """Yield work(item) of every item in order, with `slots` copies of this process at work; an error is raised here at once.

    Results must pickle; each copy computes with one thread.
    """
    return follow(lambda item, _tell: work(item), items, slots, lambda _more: None)


def follow(work: Callable[[Item, Tell], Result], items: Sequence[Item], slots: int, heard: Tell) -> Iterator[Result]:
    """Do as `spread` with work(item, tell), for long pieces: what a piece tells of its progress is `heard` here at once."""
    slots = min(slots, len(items)) if forks() else 1
    if slots <= 1:
        yield from (work(item, heard) for item in items)
        return
    copies: list[_Copy[Result]] = []
    for first in range(slots):
        copies.append(_start(work, items[first::slots], [copy.words for copy in copies]))
    try:
        for i in range(len(items)):
            own = copies[i % slots]
            while not own.results:
                _listen(copies, heard)
                if own.over and not own.results:
                    raise MorlbenchError("a process at work ended without a result; it may have run out of memory")
            yield own.results.popleft()
    finally:
        for copy in copies:
            copy.words.close()
            copy.process.kill()
            copy.process.join()


def forks() -> bool:
    """Say whether this system can copy a process that has models loaded."""
    return sys.platform == "linux"


@dataclass(eq=False)
class _Copy(Generic[Result]):
    """A copy at work: what it says, and the results it has sent that nobody has asked for yet."""

    process: BaseProcess
    words: "Connection[object, Word]"
    results: "deque[Result]" = field(default_factory=deque)
    over: bool = False


def _start(work: Callable[[Item, Tell], Result], items: Sequence[Item], others: Sequence["Connection[object, Word]"]) -> "_Copy[Result]":
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(work, items, there, [here, *others]), daemon=True)
    process.start()
    there.close()
    return _Copy(process, here)


def _listen(copies: Sequence["_Copy[Result]"], heard: Tell) -> None:
    """Wait until some copy says something, and keep or pass on what every one that has spoken said."""
    speaking = {copy.words: copy for copy in copies if not copy.over}
    for words in wait(list(speaking)):
        copy = speaking[words]  # type: ignore[index]
        try:
            kind, value = copy.words.recv()
        except EOFError:
            copy.over = True
            continue
        if kind == "failed" and isinstance(value, Exception):
            raise value
        if kind == "told":
            heard(int(value))  # type: ignore[call-overload]
        else:
            copy.results.append(value)  # type: ignore[arg-type]


def _serve(
    work: Callable[[Item, Tell], Result],
    items: Sequence[Item],
    words: "Connection[Word, object]",
    inherited: Sequence["Connection[object, Word]"],
) -> None:
    """Send the result of each item, or an error and no more; runs in the copy."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that forked, which then ends this one
    for end in inherited:
        end.close()  # so that what is sent after that process has died fails, and this one ends too
    torch.set_num_threads(1)

    def tell(more: int) -> None:
        words.send(("told", more))

    try:
        for item in items:
            words.send(("made", work(item, tell)))
    except Exception as error:  # whatever it is, the process that asked must hear of it
        words.send(("failed", error))
    finally:
        os._exit(0)  # without the clean-up that belongs to the original
