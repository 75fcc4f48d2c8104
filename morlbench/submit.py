"""The body of `morlbench submit`: run what a board lacks of a method, gather its records, verify them, print the git steps.

Runs go to a folder of runs as always (`--out`) and are copied to the board when they are whole, so a stop loses nothing.
Nothing is sent anywhere: the steps are printed, and whoever submits reads and types them. docs/submitting.md is the walk.
"""

import re
import shlex
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from morlbench import board as boards
from morlbench import console, history, launch, registry, sweep
from morlbench.board import FILE, RECORDS, REMOVALS, Board, Entry
from morlbench.configure import configure, text_of
from morlbench.errors import BadInput, MorlbenchError
from morlbench.gather import folders
from morlbench.launch import Maker, Request, Training
from morlbench.store import write_bytes

Cell = tuple[str, int]  # task and seed


def command(method: str, board: str, *, jobs: int, out: Path) -> None:
    """Do all of it, or raise with the one sentence that says what is missing."""
    found = boards.find(board)
    entry = listed(method, found)
    root = repository(found.folder)
    code = with_card(entry, root)
    keeps_promises(entry)
    maker = Training()
    if missing := lacking(entry, found, maker):
        console.say(f"{len(missing)} runs of {found.budget:,} responses are missing; what {out} holds is not run again")
        run(entry, found, missing, jobs=jobs, out=out)
        gather(entry, found, missing, out, maker)
    verified(entry, found)
    console.say("\n".join(["", "All records are verified. Read what follows, then type it:", *steps(entry, found, code, root)]))
    console.say(f"The board's table and figures are not part of it: after the merge a maintainer runs `morlbench rank {found.name}`.")


def listed(method: str, board: Board) -> Entry:
    """Return the board's entry of that name, or raise BadInput: a method is on a board once board.toml lists it."""
    registry.source("methods", method.partition("+")[0])  # an unknown name is answered with the nearest
    if entry := next((entry for entry in board.entries if entry.text == method), None):
        method_ = configure(registry.load("methods", entry.name), [f"{key}={value}" for key, value in entry.settings.items()])
        for key, value in entry.settings.items():
            if (spelt := text_of(getattr(method_, key))) != value:
                raise BadInput(f"{board.folder / FILE} lists {entry.text!r}, but records spell {key}={value} as {key}={spelt}; write it so")
        return entry
    divisions = " or ".join(repr(division.name) for division in board.divisions)
    raise BadInput(f"{method} is not listed on board {board.name}; add it to the methods of division {divisions} in {board.folder / FILE}")


def repository(folder: Path) -> Path:
    """Return the root of the clone that holds the board, or raise BadInput."""
    for root in folder.resolve().parents:
        if (root / ".git").exists():
            return root
    raise BadInput(f"{folder} is in no git clone; clone the repository and install it there with `pip install -e .`")


def with_card(entry: Entry, root: Path) -> Path:
    """Return the method's folder below the root, or raise BadInput if it lies elsewhere or has no card."""
    folder = registry.folder("methods", entry.name)
    if folder is None or root not in folder.resolve().parents:
        raise BadInput(f"method {entry.name!r} lies outside {root}; a submission brings its code: put it in {root / 'methods'}")
    if not (folder / "README.md").is_file():
        raise BadInput(f"method {entry.name!r} has no card; write {folder / 'README.md'} (`morlbench new method` shows its headings)")
    return folder.resolve().relative_to(root)


def keeps_promises(entry: Entry) -> None:
    """Raise MorlbenchError with the first promise the method breaks."""
    from morlbench.check import check

    with console.quiet_libraries():
        broken = [verdict for verdict in check("methods", entry.name) if not verdict.kept]
    if broken:
        raise MorlbenchError(f"method {entry.name!r} breaks the promise {broken[0].promise!r}: {broken[0].failure}")


def files(entry: Entry, board: Board) -> list[Path]:
    """Return the record files that the board has of the entry, whatever sweep named their folders."""
    return folders(board)[0].get(entry.text, [])


def held(entry: Entry, board: Board) -> dict[Cell, Path]:
    """Return where the board has a run of the entry that was not taken off."""
    removed = {(board.folder / removal.record).resolve() for removal in history.removals(board.folder).values()}
    here = [path for path in files(entry, board) if path.resolve() not in removed]
    return {(path.parent.parent.name, int(path.stem.removeprefix("seed-"))): path for path in here}


def lacking(entry: Entry, board: Board, maker: Maker) -> list[Cell]:
    """Return the cells of the entry for which the board has no record; raise MorlbenchError where it has another run's."""
    found, there = [], held(entry, board)
    for task, method, seed in board.wanted():
        if method == entry.text:
            plan = launch.plan(request(entry, board, task, str(seed), Path()))
            path = there.get((task, seed))
            if path is None:
                found.append((task, seed))
            elif not launch.done(path, launch.expected_key(plan, maker.identity(plan.base), seed)):
                raise MorlbenchError(
                    f"{path} is broken or of another version of {entry.text}; delete it if it was never merged, "
                    f"else take it off with a line in {board.folder / REMOVALS}"
                )
    return found


def run(entry: Entry, board: Board, cells: Sequence[Cell], *, jobs: int, out: Path) -> None:
    """Sweep the missing cells into `out`; raise MorlbenchError if one of them fails."""
    from morlbench import commands

    seeds: dict[str, list[int]] = defaultdict(list)
    for task, seed in cells:
        seeds[task].append(seed)
    together: dict[str, list[str]] = defaultdict(list)  # tasks that lack the same seeds are one grid
    for task, some in seeds.items():
        together[",".join(map(str, some))].append(task)
    for words, tasks in together.items():
        grid = sweep.Grid((entry.text,), tuple(tasks), words, (str(board.budget),), base_name(board), out)
        if not commands.sweep(grid, slots=jobs, threads=1, retry=True, as_json=False):
            raise MorlbenchError(
                f"some runs of {entry.text} failed; a submission needs every cell: mend it and give the same command again"
            )


def gather(entry: Entry, board: Board, cells: Sequence[Cell], out: Path, maker: Maker) -> None:
    """Copy the cells' records from the runs to their places on the board, the answers first."""
    for task, seed in cells:
        plan = launch.plan(request(entry, board, task, str(seed), out))
        source, target = plan.path(seed), board.path(task, entry.text, seed)
        if not launch.done(source, launch.expected_key(plan, maker.identity(plan.base), seed)):
            raise MorlbenchError(f"{source}: the record of this run is missing")
        if target.exists():  # a record that was taken off stays where it is
            target = target.parent.with_name(source.parent.name) / target.name
        if target.exists():
            raise MorlbenchError(
                f"{target} is taken by a record that was taken off; name the folder of the new one yourself and copy {source}"
            )
        for ending in (".parquet", ".json"):
            write_bytes(target.with_suffix(ending), source.with_suffix(ending).read_bytes())


def verified(entry: Entry, board: Board) -> None:
    """Raise MorlbenchError with the first reason for which a record of the entry would be refused or not scored again.

    A record that was taken off may be the very one that is refused.
    """
    from morlbench.verify.command import examine

    with console.quiet_libraries():
        outcome = examine(sorted({path.parent for path in files(entry, board)}))
    for verdict in outcome.verdicts:
        console.say(f"{verdict.level or 'REFUSED':<10}  {verdict.path}")
    removed = {board.folder.resolve() / place for place in history.removals(board.folder)}
    for verdict in outcome.verdicts:
        if verdict.level in (None, "reported") and verdict.path.resolve() not in removed:
            raise MorlbenchError(f"{verdict.path}: {verdict.reason}")


def steps(entry: Entry, board: Board, code: Path, root: Path) -> list[str]:
    """Return the commands that make a pull request of the submission."""
    place = board.folder.resolve().relative_to(root)
    variant = re.sub(r"[^A-Za-z0-9.-]+", "-", entry.text)
    branch = f"submit-{variant}-{registry.load('methods', entry.name).version}-{board.name}"
    names = sorted({path.parent.name for path in files(entry, board)})
    lists = [str(place / name) for name in (FILE, REMOVALS) if (board.folder / name).exists()]
    words = [str(code), *lists, *(str(place / RECORDS / "*" / name / "*") for name in names)]
    tasks = {task for task, method, _ in board.wanted() if method == entry.text}
    title = f"Submit {entry.text} to the {board.name} board: {len(tasks)} tasks, {len(board.seeds)} seeds"
    return [
        f"  cd {shlex.quote(str(root))}",
        f"  git switch -c {branch}",
        f"  git add {' '.join(shlex.quote(word) for word in words)}",
        f"  git commit -m {shlex.quote(title)}",
        f"  git push -u origin {branch}",
        "  gh pr create --fill    # or open the address that git push printed",
    ]


def request(entry: Entry, board: Board, task: str, seeds: str, out: Path) -> Request:
    """Return the words of `morlbench run` that make these records."""
    settings = tuple(f"{key}={value}" for key, value in entry.settings.items())
    return Request(entry.name, task, base_name(board), str(board.budget), seeds, settings=settings, out=out)


def base_name(board: Board) -> str:
    """Return the name of the board's base, without the identity of its weights if the board pins it."""
    from morlbench.lm.bases import BASES

    head = board.base.rpartition("-")[0]
    return head if head in BASES else board.base
