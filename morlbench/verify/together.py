"""What only several records show: one key twice, answers copied to another seed, costs below those of the other seeds.

Copied answers refuse the copy. A lower training cost refuses nothing, since a method may stop early, but it keeps the record
at `reported` until a repeated run shows it.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from pathlib import Path

from morlbench.metric import Evidence
from morlbench.record import RunRecord
from morlbench.store import key_of
from morlbench.verify import Fault, Verdict
from morlbench.verify.ledger import trained

Found = dict[Path, tuple[Verdict, RunRecord]]
DISTINCT = 4  # different answers, or one for so many prompts: equal ones of fewer say nothing, the policy may have collapsed


def together(found: Found) -> dict[Path, Verdict]:
    """Return the verdicts of records that were granted a level each, after comparing them."""
    verdicts = {path: verdict for path, (verdict, _) in found.items()}

    def refuse(path: Path, fault: Fault) -> None:
        verdicts[path] = replace(verdicts[path], level=None, faults=(*verdicts[path].faults, fault))

    for first, other in _repeats(found, lambda run, record: record.key):
        refuse(other, Fault("key", f"field 'key' is that of {first}; a run has one record"))
    for first, other in _repeats(found, _base_answers, apart=lambda run: run.seed):
        refuse(other, Fault("seed", f"the base's answers are those of {first}, which has another seed"))
    for first, other in _repeats(found, _own_answers, apart=lambda run: run.seed):
        refuse(other, Fault("seed", f"its answers are those of {first}, which has another seed"))
    for path, usual, own in _cheaper(found):
        if verdicts[path].level is None:
            continue
        note = f"it scored {own:,} responses in training where every other seed scored {usual:,}; a repeated run (--rerun) can show it"
        verdicts[path] = replace(verdicts[path], level="reported", notes=(*verdicts[path].notes, note))
    return verdicts


def group_of(run: Evidence) -> str:
    """Return what a run shares with its other seeds."""
    return key_of(
        method=[run.method.name, run.method.version, run.method.settings],
        task=[run.task.name, run.task.version, run.task.preference, run.task.sources], base=run.base, budget=run.budget,
    )  # fmt: skip


def _repeats(
    found: Found, of: Callable[[Evidence, RunRecord], Hashable], apart: Callable[[Evidence], object] | None = None
) -> Iterable[tuple[Path, Path]]:
    """Yield (first, other) where two records agree in `of` (None: not compared) and, if given, differ in `apart`."""
    seen: dict[Hashable, tuple[Path, object]] = {}
    for path, (_, record) in sorted(found.items()):
        value = of(record.evidence, record)
        if value is None:
            continue
        mark = apart(record.evidence) if apart else path
        first, other = seen.setdefault(value, (path, mark))
        if other != mark:
            yield first, path


def _base_answers(run: Evidence, record: RunRecord) -> Hashable:
    base = run.all("base")
    return _hash(base[0].responses, f"{run.task.name}@{run.base}", len(base[0].prompts)) if base else None


def _own_answers(run: Evidence, record: RunRecord) -> Hashable:
    answers = tuple(text for probe in run.all("front") for text in probe.responses)
    return _hash(answers, group_of(run), sum(len(probe.prompts) for probe in run.all("front")))


def _hash(answers: tuple[str, ...], place: str, prompts: int) -> str | None:
    """Return a hash of the answers, None where they are too much alike to show a copy."""
    if len(set(answers)) < max(DISTINCT, prompts / DISTINCT):
        return None
    return hashlib.sha256("\x1f".join((place, *answers)).encode()).hexdigest()


def _cheaper(found: Found) -> Iterable[tuple[Path, int, int]]:
    """Yield records that trained on fewer responses than all their other seeds, which agree: (path, theirs, own)."""
    groups: dict[str, dict[Path, int]] = defaultdict(dict)
    for path, (_, record) in found.items():
        groups[group_of(record.evidence)][path] = trained(record.evidence)
    for costs in groups.values():
        for path, own in costs.items():
            others = {cost for other, cost in costs.items() if other != path}
            if len(costs) > 2 and len(others) == 1 and own < min(others):
                yield path, min(others), own
