"""What a board knows of a record beyond its numbers: the level it was granted, and whether it was removed and why.

BOARD/levels.json is written by `morlbench verify BOARD --write` alone and maps a record's path to its level and the hash it
was granted for; a record that changed since is `reported` again. BOARD/removals.jsonl only ever grows: a line per removed
record, which stays where it is and is shown as removed. Both files are small and read strictly. A maintainer adds a line by
`python -m morlbench.history RECORD "REASON"`.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from morlbench import console
from morlbench.board import FILE, LEVELS, RECORDS, REMOVALS
from morlbench.errors import BadInput, BadRecord, first_fault
from morlbench.store import write_bytes
from morlbench.verify.files import JSON_LIMIT, LEVELS_LIMIT, LIST_LIMIT, parse_json, read_bytes

Level = Literal["reported", "rescored", "reproduced"]
GRADES: tuple[Level, ...] = ("reported", "rescored", "reproduced")  # each holds what the one before it does
_Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Place = Annotated[str, Field(pattern=r"^records/[A-Za-z0-9_-]+/[A-Za-z0-9_][A-Za-z0-9._,=+~-]*/seed-\d{1,9}\.json$")]


@dataclass(frozen=True)
class Removal:
    """A record taken off the board: its place, its key, the day (YYYY-MM-DD) and the reason, one sentence."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    record: _Place
    key: _Hash
    date: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
    reason: Annotated[str, Field(min_length=10, max_length=500, pattern=r"^[^\x00-\x1f\x7f<>|]*$")]  # pages show it as it is


@dataclass(frozen=True)
class Grant:
    """A level, and the hash of the record's JSON file (which holds that of its answers) it was granted for."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    level: Level
    sha256: _Hash


def removals(board: Path) -> dict[str, Removal]:
    """Return the removals of a board's folder by the record's place below it; raise BadRecord naming the line that is none."""
    path = board / REMOVALS
    found: dict[str, Removal] = {}
    for number, line in enumerate((_read(path, LIST_LIMIT) or b"").splitlines(), 1):
        removal = removal_of(line, f"{path}, line {number}")
        if removal.record in found:
            raise BadRecord(f"{path}, line {number}: record {removal.record} was removed before")
        found[removal.record] = removal
    return found


def removal_of(line: bytes, where: str) -> Removal:
    """Read one line of a removals file; raise BadRecord naming the field that is wrong."""
    try:
        return TypeAdapter(Removal).validate_json(line)
    except ValidationError as error:
        raise BadRecord(f"{where}: {first_fault(error)}") from None


def remove(board: Path, removal: Removal) -> None:
    """Add a removal at the end of the board's list."""
    if removal.record in removals(board):
        raise BadRecord(f"{board / REMOVALS}: record {removal.record} was removed before")
    checked = TypeAdapter(Removal).validate_python(removal.__dict__)
    path = board / REMOVALS
    before = _read(path, LIST_LIMIT) or b""
    ended = b"" if before.endswith(b"\n") or not before else b"\n"  # an editor may have left the last line open
    write_bytes(path, before + ended + json.dumps(checked.__dict__, ensure_ascii=False).encode() + b"\n")


def take_off(record: Path, reason: str) -> Removal:
    """Add the removal of a record that lies on a board, dated today (UTC); raise BadInput or BadRecord in one sentence."""
    path = record.with_suffix(".json").resolve()
    board = next((folder for folder in path.parents if (folder / FILE).is_file()), None)
    if board is None:
        raise BadInput(f"{record} lies on no board: no folder above it holds a {FILE}")
    if board / RECORDS not in path.parents:
        raise BadInput(f"{record} is no record of a board: those lie below {board / RECORDS}")
    held = parse_json(read_bytes(path, JSON_LIMIT), path)  # its key alone: whatever else is wrong with it, it can be taken off
    key = held.get("key") if isinstance(held, dict) else None
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    try:
        removal = TypeAdapter(Removal).validate_python(
            {"record": path.relative_to(board).as_posix(), "key": key, "date": day, "reason": reason}
        )
    except ValidationError as error:
        raise BadInput(f"{record}: {first_fault(error)}") from None
    remove(board, removal)
    return removal


def grants(board: Path) -> dict[str, Grant]:
    """Return what levels.json of a board's folder grants, by the record's path below the folder; {} where there is none."""
    path = board / LEVELS
    if (raw := _read(path, LEVELS_LIMIT)) is None:
        return {}
    try:
        return TypeAdapter(dict[_Place, Grant]).validate_json(raw)
    except ValidationError as error:
        raise BadRecord(f"{path}: {first_fault(error)}") from None


def level_of(board: Path, record: Path, granted: Mapping[str, Grant]) -> Level:
    """Return the level of a record below the board's folder: what was granted for this very file, else 'reported'."""
    grant = granted.get(record.relative_to(board).as_posix())
    return grant.level if grant and grant.sha256 == digest(record) else "reported"


def write_grants(board: Path, granted: Mapping[str, Grant]) -> None:
    """Write a board's levels.json, sorted by path, a line each."""
    lines = [f"{json.dumps(place)}: {json.dumps(grant.__dict__)}" for place, grant in sorted(granted.items())]
    write_bytes(board / LEVELS, ("{\n" + ",\n".join(lines) + "\n}\n").encode())


def digest(record: Path) -> str:
    """Return the hash of a record's JSON file."""
    return hashlib.sha256(record.with_suffix(".json").read_bytes()).hexdigest()


def _read(path: Path, limit: int) -> bytes | None:
    """Return the bytes of a small plain file, None where there is none; raise BadRecord for a link, a device or a flood."""
    return read_bytes(path, limit) if path.exists() or path.is_symlink() else None


def main() -> None:
    """Take the record of the command line off its board, for the reason given."""
    parser = argparse.ArgumentParser(prog="python -m morlbench.history", description="Take a record off its board.")
    parser.add_argument("record", type=Path, help="e.g. leaderboards/exact/records/TASK/METHOD/seed-0.json")
    parser.add_argument("reason", help="one sentence, 10 to 500 characters")
    chosen = parser.parse_args()
    removal = take_off(chosen.record, chosen.reason)
    console.say(f"{removal.record} is taken off; `morlbench rank` shows it as removed")


if __name__ == "__main__":
    sys.exit(console.guarded(main))
