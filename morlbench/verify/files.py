"""Read files that a stranger wrote: bounded in size, never through a link, strict JSON and TOML, safetensors by header alone.

JSON is refused where Python is lenient: a key given twice, NaN or infinity, nesting beyond DEPTH. Parquet has its own file,
`morlbench.verify.quarantine`. Leaves out what the data mean.
"""

import json
import math
import os
import re
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from morlbench.verify import Refused

KB, MB = 1024, 1024**2
JSON_LIMIT, PARQUET_LIMIT, TOML_LIMIT, LIST_LIMIT, LEVELS_LIMIT, WEIGHTS_LIMIT = MB, 8 * MB, 64 * KB, MB, 8 * MB, 64 * MB
DEPTH = 12  # of nesting; a record needs 6
FILES = 50_000  # under one folder
DEEPEST = 20  # of folders in one another; the walk calls itself for each
HEADER = MB  # of a safetensors file
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._,=+~-]{0,150}")
_QUOTED = re.compile(r'(?s)"(?:[^"\\]|\\.)*(?:"|\Z)')  # one without an end goes to the end, so that no text is looked through twice
_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+"""  # of a dotted TOML key, possessive: looked through once
_DOTTED = re.compile(rf"(?<![A-Za-z0-9_-])(?:{_PART}){{{DEPTH}}}")
_BITS = {"BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32,
         "F32": 32, "F64": 64, "I64": 64, "U64": 64}  # fmt: skip


def walk(root: Path) -> Iterator[Path]:
    """Yield every plain file under a folder in order, or the file itself; refuse links, devices, odd names and floods."""
    kind = _kind(root)
    if stat.S_ISREG(kind):
        yield root
        return
    if not stat.S_ISDIR(kind):
        raise Refused("file", f"{root}: {_called(kind)}; expected a plain file or folder")
    count = 0
    for folder, folders, names in os.walk(root, followlinks=False):
        folders[:] = sorted(name for name in folders if name != ".git")
        if folders and len(Path(folder).relative_to(root).parts) >= DEEPEST:
            raise Refused("file", f"{root}: holds folders nested more than {DEEPEST} deep")
        for name in [*folders, *sorted(names)]:
            count += 1
            path = Path(folder) / name
            if count > FILES:
                raise Refused("size", f"{root}: holds more than {FILES:,} files")
            if not stat.S_ISDIR(kind := _kind(path)) and not stat.S_ISREG(kind):
                raise Refused("file", f"{path}: {_called(kind)}; expected a plain file")
            if not NAME.fullmatch(name.removeprefix(".")) or ".." in name:
                raise Refused("name", f"{path}: a name may hold letters, digits and ._,=+~- only")
        yield from (Path(folder) / name for name in sorted(names))


def read_bytes(path: Path, limit: int) -> bytes:
    """Return a plain file's bytes; refuse a link, anything that is no file, and more than `limit` bytes."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise Refused("file", f"{path}: cannot be read as a plain file ({error.strerror})") from None
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise Refused("file", f"{path}: {_called(found.st_mode)}; expected a plain file")
        if found.st_size > limit:
            raise Refused("size", f"{path}: {found.st_size:,} bytes; the limit is {limit:,}")
        return file.read(limit)


def parse_json(raw: bytes, path: Path) -> object:
    """Return what the bytes say as strict JSON; refuse doubled keys, NaN, infinities and depth."""

    def pairs(found: list[tuple[str, object]]) -> dict[str, object]:
        made: dict[str, object] = {}
        for name, value in found:
            if name in made:
                raise Refused("json", f"{path}: the key {name[:40]!r} is given twice")
            made[name] = value
        return made

    def constant(text: str) -> NoReturn:
        raise Refused("json", f"{path}: holds {text}, which is no JSON number")

    def number(text: str) -> float:
        value = float(text)
        if not math.isfinite(value):
            raise Refused("json", f"{path}: holds the number {text[:20]}, which is not finite")
        return value

    try:
        text = raw.decode("utf-8")
        _shallow(text, path)
        return json.loads(text, object_pairs_hook=pairs, parse_constant=constant, parse_float=number)
    except (ValueError, RecursionError) as error:
        raise Refused("json", f"{path}: not valid JSON ({str(error)[:80]})") from None


def parse_toml(raw: bytes, path: Path) -> dict[str, object]:
    """Return what the bytes say as TOML, nested at most DEPTH deep."""
    try:
        text = raw.decode("utf-8")
        _shallow(text, path)
        if found := _DOTTED.search(text):  # the parser takes the square of their number in time
            raise Refused("board", f"{path}: holds a name of more than {DEPTH} dotted parts ({found[0][:40]!r}...)")
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused("board", f"{path}: not valid TOML ({str(error)[:80]})") from None


def check_safetensors(path: Path) -> None:
    """Refuse a safetensors file whose header does not describe its bytes exactly; no tensor is loaded."""
    raw = read_bytes(path, WEIGHTS_LIMIT)
    size = int.from_bytes(raw[:8], "little")
    if len(raw) < 8 or size > min(HEADER, len(raw) - 8):
        raise Refused("file", f"{path}: its header does not fit the file")
    head = parse_json(raw[8 : 8 + size].rstrip(b" "), path)
    if not isinstance(head, dict):
        raise Refused("file", f"{path}: its header is no table of tensors")
    spans = sorted(_span(tensor, path) for name, tensor in head.items() if name != "__metadata__")
    edges = [0, *(end for _, end in spans)]
    if [begin for begin, _ in spans] != edges[:-1] or edges[-1] != len(raw) - 8 - size:
        raise Refused("file", f"{path}: its tensors do not fill the file from end to end")


def _span(tensor: object, path: Path) -> tuple[int, int]:
    match tensor:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(begin), int(end)]} if dtype in _BITS:
            if all(isinstance(side, int) and side >= 0 for side in shape) and math.prod(shape) * _BITS[dtype] == 8 * (end - begin):
                return begin, end
    raise Refused("file", f"{path}: a tensor's type, shape and place do not agree")


def _shallow(text: str, path: Path) -> None:
    """Refuse deep nesting before a recursive parser meets it; brackets inside strings do not count."""
    deep = 0
    for mark in re.findall(r"[\[{}\]]", _QUOTED.sub("", text)):
        deep += 1 if mark in "[{" else -1
        if deep > DEPTH:
            raise Refused("json", f"{path}: nested more than {DEPTH} deep")


def _kind(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except (OSError, ValueError) as error:
        raise Refused("file", f"{path}: cannot be read ({error})") from None


def _called(mode: int) -> str:
    return "a symbolic link" if stat.S_ISLNK(mode) else "a folder" if stat.S_ISDIR(mode) else "no plain file"
