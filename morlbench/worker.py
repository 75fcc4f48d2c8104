"""The process that makes records: it reads a request a line from stdin and reports on stdout, in JSON lines.

It imports what runs need once and has each record made by a copy of itself, so that a run costs no imports and leaves
nothing behind; where processes cannot be copied (anywhere but on Linux, and with a CUDA build of PyTorch) it makes one
record and ends. What a library prints goes to stderr. A run ends at once when stdin does: whoever asked is gone. Leaves out
who starts it: see `morlbench.executor`.
"""

import gc
import os
import pkgutil
import select
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal, NoReturn, cast

from pydantic import TypeAdapter, ValidationError

from morlbench.bench import Watch
from morlbench.errors import MorlbenchError
from morlbench.launch import Maker, Request, execute, plan

_ABANDONED, _REPORTED = 3, 4  # exit codes: nobody asks any more; the last word was said
_PAUSE = 0.5  # seconds between two reports of progress


@dataclass(frozen=True)
class Report:
    """One line to whoever asked; the last one is not 'running'."""

    state: Literal["running", "made", "found", "failed"]
    part: str = ""
    responses: int = 0
    reason: str = ""
    trace: str = ""
    leaving: bool = False  # the process ends with this report, and the next job needs another

    @classmethod
    def read(cls, line: bytes) -> "Report":
        """Read a line as `write` made it; one cut short by the writer's death says that it was running."""
        try:
            return TypeAdapter(cls).validate_json(line)
        except ValidationError:
            return cls("running")

    def write(self) -> bytes:
        """Return the report as one line of JSON."""
        return TypeAdapter(Report).dump_json(self) + b"\n"


def resolve(name: str) -> Maker:
    """Return a new maker of that 'module:class'."""
    return cast("type[Maker]", pkgutil.resolve_name(name))()


def attempt(request: Request, maker: Maker, watch: Watch) -> Report:
    """Make the request's one record, or say in one sentence why it failed."""
    try:
        found = [existed for _, existed in execute(plan(request), watch, maker=maker)]
    except MorlbenchError as error:
        return Report("failed", reason=" ".join(str(error).split()), trace=traceback.format_exc())
    except Exception as error:  # whatever a plugin raises is that run's failure and no other's
        return Report("failed", reason=_sentence(error), trace=traceback.format_exc())
    return Report("found" if all(found) else "made")


class Teller:
    """A watch that reports progress to whoever asked, twice a second at most."""

    def __init__(self, channel: int) -> None:
        self._channel, self._part, self._responses, self._told = channel, "", 0, 0.0

    def start(self, part: str, responses: int) -> None:
        """Name the stage that begins."""
        self._part = part
        self._tell()

    def advance(self, responses: int) -> None:
        """Count responses."""
        self._responses += responses
        self._tell()

    def finish(self) -> None:
        """Close the stage."""

    def _tell(self) -> None:
        if time.monotonic() - self._told >= _PAUSE:
            self._told = time.monotonic()
            os.write(self._channel, Report("running", self._part, self._responses).write())


def main(name: str) -> None:
    """Read requests, have their records made, report."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever asked, who then ends this process
    channel = os.dup(1)
    os.dup2(2, 1)
    maker = resolve(name)
    maker.warm()
    if not copies():
        request = TypeAdapter(Request).validate_json(next_line())
        threading.Thread(target=end_when_abandoned, daemon=True).start()
        os.write(channel, replace(attempt(request, maker, Teller(channel)), leaving=True).write())
        return
    gc.freeze()  # what is there already is shared with every copy, until a collection there writes to it
    while line := next_line():
        request = TypeAdapter(Request).validate_json(line)
        if not (copy := os.fork()):
            _copy(request, maker, channel)
        code = os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1])
        if code != _REPORTED:  # the line break ends what it may have been saying
            os.write(channel, b"\n" + Report("failed", reason=death(code)).write())


def copies() -> bool:
    """Say whether this process can be copied with the libraries it has loaded: on Linux, and where none of them may know a CUDA device."""
    torch = sys.modules.get("torch")
    return sys.platform == "linux" and (torch is None or torch.version.cuda is None)


def _copy(request: Request, maker: Maker, channel: int) -> NoReturn:
    """Make one record and report, in a copy of the process, which ends without the clean-up that belongs to the original."""
    code = 1
    try:
        threading.Thread(target=end_when_closed, daemon=True).start()
        report = attempt(request, maker, Teller(channel))
        os.write(channel, report.write())
        code = _REPORTED
    except SystemExit as asked:
        code = asked.code if isinstance(asked.code, int) and asked.code != _REPORTED else 1
    finally:
        with suppress(OSError):  # a full disk loses what was printed, not the end of this process
            sys.stdout.flush()
        os._exit(code)


def next_line() -> bytes:
    """Return the next line of stdin, unbuffered; b"" at its end."""
    line = b""
    while not line.endswith(b"\n"):
        more = os.read(0, 1)  # unbuffered, so that a watching thread holds no lock when Python ends
        if not more:
            return b""
        line += more
    return line


def end_when_closed() -> None:
    """Wait until nobody holds the other end of stdin, without reading what comes for the next run, then end the process."""
    ends = select.poll()
    ends.register(0, 0)
    ends.poll()
    os._exit(_ABANDONED)


def end_when_abandoned() -> None:
    """Wait for stdin to close, then end the process."""
    while os.read(0, 1):
        pass
    os._exit(_ABANDONED)


def death(code: int) -> str:
    """Return the sentence for a process that ended by itself with that exit code, or by a signal (below 0)."""
    if code >= 0:
        return f"its process ended with exit code {code} before the run was over"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
    hint = "; perhaps the machine ran out of memory" if name == "SIGKILL" else ""
    return f"its process was ended by signal {name}{hint}"


def _sentence(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


if __name__ == "__main__":
    main(sys.argv[1])
