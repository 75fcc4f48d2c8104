"""What `morlbench sweep` does: a grid of methods, tasks, seeds and budgets, one record each, resumable at any moment.

A record that exists is not made again; a run that failed leaves OUT/TASK/VARIANT/seed-N.failed.json with its reason and is
tried again on request. The state of a sweep is its folder: there is no other book to keep. Leaves out where runs are
executed (`morlbench.executor`) and what is shown meanwhile (`morlbench.live`).
"""

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from itertools import product
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from morlbench import launch, registry
from morlbench.configure import THOUSANDS, parse_seeds
from morlbench.errors import BadInput
from morlbench.executor import Event, Executor, Job
from morlbench.launch import Maker, Plan, Request
from morlbench.registry import Kind
from morlbench.store import write_bytes

_PATTERN = set("*?[")


@dataclass(frozen=True)
class Grid:
    """What to run, as typed: every method on every task at every budget with every seed.

    A method may carry settings, `moe-cmab+gate=linucb`; names may be patterns, `exact-*`; words may be lists, `a,b`.
    """

    methods: tuple[str, ...]
    tasks: tuple[str, ...]
    seeds: str = "0"
    budgets: tuple[str, ...] = (launch.DEFAULT_BUDGET,)
    base: str = ""
    out: Path = Path("runs")


@dataclass(frozen=True)
class Failure:
    """Why a run made no record; `trace` is for the plugin's author."""

    reason: str
    trace: str
    seconds: float
    request: Request


@dataclass
class Progress:
    """The state of every job of a sweep, as far as it is known."""

    jobs: tuple[Job, ...]
    latest: dict[Path, Event] = field(default_factory=dict)  # by record; a job that has none waits

    def update(self, event: Event) -> None:
        """Note an event."""
        self.latest[event.job.path] = event

    def count(self, *states: str) -> int:
        """Return how many jobs are in one of the states."""
        return sum(event.state in states for event in list(self.latest.values()))  # a copy: another thread may be drawing

    @property
    def waiting(self) -> tuple[Job, ...]:
        """The jobs of which nothing is known yet."""
        return tuple(job for job in self.jobs if job.path not in self.latest)


def jobs(grid: Grid) -> tuple[Job, ...]:
    """Check every word of the grid and return its runs, seeds innermost; raise BadInput for the first bad word."""
    methods, tasks = _words("methods", grid.methods), _words("tasks", grid.tasks)
    budgets = _split("--budgets", grid.budgets)
    found: dict[Path, Job] = {}
    for task, budget, method in product(tasks, budgets, methods):
        name, *settings = method.split("+")
        request = Request(name, task, grid.base, budget, grid.seeds, settings=tuple(settings), out=grid.out)
        for job in _per_seed(launch.plan(request), request):
            if job.path in found:
                raise BadInput(f"the grid names the run {job.path} twice; give each method, task and budget once")
            found[job.path] = job
    return tuple(found.values())


def survey(todo: Sequence[Job], maker: Maker, *, retry: bool) -> Progress:
    """Return how the jobs stand before anything runs: what has its record is 'found'; what failed has, unless `retry`, 'failed'."""
    progress, identity = Progress(tuple(todo)), cache(maker.identity)
    for job in todo:
        if job.path.exists():
            plan = launch.plan(job.request)
            if launch.done(job.path, launch.expected_key(plan, identity(plan.base), plan.seeds[0])):
                progress.update(Event(job, "found"))
                continue
        failure = None if retry else read_failure(job.path)
        if failure is not None:
            reason = f"{failure.reason} (in an earlier sweep; --retry runs it again)"
            progress.update(Event(job, "failed", reason=reason, trace=failure.trace))
    return progress


def sweep(progress: Progress, executor: Executor, tell: Callable[[Event], None] = lambda event: None) -> None:
    """Run the jobs that wait, note every event in the progress and keep each failure; `tell` hears of them too."""
    for event in executor.run(progress.waiting):
        path = failure_path(event.job.path)
        if event.state == "failed":
            write_bytes(path, _failures().dump_json(Failure(event.reason, event.trace, event.seconds, event.job.request), indent=1))
        elif event.state != "running":
            path.unlink(missing_ok=True)
        progress.update(event)
        tell(event)


def failure_path(record: Path) -> Path:
    """Return where a run's failure is kept: seed-N.failed.json beside its record."""
    return record.with_name(f"{record.stem}.failed.json")


def read_failure(record: Path) -> Failure | None:
    """Return the failure kept beside that record path; None if there is none that can be read."""
    try:
        return _failures().validate_json(failure_path(record).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


@cache
def _failures() -> TypeAdapter[Failure]:
    return TypeAdapter(Failure)


def _per_seed(plan: Plan, request: Request) -> Iterable[Job]:
    for seed in parse_seeds(request.seeds):
        one = Request(request.method, request.task, request.base, request.budget, str(seed), settings=request.settings, out=request.out)
        yield Job(one, plan.path(seed), plan.budget)


def _words(kind: Kind, given: Sequence[str]) -> list[str]:
    """Return the names given, patterns filled in from the registry."""
    found: list[str] = []
    for word in _split(f"--{kind}", given):
        if not _PATTERN & set(word.partition("+")[0]):
            found.append(word)
            continue
        pattern, plus, settings = word.partition("+")
        matches = [name for name in registry.names(kind) if fnmatchcase(name, pattern)]
        if not matches:
            near = difflib.get_close_matches(pattern, registry.names(kind), n=1, cutoff=0.3)
            nearest = f"; the nearest is {near[0]!r}" if near else ""
            raise BadInput(f"--{kind} {pattern!r} matches no name{nearest}; see `morlbench list {kind}`")
        found += [f"{name}{plus}{settings}" for name in matches]
    return found


def _split(option: str, given: Sequence[str]) -> list[str]:
    """Split words at commas; a method with settings keeps its own, since a setting may hold some."""
    found: list[str] = []
    for word in given:
        head, plus, _ = word.partition("+")
        if plus and "," in head:
            raise BadInput(f"{option} {word!r}: a method with settings needs an {option} of its own, e.g. {option} a {option} b+key=value")
        found += [word] if plus or THOUSANDS.fullmatch(word) else [part.strip() for part in word.split(",")]
    if not found or not all(found):
        raise BadInput(f"{option} is empty or holds an empty name; expected names such as a,b")
    return found
