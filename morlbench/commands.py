"""What list, run, sweep, score, plot, relation and check print; what a run does is in `morlbench.launch`, a sweep in `morlbench.sweep`.

Each takes checked words and prints; heavy modules are imported by the command that needs them.
"""

import json
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from morlbench import console, registry
from morlbench.errors import BadInput
from morlbench.registry import Kind

if TYPE_CHECKING:
    import pandas as pd

    from morlbench.board import Board
    from morlbench.launch import Request
    from morlbench.record import RunRecord
    from morlbench.relation import Effort
    from morlbench.sweep import Grid


def list_names(kind: Kind | None, as_json: bool) -> None:
    """Print the names of a kind (None: the bases) with their summaries, read from source text alone."""
    if kind is None:
        from morlbench.lm.bases import BASES

        rows = [*BASES.items()]
        if not as_json:
            rows.append(("FOLDER or ORG/MODEL", "Any causal language model that transformers reads: a local folder or a Hugging Face id"))
    else:
        rows = [(name, registry.summary(kind, name)) for name in registry.names(kind)]
    if as_json:
        console.show_json([{"name": name, "summary": summary} for name, summary in rows])
    else:
        console.names_table(rows)


def run(request: "Request", *, as_json: bool, fresh: bool) -> None:
    """Run what was asked, then print the scores, or as JSON the paths and the scores."""
    from morlbench import launch
    from morlbench.record import load
    from morlbench.reference import judged
    from morlbench.score import to_json

    plan = launch.plan(request)
    begin, paths, reused = time.perf_counter(), [], 0
    title = f"{plan.method.name} on {plan.task.name}: base {plan.base}, {plan.budget} scored responses, seeds {_seeds(plan.seeds)}"
    with console.quiet_libraries(), console.Bars(title) as bars:
        for path, existed in launch.execute(plan, bars, fresh=fresh):
            paths.append(path)
            reused += existed
        records = [judged(load(path)) for path in paths]
        figures = _plot(records, plan.folder / "front")
        frame = _score(records)
    if as_json:
        console.show_json({"records": _texts(paths), "plots": _texts(figures), "scores": json.loads(to_json(frame))})
        return
    _show(frame)
    note = f" ({reused} of {len(paths)} reused from an earlier run; --fresh runs them again)" if reused else ""
    console.say(f"{', '.join(_texts([*paths, *figures]))}\n{time.perf_counter() - begin:.0f} s{note}")


def sweep(grid: "Grid", *, slots: int, threads: int, retry: bool, as_json: bool) -> bool:
    """Run what the grid lacks (slots 0: in this process), show it live, then say how it ended and whether all have records."""
    from morlbench import live
    from morlbench import sweep as sweeping
    from morlbench.executor import Processes, Serial
    from morlbench.launch import Training

    progress = sweeping.survey(sweeping.jobs(grid), Training(), retry=retry)
    with live.LiveTable(progress) as table:
        sweeping.sweep(progress, Processes(slots, threads) if slots else Serial(), table.tell)
    events = [progress.latest[job.path] for job in progress.jobs]
    if as_json:
        console.show_json([{"record": str(e.job.path), "state": e.state, "reason": e.reason, "seconds": e.seconds} for e in events])
    else:
        console.say(live.summary(progress))
    failed = [event for event in events if event.state == "failed"]
    for event in failed:
        console.complain(f"{event.job.path}: {event.reason}")
    return not failed


def score(paths: list[Path], *, as_json: bool) -> bool:
    """Print every metric of stored records, the same numbers as the live run; say whether every record could be read."""
    from morlbench.score import to_json

    records, whole = _gather(paths)
    frame = _score(records)
    if as_json:
        console.say(to_json(frame))
    else:
        _show(frame)
    return whole


def plot(paths: list[Path], out: Path) -> bool:
    """Draw the front of stored records to OUT.png and OUT.svg, or a board's figures; say whether every record could be read."""
    if len(paths) == 1 and (board := _board(paths[0])):
        from morlbench import publish

        return publish.plot(board)
    records, whole = _gather(paths)
    console.say(", ".join(_texts(_plot(records, out))))
    return whole


def relation(name: str, base: str, effort: "Effort", out: Path, *, as_json: bool) -> None:
    """Measure how a task's objectives relate, print it, and draw it to OUT.png and OUT.svg."""
    from morlbench.plot import check_stem

    check_stem(out)  # before anything is measured
    task = registry.load("tasks", name)()
    if lack := task.missing():
        raise BadInput(lack)
    with console.quiet_libraries(), console.Bars(f"relation of {task.name}") as bars:
        from morlbench.lm.base import load_base
        from morlbench.lm.relate import measure
        from morlbench.relation_page import plot as draw
        from morlbench.relation_page import table
        from morlbench.run import check_pair
        from morlbench.store import Store, default_root

        model = load_base(base or task.base)
        check_pair(task, model)
        found = measure(task, model, effort, Store(default_root()), bars)
    figures = draw(found, out)
    if as_json:
        console.show_json(found.row() | {"plots": _texts(figures)})
        return
    console.show(table(found))
    console.say(", ".join(_texts(figures)))


def check(kind: Kind, name: str, *, as_json: bool) -> bool:
    """Try every promise of a plugin, print how each fared, and say whether all were kept."""
    from morlbench.check import check

    registry.source(kind, name)  # an unknown name is answered before anything heavy is loaded
    with console.quiet_libraries() if kind != "metrics" else nullcontext():
        verdicts = check(kind, name)
    kept = all(verdict.kept for verdict in verdicts)
    if as_json:
        promises = [{"promise": v.promise, "statement": v.statement, "kept": v.kept, "failure": v.failure} for v in verdicts]
        console.show_json({"kind": kind, "name": name, "kept": kept, "promises": promises})
        return kept
    for v in verdicts:
        console.say(f"{'kept  ' if v.kept else 'BROKEN'}  {v.promise}{'' if v.kept else f': {v.failure}'}")
    broken = sum(not v.kept for v in verdicts)
    console.say(f"{name} keeps its {len(verdicts)} promises" if kept else f"{name} breaks {broken} of its {len(verdicts)} promises")
    return kept


def _board(path: Path) -> "Board | None":
    """Return the board that a path or a name of `morlbench plot` means, if it means one."""
    from morlbench import board

    known = (path / board.FILE).is_file() or (not path.exists() and str(path) in board.names())
    return board.find(str(path)) if known else None


def _gather(paths: list[Path]) -> tuple[list["RunRecord"], bool]:
    """Load every record under the paths, complain of each that cannot be used, and raise if none can."""
    from morlbench.errors import BadRecord
    from morlbench.score import gather

    records, faults = gather(paths)
    if not records:
        raise BadRecord(faults[0])
    for fault in faults:
        console.complain(fault)
    return records, not faults


def _score(records: list["RunRecord"]) -> "pd.DataFrame":
    from morlbench.score import score

    return score(records)


def _show(frame: "pd.DataFrame") -> None:
    from morlbench.summary import render

    console.show(render(frame))


def _plot(records: list["RunRecord"], stem: Path) -> list[Path]:
    from morlbench.plot import plot_front

    return plot_front(records, stem)


def _texts(paths: list[Path]) -> list[str]:
    return [str(path) for path in paths]


def _seeds(seeds: tuple[int, ...]) -> str:
    return ", ".join(map(str, seeds))
