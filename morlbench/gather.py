"""From a board's folder to its ranking: find the records, digest them method by method, on several processes where there are many.

A record that cannot be read, that lies in the folder of another method or that does not count is named in one sentence and
left out; it never takes others with it. Leaves out what is made of the ranking: see `morlbench.publish`.
"""

import gc
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from morlbench import history
from morlbench.board import RECORD, Board
from morlbench.digest import EntryDigest, digest
from morlbench.errors import BadRecord
from morlbench.leaderboard import Ranking, ranking
from morlbench.metric import Evidence
from morlbench.record import RunRecord, load
from morlbench.reference import judged

MANY = 500  # records from which a second process is worth its start
START = "fork" if sys.platform == "linux" else "spawn"  # a fork imports nothing again; on macOS system libraries do not survive one
Work = TypeVar("Work")
Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class Share:
    """What one process makes of one method's records."""

    digest: EntryDigest | None
    left_out: tuple[str, ...]
    levels: dict[str, str]  # by key


def rank_folder(board: Board, *, jobs: int | None = None) -> Ranking:
    """Return the ranking of a board from the records in its folder; `jobs` processes, by default one per processor if there are many."""
    shares, foreign = folders(board)
    granted = history.grants(board.folder)
    work = [(entry, tuple(paths), board, granted) for entry, paths in shares.items()]
    done = spread(_share, work, sum(map(len, shares.values())), jobs)
    left_out = [*foreign, *(sentence for share in done for sentence in share.left_out)]
    levels = {key: level for share in done for key, level in share.levels.items()}
    return ranking([share.digest for share in done if share.digest], board, left_out, levels)


def spread(make: Callable[[Work], Made], work: Sequence[Work], records: int, jobs: int | None = None) -> list[Made]:
    """Return what `make` makes of each piece of work, in order; `jobs` processes, by default one per processor where records are many."""
    jobs = jobs or (min(_processors(), len(work)) if records >= MANY else 1)
    if jobs <= 1:
        return list(map(make, work))
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context(START)) as pool, _uncollected():
        return list(pool.map(make, work))


def folders(board: Board) -> tuple[dict[str, list[Path]], list[str]]:
    """Return the record files of each entry of the board, sorted, and a sentence for each folder of no entry."""
    entries = {frozenset(parts(entry.text)): entry.text for entry in board.entries}
    found: dict[str, list[Path]] = {}
    foreign: dict[Path, int] = {}
    for path in sorted(path for path in board.records.glob("*/*/seed-*.json") if RECORD.fullmatch(path.name)):
        entry = entries.get(frozenset(parts(path.parent.name)))
        if entry is None:
            foreign[path.parent] = foreign.get(path.parent, 0) + 1
        else:
            found.setdefault(entry, []).append(path)
    words = [f"{_place(folder, board)}: {count} records of a method that is not on the board" for folder, count in foreign.items()]
    return found, words


def parts(name: str) -> list[str]:
    """Return a variant's name and settings; the base and budget that a sweep adds to a folder's name are the board's to check."""
    head, *settings = name.split("+")
    return [head, *(s.replace("_", "-") for s in settings if not s.startswith(("budget=", "base=")))]


def counted(board: Board) -> list[RunRecord]:
    """Return every record that counts, by method, task and seed; all in memory at once."""
    return [record for _, records in by_entry(board) for record in records]


def by_entry(board: Board) -> Iterator[tuple[str, list[RunRecord]]]:
    """Yield each entry of the board that has records with those that count, without the answers' texts."""
    for entry, paths in folders(board)[0].items():
        if records := counted_of(entry, paths, board):
            yield entry, records


def counted_of(entry: str, paths: Sequence[Path], board: Board) -> list[RunRecord]:
    """Return the records of one entry that count, without the answers' texts."""
    return list(_load(entry, paths, board, {}).records.values())


@dataclass
class _Loaded:
    """One method's records by key, as they are being read."""

    records: dict[str, RunRecord]
    left_out: list[str]
    levels: dict[str, str]


def _share(work: tuple[str, tuple[Path, ...], Board, Mapping[str, history.Grant]]) -> Share:
    """Load and digest one method's records."""
    entry, paths, board, granted = work
    loaded = _load(entry, paths, board, granted)
    found = digest(entry, loaded.records.values(), board) if loaded.records else None
    return Share(found, tuple(loaded.left_out), loaded.levels)


def _load(entry: str, paths: Sequence[Path], board: Board, granted: Mapping[str, history.Grant]) -> _Loaded:
    removed, loaded, places = history.removals(board.folder), _Loaded({}, [], {}), dict[str, Path]()
    for path in paths:
        try:
            record = load(path, texts=False)
        except BadRecord as fault:
            loaded.left_out.append(str(fault).replace(f"{board.folder}{os.sep}", ""))
            continue
        run = record.evidence
        removal = removed.get(_place(path, board))  # by its place: a run that is made again has the key it had
        reason = f"removed on {removal.date}: {removal.reason}" if removal else _refused(run, board, entry, path)
        if reason:
            loaded.left_out.append(f"{_place(path, board)}: {reason}")
            continue
        if record.key in loaded.records:
            loaded.left_out.append(f"{_place(path, board)}: its key is that of another record of {entry}; one of the two must go")
            continue
        loaded.records[record.key] = judged(record)
        loaded.levels[record.key] = history.level_of(board.folder, path, granted)
        places[record.key] = path
    for key in _odd_shaped(loaded.records):
        del loaded.records[key], loaded.levels[key]
        loaded.left_out.append(f"{_place(places[key], board)}: it holds other questions than other records of {entry} on its task")
    return loaded


def _odd_shaped(records: Mapping[str, RunRecord]) -> list[str]:
    """Return the keys of records whose probes are not those of most others of their task, and of all where no kind is more common."""
    shapes: dict[str, dict[str, object]] = {}
    for key, record in records.items():
        run = record.evidence
        shapes.setdefault(run.task.name, {})[key] = tuple((probe.name, *probe.rewards.shape) for probe in run.probes)
    odd = []
    for found in shapes.values():
        first, *others = Counter(found.values()).most_common(2)
        tied = bool(others) and others[0][1] == first[1]
        odd += [key for key, shape in found.items() if tied or shape != first[0]]
    return odd


def _refused(run: Evidence, board: Board, entry: str, path: Path) -> str:
    """Return why a run does not count as the entry's at that path; '' if it does."""
    if reason := board.refuses(run):
        return reason
    if board.entry(run) != entry or run.task.name != path.parent.parent.name:
        return f"it holds {board.entry(run)} on {run.task.name}"
    if path.name != f"seed-{run.seed}.json":
        return f"it holds seed {run.seed}"
    return "" if run.all("front") else "it holds no 'front' probe"


def _processors() -> int:
    """Return how many processors this process may use; where the system does not say (macOS, Windows), how many there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no garbage cycles meanwhile: what arrives is kept, and looking through it again and again takes half of the reading."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _place(path: Path, board: Board) -> str:
    return path.relative_to(board.folder).as_posix()
