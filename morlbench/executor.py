"""Where runs are executed: here one after another (`Serial`), or one per process on this machine (`Processes`).

An executor is given jobs and tells what becomes of each; a cluster engine is one more class with the same `run`. Leaves out
which jobs there are and what is kept of a failure: see `morlbench.sweep`. The other end of a process is `morlbench.worker`.
"""

import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, Protocol

from pydantic import TypeAdapter

from morlbench.bench import Quiet
from morlbench.launch import Request, busy
from morlbench.worker import Report, attempt, resolve

TRAINING = "morlbench.launch:Training"
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS")
_LAST_WORDS = 2000  # bytes of a dead process's output that are kept
_PATIENCE = 5.0  # seconds a process is given to end by itself


@dataclass(frozen=True)
class Job:
    """One run: a request with one seed, the record it makes and its budget in scored responses."""

    request: Request
    path: Path
    budget: int


@dataclass(frozen=True)
class Event:
    """What became of a job: it began or goes on ('running'), or ended in one of the other states."""

    job: Job
    state: Literal["running", "made", "found", "failed"]
    part: str = ""  # the open stage of a running job
    responses: int = 0  # scored so far
    reason: str = ""  # one sentence, of a failed job
    trace: str = ""
    seconds: float = 0.0


class Executor(Protocol):
    """Executes jobs; `slots` of them at once."""

    @property
    def slots(self) -> int:
        """How many jobs run at once."""

    def run(self, jobs: Sequence[Job]) -> Iterator[Event]:
        """Run every job once, in any order; each job's last event is its only final one. Closing the iterator stops all."""


@dataclass(frozen=True)
class Serial:
    """One job after another in this process. `maker` is the 'module:class' of a `morlbench.launch.Maker`."""

    maker: str = TRAINING

    @property
    def slots(self) -> int:
        """One."""
        return 1

    def run(self, jobs: Sequence[Job]) -> Iterator[Event]:
        """Run the jobs here; see `Executor.run`."""
        pending, maker = list(jobs), resolve(self.maker)
        while pending:
            job = pending.pop(_first_free(pending))
            yield Event(job, "running")
            begin = time.perf_counter()
            yield _event(job, attempt(job.request, maker, Quiet()), begin)


@dataclass(frozen=True)
class Processes:
    """One process per job, `slots` at once, each with `threads` threads, set before any library starts its own."""

    slots: int = 1
    threads: int = 1
    maker: str = TRAINING

    def run(self, jobs: Sequence[Job]) -> Iterator[Event]:
        """Run each job in a process of its own; see `Executor.run`."""
        pending, running = list(jobs), dict[Path, _Child]()
        events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        try:
            while pending or running:
                while pending and len(running) < self.slots:
                    job = pending.pop(_first_free(pending))
                    running[job.path] = _Child(job, self.maker, self.threads, events)
                    yield Event(job, "running")
                event = events.get()
                if event.state != "running":
                    running.pop(event.job.path)
                yield event
        finally:
            for child in running.values():
                child.stop()


class _Child:
    """A process at work on one job, and the thread that listens to it."""

    def __init__(self, job: Job, maker: str, threads: int, events: "queue.SimpleQueue[Event]") -> None:
        self._job, self._events, self._begin = job, events, time.perf_counter()
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the listener, when the process is over
        environment = {**os.environ, **dict.fromkeys(_THREADS, str(threads)), "TOKENIZERS_PARALLELISM": "false"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "morlbench.worker", maker],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, env=environment,
        )  # fmt: skip
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def stop(self) -> None:
        """Kill the process; its record's lock goes with it."""
        self._process.kill()
        self._listener.join(_PATIENCE)

    def _listen(self) -> None:
        final = None
        with self._process as process, self._log:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(TypeAdapter(Request).dump_json(self._job.request) + b"\n")
                process.stdin.flush()  # it stays open: its end tells the process that nobody waits any more
            except BrokenPipeError:
                pass  # it died at once; its output says why
            for line in process.stdout:
                report = Report.read(line)
                if report.state == "running":
                    self._events.put(_event(self._job, report, self._begin))
                else:
                    final = report
                    break
            _end(process)
            self._events.put(_event(self._job, final or _death(process.returncode, self._log), self._begin))


def _first_free(pending: Sequence[Job]) -> int:
    """Return the place of the first job on which no other process is at work; if there is none, of the first job."""
    return next((i for i, job in enumerate(pending) if not busy(job.path)), 0)


def _event(job: Job, report: Report, begin: float) -> Event:
    return Event(job, report.state, report.part, report.responses, report.reason, report.trace, time.perf_counter() - begin)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait until the process is over; one that has said its last word and stays is killed."""
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _death(code: int, log: IO[bytes]) -> Report:
    log.seek(0, os.SEEK_END)
    log.seek(max(log.tell() - _LAST_WORDS, 0))
    words = log.read().decode(errors="replace").strip()
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        hint = "; perhaps the machine ran out of memory" if name == "SIGKILL" else ""
        return Report("failed", reason=f"its process was ended by signal {name}{hint}", trace=words)
    return Report("failed", reason=f"its process ended with exit code {code} before the run was over", trace=words)
