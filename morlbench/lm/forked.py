"""Do independent pieces of work at once, in forked copies of this process that share its memory.

A copy is there in milliseconds with every model loaded, and its results come back in the order of the pieces. What a piece
changes in its copy is lost, so it must return all that counts. Leaves out processors other than CPUs, whose state does not
survive a fork, and systems without one: there the pieces are done one after another.
"""

import gc
import multiprocessing
import os
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Generic, Literal, TypeVar

import torch

from morlbench.errors import MorlbenchError
from morlbench.lm.memory import give_back

Item = TypeVar("Item")
Result = TypeVar("Result")
Tell = Callable[[int], None]  # how much more of a piece is done
Message = tuple[Literal["told", "made", "failed"], object]


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
    gc.collect()
    give_back()  # copies would write to freed pages and each get its own
    gc.freeze()  # what is there already is shared; a collection, here or in a copy, would write to each object and so split its page
    try:
        for first in range(slots):
            copies.append(_start(work, items[first::slots], [copy.channel for copy in copies]))
        for i in range(len(items)):
            own = copies[i % slots]
            while not own.results:
                _listen(copies, heard)
            yield own.results.popleft()
    finally:
        for copy in copies:
            copy.channel.close()
            copy.process.kill()
            copy.process.join()
        gc.unfreeze()


def forks() -> bool:
    """Say whether this process can be copied with the models it has loaded: on Linux, and before anything started CUDA."""
    return sys.platform == "linux" and not torch.cuda.is_initialized()  # type: ignore[no-untyped-call]


@dataclass(eq=False)
class _Copy(Generic[Result]):
    """A copy at work: its end of the pipe, how many results are still to come, and those that nobody has asked for yet."""

    process: BaseProcess
    channel: "Connection[object, Message]"
    due: int
    results: "deque[Result]" = field(default_factory=deque)


def _start(work: Callable[[Item, Tell], Result], items: Sequence[Item], others: Sequence["Connection[object, Message]"]) -> "_Copy[Result]":
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(work, items, there, [here, *others]), daemon=True)
    process.start()
    there.close()
    return _Copy(process, here, len(items))


def _listen(copies: Sequence["_Copy[Result]"], heard: Tell) -> None:
    """Wait until some copy says something, and keep or pass on what every one that has spoken said."""
    speaking = {copy.channel: copy for copy in copies if copy.due}
    for channel in wait(list(speaking)):
        copy = speaking[channel]  # type: ignore[index]
        try:
            kind, value = copy.channel.recv()
        except EOFError:
            raise MorlbenchError("a process at work ended without a result; it may have run out of memory") from None
        if kind == "failed" and isinstance(value, Exception):
            raise value
        if kind == "told":
            heard(int(value))  # type: ignore[call-overload]
        else:
            copy.results.append(value)  # type: ignore[arg-type]
            copy.due -= 1


def _serve(
    work: Callable[[Item, Tell], Result],
    items: Sequence[Item],
    channel: "Connection[Message, object]",
    inherited: Sequence["Connection[object, Message]"],
) -> None:
    """Send the result of each item, or an error and no more; runs in the copy."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that forked, which then ends this one
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - the terminal, and what draws on it, are that process's
    for end in inherited:
        end.close()  # so that what is sent after that process has died fails, and this one ends too
    torch.set_num_threads(1)

    def tell(more: int) -> None:
        channel.send(("told", more))

    try:
        for item in items:
            channel.send(("made", work(item, tell)))
    except Exception as error:  # whatever it is, the process that asked must hear of it
        channel.send(("failed", _portable(error)))
    finally:
        os._exit(0)  # without the clean-up that belongs to the original


def _portable(error: Exception) -> Exception:
    """Return an error that survives the pipe, with a note of where it came from; others may have constructors of their own."""
    if not isinstance(error, MorlbenchError) and type(error).__module__ != "builtins":
        error = MorlbenchError(f"{type(error).__name__}: {error}").with_traceback(error.__traceback__)
    error.add_note(f"In a copy of the process:\n{traceback.format_exc()}")
    return error
