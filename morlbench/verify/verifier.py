"""Verify one record from its files to its level; what is costly (bases, scores, true fronts) is kept for the next."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from morlbench.history import Level
from morlbench.metric import Evidence
from morlbench.record import RunRecord
from morlbench.task import Task
from morlbench.verify import Fault, Findings, Refused, Verdict, identity
from morlbench.verify.checkout import Checkout
from morlbench.verify.given import given
from morlbench.verify.least import least_kl
from morlbench.verify.ledger import ledger, remarks
from morlbench.verify.likelihood import likelihoods
from morlbench.verify.numbers import Possible, kl_and_weights
from morlbench.verify.opening import open_record
from morlbench.verify.quarantine import Quarantine
from morlbench.verify.rescore import base_answers, rescore


class Verifier:
    """Verifies records; use as a context, since a child process reads their parquet."""

    def __init__(self) -> None:
        self.checkout, self._possible, self._quarantine = Checkout(), Possible(), Quarantine()
        self._folder = TemporaryDirectory()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._quarantine.close()
        self._folder.cleanup()

    def verify(self, path: Path) -> tuple[Verdict, RunRecord | None]:
        """Return what is found of the record at that .json path and, if it is granted a level, the record.

        At `rescored` the record's rewards are this checkout's own, not the stored ones.
        """
        try:
            found = open_record(path, self._quarantine, Path(self._folder.name))
        except Refused as refused:
            return Verdict(path, None, (refused.fault,)), None
        verdict, record = self._judge(found, path)
        return verdict, None if verdict.level is None else record

    def _judge(self, found: RunRecord, path: Path) -> tuple[Verdict, RunRecord]:
        run = found.evidence
        faults = identity.names(run, path)
        if faults:
            return Verdict(path, None, tuple(faults), key=found.key), found
        task = self.checkout.task(run.task.name)
        if task is None:
            note = f"task {run.task.name} is not in this checkout, so nothing was scored again"
            return Verdict(path, "reported", notes=(note,), key=found.key), found
        faults = identity.same_task(run, task)
        method = identity.same_method(run, self.checkout)
        faults += method.faults
        if not faults:
            faults = self._unfetched(run, task) if task.fetches else identity.same_base(run, task) + identity.complete(run, task)
        if faults:
            return Verdict(path, None, tuple(faults), (*method.doubts, *method.notes), found.key), found
        if task.fetches:
            note = f"task {run.task.name} needs models or data from elsewhere; nothing is fetched for a record, so nothing was scored again"
            return Verdict(path, "reported", notes=(note, *method.doubts, *method.notes), key=found.key), found
        numbers, evidence = self._numbers(run, task)
        doubts, notes = method.doubts + numbers.doubts, method.notes + numbers.notes
        level: Level = "reported" if doubts else "rescored"
        verdict = Verdict(path, None if numbers.faults else level, tuple(numbers.faults), (*doubts, *notes), found.key)
        return verdict, replace(found, evidence=evidence)

    def _unfetched(self, run: Evidence, task: Task) -> list[Fault]:
        """Check of a task that fetches what needs neither its prompts nor its scorers."""
        if lacks := [name for name in ("base", "front") if not run.all(name)]:
            return [Fault("complete", f"the record lacks {', '.join(lacks)}")]
        own = given(run, task, self.checkout).faults + kl_and_weights(run, task) + ledger(run, task, None, self.checkout)
        return own or least_kl(run)

    def _numbers(self, run: Evidence, task: Task) -> tuple[Findings, Evidence]:
        """Check what the policy, the scorers and the ledger gave; return the evidence with this checkout's rewards."""
        base, checkout = self.checkout.base(run.base), self.checkout
        rescored = rescore(run, task, checkout)
        found = given(run, task, checkout)
        found.faults += rescored.faults + kl_and_weights(run, task) + ledger(run, task, base, checkout)
        found.notes += remarks(run, checkout)
        if base is None and task.base == "exact":
            found.faults.append(Fault("base", f"field 'base' is {run.base[:60]!r}; {task.name} takes this checkout's base 'exact'"))
        elif base is None:  # every metric leans on the base's answers
            found.doubts.append(f"base {run.base[:60]} is not bundled with these weights, so its answers were not repeated")
        else:
            repeated = base_answers(rescored.run, task, base, checkout)
            found.doubts += repeated.doubts
            found.faults += repeated.faults
            found.faults += [] if found.faults else self._possible.exact(run, task, base)
        if not found.faults:
            found.faults += least_kl(rescored.run) + likelihoods(run, task, base, checkout)
        return found, rescored.run
