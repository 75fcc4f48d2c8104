"""A run's raw evidence on disk: one small JSON of facts and one parquet of every answer.

A record scores alone: the task facts needed are copied in (but for a reference front that came later, see `reference.with_front`).
Its key holds what decides the result; commit, platform and package versions are provenance; all else that may differ between
equal runs sits under `costs`. Loading never runs code.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError

from morlbench import table
from morlbench.errors import BadInput, BadRecord, first_fault
from morlbench.metric import Costs, Evidence, MethodFacts, Probe, TaskFacts
from morlbench.preference import Array, Utility
from morlbench.store import atomic, key_of, write_bytes
from morlbench.task import Exact

SCHEMA = 1
PROTOCOL = 2  # part of every key; raise it when training or asking changes what equal keys give
MILLION = 1_000_000
INFLATED = 16 * 1024**2  # bytes of a front once unpacked; the largest known has 400 kB


@dataclass(frozen=True)
class ProbeFacts:
    """A probe's part of the JSON; its rows are in the parquet."""

    name: str
    preferences: tuple[tuple[float, ...], ...]
    utility: Utility
    prompts: tuple[int, ...]
    draws: int
    user: int = -1
    step: int = -1


@dataclass(frozen=True)
class ExactFacts:
    """Exact values as nested lists, the front packed; the fields are those of `task.Exact`."""

    preferences: list[list[float]]
    returns: list[list[float]]
    rewards: list[list[float]]
    kl: list[float]
    value: list[float]
    optimum: list[float]
    base: list[float]
    front: str  # packed: thousands of points would not fit


@dataclass(frozen=True)
class Provenance:
    """Where and with what a run was made; never part of the key."""

    commit: str
    dirty: bool
    platform: str
    packages: dict[str, str]


@dataclass(frozen=True)
class _File:
    """The JSON file, field for field; nested dataclasses inherit the configuration."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", allow_inf_nan=False)

    schema: int
    key: str
    task: TaskFacts
    method: MethodFacts
    base: str
    budget: int
    seed: int
    probes: tuple[ProbeFacts, ...]
    exact: ExactFacts | None
    answers_sha256: str
    provenance: Provenance
    costs: Costs


@dataclass(frozen=True, eq=False)
class RunRecord:
    """One run: evidence, its key and where it came from."""

    evidence: Evidence
    provenance: Provenance

    @cached_property
    def key(self) -> str:
        """Hash of method, task, base, budget and seed: two runs with one key must agree, costs aside."""
        e = self.evidence
        return key_of(
            method=[e.method.name, e.method.version, e.method.settings],
            task=[e.task.name, e.task.version, e.task.preference, *([e.task.sources] if e.task.sources else [])],
            base=e.base, budget=e.budget, seed=e.seed, protocol=PROTOCOL,
        )  # fmt: skip

    def save(self, path: Path) -> None:
        """Write PATH.json and PATH.parquet, the parquet first: a JSON file means a whole record."""
        parquet = path.with_suffix(".parquet")
        with atomic(parquet) as temporary:
            table.write(self.evidence.probes, temporary)
            digest = hashlib.sha256(temporary.read_bytes()).hexdigest()
        write_bytes(path.with_suffix(".json"), text(self, digest))


def load(path: Path, *, texts: bool = True) -> RunRecord:
    """Read a record from its .json (or .parquet) path, or raise BadRecord naming the file and what is wrong.

    Without `texts` its probes hold no answers, only what was measured of them.
    """
    path = path.with_suffix(".json")
    try:
        file = _adapter().validate_json(raw := path.read_bytes())
    except OSError as error:
        raise BadRecord(f"{path}: cannot be read ({error.strerror})") from None
    except ValidationError as error:
        raise BadRecord(f"{path}: {_fault(raw, error)}") from None
    except BadInput as error:  # a utility that cannot be
        raise BadRecord(f"{path}: {error}") from None
    if file.schema != SCHEMA:
        raise BadRecord(f"{path}: {_other_schema(file.schema)}")
    try:
        record = RunRecord(_evidence(file, path, texts), file.provenance)
        edited = record.key != file.key
    except (ValueError, OverflowError) as error:
        raise BadRecord(f"{path}: its parts do not fit together ({' '.join(str(error).split())[:120]})") from None
    if edited:
        raise BadRecord(f"{path}: field 'key' does not match the record's method, task, base, budget and seed; it was edited")
    return record


def _fault(raw: bytes, error: ValidationError) -> str:
    """Return what is wrong with a record's JSON: its syntax, its schema, or the first field that does not fit."""
    try:
        head = json.loads(raw)
    except (ValueError, RecursionError) as reason:
        return f"not valid JSON ({reason})"
    schema = head.get("schema") if isinstance(head, dict) else None
    if schema != SCHEMA:
        return _other_schema(schema)
    return first_fault(error)


def _other_schema(schema: object) -> str:
    return f"field 'schema' is {schema!r}; this version of morlbench reads schema {SCHEMA}"


def find(paths: list[Path]) -> list[Path]:
    """Return the .json path of every record among files and folders, sorted; raise BadRecord if there is none."""
    found: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise BadRecord(f"{path}: no such file or folder")
        if path.is_file() and path.suffix not in (".json", ".parquet"):
            raise BadRecord(f"{path}: is no record; expected a file named seed-N.json or a folder that holds some")
        found |= {file for file in path.rglob("seed-*.json") if "." not in file.stem} if path.is_dir() else {path.with_suffix(".json")}
    if not found:
        raise BadRecord(f"{', '.join(map(str, paths))}: holds no record (a file named seed-N.json)")
    return sorted(found)


def without_costs(path: Path) -> str:
    """Return the record's JSON text without `costs` and provenance: equal runs agree on it and on the parquet bytes."""
    head = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return json.dumps({k: v for k, v in head.items() if k not in ("costs", "provenance")}, sort_keys=True)


def text(record: RunRecord, digest: str) -> bytes:
    """Return the JSON file of a record whose parquet has that sha256."""
    e = record.evidence
    probes = tuple(
        ProbeFacts(p.name, _rows(p.preferences), p.utility, tuple(p.prompts.tolist()), p.rewards.shape[2], p.user, p.step) for p in e.probes
    )
    exact = None if e.exact is None else _exact_facts(e.exact)
    file = _File(
        SCHEMA, record.key, e.task, e.method, e.base, e.budget, e.seed, probes, exact, digest, record.provenance, e.costs
    )  # fmt: skip
    fields = json.loads(_adapter().dump_json(file))
    for name in ("front_kl", "sources"):
        if not fields["task"][name]:
            del fields["task"][name]  # so that a run without leaves the bytes it left before there were any
    lines = [f"{json.dumps(name)}: {json.dumps(value, separators=(',', ':'), ensure_ascii=False)}" for name, value in fields.items()]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


@cache
def _adapter() -> TypeAdapter[_File]:
    return TypeAdapter(_File)


def _evidence(file: _File, path: Path, texts: bool) -> Evidence:
    parquet = path.with_suffix(".parquet")
    try:
        raw = parquet.read_bytes()
    except OSError as error:
        raise BadRecord(f"{parquet}: cannot be read ({error.strerror})") from None
    if hashlib.sha256(raw).hexdigest() != file.answers_sha256:
        raise BadRecord(f"{parquet}: its hash is not the one in {path.name}; it is truncated or was edited")
    shells = [
        Probe(
            name=facts.name, preferences=np.array(facts.preferences, dtype=float), rewards=np.zeros((0, 0, facts.draws, 0)),
            prompts=np.array(facts.prompts, dtype=np.int64), responses=(), utility=facts.utility, user=facts.user, step=facts.step,
        )
        for facts in file.probes
    ]  # fmt: skip
    k = len(file.task.objectives)
    _check_widths(file, shells, k, path)
    probes = table.read(parquet, raw, shells, k, texts=texts)
    exact = None if file.exact is None else _exact(file.exact, k, path)
    return Evidence(
        file.task, file.method, file.base, file.budget, file.seed, tuple(probes), file.costs, exact
    )  # fmt: skip


def _check_widths(file: _File, shells: Sequence[Probe], k: int, path: Path) -> None:
    """Raise BadRecord where something that has one number per objective has more or fewer."""
    facts = file.task
    wide: list[tuple[str, Sequence[Sequence[float]]]] = [
        ("task.preference", [facts.preference]),
        ("task.reference_point", [facts.reference_point]),
        ("task.front", facts.front),
        *((f"task.utilities {u.name!r}", [u.thresholds]) for u in facts.utilities if u.thresholds),
        *((f"preferences of probe {probe.name!r}", probe.preferences.tolist()) for probe in shells),
        *((f"thresholds of probe {probe.name!r}", [probe.utility.thresholds]) for probe in shells if probe.utility.thresholds),
    ]
    if file.exact is not None:
        wide += [(f"exact.{name}", getattr(file.exact, name)) for name in ("preferences", "returns", "rewards")]
    for name, rows in wide:
        for row in rows:
            if len(row) != k:
                raise BadRecord(f"{path}: field {name!r} has {len(row)} numbers in a row; the task has {k} objectives")


def _exact_facts(exact: Exact) -> ExactFacts:
    lists = {name: getattr(exact, name).tolist() for name in Exact.__dataclass_fields__ if name != "front"}
    return ExactFacts(**lists, front=pack(exact.front))


def _exact(facts: ExactFacts, k: int, path: Path) -> Exact:
    arrays = {name: np.array(getattr(facts, name), dtype=float) for name in Exact.__dataclass_fields__ if name != "front"}
    try:
        return Exact(**arrays, front=unpack(facts.front, k))
    except ValueError as error:
        raise BadRecord(f"{path}: field 'exact.front' is not a packed front ({error})") from None


def pack(points: Array) -> str:
    """Return points (g, k) as base64 of deflated little-endian 32-bit integers in millionths: a front is read to 1e-6."""
    return base64.b64encode(zlib.compress((points * MILLION).round().astype("<i4").T.tobytes(), 9)).decode()


def unpack(packed: str, k: int) -> Array:
    """Return the points (g, k) that `pack` wrote; raise ValueError if the text is not packed points."""
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(base64.b64decode(packed, validate=True), INFLATED)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if not inflater.eof:
        raise ValueError(f"it is cut short or holds more than {INFLATED:,} bytes")
    if inflater.unused_data:
        raise ValueError("something follows the points")
    return np.asarray(np.frombuffer(raw, dtype="<i4").reshape(k, -1).T / MILLION)


def _rows(array: Array) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in array.tolist())
