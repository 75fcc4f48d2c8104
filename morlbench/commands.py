"""The bodies of the short commands: list, score, plot, check and new; `run` has its own file, `morlbench.launch`.

Each takes checked words and prints; heavy modules are imported by the command that needs them.
"""

import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from morlbench import console, registry
from morlbench.registry import Kind

if TYPE_CHECKING:
    import pandas as pd

    from morlbench.launch import Request
    from morlbench.record import RunRecord


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

    plan = launch.plan(request)
    begin, paths, reused = time.perf_counter(), [], 0
    title = f"{plan.method.name} on {plan.task.name}: base {plan.base}, {plan.budget} scored responses, seeds {_seeds(plan.seeds)}"
    with console.quiet_libraries(), console.Bars(title) as bars:
        for path, existed in launch.execute(plan, bars, fresh=fresh):
            paths.append(path)
            reused += existed
        records = _load(paths)
        figures = _plot(records, plan.folder / "front")
        frame = _score(records)
    if as_json:
        console.show_json({"records": _texts(paths), "plots": _texts(figures), "scores": _rows(frame)})
        return
    _show(frame)
    note = f" ({reused} of {len(paths)} reused from an earlier run; --fresh runs them again)" if reused else ""
    console.say(f"{', '.join(_texts([*paths, *figures]))}\n{time.perf_counter() - begin:.0f} s{note}")


def score(paths: list[Path], *, as_json: bool) -> None:
    """Print every metric of stored records: the same numbers as the live run."""
    from morlbench.record import find

    frame = _score(_load(find(paths)))
    if as_json:
        console.show_json(_rows(frame))
    else:
        _show(frame)


def plot(paths: list[Path], out: Path) -> None:
    """Draw the front of stored records to OUT.png and OUT.svg."""
    from morlbench.record import find

    console.say(", ".join(_texts(_plot(_load(find(paths)), out))))


def check(kind: Kind, name: str, *, as_json: bool) -> bool:
    """Try every promise of a plugin, print how each fared, and say whether all were kept."""
    from morlbench.check import check

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


def _load(paths: list[Path]) -> list["RunRecord"]:
    from morlbench.record import load

    return [load(path) for path in paths]


def _score(records: list["RunRecord"]) -> "pd.DataFrame":
    from morlbench.score import score

    return score(records)


def _show(frame: "pd.DataFrame") -> None:
    from morlbench.score import summary

    console.show(summary(frame))


def _plot(records: list["RunRecord"], stem: Path) -> list[Path]:
    from morlbench.plot import plot_front

    return plot_front(records, stem)


def _rows(frame: "pd.DataFrame") -> list[dict[str, object]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _texts(paths: list[Path]) -> list[str]:
    return [str(path) for path in paths]


def _seeds(seeds: tuple[int, ...]) -> str:
    return ", ".join(map(str, seeds))
