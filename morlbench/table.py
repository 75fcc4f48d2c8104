"""The one parquet schema for every probe: a row is one answer.

Columns: probe, utility, index, preference, prompt, draw, user, step, response, r_1..r_k, w_1..w_k (null where the policy
states no weights), g_1..g_k (null where the task has no gold scorers), kl and nll (null where unknown). Numbers are
stored as float32; a live run is rounded to that precision, so that both score alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from morlbench.errors import BadRecord
from morlbench.metric import Probe


def write(probes: Sequence[Probe], path: Path) -> None:
    """Write all probes' rows to `path` as zstd parquet, deterministically."""
    pq.write_table(rows(probes), path, compression="zstd", compression_level=9)


def rows(probes: Sequence[Probe]) -> pa.Table:
    """Return all probes' rows as one table."""
    return pa.concat_tables([_rows(i, probe) for i, probe in enumerate(probes)])


def read(path: Path, raw: bytes, shells: Sequence[Probe], k: int, *, texts: bool = True) -> list[Probe]:
    """Fill the probes' rewards, responses, kl and weights from the file's bytes; raise BadRecord if rows are missing or odd.

    Without `texts` the answers themselves are left out, which more than halves the time: no metric reads them.
    """
    names = [field.name for field in _schema(k) if pa.types.is_floating(field.type)]
    try:
        with pq.ParquetFile(pa.BufferReader(raw), pre_buffer=False) as file:
            if odd := misfit(file.schema_arrow, k):
                raise BadRecord(f"{path}: {odd}")
            found = file.read(None if texts else ["index", "preference", "prompt", "draw", *names], use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise BadRecord(f"{path}: not readable as parquet ({str(error).splitlines()[0]})") from None
    index = found["index"].to_numpy()
    if not _in_order(found, index, shells):  # somebody sorted them
        raise BadRecord(f"{path}: its rows are not in the order in which they were written: probe, preference, prompt, draw")
    values = np.stack([found[name].to_numpy() for name in names], 1).astype(float)  # (rows, columns), null as NaN
    answers = found["response"].to_pylist() if texts else []
    bounds = np.searchsorted(index, np.arange(len(shells) + 1)).tolist()
    whole, null = _throughout(np.isfinite(values), bounds), _throughout(np.isnan(values), bounds)
    found_rows = [_Rows(values[a:b], whole[i], null[i], tuple(answers[a:b])) for i, (a, b) in enumerate(pairwise(bounds))]
    return [_fill(shell, rows, k, path) for shell, rows in zip(shells, found_rows, strict=True)]


def _in_order(found: pa.Table, index: np.ndarray, shells: Sequence[Probe]) -> bool:
    """Say whether rows follow probes, preferences, prompts and draws, one after the other; how many there are is looked at elsewhere."""
    if (index[1:] < index[:-1]).any():
        return False
    sizes = [len(shell.preferences) * len(shell.prompts) * shell.rewards.shape[2] for shell in shells]
    held = np.diff(np.searchsorted(index, np.arange(len(shells) + 1))).tolist()
    if not sizes or sizes != held:  # before anything of that size is made
        return True
    columns = [found[name].to_numpy()[: sum(sizes)] for name in ("preference", "prompt", "draw")]
    return bool((np.concatenate([_places(shell) for shell in shells]) == np.stack(columns, 1)).all())


def _places(shell: Probe) -> np.ndarray:
    """Return preference, prompt and draw (p n d, 3) of every row."""
    p, n, d = len(shell.preferences), len(shell.prompts), shell.rewards.shape[2]
    place = np.indices((p, n, d)).reshape(3, -1)
    return np.stack([place[0], shell.prompts[place[1]], place[2]], 1)


def rounded(probe: Probe) -> Probe:
    """Return the probe as it will be read back: float32 values, so that live and stored scores are equal."""

    def as32(x: np.ndarray | None) -> np.ndarray | None:
        return None if x is None else x.astype(np.float32).astype(float)

    rewards = probe.rewards.astype(np.float32).astype(float)
    return replace(
        probe, rewards=rewards, kl=as32(probe.kl), weights=as32(probe.weights), nll=as32(probe.nll), gold=as32(probe.gold)
    )  # fmt: skip


def misfit(held: pa.Schema, k: int) -> str:
    """Return what a file's columns have that those of `write` for k objectives have not, '' where they are the same; reads no row.

    A text stored as a dictionary takes kilobytes on disk and gigabytes once it is made plain, so types are looked at before any row is.
    """
    wanted = _schema(k)
    if held.names != wanted.names:
        return f"its columns are {', '.join(held.names)[:200]}; expected {', '.join(wanted.names)}"
    for own, field in zip(held, wanted, strict=True):
        if own.type != field.type:
            return f"column {own.name!r} is of type {str(own.type)[:60]}; expected {field.type}"
    return ""


def columns(k: int) -> list[str]:
    """Return the names of the columns for k objectives, in order."""
    return list(_schema(k).names)


@cache
def _schema(k: int) -> pa.Schema:
    words = [(name, pa.dictionary(pa.int32(), pa.string())) for name in ("probe", "utility")]
    places = [(name, pa.int32()) for name in ("index", "preference", "prompt", "draw", "user", "step")]
    values = [(f"{letter}_{i + 1}", pa.float32()) for letter in "rwg" for i in range(k)]
    return pa.schema([*words, *places, ("response", pa.string()), *values, ("kl", pa.float32()), ("nll", pa.float32())])


def _rows(index: int, probe: Probe) -> pa.Table:
    p, n, d, k = probe.rewards.shape
    size = p * n * d
    place = np.indices((p, n, d)).reshape(3, -1)
    columns: dict[str, object] = {
        "probe": pa.array([probe.name] * size).dictionary_encode(),
        "utility": pa.array([probe.utility.name] * size).dictionary_encode(),
        "index": np.full(size, index, np.int32),
        "preference": place[0].astype(np.int32),
        "prompt": probe.prompts[place[1]].astype(np.int32),
        "draw": place[2].astype(np.int32),
        "user": np.full(size, probe.user, np.int32),
        "step": np.full(size, probe.step, np.int32),
        "response": list(probe.responses),
    }
    empty = pa.nulls(size, pa.float32())
    for i in range(k):
        columns[f"r_{i + 1}"] = probe.rewards[..., i].reshape(-1).astype(np.float32)
    for i in range(k):
        stated = probe.weights
        columns[f"w_{i + 1}"] = empty if stated is None else np.repeat(stated[..., i], d).astype(np.float32)
    for i in range(k):
        columns[f"g_{i + 1}"] = empty if probe.gold is None else probe.gold[..., i].reshape(-1).astype(np.float32)
    columns["kl"] = empty if probe.kl is None else probe.kl.reshape(-1).astype(np.float32)
    columns["nll"] = empty if probe.nll is None else probe.nll.reshape(-1).astype(np.float32)
    return pa.table(columns, schema=_schema(k))


def _throughout(marks: np.ndarray, bounds: Sequence[int]) -> list[list[bool]]:
    """Return whether each column of marks (rows, columns) is true in all rows between successive bounds, in one pass.

    Says nothing of a probe without rows, which is refused for that.
    """
    marks = marks[: bounds[-1]]
    if not len(marks):
        return [[False] * marks.shape[1]] * (len(bounds) - 1)
    found: list[list[bool]] = np.logical_and.reduceat(marks, np.minimum(bounds[:-1], len(marks) - 1)).tolist()
    return found


@dataclass(frozen=True, eq=False)
class _Rows:
    """A probe's rows: values (rows, 3k + 2) of r, w, g of every objective, kl, nll; which columns are whole, and which are null."""

    values: np.ndarray
    whole: Sequence[bool]
    null: Sequence[bool]
    texts: tuple[str, ...]


def _fill(shell: Probe, rows: _Rows, k: int, path: Path) -> Probe:
    """Return the probe with its rows; raise BadRecord where they are not as many as it asks for, or lack a value."""
    p, n, d = len(shell.preferences), len(shell.prompts), shell.rewards.shape[2]
    if not p * n * d:
        raise BadRecord(f"{path}: probe {shell.name!r} is empty: {p} preferences, {n} prompts and {d} draws; expected at least one of each")
    if len(rows.values) != p * n * d:
        raise BadRecord(f"{path}: probe {shell.name!r} has {len(rows.values)} rows; expected {p} x {n} x {d}")
    cube, whole = rows.values.reshape(p, n, d, -1), rows.whole
    if not all(whole[:k]):
        raise BadRecord(f"{path}: probe {shell.name!r} holds a reward that is not finite, in {_names(whole, k, 0, k)}")

    def optional(first: int, last: int) -> np.ndarray | None:
        if all(whole[first:last]):
            return cube[..., first:last].copy()
        if all(rows.null[first:last]):
            return None
        raise BadRecord(f"{path}: probe {shell.name!r} lacks a value, or holds one that is not finite, in {_names(whole, k, first, last)}")

    weights, gold, kl, nll = (optional(*ends) for ends in ((k, 2 * k), (2 * k, 3 * k), (3 * k, 3 * k + 1), (3 * k + 1, 3 * k + 2)))
    return replace(
        shell, rewards=cube[..., :k].copy(), responses=rows.texts, weights=None if weights is None else weights[:, :, 0], gold=gold,
        kl=None if kl is None else kl[..., 0], nll=None if nll is None else nll[..., 0],
    )  # fmt: skip


def _names(whole: Sequence[bool], k: int, first: int, last: int) -> str:
    """Return the names of the columns from `first` up to `last` that hold a value that is not finite."""
    floats = [name for name in columns(k) if name[:2] in ("r_", "w_", "g_") or name in ("kl", "nll")]
    return ", ".join(f"column {floats[i]!r}" for i in range(first, last) if not whole[i])
