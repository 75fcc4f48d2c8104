"""Where records lie: every file under a path accounted for, a board's rules kept, its history only ever longer.

Under a board's records/ there are records, locks and failures and nothing else; a record lies at the place its own facts
give. What is generated (tables, pages, plots) is not opened. A file of a kind that can hold code (pickles and the like) is
refused wherever it lies.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from morlbench import board as boards
from morlbench import history
from morlbench.board import FILE, LEVELS, RECORD, RECORDS, REMOVALS, Board, Division
from morlbench.configure import configure, text_of
from morlbench.errors import BadInput, BadRecord
from morlbench.facts import method_facts
from morlbench.gather import parts
from morlbench.metric import Evidence
from morlbench.record import load as load_record
from morlbench.store import key_of
from morlbench.verify import Fault, Refused, Verdict
from morlbench.verify.checkout import Checkout
from morlbench.verify.files import (
    JSON_LIMIT,
    LEVELS_LIMIT,
    LIST_LIMIT,
    PARQUET_LIMIT,
    TOML_LIMIT,
    check_safetensors,
    parse_json,
    parse_toml,
    read_bytes,
    walk,
)

T = TypeVar("T")
BESIDE = re.compile(r"seed-\d{1,9}\.(parquet|failed\.json)|\.seed-\d{1,9}\.lock|front\.(png|svg)")
CODE = {
    ".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt", ".npy", ".npz", ".joblib", ".h5", ".msgpack", ".gguf", ".zip", ".tar", ".gz",
    ".tgz", ".bz2", ".xz", ".7z", ".so",
}  # fmt: skip


@dataclass
class Survey:
    """What lies under a path: records, boards by folder, and verdicts on files that are no records."""

    records: list[Path] = field(default_factory=list)
    boards: dict[Path, Board] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)

    def board_of(self, record: Path) -> Board | None:
        """Return the board whose records folder holds this record."""
        inside = record.resolve().parents
        return next((board for folder, board in self.boards.items() if (folder / RECORDS).resolve() in inside), None)


def survey(root: Path) -> Survey:
    """Look at every file under a path without trusting any; records themselves are not read yet."""
    found = Survey()
    try:
        found.boards |= _above(root)
        paths = [_record_named(path) if path == root else path for path in walk(root)]
    except Refused as refused:
        found.verdicts.append(Verdict(root, None, (refused.fault,)))
        return found
    for path in paths:
        try:
            _note(path, root, found)
        except Refused as refused:
            found.verdicts.append(Verdict(path, None, (refused.fault,)))
    for path in [path for path in found.records if found.board_of(path) is None and _inside(path, found.boards)]:
        found.records.remove(path)
        found.verdicts.append(Verdict(path, None, (Fault("name", f"{path}: a board's records lie below {RECORDS}/"),)))
    return found


def _above(root: Path) -> dict[Path, Board]:
    """Return the boards whose records hold this path: a part of a board is held to the board's rules."""
    whole = root.resolve()
    return {
        above: _board(above / FILE)
        for above in whole.parents
        if (above / RECORDS) in (whole, *whole.parents) and ((above / FILE).exists() or (above / FILE).is_symlink())
    }


def _inside(path: Path, folders: Iterable[Path]) -> bool:
    return any(folder.resolve() in path.resolve().parents for folder in folders)


def _record_named(path: Path) -> Path:
    """Return the .json path of a record given by its parquet; a file given alone is a record or nothing."""
    named = path.with_suffix(".json") if path.suffix == ".parquet" else path
    if path.suffix == ".parquet" and not RECORD.fullmatch(named.name):
        raise Refused("name", f"{path}: is no record's file; expected a file named seed-N.parquet")
    return named


def _note(path: Path, root: Path, found: Survey) -> None:
    if RECORD.fullmatch(path.name):
        found.records.append(path)
    elif path.suffix.lower() in CODE:
        raise Refused("file", f"{path}: a {path.suffix} file may hold code or what nobody can check; records are JSON and parquet")
    elif path.suffix == ".safetensors":
        check_safetensors(path)
    elif path.name == FILE:
        found.boards[path.parent] = _board(path)
    elif path.name == REMOVALS:
        _removals(path)
    elif path.name == LEVELS:
        parse_json(read_bytes(path, LEVELS_LIMIT), path)
        _history(lambda: history.grants(path.parent))
    elif path.name.endswith(".parquet") and not path.with_suffix(".json").is_file():
        raise Refused("file", f"{path}: its {path.stem}.json is missing")
    elif RECORDS in path.relative_to(root).parts or _inside(path, [folder / RECORDS for folder in found.boards]):
        if not BESIDE.fullmatch(path.name):
            raise Refused("file", f"{path}: is no record; expected files named seed-N.json and seed-N.parquet")
        read_bytes(path, PARQUET_LIMIT)


def _board(path: Path) -> Board:
    parse_toml(read_bytes(path, TOML_LIMIT), path)
    try:
        return boards.load(path.parent)
    except BadInput as fault:
        raise Refused("board", str(fault)) from None


def _removals(path: Path) -> None:
    raw = read_bytes(path, LIST_LIMIT)
    if raw and not raw.endswith(b"\n"):
        raise Refused("history", f"{path}: its last line has no end, so the next one would be glued to it; add a newline")
    for number, line in enumerate(raw.splitlines(), 1):
        parse_json(line, Path(f"{path}, line {number}"))
    found = _history(lambda: history.removals(path.parent))
    for removal in found.values():
        record = path.parent / removal.record
        if not record.is_file():
            raise Refused("history", f"{path}: {removal.record} is not there; a removed record stays where it was")
        head = parse_json(read_bytes(record, JSON_LIMIT), record)
        if not isinstance(head, dict) or head.get("key") != removal.key:
            raise Refused("history", f"{path}: the key given for {removal.record} is not that record's")


def _history(read: Callable[[], T]) -> T:
    try:
        return read()
    except BadRecord as fault:
        raise Refused("history", str(fault)) from None


def on_board(run: Evidence, path: Path, board: Board, checkout: Checkout) -> list[Fault]:
    """Check that a board takes this run, that it has no settings beside those listed, and that it lies where the board keeps it."""
    task = checkout.task(run.task.name)
    if refused := board.refuses(run):
        return [Fault("board", refused)]
    if odd := _unlisted(run, board.entry(run), checkout):
        return [Fault("board", f"its {odd} is not the default, and a board lists that as an entry of its own, {run.method.name}+{odd}")]
    if task is not None and run.task.preference != task.preference:
        return [Fault("board", f"its stated preference is {run.task.preference}; a board's is the task's own, {task.preference}")]
    wanted = board.path(run.task.name, board.entry(run), run.seed)
    if (path.parent.parent.resolve(), _named(path), path.name) == (wanted.parent.parent.resolve(), run.method.name, wanted.name):
        return []
    return [Fault("name", f"a record of this run belongs at {wanted.relative_to(board.folder)}")]


def _unlisted(run: Evidence, entry: str, checkout: Checkout) -> str:
    """Return a setting, as name=value, that is neither the board's entry's nor the default; '' for none, or where its class is not here."""
    mine, cls = run.method, checkout.method(run.method.name)
    if cls is None or mine.version != cls.version:
        return ""
    try:
        usual = configure(cls, entry.split("+")[1:])
    except BadInput:  # the board lists what the class does not take
        return ""
    odd = [name for name, value in mine.settings.items() if value != method_facts(usual).settings.get(name)]
    return f"{odd[0]}={text_of(mine.settings[odd[0]])}" if odd else ""


def _named(path: Path) -> str:
    """Return the method in a record's folder: what follows are settings and the budget, as `morlbench sweep` names folders."""
    return re.split(r"[+~]", path.parent.name)[0]


def kept(old: Path, new: Path) -> list[Verdict]:
    """Compare an older state of the same folder: no record gone or altered, lists of removals only longer, rules as they were."""
    verdicts: list[Verdict | None] = [_rules(path, new / path.relative_to(old)) for path in walk(old) if path.name == FILE]
    with suppress(Refused):  # what cannot be walked is refused by the survey
        verdicts += [
            Verdict(path, None, (Fault("history", f"{path} is new; levels are granted after a review, not by a submission"),))
            for path in walk(new)
            if path.name == LEVELS and not (old / path.relative_to(new)).exists()
        ]
        verdicts += [
            _taken_off(path, read_bytes(path, LIST_LIMIT).splitlines(), old, new)
            for path in walk(new)
            if path.name == REMOVALS and not (old / path.relative_to(new)).exists()
        ]
    kinds = (REMOVALS, LEVELS)
    for path in (path for path in walk(old) if RECORD.fullmatch(path.name) or path.suffix == ".parquet" or path.name in kinds):
        twin = new / path.relative_to(old)
        before = path.read_bytes()
        try:
            after = read_bytes(twin, len(before) + LIST_LIMIT) if twin.exists() or twin.is_symlink() else None
        except Refused as refused:
            verdicts.append(Verdict(twin, None, (refused.fault,)))
            continue
        if after is None:
            told = "is gone; what is on a board stays there, and a record is taken off by a line in removals.jsonl"
        elif path.name == REMOVALS:
            told = "" if after.startswith(before) else "was changed before its end; lines are only ever added"
            known = set(before.splitlines())  # lines, not bytes: the last of them may have been left open
            added = [line for line in after.splitlines() if line.strip() and line not in known]
            verdicts.append(None if told else _taken_off(twin, added, old, new))
        else:
            told = "" if after == before else "was altered; a record never changes, and levels are granted after a review"
        if told:
            verdicts.append(Verdict(twin, None, (Fault("history", f"{twin} {told}"),)))
    return [verdict for verdict in verdicts if verdict is not None]


def _taken_off(path: Path, lines: Sequence[bytes], old: Path, new: Path) -> Verdict | None:
    """Say which records the added lines take off a board; refuse those of others where the new state brings records of its own."""
    try:
        gone = [history.removal_of(line, str(path)) for line in lines]
        brought = [one for one in walk(new) if RECORD.fullmatch(one.name) and not (old / one.relative_to(new)).exists()]
    except BadRecord:  # refused by the survey
        return None
    mine = {_named(one) for one in brought}
    others = [one.record for one in gone if _named(Path(one.record)) not in mine]
    if mine and others:
        told = f"{path} takes off {others[0]}; a submission says nothing of other methods: file an issue with the evidence"
        return Verdict(path, None, (Fault("history", told),))
    notes = tuple(f"takes off {one.record}: {one.reason}" for one in gone)
    return Verdict(path, "reported", (), notes) if notes else None


def _rules(old: Path, new: Path) -> Verdict | None:
    """Refuse a board whose rules changed; a division may gain methods, with their controls and what is shown unranked."""
    try:
        before, after = _board(old), _board(new)
    except Refused as refused:
        return Verdict(new, None, (refused.fault,))
    odd = [
        name for name in ("title", "base", "budget", "seeds", "tasks", "profile", "cost") if getattr(before, name) != getattr(after, name)
    ]
    for one, other in zip(before.divisions, after.divisions, strict=False):
        if _closed(one) != _closed(other) or not set(one.methods) <= set(other.methods):
            odd.append(f"division {one.name!r}")
        if not (_only_new(one.methods, one.controls, other.controls) and _only_new(one.methods, one.unranked, other.unranked)):
            odd.append(f"controls or unranked methods of division {one.name!r}")
    odd += [f"the entry of {path.relative_to(before.folder)}" for path in _taken(before, after)[:1]]
    if len(before.divisions) != len(after.divisions):
        odd.append("the divisions")
    told = f"{new}: {', '.join(odd)} changed; a submission may only add methods to a division"
    return Verdict(new, None, (Fault("history", told),)) if odd else None


def _only_new(methods: Sequence[str], before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    """Say whether a table kept its entries, and gained some only for methods that the division did not have."""
    return before.items() <= after.items() and not (after.keys() - before.keys()) & set(methods)


def _taken(before: Board, after: Board) -> list[Path]:
    """Return the old board's records that an added entry, a more special one of their method, would take as its own."""
    names = {entry.name for entry in after.entries if entry not in before.entries}
    paths = [path for path in before.records.glob("*/*/seed-*.json") if RECORD.fullmatch(path.name) and _named(path) in names]
    runs = ((path, load_record(path, texts=False).evidence) for path in sorted(paths))
    return [path for path, run in runs if before.entry(run) and before.entry(run) != after.entry(run)]


def _closed(division: Division) -> Division:
    """Return the part of a division that a submission may not change."""
    return replace(division, methods=(), controls={}, unranked={})


def fresh(old: Path, new: Path, records: Sequence[Path]) -> list[Path]:
    """Return the records that an older state of the folder does not have, and all others of their methods, which they join."""
    joined = {_method(path) for path in records if not (old / path.relative_to(new)).exists()}
    return [path for path in records if _method(path) in joined]


def _method(record: Path) -> tuple[Path, frozenset[str]]:
    return record.resolve().parents[2], frozenset(parts(record.parent.name))


def misfits(runs: Mapping[Path, Evidence], board: Board) -> Iterator[tuple[Path, Fault]]:
    """Yield the records that cannot stand beside the earlier ones of their method: a cell taken, another version, other settings."""
    first: dict[str, tuple[Path, Evidence]] = {}
    cells: dict[tuple[str, str, int], Path] = {}
    for path, run in runs.items():
        entry = board.entry(run)
        before, other = first.setdefault(entry, (path, run))
        taken = cells.setdefault((entry, run.task.name, run.seed), path)
        if taken != path:
            yield path, Fault("board", f"{taken} is {entry} on {run.task.name}, seed {run.seed} already; a run has one record")
        elif run.method.version != other.method.version:
            yield path, Fault("board", f"it is of version {run.method.version} of {entry}, {before} of version {other.method.version}")
        elif key_of(settings=run.method.settings) != key_of(settings=other.method.settings):
            yield path, Fault("board", f"its settings are not those of {before}; a board names each variant")
