"""What only several records show: one key twice, answers copied to another seed, costs or evidence below those of the others.

Copied answers refuse the copy. A lower training cost refuses nothing, since a method may stop early, but it keeps the record
at `reported` until a repeated run shows it; so does evidence that the record lacks and others of its method have.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from morlbench.metric import Evidence
from morlbench.record import RunRecord
from morlbench.store import key_of
from morlbench.verify import Fault, Verdict
from morlbench.verify.given import kinds
from morlbench.verify.ledger import passes, steps, trained

Found = dict[Path, tuple[Verdict, RunRecord]]
WORK: dict[str, Callable[[Evidence], int]] = {"responses": trained, "steps": steps, "backward passes": passes}
ALIKE, DIVERSE = 0.95, 0.3  # the share of equal answers, of so many different ones, that no two seeds have by chance
SAME = 1e-6  # exact rewards of two trainings differ by more
DISTINCT = 4  # different answers, or one for so many prompts: equal ones of fewer say nothing, the policy may have collapsed


def together(found: Found) -> dict[Path, Verdict]:
    """Return the verdicts of records that were granted a level each, after comparing them; of two that clash the later is refused."""
    verdicts = {path: verdict for path, (verdict, _) in found.items()}

    def refuse(path: Path, fault: Fault) -> None:
        verdicts[path] = replace(verdicts[path], level=None, faults=(*verdicts[path].faults, fault))

    for first, other in _repeats(found, lambda run, record: record.key):
        refuse(other, Fault("key", f"field 'key' is that of {first}; a run has one record"))
    for first, other in _repeats(found, _base_answers, apart=lambda run: run.seed):
        refuse(other, Fault("seed", f"the base's answers are those of {first}, which has another seed"))
    for first, other in _repeats(found, _own_answers, apart=lambda run: run.seed):
        refuse(other, Fault("seed", f"its answers are those of {first}, which has another seed"))
    for first, other, what in _near_copies(
        {path: found[path][1].evidence for path, verdict in verdicts.items() if verdict.level is not None}
    ):
        refuse(other, Fault("seed", f"{what} those of {first}, which has another seed"))
    for path, note in (*_cheaper(found), *_leaner(found)):
        if verdicts[path].level is not None:
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
    for path, (_, record) in found.items():
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


def _near_copies(runs: dict[Path, Evidence]) -> Iterable[tuple[Path, Path, str]]:
    """Yield (first, other, what) where two seeds of a group have in common what no two seeds have by chance."""
    groups: dict[str, list[Path]] = defaultdict(list)
    for path, run in runs.items():
        earlier = groups[group_of(run)]
        pairs = ((first, _shared(runs[first], run)) for first in earlier if runs[first].seed != run.seed)
        if found := next(((first, what) for first, what in pairs if what), None):
            yield found[0], path, found[1]
        earlier.append(path)


def _shared(first: Evidence, other: Evidence) -> str:
    """Return what two seeds have in common that they should not: nearly all of many different answers, or exact rewards; '' for nothing.

    A method that trains nothing has the same exact rewards at every seed, as has one that serves the base.
    """
    mine, theirs = (tuple(text for probe in run.probes if probe.name != "base" for text in probe.responses) for run in (other, first))
    same = sum(map(str.__eq__, mine, theirs))
    if len(mine) == len(theirs) and same >= ALIKE * len(mine) and len(set(mine)) >= DIVERSE * len(mine):
        return f"{same:,} of its {len(mine):,} answers are"
    if first.exact is None or other.exact is None or not trained(other) or not other.exact.kl.any():
        return ""
    a, b = first.exact.rewards, other.exact.rewards
    return "its exact rewards are" if a.shape == b.shape and np.allclose(a, b, rtol=0, atol=SAME) else ""


def _cheaper(found: Found) -> Iterable[tuple[Path, str]]:
    """Yield records that say less work was done than all their other seeds do, which agree, and what that work is."""
    groups: dict[str, dict[Path, Evidence]] = defaultdict(dict)
    for path, (_, record) in found.items():
        groups[group_of(record.evidence)][path] = record.evidence
    for runs in (runs for runs in groups.values() if len(runs) > 2):
        for name, count in WORK.items():
            costs = {path: count(run) for path, run in runs.items()}
            for path, own in costs.items():
                others = {cost for other, cost in costs.items() if other != path}
                if len(others) == 1 and own < min(others):
                    told = f"it counts {own:,} {name} in training where every other seed counts {min(others):,}"
                    yield path, f"{told}; a repeated run (--rerun) can show it"
                    break


def _leaner(found: Found) -> Iterable[tuple[Path, str]]:
    """Yield records that lack a kind of evidence which another of the same method, settings and kind of task holds."""
    groups: dict[str, dict[Path, frozenset[str]]] = defaultdict(dict)
    for path, (_, record) in found.items():
        run = record.evidence
        same = key_of(method=[run.method.name, run.method.version, run.method.settings, run.method.track], base=run.base)
        groups[same][path] = kinds(run) if run.all("front") else frozenset()
    for held in groups.values():
        most = frozenset().union(*held.values())
        for path, own in held.items():
            if lacks := sorted(most - own):
                other = next(other for other, has in held.items() if lacks[0] in has)
                yield path, f"it lacks {' and '.join(lacks)}, which {other} has"
