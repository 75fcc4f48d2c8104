"""Write what a command measured between two marks of a task's card, and leave every other line as it is."""

from pathlib import Path

from morlbench.errors import BadInput
from morlbench.store import write_bytes


def put(folder: Path, marks: tuple[str, str], page: str) -> None:
    """Replace what stands between the marks in the folder's README.md; raise BadInput where either mark is missing."""
    card = folder / "README.md"
    before, opened, rest = card.read_text(encoding="utf-8").partition(marks[0])
    _, closed, after = rest.partition(marks[1])
    if not (opened and closed):
        raise BadInput(f"{card} has no marks {marks[0]} and {marks[1]} to write between")
    write_bytes(card, f"{before}{opened}\n{page}\n{closed}{after}".encode())
