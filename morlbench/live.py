"""A sweep as a person watches it, on stderr: one row per task and method, what runs, and the time left.

Where no table can be drawn (a log file), it prints one line per finished run. Leaves out any decision.
"""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from morlbench.executor import Event
from morlbench.sweep import Progress

if TYPE_CHECKING:
    from rich.console import RenderableType

_MARGIN = 6  # terminal lines kept free for the table's head and foot
_COUNTS = 29  # characters that the columns of counts and all gaps take


class LiveTable:
    """Draws how far a sweep is while it runs; give `tell` to `morlbench.sweep.sweep`."""

    def __init__(self, progress: Progress) -> None:
        from rich.console import Console
        from rich.live import Live

        self._progress, self._begin = progress, time.monotonic()
        self._console = Console(stderr=True, highlight=False)
        self._drawn = self._console.is_terminal
        self._live = Live(console=self._console, get_renderable=self._table, refresh_per_second=2, transient=True) if self._drawn else None

    def __enter__(self) -> Self:
        self._begin = time.monotonic()
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    def tell(self, event: Event) -> None:
        """Print a finished run's line where no table is drawn."""
        if event.state == "running" or self._live is not None:
            return
        over = self._progress.count("made", "found", "failed")
        line = f"{over} of {len(self._progress.jobs)}: {event.state} {event.job.path} in {event.seconds:.1f} s"
        self._console.print(f"{line}{f' ({event.reason})' if event.reason else ''}; {self._left()}", markup=False, soft_wrap=True)

    def _table(self) -> "RenderableType":
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, padding=(0, 2, 0, 0), expand=True)  # so that only the last two columns give way to a narrow terminal
        table.add_column("task", no_wrap=True)
        shown = rows(self._progress)
        tasks, methods = (max((len(cells[i]) for cells in shown), default=0) for i in (0, 1))
        half = (self._console.width - tasks - _COUNTS) // 2
        table.add_column("method", overflow="fold", width=max(min(methods, half), len("method")))
        for head in ("done", "failed", "waiting"):
            table.add_column(head, justify="right", no_wrap=True)
        table.add_column("running", no_wrap=True, overflow="ellipsis", ratio=1)
        lines, hidden = self._console.height - _MARGIN, 0
        for cells in shown:
            lines -= cells[-1].count("\n") + 1
            if lines >= 0 or not table.row_count:
                table.add_row(*map(Text, cells))
            else:
                hidden += 1
        more = [Text(f"and {hidden} more", style="dim")] if hidden else []
        return Group(table, *more, Text(f"{summary(self._progress)}; {self._left()}", style="bold"))

    def _left(self) -> str:
        seconds = time_left(self._progress, time.monotonic() - self._begin)
        return "time left not known yet" if seconds is None else f"about {_duration(seconds)} left"


def rows(progress: Progress) -> list[tuple[str, ...]]:
    """Return (task, method, done, failed, waiting, running) per folder, those at work first and finished ones last.

    The last cell has a line per run at work.
    """
    latest, folders = dict(progress.latest), dict[tuple[str, str], list[Event | None]]()  # a copy: the sweep goes on meanwhile
    for job in progress.jobs:
        folders.setdefault((job.path.parent.parent.name, job.path.parent.name), []).append(latest.get(job.path))
    ranked: list[tuple[int, tuple[str, ...]]] = []
    for (task, method), events in folders.items():
        states = [event.state if event else "waiting" for event in events]
        done, failed, waiting = sum(s in ("made", "found") for s in states), states.count("failed"), states.count("waiting")
        running = "\n".join(_progress(event) for event in events if event and event.state == "running")
        rank = 0 if running else 1 if failed else 2 if waiting else 3
        ranked.append((rank, (task, method, str(done), str(failed), str(waiting), running)))
    return [cells for _, cells in sorted(ranked, key=lambda pair: pair[0])]


def summary(progress: Progress) -> str:
    """Return in one line how far the sweep is."""
    counts = [(progress.count(state), state) for state in ("made", "found", "failed", "running")]
    total = len(progress.jobs)
    return f"{total} run{'' if total == 1 else 's'}: " + ", ".join(f"{n} {state}" for n, state in counts if n or state == "made")


def time_left(progress: Progress, elapsed: float) -> float | None:
    """Return the seconds left at the pace so far, in scored responses; None before there is any pace.

    Runs found or failed say nothing of the pace and count on neither side.
    """
    latest = dict(progress.latest)
    made = sum(event.job.budget for event in latest.values() if event.state == "made")
    running = [event for event in latest.values() if event.state == "running"]
    begun = sum(min(event.responses, event.job.budget) for event in running)
    ahead = sum(job.budget for job in progress.jobs if job.path not in latest) + sum(event.job.budget for event in running) - begun
    if not ahead:
        return 0.0
    return elapsed * ahead / (made + begun) if made + begun else None


def _progress(event: Event) -> str:
    share = f" {min(event.responses / event.job.budget, 1):.0%}" if event.responses else ""
    return f"{event.job.path.stem}{share} {event.part or 'starting'}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours or minutes >= 10:  # an estimate is not good to the second
        return f"{hours} h {minutes} min" if hours else f"{minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
