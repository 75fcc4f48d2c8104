"""A ranking as text: the table in a board's README and its table.csv.

Everything a reader needs to doubt a rank stands beside it: its interval, its tie group, how many cells are missing and why, what
difference the seeds could have shown. Leaves out figures: see `morlbench.board_figures`.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from morlbench import legend, stats
from morlbench.board import Board
from morlbench.comparison import Comparison
from morlbench.digest import EntryDigest, Value, metric, metrics
from morlbench.leaderboard import Ranking, Standings
from morlbench.metric import FAMILIES
from morlbench.standing import Cell, Facet, Standing
from morlbench.stats import Interval
from morlbench.summary import TITLES, number, scored

CSV = (
    "division", "group", "rank", "rank_low", "rank_high", "method", "version", "family", "track", "level", "task", "metric", "value", "low",
    "high", "seeds", "reason",
)  # fmt: skip
FIGURES = ("ranks", "cells", "profile")  # a division's own; the others are of the whole board
RANKED = "in brackets the mean rank over tasks among the methods that compete; controls are shown without one"


def markdown(ranking: Ranking, plots: Sequence[str]) -> str:
    """Return the generated part of a board's page; `plots` are the paths of its figures."""
    parts, own = [_rules(ranking), legend.section()], set[str]()
    for standings in ranking.standings:
        mine = [plot for plot in plots if Path(plot).stem in {f"{kind}-{standings.division.name}" for kind in FIGURES}]
        parts += [f"## {_escaped(standings.division.title)}", _score(standings, ranking.board), _table(standings)]
        parts += [*standings.notes, *_figures(mine), _profile(standings), _compared(standings)] if standings.shown else []
        own |= set(mine)
    parts.append("## Figures")
    parts += [*_figures([plot for plot in plots if plot not in own]), *_left_out(ranking)]
    return "\n\n".join(part for part in parts if part)


def to_csv(ranking: Ranking) -> str:
    """Return every number of the board, a row per division, method, task and metric; the score is the metric 'score' of task '*'."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV)
    for standings in ranking.standings:
        for row in standings.rows:
            rank = [row.group or "", *_numbers(row.rank)] if row.rank else ["", "", "", ""]
            head = [standings.division.name, *rank, row.method, row.version, row.family, row.track, row.level]
            score = _numbers(row.score) if row.score else ["", "", ""]
            writer.writerow([*head, "*", "score", *score, len(row.per_seed), row.unranked])
            for line in _measured(row, standings, ranking) if row.records else ():
                writer.writerow([*head, *line])
    return text.getvalue()


def _measured(row: Standing, standings: Standings, ranking: Ranking) -> Iterator[list[object]]:
    """Yield task, metric, value, limits, number of seeds and reason of every metric of a row."""
    found = ranking.digests.get(row.method)
    for task in standings.division.tasks:
        for m in metrics(ranking.board):
            if m.over in ("tasks", "budgets"):
                continue
            some = [found.over_seeds.get((task, m.name), Value(np.nan, "no record"))] if found and m.over == "seeds" else []
            if found and m.over == "run":
                some = [run.values[m.name] for run in found.runs.get(task, ())]
            values = np.array([value.value for value in some])
            reason = next((value.reason for value in some if not np.isfinite(value.value)), "" if some else "no record")
            interval = stats.seed_interval(values) if len(values) and np.isfinite(values).all() else Interval(np.nan, np.nan, np.nan)
            seeds, wanted = len(found.runs.get(task, ())) if found else 0, len(ranking.board.seeds)
            yield [task, m.name, *_numbers(interval), seeds, reason or (f"{seeds} of {wanted} seeds" if seeds < wanted else "")]
    for m in metrics(ranking.board) if found else ():
        if m.over in ("tasks", "budgets"):
            value = _over_tasks(found, m.name)
            yield ["*", m.name, *_numbers(Interval(value.value, np.nan, np.nan)), "", value.reason]


def _over_tasks(found: EntryDigest | None, name: str) -> Value:
    return found.over_tasks[name] if found else Value(np.nan, "no record")


def _rules(ranking: Ranking) -> str:
    board, (have, wanted) = ranking.board, ranking.runs
    bases = sorted({told.base for told in ranking.tasks.values()}) or [board.base]
    return (
        f"**{_escaped(board.title)}.** Base {', '.join(bases)}; {board.budget:,} scored responses for each method, task and seed; "
        f"seeds {_span(board.seeds)}. {have:,} of {wanted:,} runs have a record."
    )


def _score(standings: Standings, board: Board) -> str:
    division = standings.division
    count, arrow = len(division.tasks), "larger is better" if metric(division.metric).higher_is_better else "smaller is better"
    over = f", {stats.over_tasks_name(count)}" if count > 1 else ""
    named = f"`{division.metric}` ({arrow})"
    scale = (
        f"{named} rescaled so that the base scores 0 and the reference 1" if standings.anchored else f"the gain of {named} over the base"
    )
    detectable = ""
    if np.isfinite(standings.detectable):
        detectable = (
            f" With {len(board.seeds)} seeds a true difference from the leader of {number(standings.detectable)} would be found "
            "in 8 of 10 cases (minimum detectable difference at the methods' median spread); smaller ones may stay ties."
        )
    return f"Score: {scale}{over}.{detectable}"


def _table(standings: Standings) -> str:
    """Return the table of the methods that have a record, why some of them have no rank, and the names of the others in one line."""
    division, (have, wanted) = standings.division, standings.runs
    absent = f"No record here yet: {', '.join(standings.absent)}." if standings.absent else ""
    runs = f"{have:,} of {wanted:,} runs of this division have a record."
    if not standings.shown:
        return f"{runs} {absent}"
    head = ["tie group", "rank", "method", "family", "score", *division.tasks, "failure signatures", "level"]
    lines = [_line(head), _line(["---:", "---:", "---", "---", "---:", *["---:"] * len(division.tasks), "---", "---"])]
    for row in standings.shown:
        rank = f"{row.rank.value:g} [{row.rank.low:g}, {row.rank.high:g}]" if row.rank else "–"
        name = f"**{row.method}**" if row.group == 1 else row.method
        cells = [shown(cell) for cell in row.cells]
        score = scored(row.score)
        lines.append(_line([row.group or "–", rank, name, row.family, score, *cells, ", ".join(row.flags) or "none", row.level or "–"]))
    lines += ["", f"{runs} {absent}".strip()]
    outside: dict[str, list[str]] = {}
    for row in (row for row in standings.shown if row.unranked):
        outside.setdefault(row.unranked, []).append(row.method)
    if outside:
        lines += ["", "Not ranked (a missing cell is never averaged away):", ""]
    return "\n".join(lines + [f"- {', '.join(methods)}: {_escaped(reason)}" for reason, methods in outside.items()])


def shown(cell: Cell) -> str:
    """Return a cell as a reader sees it: the mean over seeds, with their number where some lack a value; or that it is missing.

    >>> shown(Cell("a", (0.5, float("nan")), (0.1, float("nan")), "no record of seed 1", 1))
    '0.500 (1 of 2 seeds)'
    """
    known = int(np.isfinite(cell.values).sum())
    if not known:
        return "no value" if cell.records else "missing"
    return number(cell.mean) + (f" ({known} of {len(cell.values)} seeds)" if known < len(cell.values) else "")


def _profile(standings: Standings) -> str:
    """Return the table of eight families: each method's value and, in brackets, its mean rank over tasks."""
    rows = [row for row in standings.shown if any(np.isfinite(facet.value) for facet in row.profile)]
    if not rows:
        return "Profile over the eight families: no method has every cell that one of its values would need."
    facets = rows[0].profile
    arrows = {f.family: "↑" if metric(f.metric).higher_is_better else "↓" for f in facets}
    head = ["method", *(f"{TITLES[f.family]}: {f.metric} {arrows[f.family]}" for f in facets)]
    lines = [f"Value, and {RANKED}.{unpaid(rows[0], quote='`')}", ""]
    lines += [_line(head), _line(["---", *["---:"] * len(FAMILIES)])]
    lines += [_line([row.method, *map(_facet, row.profile)]) for row in rows]
    return _folded("Profile over the eight families", lines)


def unpaid(row: Standing, *, quote: str = "") -> str:
    """Return a sentence that names the metrics of a profile that make nobody pay for KL, after a space; '' where all do."""
    free = [f"{quote}{facet.metric}{quote}" for facet in row.profile if metric(facet.metric).rewards_alone]
    return f" KL is not paid for in {', '.join(free)}: who spends most of it may lead there and not in the ranking." if free else ""


def _facet(facet: Facet) -> str:
    rank = f" ({facet.rank:.1f})" if np.isfinite(facet.rank) else ""
    return f"{number(facet.value)}{rank}" if np.isfinite(facet.value) else "–"


def _compared(standings: Standings) -> str:
    """Return the comparisons: the leader with every method, and methods with their own controls."""
    if not standings.comparisons:
        return ""
    lines = ["Paired by seed; p after Holm over exactly these.", ""]
    lines += [_line(["", "against", "difference", "p"]), _line(["---", "---", "---:", "---:"])]
    lines += [_line([c.first, c.second, scored(c.difference), _p(c)]) for c in standings.comparisons]
    return _folded("Differences in score", lines)


def _folded(title: str, lines: Sequence[str]) -> str:
    """Return lines of Markdown that a reader opens by clicking their title."""
    return "\n".join([f"<details><summary>{title}</summary>", "", *lines, "", "</details>"])


def _p(comparison: Comparison) -> str:
    if not np.isfinite(comparison.adjusted):
        return "–"
    return "< 0.001" if comparison.adjusted < 0.001 else f"{comparison.adjusted:.3f}"


def _figures(plots: Sequence[str]) -> list[str]:
    return [f"![{Path(plot).stem.replace('-', ' ')}]({plot})" for plot in plots]


def _left_out(ranking: Ranking) -> list[str]:
    if not ranking.left_out:
        return []
    return ["## Records that do not count", "\n".join(f"- {_escaped(sentence).replace('[', '&#91;')}" for sentence in ranking.left_out)]


def _numbers(value: Interval) -> list[str]:
    return [f"{x:.6g}" if np.isfinite(x) else "" for x in (value.value, value.low, value.high)]


def _line(cells: Sequence[object]) -> str:
    return f"| {' | '.join(map(_escaped, cells))} |"


def _escaped(value: object) -> str:
    """Return text as one line without markup, since a record may say anything; a `<` before a space opens none.

    >>> _escaped("p < 0.001 | x\\n<!-- end -->")
    'p < 0.001 &#124; x &lt;!-- end --&gt;'
    """
    line = re.sub(r"<(?! )", "&lt;", " ".join(str(value).split()))
    return line.replace(">", "&gt;").replace("|", "&#124;")


def _span(seeds: Sequence[int]) -> str:
    whole = len(seeds) > 1 and list(seeds) == list(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]} to {seeds[-1]}" if whole else ", ".join(map(str, seeds))
