"""What `morlbench run` does: check every word first, then run each seed, keep its record, and reuse records that exist.

A record lies at OUT/TASK/VARIANT/seed-N.json, where VARIANT is the method's name and whatever differs from the defaults.
Leaves out what a run is: that is `morlbench.run`.
"""

import importlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from filelock import FileLock, Timeout

from morlbench import registry
from morlbench.bench import BUDGETS, Watch
from morlbench.configure import changed, configure, parse_budget, parse_seeds, variant
from morlbench.errors import BadInput, BadRecord
from morlbench.facts import facts, method_facts
from morlbench.method import Method
from morlbench.metric import Costs, Evidence
from morlbench.preference import parse_preference
from morlbench.record import Provenance, RunRecord, load
from morlbench.store import Store, default_root
from morlbench.task import Task

if TYPE_CHECKING:
    from morlbench.lm.base import Base

DEFAULT_BUDGET = "quick"
ATTEMPTS = 10  # to hold a lock in a folder that other runs clear away


@dataclass(frozen=True)
class Request:
    """The words of `morlbench run`, as typed; an empty word means the default."""

    method: str
    task: str
    base: str = ""
    budget: str = DEFAULT_BUDGET
    seeds: str = "0"
    preference: str = ""
    settings: tuple[str, ...] = ()
    out: Path = Path("runs")


@dataclass(frozen=True)
class Plan:
    """A checked request; `preference` is () where the task's own user is meant."""

    method: Method
    task: Task
    base: str
    budget: int
    seeds: tuple[int, ...]
    preference: tuple[float, ...]
    out: Path

    @property
    def folder(self) -> Path:
        """Where the records and the front's plot go: OUT/TASK/VARIANT."""
        changes = changed(self.method)
        if self.base != self.task.base:
            changes["base"] = self.base
        if self.budget != BUDGETS[DEFAULT_BUDGET]:
            changes["budget"] = next((name for name, number in BUDGETS.items() if number == self.budget), self.budget)
        if self.preference:
            changes["preference"] = self.preference
        return self.out / self.task.name / variant(self.method.name, changes)

    def path(self, seed: int) -> Path:
        """Return the record's JSON path."""
        return self.folder / f"seed-{seed}.json"


def plan(request: Request) -> Plan:
    """Check every word of a request, loading the method and the task but no model; raise BadInput for the first bad one."""
    budget, seeds = parse_budget(request.budget), parse_seeds(request.seeds)  # words before modules, which take seconds to import
    if os.environ.get("WORLD_SIZE", "1") not in ("", "1"):
        raise BadInput("a run trains in one process and on one GPU; start it without a launcher such as torchrun or accelerate")
    if request.preference:
        parse_preference(request.preference, 1 + request.preference.count(","))
    cls = registry.load("methods", request.method)
    task = registry.load("tasks", request.task)()
    if lack := task.missing():
        raise BadInput(lack)
    preference = parse_preference(request.preference, task.k) if request.preference else ()
    if request.out.exists() and not request.out.is_dir():
        raise BadInput(f"--out {request.out} is a file; expected a folder")
    return Plan(
        method=configure(cls, request.settings), task=task, base=request.base or task.base, budget=budget, seeds=seeds,
        preference=() if preference == task.preference else preference, out=request.out,
    )  # fmt: skip


class Maker(Protocol):
    """Who makes a record; `Training` is the real one, tests of everything around it bring a light one."""

    def warm(self) -> None:
        """Import what every run needs, so that copies of this process need not; start no thread and load no model."""

    def identity(self, base: str) -> str:
        """Return the identity of the base, which changes whenever its weights do."""

    def make(self, plan: Plan, seed: int, watch: Watch) -> RunRecord:
        """Run one seed of the plan."""


class Training:
    """Makes records by `morlbench.run`, and keeps the last base in memory.

    `root` is the folder of what trainings share, by default the user's.
    """

    def __init__(self, root: Path | None = None) -> None:
        self._root = root
        self._base: Base | None = None

    def warm(self) -> None:
        """Import the engine and what it trains with, and note which commit it is of."""
        from morlbench.run import provenance

        provenance()
        for name in ("morlbench.lm.base", "morlbench.lm.policy", "morlbench.lm.trainer"):
            importlib.import_module(name)

    def identity(self, base: str) -> str:
        """Load the base and return its identity; raise BadInput if it cannot be read."""
        return self._load(base).identity

    def make(self, plan: Plan, seed: int, watch: Watch) -> RunRecord:
        """Train the plan's method with that seed and return its record."""
        from morlbench.run import run

        store, base = Store(self._root or default_root()), self._load(plan.base)
        return run(plan.method, plan.task, base, plan.budget, seed=seed, store=store, preference=plan.preference, watch=watch)

    def _load(self, name: str) -> "Base":
        from morlbench.lm.base import load_base

        if self._base is None or self._base.name != name:
            self._base = load_base(name)
        return self._base


def execute(plan: Plan, watch: Watch, *, fresh: bool = False, maker: Maker | None = None) -> Iterator[tuple[Path, bool]]:
    """Run the plan seed by seed; yield each record's path and whether it was already there.

    One process at a time works on a record: whoever comes second waits, then finds it there.
    """
    maker = maker or Training()
    maker.identity(plan.base)  # a base that cannot be read leaves no folder behind
    _writable(plan.folder)
    for seed in plan.seeds:
        path = plan.path(seed)
        try:
            with claimed(path):
                existed = not fresh and done(path, expected_key(plan, maker.identity(plan.base), seed))
                if not existed:
                    maker.make(plan, seed, watch).save(path)
        except BaseException:
            _leave_nothing(path, plan.out)
            raise
        yield path, existed


def _leave_nothing(path: Path, out: Path) -> None:
    """Remove the lock and the empty folders of a run that failed; folders that hold anything stay."""
    if not path.exists() and not busy(path):
        _lock(path).unlink(missing_ok=True)
    with suppress(OSError):  # another run has just put something there, or was as quick
        for folder in (path.parent, path.parent.parent, out):
            if folder == Path() or any(folder.iterdir()):
                return
            folder.rmdir()


def expected_key(plan: Plan, identity: str, seed: int) -> str:
    """Return the key that a record of this plan will have on the base of that identity, without running it."""
    task = facts(plan.task, plan.preference or plan.task.preference)
    evidence = Evidence(task, method_facts(plan.method), identity, plan.budget, seed, (), Costs())
    return RunRecord(evidence, Provenance("", False, "", {})).key


@contextmanager
def claimed(path: Path) -> Iterator[None]:
    """Hold a record's lock, which a killed holder releases, and clear what such a holder left half-written."""
    with _taken(path):
        for suffix in ("json", "parquet"):
            for part in path.parent.glob(f".{path.stem}.{suffix}.*.part"):
                part.unlink(missing_ok=True)
        yield


def _taken(path: Path) -> AbstractContextManager[object]:
    """Return a context that holds a record's lock from now on; its folder is made again where a failed run has just cleared it away."""
    lock = FileLock(str(_lock(path)))
    for _ in range(ATTEMPTS):
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            return lock.acquire()
    raise BadInput(f"--out: {path.parent} is removed as often as it is made")


def busy(path: Path) -> bool:
    """Say whether another process holds the record's lock right now."""
    if not _lock(path).exists():
        return False
    try:
        with FileLock(str(_lock(path)), timeout=0):
            return False
    except Timeout:
        return True


def _lock(path: Path) -> Path:
    return path.with_name(f".{path.stem}.lock")


def done(path: Path, key: str) -> bool:
    """Say whether a whole record with that key is there; one that cannot be read is made again."""
    if not path.exists():
        return False
    try:
        return load(path).key == key
    except BadRecord:
        return False


def _writable(folder: Path) -> None:
    """Fail before an hour of training rather than after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # another run that failed has just cleared the folder away, so it could be written to
            probe = folder / ".writable"
            probe.touch()
            probe.unlink(missing_ok=True)  # another process may have been as quick
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        raise BadInput(f"--out: cannot write to {folder} ({error.strerror})") from None
