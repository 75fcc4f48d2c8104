"""The pages of a board as HTML: its tables, a page per method and per task, and the page to read answers.

Tables are whole without JavaScript; the scripts add sorting, filters, the slider, the fronts and the answers. Jinja escapes every
value. Leaves out the data files: see `morlbench.site.payload`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

import morlbench
from morlbench import legend, registry
from morlbench.board_page import RANKED, shown, unpaid
from morlbench.digest import EntryDigest, Value, metric, metrics
from morlbench.errors import BadInput
from morlbench.leaderboard import Ranking, Standings
from morlbench.metric import Metric
from morlbench.registry import Kind
from morlbench.site.card import card
from morlbench.site.pack import TaskPack, task_of
from morlbench.standing import Standing
from morlbench.stats import Interval, over_tasks_name, seed_interval
from morlbench.summary import TITLES, interval, number, scored


@dataclass(frozen=True)
class Measured:
    """One metric of a method on a task: the mean over seeds with its interval, or why there is none."""

    metric: Metric
    found: Interval
    seeds: int
    reason: str


@dataclass(frozen=True)
class Result:
    """One method's row in a task's table."""

    method: str
    values: tuple[Measured, ...]
    seeds: int


def environment() -> Environment:
    """Return the templates' environment: every value is escaped, an unknown name is an error."""
    loader = PackageLoader("morlbench.site", "templates")
    env = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    env.filters |= {"number": number, "interval": interval, "scored": scored, "shown": shown}
    env.filters |= {"slug": slug, "key": key, "titled": TITLES.__getitem__}
    words = {"over_tasks_name": over_tasks_name, "legend": legend, "ranked": RANKED, "unpaid": unpaid}
    env.globals |= {"version": morlbench.__version__, "scale": scale, "profiled": _profiled, **words}
    return env


def pages(ranking: Ranking, packs: Mapping[str, TaskPack], env: Environment) -> dict[str, str]:
    """Return every page of a board by its path below the board's folder."""
    shared = {"board": ranking.board, "ranking": ranking, "packs": packs}
    files = {
        "index.html": env.get_template("board.html.jinja").render(**shared, up="../", here="", families=_families(ranking), facet=metric),
        "answers.html": env.get_template("answers.html.jinja").render(**shared, up="../", here=""),
    }
    for entry in (entry.text for entry in ranking.board.entries):
        files[f"method/{slug(entry)}.html"] = _method(entry, ranking, packs, env)
    for task in ranking.board.tasks:
        files[f"task/{slug(task)}.html"] = _task(task, ranking, packs, env)
    return files


def front_page(rankings: Sequence[Ranking], env: Environment) -> str:
    """Return the first page: the boards and who leads each division."""
    return env.get_template("index.html.jinja").render(rankings=rankings, up="")


def _method(entry: str, ranking: Ranking, packs: Mapping[str, TaskPack], env: Environment) -> str:
    name = entry.partition("+")[0]
    found = ranking.digests.get(entry)
    rows = [(s, row) for s in ranking.standings for row in s.rows if row.method == entry]
    results = {task: tuple(measured(found, task, m) for m in metrics(ranking.board) if m.over in ("run", "seeds")) for task in _on(found)}
    spent = {task: pack.methods[entry].spent for task, pack in packs.items() if entry in pack.methods}
    wide = [Measured(metric(one), _exactly(value), 0, value.reason) for one, value in found.over_tasks.items()] if found else []
    return env.get_template("method.html.jinja").render(
        board=ranking.board, entry=entry, found=found, rows=rows, results=results, wide=wide, spent=spent,
        summary=_summary("methods", name), card=card("methods", name), up="../../", here="../",
    )  # fmt: skip


def _task(task: str, ranking: Ranking, packs: Mapping[str, TaskPack], env: Environment) -> str:
    wanted = [m for m in metrics(ranking.board) if m.over == "run"]
    on = {entry: found for entry, found in ranking.digests.items() if task in found.runs}
    rows = tuple(Result(entry, tuple(measured(d, task, m) for m in wanted), len(d.runs[task])) for entry, d in on.items())
    correlations = [run.correlation for found in on.values() for run in found.runs[task]]  # (k, k) each, over the base's answers
    return env.get_template("task.html.jinja").render(
        board=ranking.board, task=task, pack=packs.get(task), plugin=task_of(task, ranking.board.tasks[task]), results=rows, shown=wanted,
        correlation=np.mean(correlations, 0) if correlations else None,
        summary=_summary("tasks", task), card=card("tasks", task), up="../../", here="../",
    )  # fmt: skip


def measured(found: EntryDigest | None, task: str, wanted: Metric) -> Measured:
    """Return a metric of a method on a task over its seeds; without a value where any seed lacks one."""
    runs = found.runs.get(task, ()) if found else ()
    some = [run.values[wanted.name] for run in runs if wanted.name in run.values]
    if wanted.over == "seeds" and found:
        some = [found.over_seeds.get((task, wanted.name), Value(np.nan, "no record"))]
    values = np.array([value.value for value in some])
    if not len(values) or not np.isfinite(values).all():
        reason = next((value.reason for value in some if not np.isfinite(value.value)), "no record")
        return Measured(wanted, Interval(np.nan, np.nan, np.nan), len(runs), reason)
    return Measured(wanted, seed_interval(values), len(runs), "")


def slug(entry: str) -> str:
    """Return a method's or task's name as a file name.

    >>> slug("combine+level=hidden-1")
    'combine_level_hidden-1'
    """
    return re.sub(r"[^A-Za-z0-9.-]", "_", entry)


def key(value: float | None) -> str:
    """Return what a table sorts by; empty, which sorts last, where there is no value."""
    return f"{value:.9g}" if value is not None and np.isfinite(value) else ""


def scale(standings: Standings, row: Standing, width: float = 120.0) -> tuple[float, float, float] | None:
    """Return where value, low and high of a row's score stand in a bar of that width that all rows of the division share.

    The bar begins at the lower quartile of the scores, so that one bad method does not shrink the others to dots; what lies
    below it has no place: None. Limits are cut at its ends.
    """
    scores = [one.score for one in standings.rows if one.score]
    ends = [x for s in scores for x in (s.low, s.value, s.high) if np.isfinite(x)]
    low, high = float(np.quantile([s.value for s in scores], 0.25)), max(ends)
    at = row.score
    if at is None or at.value < low:
        return None
    places = [min(max(x, low), high) if np.isfinite(x) else at.value for x in (at.value, at.low, at.high)]
    value, left, right = (round(6 + (width - 12) * (x - low) / ((high - low) or 1), 1) for x in places)
    return value, left, right


def _exactly(value: Value) -> Interval:
    return Interval(value.value, np.nan, np.nan)


def _profiled(standings: Standings) -> list[Standing]:
    """Return the rows that have a value in some family."""
    return [row for row in standings.shown if any(np.isfinite(facet.value) for facet in row.profile)]


def _families(ranking: Ranking) -> list[str]:
    return sorted({row.family for s in ranking.standings for row in s.rows if row.family})


def _on(found: EntryDigest | None) -> tuple[str, ...]:
    return tuple(found.runs) if found else ()


def _summary(kind: Kind, name: str) -> str:
    try:
        return registry.summary(kind, name)
    except BadInput:
        return ""
