"""The figure of a division's cells: every method's value on every task with its interval, whether or not the row is complete.

It is what an unfinished board can show: no order is claimed, a missing cell is called missing, one that lacks a seed's value is hollow.
Leaves out ranks: see `morlbench.board_figures`.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from morlbench import stats
from morlbench.digest import metric
from morlbench.leaderboard import Standings
from morlbench.panels import INK, QUIET, colour
from morlbench.standing import Cell
from morlbench.stats import Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS, WIDTH, ROW = 4, 2.2, 0.19  # of the grid; a panel's width and a method's height in inches
DECADE = 10  # the largest value over the smallest from which an axis is logarithmic


def cells(standings: Standings, marks: Mapping[str, str]) -> "Figure | None":
    """Return a panel for each task with a record; None where no method has one."""
    from matplotlib.figure import Figure

    division, rows = standings.division, standings.shown
    tasks = [i for i in range(len(division.tasks)) if any(row.cells[i].records for row in rows)]
    if not tasks:
        return None
    lines = -(-len(tasks) // COLUMNS)
    columns = -(-len(tasks) // lines)
    names, tall = 0.075 * max(len(row.method) for row in rows) + 0.3, ROW * len(rows) + 0.35  # inches
    wide, high = max(names + WIDTH * columns + 0.2, 8.5), (tall + 0.5) * lines + 0.87
    made = Figure(figsize=(wide, high))  # laid out by hand: a solver takes longer than all the drawing
    grid = {"left": names / wide, "right": 1 - 0.2 / wide, "top": 1 - 0.97 / high, "bottom": 0.6 / high}
    axes = made.subplots(lines, columns, squeeze=False, gridspec_kw={**grid, "wspace": 0.12, "hspace": 0.5 / tall}).ravel()
    for place, (ax, i) in enumerate(zip(axes, tasks, strict=False)):
        _panel(ax, {row.method: row.cells[i] for row in rows}, marks, named=place % columns == 0)
        ax.set_title(division.tasks[i], fontsize=9.5, color=INK)
    for ax in axes[len(tasks) :]:
        ax.set_axis_off()
    wanted = metric(division.metric)
    arrow, better = ("→", "larger") if wanted.higher_is_better else ("←", "smaller")
    made.text(0.5, 0.1 / high, f"{arrow} {division.metric}  ({wanted.unit}; {better} is better)", ha="center", va="bottom", fontsize=9.5)
    made.text(0.012, 1 - 0.1 / high, f"{division.title}\n{division.metric} by task", ha="left", va="top", fontsize=11, color=INK)
    about = "mark: mean over seeds; bar: 95% over seeds; hollow: some seeds have no value; a bar at the edge goes on"
    if any(ax.get_xscale() == "log" for ax in axes):
        about += "; unevenly numbered axes are logarithmic"
    made.text(0.012, 1 - 0.5 / high, about, ha="left", va="top", fontsize=8.2, color="#555555")
    return made


def _panel(ax: "Axes", found: dict[str, Cell], marks: Mapping[str, str], *, named: bool) -> None:
    known = {method: np.array([x for x in cell.values if np.isfinite(x)]) for method, cell in found.items()}
    _scaled(ax, [stats.seed_interval(values) for values in known.values() if len(values)])
    for place, (method, values) in enumerate(known.items()):
        tone, cell = colour(method), found[method]
        if not len(values):
            word = "no value" if cell.records else "missing"
            ax.text(0.03, place, word, transform=ax.get_yaxis_transform(), va="center", fontsize=7.5, color=QUIET, style="italic")
            continue
        limits = stats.seed_interval(values)
        if np.isfinite(limits.low):
            low = max(limits.low, ax.get_xlim()[0]) if ax.get_xscale() == "log" else limits.low
            ax.plot([low, limits.high], [place, place], color=tone, lw=1.6, solid_capstyle="butt", zorder=2)
        full = len(values) == len(cell.values)
        ax.plot(values.mean(), place, marks[method], mec=tone, mfc=tone if full else "white", ms=5, mew=1.2, zorder=3)
    ax.set_yticks(range(len(found)), list(found) if named else [""] * len(found), fontsize=8.5)
    ax.set_ylim(len(found) - 0.5, -0.5)
    ax.tick_params(axis="x", labelsize=8)
    ax.tick_params(axis="y", length=0)


def _scaled(ax: "Axes", found: Sequence[Interval]) -> None:
    """Set the horizontal axis so that every mean is seen, and intervals as far as they are no wider than all means together."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    if not found:
        ax.set_xticks([])
        return
    means = np.array([one.value for one in found])
    low, high = float(means.min()), float(means.max())
    if low > 0 and high / low > DECADE:
        ax.set_xscale("log")
        ax.set_xlim(low / 1.6, high * 1.6)
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 30 else (1, 3) if high / low < 300 else (1,)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.xaxis.set_minor_locator(NullLocator())
        return
    ends = np.array([[one.low, one.high] for one in found if np.isfinite(one.low)]).reshape(-1, 2)
    ax.xaxis.set_major_locator(MaxNLocator(4))
    span = max(high - low, float(np.median(ends[:, 1] - ends[:, 0])) if len(ends) else 0.0) or 0.1 * abs(high) or 0.1
    left, right = min([low, *ends[:, 0]]), max([high, *ends[:, 1]])
    ax.set_xlim(max(left, low - span) - 0.06 * span, min(right, high + span) + 0.06 * span)
