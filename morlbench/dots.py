"""One figure of numbers with intervals: tasks side by side, a row per method, smaller or larger as the axis says.

Colours belong to method names, as in `morlbench.plot`, whatever the label: variants of a method share its colour and differ by
their mark. Leaves out fronts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from morlbench.panels import INK, QUIET, colour, marked
from morlbench.plot import STYLE, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 4  # panels side by side
TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)


@dataclass(frozen=True)
class Dot:
    """One method's value on one task with its 95% interval, NaN limits where there is none; `label` stands for its name if given."""

    task: str
    method: str
    value: float
    low: float
    high: float
    label: str = ""


def dots(found: Sequence[Dot], stem: Path, *, title: str, unit: str, line: float | None = None) -> list[Path]:
    """Draw the values to STEM.png and STEM.svg and return the paths; `unit` says what the axis is and which way is better.

    With a `line` to hold values against, such as 0 for differences, all panels have one axis.
    """
    import matplotlib
    from matplotlib.figure import Figure

    tasks, labels = list(dict.fromkeys(dot.task for dot in found)), {dot.method: dot.label or dot.method for dot in found}
    methods, marks = list(labels), marked(list(labels))
    with matplotlib.rc_context(STYLE):
        lines = -(-len(tasks) // COLUMNS)
        columns = -(-len(tasks) // lines)
        size = max(1.8 + 2.5 * columns, 0.35 + 0.085 * len(title)), 0.8 + lines * (0.5 + 0.34 * len(methods))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(lines, columns, sharey=True, sharex=line is not None, squeeze=False).ravel()
        for ax, task in zip(axes, tasks, strict=False):
            for dot in (d for d in found if d.task == task):
                place, tone = methods.index(dot.method), colour(dot.method)
                if np.isfinite(dot.low):
                    ax.plot([dot.low, dot.high], [place, place], color=tone, linewidth=2.2, solid_capstyle="butt")
                ax.plot(dot.value, place, marks[dot.method], color=tone, markersize=6)
            ax.set_title(task, color=INK)
            if line is None:
                _scale(ax, [dot.value for dot in found])
            else:
                ax.axvline(line, color=QUIET, linewidth=1, zorder=1)
        for ax in axes[len(tasks) :]:
            ax.set_axis_off()
        axes[0].set_yticks(range(len(methods)), labels.values())
        axes[0].invert_yaxis()
        figure.supxlabel(unit + ", logarithmic axis" * (axes[0].get_xscale() == "log"), fontsize=10, color=QUIET)
        figure.suptitle(title, x=0.012, ha="left", fontsize=11.5, color=INK)
    return save(figure, stem)


def _scale(ax: "Axes", values: Sequence[float]) -> None:
    """Show values that span more than a factor of five on a logarithmic axis, the same for every task; others from 0."""
    from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator, StrMethodFormatter

    least, most = min(values), max(values)
    if least <= 0 or most < 5 * least:
        ax.set_xlim(left=min(0.0, ax.get_xlim()[0]))
        return
    ax.set_xscale("log")
    ax.set_xlim(least / 1.6, most * 1.6)
    ax.xaxis.set_major_locator(FixedLocator([tick for tick in TICKS if least / 1.6 <= tick <= most * 1.6]))
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.tick_params(axis="x", labelsize=8)
