"""Open one record that a stranger wrote: both files bounded and strict, then read as any record, then compared with itself.

A record must be what `morlbench` writes of it: every field of the JSON and every row of the parquet is compared with the
loaded record written again, so what loading forgives (a text for a number, rows that no probe claims, a second column) is
refused here. Leaves out whether the numbers are true.
"""

import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from morlbench import record, table
from morlbench.errors import BadRecord
from morlbench.record import RunRecord
from morlbench.verify import Code, Refused
from morlbench.verify.files import JSON_LIMIT, PARQUET_LIMIT, parse_json, read_bytes
from morlbench.verify.quarantine import Quarantine

ROWS = 200_000  # answers in one record
PREFERENCES = 1_000  # of one probe; no lattice has a hundred, and a metric may take the square of their number in time
OBJECTIVES = 64


def open_record(path: Path, quarantine: Quarantine, folder: Path) -> RunRecord:
    """Return the record at that .json path, or raise Refused with the first thing that is wrong with its files.

    `folder` gets a copy of the very bytes that were checked, which are then loaded.
    """
    raw, answers = read_bytes(path, JSON_LIMIT), read_bytes(path.with_suffix(".parquet"), PARQUET_LIMIT)
    head = parse_json(raw, path)
    rows, objectives, digest = _claims(head, path)
    if hashlib.sha256(answers).hexdigest() != digest:
        raise Refused("hash", f"{path.with_suffix('.parquet')}: its hash is not the one in {path.name}; one of the two was edited")
    quarantine.check(answers, rows, objectives, str(path.with_suffix(".parquet")))
    given = pq.read_table(pa.BufferReader(answers), use_threads=False)
    _filled(given, path.with_suffix(".parquet"))
    copy = folder / "copy.json"
    copy.write_bytes(raw)
    copy.with_suffix(".parquet").write_bytes(answers)
    found = _load(copy, path)
    try:
        _same_rows(given, table.rows(found.evidence.probes), path.with_suffix(".parquet"))
        head_again = json.loads(record.text(found, digest))
        head = _inflated(head, len(found.evidence.task.objectives))
        head_again = _inflated(head_again, len(found.evidence.task.objectives))
    except (ValueError, TypeError, OverflowError, pa.ArrowException) as error:
        raise Refused("schema", f"{path}: {_unfit(error)}") from None
    if odd := _differs(head, head_again):
        raise Refused("schema", f"{path}: field {odd[:80]!r} is not as morlbench writes it")
    return found


def _claims(head: object, path: Path) -> tuple[int, int, str]:
    """Return how many rows, for how many objectives, and which hash the JSON file demands of the parquet."""
    match head:
        case {"schema": record.SCHEMA, "task": {"objectives": list(names)}, "probes": list(probes), "answers_sha256": str(digest)}:
            if not 2 <= len(names) <= OBJECTIVES:
                raise Refused("schema", f"{path}: field 'task.objectives' holds {len(names)} names; expected 2 to {OBJECTIVES}")
            rows = sum(_rows(probe, path) for probe in probes)
            if not 0 < rows <= ROWS:
                raise Refused("size", f"{path}: its probes ask for {rows:,} answers; expected 1 to {ROWS:,}")
            return rows, len(names), digest
        case {"schema": other} if other != record.SCHEMA:
            raise Refused("schema", f"{path}: field 'schema' is {str(other)[:20]!r}; this version of morlbench reads {record.SCHEMA}")
    raise Refused("schema", f"{path}: holds no schema, task, probes and hash of the answers as a record does")


def _rows(probe: object, path: Path) -> int:
    match probe:
        case {"preferences": list(preferences), "prompts": list(prompts), "draws": int(draws)} if 0 < draws <= ROWS:
            if len(preferences) > PREFERENCES:
                raise Refused("size", f"{path}: a probe has {len(preferences):,} preferences; expected at most {PREFERENCES:,}")
            return len(preferences) * len(prompts) * draws
    raise Refused("schema", f"{path}: field 'probes' holds something that is no probe")


def _load(copy: Path, path: Path) -> RunRecord:
    try:
        return record.load(copy)
    except BadRecord as fault:
        told = str(fault).replace(str(copy.with_suffix("")), str(path.with_suffix("")))
        code: Code = "key" if "field 'key'" in told else "parquet" if ".parquet:" in told else "schema"
        raise Refused(code, told) from None
    except (ValueError, TypeError, KeyError, OverflowError, MemoryError, pa.ArrowException) as error:
        raise Refused("schema", f"{path}: {_unfit(error)}") from None


def _unfit(error: Exception) -> str:
    return f"its parts do not fit together ({' '.join(str(error).split())[:120]})"


def _filled(given: pa.Table, path: Path) -> None:
    """Refuse a missing value where every answer has one."""
    for name in given.schema.names:
        if given[name].null_count and not name.startswith(("w_", "g_", "kl", "nll")):
            raise Refused("parquet", f"{path}: column {name!r} lacks a value")


def _same_rows(given: pa.Table, wanted: pa.Table, path: Path) -> None:
    """Refuse rows that are not, column by column and type by type, those of the probes in their order."""
    for field in wanted.schema:
        own = given.schema.field(field.name)
        if own.type != field.type:
            raise Refused("parquet", f"{path}: column {field.name!r} is of type {own.type}; expected {field.type}")
        left, right = (rows[field.name].combine_chunks() for rows in (given, wanted))
        if pa.types.is_dictionary(field.type):
            left, right = left.cast(pa.string()), right.cast(pa.string())
        if not left.equals(right):
            raise Refused("parquet", f"{path}: column {field.name!r} is not what its probes demand (order, place or a missing value)")


def _inflated(head: object, k: int) -> object:
    """Return the head with its packed front as points: one compressor's bytes are not another's."""
    match head:
        case {"exact": {"front": str(packed), **others}, **rest}:
            return rest | {"exact": others | {"front": record.unpack(packed, k).tolist()}}
    return head


def _differs(given: object, again: object, place: str = "") -> str:
    """Return the first field that is not equal, type and all, in the record written again; fields it adds are newer than the file."""
    if isinstance(given, dict) and isinstance(again, dict):
        if not place and (lost := [str(name) for name in given if name not in again]):
            return lost[0]
        return next((odd for name in given if (odd := _differs(given[name], again.get(name), f"{place}.{name}"))), "")
    if isinstance(given, list) and isinstance(again, list) and len(given) == len(again):
        pairs = enumerate(zip(given, again, strict=True))
        return next((odd for i, (one, other) in pairs if (odd := _differs(one, other, f"{place}.{i}"))), "")
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in (given, again))
    return "" if given == again and (numbers or type(given) is type(again)) else place.removeprefix(".")
