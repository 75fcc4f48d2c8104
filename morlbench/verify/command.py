"""The body of `morlbench verify`: survey, verify each record, compare them, repeat a sample, print, and keep the levels.

Leaves out any check of its own: see the other files of this folder.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from morlbench import console, history
from morlbench.bench import Quiet
from morlbench.board import FILE, RECORDS
from morlbench.errors import BadInput, BadRecord
from morlbench.history import GRADES, Grant
from morlbench.launch import Maker, Training
from morlbench.record import RunRecord
from morlbench.verify import Fault, Verdict, place, rerun
from morlbench.verify.together import Found, group_of, together
from morlbench.verify.verifier import Verifier


@dataclass(frozen=True)
class Outcome:
    """Every verdict in the order of paths, and the records that were granted a level, with rewards scored again."""

    verdicts: tuple[Verdict, ...]
    records: dict[Path, RunRecord]

    @property
    def sound(self) -> bool:
        """Whether nothing is refused."""
        return all(verdict.level is not None for verdict in self.verdicts)


def examine(paths: Sequence[Path], *, against: Path | None = None, again: int = 0, maker: Maker | None = None) -> Outcome:
    """Verify every record under the paths; with `against`, only those that an older state of the one folder lacks.

    `again` seeds of every group, and those with doubts, are repeated and grant `reproduced`, or refuse what differs.
    """
    surveys = [place.survey(path) for path in paths]
    verdicts = {verdict.path: verdict for survey in surveys for verdict in survey.verdicts}
    if against is not None:
        if len(paths) != 1 or not paths[0].is_dir() or not against.is_dir():
            raise BadInput(f"--against {against} must be an older state of the one folder to verify")
        verdicts |= _against(against, paths[0], verdicts)
        surveys = [replace(surveys[0], records=place.fresh(against, paths[0], surveys[0].records))]
    with Verifier() as verifier, TemporaryDirectory() as empty:
        found = _found(surveys, verdicts, verifier)
        standing = _standing(surveys, found, paths[0], against)
        verdicts |= together(standing)
        verdicts |= _misfits(surveys, standing, verdicts)
        if again:  # with a store of their own: what this machine has trained before is trained again
            verdicts |= _repeated(verdicts, standing, again, verifier, maker or Training(Path(empty)))
    if not verdicts and against is None:
        raise BadInput(f"{', '.join(map(str, paths))}: holds no record (a file named seed-N.json)")
    kept = {path: record for path, (_, record) in found.items() if verdicts[path].level is not None}
    return Outcome(tuple(verdicts[path] for path in sorted(verdicts)), kept)


def _against(old: Path, new: Path, verdicts: dict[Path, Verdict]) -> dict[Path, Verdict]:
    """Return the verdicts of files beside an older state of their folder; what the survey refused stays refused."""
    changed: dict[Path, Verdict] = {}
    for verdict in place.kept(old, new):
        before = verdicts.get(verdict.path, verdict)
        faults = tuple(dict.fromkeys((*before.faults, *verdict.faults)))
        changed[verdict.path] = replace(verdict, level=None if faults else verdict.level, faults=faults)
    return changed


def _found(surveys: Sequence[place.Survey], verdicts: dict[Path, Verdict], verifier: Verifier) -> Found:
    """Verify every record by itself, add its verdict, and return those that were granted a level."""
    found: Found = {}
    for survey in surveys:
        for path in survey.records:
            verdict, record = _one(path, survey, verifier)
            verdicts.setdefault(path, verdict)
            if record is not None and verdicts[path].level is not None:
                found[path] = verdict, record
    return found


def _standing(surveys: Sequence[place.Survey], found: Found, new: Path, old: Path | None) -> Found:
    """Return the records that stand beside others, those that an older state has first: removed ones stand beside nobody."""
    removed: set[Path] = set()
    for folder in {folder.resolve() for survey in surveys for folder in survey.boards}:
        with suppress(BadRecord):  # refused by the survey
            removed |= {(folder / place).resolve() for place in history.removals(folder)}

    def order(path: Path) -> tuple[bool, Path]:
        return old is not None and not (old / path.relative_to(new)).exists(), path

    return {path: found[path] for path in sorted(found, key=order) if path.resolve() not in removed}


def _one(path: Path, survey: place.Survey, verifier: Verifier) -> tuple[Verdict, RunRecord | None]:
    """Verify one record; what nobody thought of refuses it, and keeps no other from being verified unless it is this machine's affair."""
    try:
        verdict, record = verifier.verify(path)
        board = survey.board_of(path)
        if record is None or board is None:
            return verdict, record
        faults = place.on_board(record.evidence, path, board, verifier.checkout)
    except (MemoryError, OSError):
        raise
    except Exception as error:
        told = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
        return Verdict(path, None, (Fault("internal", f"verify itself failed on it, please report that ({told})"),)), None
    return (replace(verdict, level=None, faults=(*verdict.faults, *faults)), None) if faults else (verdict, record)


def _misfits(surveys: Sequence[place.Survey], standing: Found, verdicts: dict[Path, Verdict]) -> dict[Path, Verdict]:
    """Refuse what cannot stand on a board beside the records of its method that come first."""
    changed: dict[Path, Verdict] = {}
    boards = {folder.resolve(): board for survey in surveys for folder, board in survey.boards.items()}
    sound = {path: record.evidence for path, (_, record) in standing.items() if verdicts[path].level is not None}
    for folder, board in boards.items():
        mine = {path: run for path, run in sound.items() if folder / RECORDS in path.resolve().parents}
        for path, fault in place.misfits(mine, board):
            changed[path] = replace(verdicts[path], level=None, faults=(*verdicts[path].faults, fault))
    return changed


def _repeated(verdicts: dict[Path, Verdict], found: Found, count: int, verifier: Verifier, maker: Maker) -> dict[Path, Verdict]:
    """Repeat `count` seeds of every group and those that a doubt keeps low.

    If each of them agrees, what is repeated or was free of doubts is reproduced: a repeat takes no doubt from another record.
    """
    groups: dict[str, dict[Path, RunRecord]] = defaultdict(dict)
    for path, (_, record) in found.items():
        if verdicts[path].level is not None:
            groups[group_of(record.evidence)][path] = record
    changed: dict[Path, Verdict] = {}
    for group in groups.values():
        doubtful = [path for path in group if verdicts[path].level == "reported"]
        chosen = rerun.sample(group, count, verifier.checkout.nonce, doubtful)
        repeats = {path: rerun.repeat(path, group[path], verifier.checkout, maker, Quiet()) for path in chosen}
        doubts = tuple(dict.fromkeys(doubt for found in repeats.values() for doubt in found.doubts))
        for path in group:
            verdict = verdicts[path]
            if path in repeats and repeats[path].faults:
                changed[path] = replace(verdict, level=None, faults=(*verdict.faults, *repeats[path].faults))
            elif not any(found.faults for found in repeats.values()):
                seeds = ", ".join(str(group[one].evidence.seed) for one in chosen)
                notes = (*verdict.notes, f"seeds drawn to be repeated: {seeds}", *doubts)
                lifted = not doubts and (path in repeats or path not in doubtful)
                changed[path] = replace(verdict, level="reproduced" if lifted else verdict.level, notes=notes)
    return changed


def run(paths: Sequence[Path], *, against: Path | None, again: int, write: bool, as_json: bool) -> bool:
    """Verify, print a line per file and what the metrics are on own rewards, and say whether nothing is refused."""
    if write:
        paths = [wider for path in paths for wider in widened(path)]
    with console.quiet_libraries():
        outcome = examine(paths, against=against, again=again)
        metrics = recomputed(list(outcome.records.values())) if outcome.records else []
    if write:
        keep(outcome, paths)
    if as_json:
        console.show_json({"verdicts": [_row(verdict) for verdict in outcome.verdicts], "scores": metrics})
        return outcome.sound
    for verdict in outcome.verdicts:
        told = f": {verdict.reason.removeprefix(f'{verdict.path}: ')}" if verdict.reason else ""
        console.say(console.printable(f"{verdict.level or 'REFUSED':<10}  {verdict.path}{told}"))
    console.say(summary(outcome, len(metrics)))
    return outcome.sound


def recomputed(records: Sequence[RunRecord]) -> list[dict[str, object]]:
    """Return every metric of every record computed from this checkout's own rewards, as rows with finite values or a reason."""
    from morlbench.score import score

    frame = score(records)
    names = ("task", "method", "base", "budget", "seed", "metric", "value", "reason")
    rows = [{name: row[name] for name in names} for row in frame.to_dict("records")]
    return [row | {"value": None if not np.isfinite(row["value"]) else float(row["value"])} for row in rows]


def keep(outcome: Outcome, paths: Iterable[Path]) -> None:
    """Write the levels of records into the levels.json of their board; `reproduced` stays for the same file, which was not repeated now.

    A path is a board's folder or lies in its records (`widened`): then levels of the others stay as they are.
    """
    for path in paths:
        folder = board_of(path)
        granted = {place: grant for place, grant in history.grants(folder).items() if (folder / place).is_file()}
        for verdict in outcome.verdicts:
            record = verdict.path.resolve()
            if record.suffix != ".json" or folder / RECORDS not in record.parents:
                continue
            name = record.relative_to(folder).as_posix()
            if verdict.level is None:
                granted.pop(name, None)
                continue
            grant, before = Grant(verdict.level, history.digest(record)), granted.get(name)
            repeated = before and before.sha256 == grant.sha256 and (before.level, grant.level) == (GRADES[2], GRADES[1])
            granted[name] = before if before and repeated else grant
        history.write_grants(folder, granted)


def widened(path: Path) -> list[Path]:
    """Return a board's folder itself, or every record on the board of the methods that a part of it holds: some checks compare those."""
    folder = board_of(path)
    if path.resolve() == folder:
        return [path]
    methods = {record.parent.name for record in place.survey(path).records}
    return sorted(found for found in (folder / RECORDS).glob("*/*") if found.name in methods) or [path]


def board_of(path: Path) -> Path:
    """Return the folder of the board that a path is or lies in; raise BadInput where there is none."""
    whole = path.resolve()
    for above in (whole, *whole.parents):
        if (above / FILE).is_file():
            return above
    raise BadInput(f"--write keeps the levels of a board; {path} holds no {FILE} and lies in no folder that does")


def summary(outcome: Outcome, metrics: int) -> str:
    """Return how many files have which level, in one line."""
    counts: Counter[str] = Counter(verdict.level or "refused" for verdict in outcome.verdicts)
    told = ", ".join(f"{counts[name]} {name}" for name in ("refused", *GRADES) if counts[name])
    return f"{told or 'nothing new'}; {metrics:,} metric values computed from rewards scored here"


def _row(verdict: Verdict) -> dict[str, object]:
    faults = [{"code": fault.code, "sentence": fault.sentence} for fault in verdict.faults]
    return {"path": str(verdict.path), "level": verdict.level, "key": verdict.key, "faults": faults, "notes": list(verdict.notes)}
