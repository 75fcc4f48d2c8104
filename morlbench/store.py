"""Content-addressed files shared between runs: an artefact's key is the hash of everything it depends on.

Writes are atomic (a temporary file beside the target, then a rename) and one lock per key keeps two processes from making
the same artefact twice. Leaves out clearing: delete the folder.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


class Store:
    """A folder of artefacts, addressed by (kind, key)."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, kind: str, key: str) -> Path:
        """Return where the artefact's files live (a folder, which may not exist yet)."""
        return self.root / kind / key[:2] / key

    @contextmanager
    def lock(self, kind: str, key: str) -> Iterator[None]:
        """Hold the artefact's lock; a killed holder releases it."""
        path = self.path(kind, key)
        path.mkdir(parents=True, exist_ok=True)
        with FileLock(str(path / ".lock")):
            yield

    def free(self, kind: str, key: str) -> bool:
        """Say whether nobody holds the artefact's lock just now."""
        path = self.path(kind, key)
        path.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(str(path / ".lock"), blocking=False):
                return True
        except Timeout:
            return False


def default_root() -> Path:
    """Return `$MORLBENCH_HOME`, else the user's cache folder for morlbench."""
    if home := os.environ.get("MORLBENCH_HOME"):
        return Path(home)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "morlbench"


def key_of(**parts: object) -> str:
    """Return the sha256 of the parts as canonical JSON."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that replaces it on success and disappears on any failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    with atomic(path) as temporary:
        temporary.write_bytes(data)
