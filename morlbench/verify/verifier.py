"""Verify one record from its files to its level; what is costly (bases, scores, true fronts) is kept for the next."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from morlbench.history import Level
from morlbench.record import RunRecord
from morlbench.verify import Fault, Refused, Verdict, identity
from morlbench.verify.checkout import Checkout
from morlbench.verify.ledger import ledger
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
        if task.fetches:
            note = f"task {run.task.name} needs models or data from elsewhere; nothing is fetched for a record, so nothing was scored again"
            return Verdict(path, "reported", notes=(note,), key=found.key), found
        faults = identity.same_task(run, task)
        more, notes = identity.same_method(run, self.checkout)
        faults += more
        if not faults:
            faults = identity.complete(run, task)
        if faults:
            return Verdict(path, None, tuple(faults), tuple(notes), found.key), found
        base = self.checkout.base(run.base)
        rescored = rescore(run, task, self.checkout)
        faults = rescored.faults + kl_and_weights(run, task) + ledger(run, task, base, self.checkout)
        if base is not None:
            faults += base_answers(run, task, base, self.checkout) + self._possible.exact(run, task, base)
        elif task.base == "exact":
            faults.append(Fault("base", f"field 'base' is {run.base[:60]!r}; {task.name} takes this checkout's base 'exact'"))
        else:
            notes.append(f"base {run.base[:60]} is not bundled with these weights, so its answers were not repeated")
        level: Level = "reported" if base is None else "rescored"  # every metric leans on the base's answers
        verdict = Verdict(path, None if faults else level, tuple(faults), tuple(notes), found.key)
        return verdict, replace(found, evidence=rescored.run)
