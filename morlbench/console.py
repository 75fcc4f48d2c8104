"""What a person at a terminal sees: sentences instead of tracebacks, progress bars, tables, and JSON alone on stdout.

Everything but the answer goes to stderr, so that `morlbench ... --json | jq` works. Leaves out any decision: commands decide.
"""

import errno
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
    sys.stderr.write(f"morlbench: {' '.join(sentence.split())}\n")


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
    """A watch that draws one bar per stage on stderr: done, rate and time left; a plain line per stage where none can be drawn."""

    def __init__(self, title: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._console = Console(stderr=True, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]:>6}"),
            TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
            console=self._console, disable=not self._console.is_terminal, refresh_per_second=4,
        )  # fmt: skip
        self._title, self._task, self._done = title, _NO_TASK, 0

    def __enter__(self) -> Self:
        self._console.print(self._title, style="bold", markup=False)
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()

    def start(self, part: str, responses: int) -> None:
        """Begin a bar of `responses` scored responses."""
        self._task, self._done = self._progress.add_task(part, total=max(responses, 1), rate=""), 0

    def advance(self, responses: int) -> None:
        """Move the bar on and refresh its rate."""
        self._done += responses
        self._progress.update(self._task, completed=self._done, rate=self._rate())

    def finish(self) -> None:
        """Fill the bar; print the stage as a line where there is no terminal."""
        for task in self._progress.tasks:
            if task.id == self._task:
                self._progress.update(self._task, total=self._done or 1, completed=self._done or 1, rate=self._rate())
                if not self._console.is_terminal:
                    seconds = task.finished_time or task.elapsed or 0.0
                    self._console.print(f"  {task.description}: {self._done} responses in {seconds:.1f} s", markup=False)

    def _rate(self) -> str:
        seconds = next((task.elapsed for task in self._progress.tasks if task.id == self._task), None)
        return f"{self._done / seconds:.0f}/s" if seconds else ""


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep transformers' own progress bars and notes off the terminal while a command runs."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


_NO_TASK: "TaskID" = -1  # type: ignore[assignment]


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
