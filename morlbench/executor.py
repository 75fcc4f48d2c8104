"""Where runs are executed: here one after another (`Serial`), or each in a process of its own on this machine (`Processes`).

An executor is given jobs and tells what becomes of each; a cluster engine is one more class with the same `run`. Leaves out
which jobs there are and what is kept of a failure: see `morlbench.sweep`. The other end of a process is `morlbench.worker`.
"""

import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from pydantic import TypeAdapter

from morlbench.bench import Quiet
from morlbench.launch import Request, busy
from morlbench.worker import Report, attempt, death, resolve

TRAINING = "morlbench.launch:Training"
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS")
_CARDS = Path("/dev")  # nvidia0, nvidia1 and so on, on Linux
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
    """Each job in a process of its own, `slots` at once, with `threads` threads each, set before any library starts its own."""

    slots: int = 1
    threads: int = 1
    maker: str = TRAINING

    def run(self, jobs: Sequence[Job]) -> Iterator[Event]:
        """Run each job in a process that no other job has used; see `Executor.run`."""
        pending, running = list(jobs), dict[Path, _Worker]()
        events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        gpus = _gpus() or [""]
        workers = [_Worker(self.maker, self.threads, gpus[i % len(gpus)], events) for i in range(min(self.slots, len(pending)))]
        idle = list(workers)
        try:
            while pending or running:
                while pending and idle:
                    job = pending.pop(_first_free(pending))
                    running[job.path] = idle.pop()
                    running[job.path].take(job)
                    yield Event(job, "running")
                event = events.get()
                if event.state != "running":
                    idle.append(running.pop(event.job.path))
                yield event
        finally:
            for worker in workers:
                worker.stop()


class _Worker:
    """A `morlbench.worker` that makes one job after another, and the thread that listens to it while it does."""

    def __init__(self, maker: str, threads: int, gpu: str, events: "queue.SimpleQueue[Event]") -> None:
        self._maker, self._events = maker, events
        self._environment = {**os.environ, **dict.fromkeys(_THREADS, str(threads)), "TOKENIZERS_PARALLELISM": "false"}
        if gpu:
            self._environment["CUDA_VISIBLE_DEVICES"] = gpu
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - what its processes print; closed by `stop`
        self._process: subprocess.Popen[bytes] | None = None
        self._listener: threading.Thread | None = None

    def take(self, job: Job) -> None:
        """Begin the job; its events go to the queue, the last one when the worker is free again."""
        begin = time.perf_counter()
        if self._process is None or self._process.poll() is not None:
            self._process = self._start()
        printed = os.fstat(self._log.fileno()).st_size
        assert self._process.stdin is not None
        with suppress(OSError):  # it died at once; its output says why
            self._process.stdin.write(TypeAdapter(Request).dump_json(job.request) + b"\n")
            self._process.stdin.flush()  # it stays open: its end tells the process that nobody waits any more
        self._listener = threading.Thread(target=self._listen, args=(self._process, job, begin, printed), daemon=True)
        self._listener.start()

    def stop(self) -> None:
        """End the process and what it has at work; its record's lock goes with it."""
        if (process := self._process) is not None:
            process.kill()
            _end(process)
        if self._listener is not None:
            self._listener.join(_PATIENCE)
        self._log.close()

    def _listen(self, process: "subprocess.Popen[bytes]", job: Job, begin: float, printed: int) -> None:
        final = None
        assert process.stdout is not None
        for line in process.stdout:
            report = Report.read(line)
            if report.state != "running":
                final = report
                break
            self._events.put(_event(job, report, begin))
        if final is None or final.leaving:
            self._process = None
            _end(process)
        final = final or Report("failed", reason=death(process.returncode))
        if final.state == "failed" and not final.trace:
            final = replace(final, trace=self._last_words(printed))
        self._events.put(_event(job, final, begin))

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "morlbench.worker", self._maker],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, env=self._environment,
        )  # fmt: skip

    def _last_words(self, printed: int) -> str:
        """Return the end of what was printed after the first `printed` bytes; reading leaves the file where it is written on."""
        try:
            self._log.seek(max(printed, os.fstat(self._log.fileno()).st_size - _LAST_WORDS))
            return self._log.read().decode(errors="replace").strip()
        except ValueError:  # closed: whoever asked has stopped listening
            return ""


def _gpus() -> list[str]:
    """Return the GPUs to hand out, one to each process; none where scorers are sent to a card by its number. Asks no library."""
    if ":" in os.environ.get("MORLBENCH_HUB_DEVICE", ""):
        return []
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name for name in named.split(",") if name]
    return [str(i) for i, _ in enumerate(_CARDS.glob("nvidia[0-9]*"))]


def _first_free(pending: Sequence[Job]) -> int:
    """Return the place of the first job on which no other process is at work; if there is none, of the first job."""
    return next((i for i, job in enumerate(pending) if not busy(job.path)), 0)


def _event(job: Job, report: Report, begin: float) -> Event:
    return Event(job, report.state, report.part, report.responses, report.reason, report.trace, time.perf_counter() - begin)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Close the process's stdin and wait until it is over; one that has said its last word and stays is killed."""
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
