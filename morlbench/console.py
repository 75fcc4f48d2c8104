"""What a person at a terminal sees: sentences instead of tracebacks, progress bars, tables, and JSON alone on stdout.

Everything but the answer goes to stderr, so that `morlbench ... --json | jq` works. Leaves out any decision: commands decide.
"""

import errno
import json
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from morlbench.errors import BadInput, MorlbenchError

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.progress import TaskID

DONE, FAILED, BAD_ARGUMENTS, INTERRUPTED = 0, 1, 2, 130
_FULL = (errno.ENOSPC, errno.EDQUOT)


def guarded(body: Callable[[], None]) -> int:
    """Run `body` and return the exit code; an error a user can cause becomes one sentence on stderr."""
    try:
        body()
    except MorlbenchError as error:
        complain(str(error))
        return BAD_ARGUMENTS if isinstance(error, BadInput) else FAILED
    except KeyboardInterrupt:
        complain("interrupted; what was finished is kept and nothing was half-written")
        return INTERRUPTED
    except OSError as error:
        if error.errno is None or isinstance(error, ConnectionError):
            raise
        complain(_system(error))
        return FAILED
    except SystemExit as stop:
        return _code(stop)
    return DONE


def complain(sentence: str) -> None:
    """Print one sentence on stderr."""
    sys.stderr.write(f"morlbench: {printable(' '.join(sentence.split()))}\n")


def printable(text: str) -> str:
    """Return the text with line ends, escape codes and whatever else cannot be shown written out: it may quote a stranger's file."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def say(text: str) -> None:
    """Print a line of text on stdout, as it is."""
    sys.stdout.write(f"{text}\n")


def show(*renderables: "RenderableType") -> None:
    """Print tables and text on stdout, as wide as the terminal (or 120 columns where there is none)."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False, soft_wrap=False)
    for renderable in renderables:
        console.print(renderable)


def show_json(value: object) -> None:
    """Print one JSON document on stdout; a number that is not finite is null."""
    sys.stdout.write(json.dumps(_plain(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def names_table(rows: Sequence[tuple[str, str]]) -> None:
    """Print names with their summaries, one a line, without loading rich when nobody looks."""
    if not sys.stdout.isatty():
        width = max((len(name) for name, _ in rows), default=0)
        sys.stdout.writelines(f"{name:<{width}}  {summary}\n" for name, summary in rows)
        return
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, summary in rows:
        table.add_row(name, summary)
    show(table)


class Bars:
    """A watch that draws one bar per stage on stderr: done, rate and time left; a line per stage where none can be drawn.

    A stage that begins again under the same name goes on in its bar.
    """

    def __init__(self, title: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._console = Console(stderr=True, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
            console=self._console, disable=not self._console.is_terminal, refresh_per_second=4,
        )  # fmt: skip
        self._title = title
        self._stages: dict[str, _Stage] = {}
        self._open: _Stage | None = None

    def __enter__(self) -> Self:
        self._console.print(self._title, style="bold", markup=False)
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()
        if self._console.is_terminal:
            return
        for stage in self._stages.values():
            self._console.print(f"  {stage.name}: {stage.done} responses, {stage.seconds:.1f} s", markup=False)

    def start(self, part: str, responses: int) -> None:
        """Begin a stage of at most `responses` responses, or go on with the one of that name."""
        if part not in self._stages:
            self._stages[part] = _Stage(part, self._progress.add_task(part, total=0, rate=""))
        self._open = self._stages[part]
        self._open.total += responses
        self._open.since = time.perf_counter()
        self._draw(self._open)

    def advance(self, responses: int) -> None:
        """Count responses in the open stage."""
        if self._open is not None:
            self._open.done += responses
            self._draw(self._open)

    def finish(self) -> None:
        """Close the open stage; what it did not need is no longer expected."""
        if self._open is not None:
            self._open.total = self._open.done
            self._open.seconds += time.perf_counter() - self._open.since
            self._draw(self._open)
        self._open = None

    def _draw(self, stage: "_Stage") -> None:
        seconds = stage.seconds + (time.perf_counter() - stage.since if stage is self._open else 0)
        rate = f"{stage.done / seconds:.0f}/s" if stage.done and seconds > 0 else ""
        self._progress.update(stage.bar, total=max(stage.total, 1), completed=stage.done, rate=rate)


@dataclass
class _Stage:
    """A stage's bar and what it has counted."""

    name: str
    bar: "TaskID"
    total: int = 0
    done: int = 0
    seconds: float = 0.0
    since: float = 0.0


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep the progress bars, notes and future warnings of transformers and its kin off the terminal while a command runs."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _system(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in _FULL:
        return f"the disk is full{where}; nothing was half-written: free some space and run the same command again"
    return f"{error.strerror or error}{where}"


def _code(stop: SystemExit) -> int:
    if isinstance(stop.code, int):
        if stop.code == INTERRUPTED:
            complain("interrupted; what was finished is kept and nothing was half-written")
        return stop.code
    return DONE if stop.code is None else FAILED


def _plain(value: object) -> object:
    """Return JSON-ready data: tuples as lists, numbers that are not finite as null."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
