"""Where a repository of the Hugging Face hub is: a local copy (`$MORLBENCH_HUB/ORG/NAME`), the hub's cache, or the hub; and its rows.

A revision that is a name such as `main` is resolved to a commit. No code of a repository is ever run.
Leaves out what is done with them: tasks are `morlbench.lm.hub`.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import huggingface_hub

from morlbench.errors import BadInput
from morlbench.store import key_of

PATIENCE = 5.0  # seconds to wait for the hub before saying that it cannot be reached
ENDS = 2**20  # bytes at either end of a file that tell one local copy from another
_COMMIT = re.compile(r"[0-9a-f]{40}")
_WEIGHTS = re.compile(r"\.(?:safetensors|bin)$")
_ROWS = re.compile(r"^(?!(?:dataset_infos?|dataset_dict|config)\.).*\.(?:parquet|arrow|csv|jsonl?)(?:\.(?:gz|bz2|xz|zst))?$")


@dataclass(frozen=True)
class Source:
    """A repository of the hub at a revision: a commit, or a name that is resolved when it is loaded."""

    repo: str
    kind: Literal["model", "dataset"] = "model"
    revision: str = "main"
    subset: str = ""  # folder of a data set that holds several


@dataclass(frozen=True)
class Found:
    """Where a source is: a local folder with no commit, a data set's folder in the hub's cache, or the hub at a commit."""

    path: str
    commit: str


@cache
def find(source: Source) -> Found | str:
    """Return where a source is, or the reason why it cannot be found; looks locally, in the cache, then on the hub."""
    local = os.environ.get("MORLBENCH_HUB")
    if local and _holds(Path(local) / source.repo, source):
        return Found(str(Path(local) / source.repo), "")
    try:
        held = Path(_snapshot(source, source.revision, local_files_only=True))
        if _holds(held, source):
            return Found(str(held) if source.kind == "dataset" else source.repo, held.name)
    except (OSError, ValueError):
        pass  # not in the cache
    try:
        about = huggingface_hub.HfApi().repo_info(source.repo, repo_type=source.kind, revision=source.revision, timeout=PATIENCE)
    except Exception as error:  # the client raises its HTTP library's own errors, which no common class holds
        return f"{type(error).__name__}: {error}"
    return Found(source.repo, str(about.sha)) if about.sha and _COMMIT.fullmatch(about.sha) else "the hub names no commit"


def rows(place: Found, source: Source, part: str) -> Iterable[Mapping[str, object]]:
    """Return the rows of a data set's part; `validation` serves where there is no `test`. Raises BadInput where it cannot be read."""
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    folder = _folder(place, source)
    try:
        found = load_dataset(str(_part(folder, source)))
        held: Iterable[Mapping[str, object]] = found[part if part in found else "validation" if part == "test" else part]
    except (OSError, ValueError, KeyError, RuntimeError, DatasetsError) as error:
        raise unread(source, str(error) or type(error).__name__) from None
    return held


def _folder(place: Found, source: Source) -> Path:
    """Return the folder of a data set, fetched where only its commit on the hub is known."""
    if Path(place.path).is_dir():
        return Path(place.path)
    try:
        return Path(_snapshot(source, place.commit))
    except Exception as error:  # as in `find`
        raise unread(source, str(error) or type(error).__name__) from None


def _snapshot(source: Source, revision: str, *, local_files_only: bool = False) -> str:
    wanted = ["README.md", f"{source.subset}/*"] if source.subset else None
    return huggingface_hub.snapshot_download(
        source.repo, repo_type=source.kind, revision=revision, local_files_only=local_files_only, allow_patterns=wanted
    )


def _holds(folder: Path, source: Source) -> bool:
    """Return whether a folder holds what a source is there for: weights of a model, rows of a data set."""
    wanted, part = _ROWS if source.kind == "dataset" else _WEIGHTS, _part(folder, source)
    whole = part != folder or not source.subset  # a copy of one subset has its files at the top: others' folders do not count
    return part.is_dir() and any(wanted.search(path.name) and path.is_file() for path in (part.rglob("*") if whole else part.glob("*")))


def _part(folder: Path, source: Source) -> Path:
    """Return the subset's folder where there is one, else the whole: a local copy may hold one subset alone."""
    return folder / source.subset if (folder / source.subset).is_dir() else folder


def unread(source: Source, why: str) -> BadInput:
    """Return the error for a data set that cannot be read: why, and how to get one that can."""
    return BadInput(f"data set {source.repo} could not be read ({why.strip().splitlines()[0]}); {advice(source)}")


def advice(source: Source) -> str:
    """Return how to fetch a source, as the end of a sentence."""
    kind = " --repo-type dataset" if source.kind == "dataset" else ""
    at = "" if source.revision == "main" else f" --revision {source.revision}"
    return f"fetch it once with a network (`hf download {source.repo}{kind}{at}`), or put a copy at $MORLBENCH_HUB/{source.repo}"


@cache
def first_row(place: Found, source: Source, part: str) -> Mapping[str, object]:
    """Return the first row of a data set's part; raise BadInput where there is none."""
    for row in rows(place, source, part):
        return row
    raise unread(source, f"{part} has no rows")


def here(place: Found, source: Source) -> str:
    """Return the folder on this machine that holds a source, '' where it has to be fetched."""
    if Path(place.path).is_dir():
        return place.path
    try:
        return _snapshot(source, place.commit, local_files_only=True)
    except (OSError, ValueError):
        return ""


@cache
def identity(place: Found) -> str:
    """Return the commit, or for a local copy a hash of its files: names, sizes, first and last megabyte.

    To read gigabytes would take minutes: two copies that differ in the middle of a file alone, where sizes are equal, are not told apart.
    """
    if place.commit:
        return place.commit
    files = sorted(path for path in Path(place.path).rglob("*") if path.is_file())
    return f"local copy {key_of(files=[(str(path.relative_to(place.path)), path.stat().st_size, _ends(path)) for path in files])[:12]}"


def _ends(path: Path) -> str:
    """Return a hash of a file's first and last ENDS bytes: all of a small one."""
    with path.open("rb") as file:
        digest = hashlib.sha256(file.read(ENDS))
        file.seek(max(ENDS, path.stat().st_size - ENDS))
        digest.update(file.read(ENDS))
    return digest.hexdigest()
