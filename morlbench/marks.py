"""Text between two marks of a page: what a command wrote there is replaced, every other line stays as it is."""

from pathlib import Path

from morlbench.errors import MorlbenchError
from morlbench.store import write_bytes


def replaced(page: str, marks: tuple[str, str], text: str, *, path: Path) -> str:
    """Return the page with `text` between the marks; raise MorlbenchError, naming its path, where either is missing."""
    before, opened, rest = page.partition(marks[0])
    _, closed, after = rest.partition(marks[1])
    if not (opened and closed):
        raise MorlbenchError(f"{path}: expected the marks {marks[0]} and {marks[1]}")
    return f"{before}{opened}\n{text}\n{closed}{after}"


def put(path: Path, marks: tuple[str, str], text: str) -> None:
    """Write `text` between the marks of a file, all or nothing."""
    write_bytes(path, replaced(path.read_text(encoding="utf-8"), marks, text, path=path).encode())
