"""Figures of records: the front of mean rewards, with what is needed to judge it.

Every mean carries a 95% confidence region over prompts; preferences are joined in their order and marked by weight; the base and
the reference point are drawn, and the reference front where one is known. Exact tasks get a second panel in regularised returns,
where the true front is the limit. Three and four objectives are drawn pair by pair, more as parallel coordinates. Colours belong
to method names, so a method looks the same everywhere. Equal records give equal files: no date, fixed identifiers.
"""

import io
import re
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from morlbench import panels
from morlbench.configure import variant
from morlbench.errors import BadInput
from morlbench.metric import Evidence, Probe
from morlbench.panels import INK, MARKERS, Curve
from morlbench.preference import Array
from morlbench.record import RunRecord
from morlbench.store import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE = {
    "font.size": 10.0, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": "#555555", "axes.labelcolor": INK,
    "xtick.color": "#555555", "ytick.color": "#555555", "legend.frameon": False, "svg.hashsalt": "morlbench", "axes.grid": True,
    "text.parse_math": False,  # names come from records, and one may hold a $
    "grid.color": "#e8e8e8", "grid.linewidth": 0.6, "axes.axisbelow": True, "axes.titlesize": 11.0, "axes.titlelocation": "left",
}  # fmt: skip


def plot_front(records: Sequence[RunRecord], stem: Path) -> list[Path]:
    """Draw one front per task, base and budget of these records to STEM.png and STEM.svg; return the paths.

    The names say what differs: STEM-TASK.* where the records are of several tasks, +base=BASE and +budget=BUDGET where a task's
    are of several bases or budgets.
    """
    if not records:
        raise BadInput("there is no record to plot")
    check_stem(stem)
    groups: dict[tuple[str, str, int], list[Evidence]] = {}
    for run in (r.evidence for r in records):
        groups.setdefault((run.task.name, run.base, run.budget), []).append(run)
    several = len({task for task, _, _ in groups}) > 1
    paths = []
    for (task, base, budget), runs in sorted(groups.items(), key=lambda pair: pair[0]):
        same = [place for place in groups if place[0] == task]
        differing: dict[str, object] = {"base": base} if len({place[1] for place in same}) > 1 else {}
        figure = front_figure(runs, with_base=bool(differing))
        if len({place[2] for place in same}) > 1:
            differing["budget"] = budget
        paths += save(figure, stem.with_name(f"{stem.name}{f'-{task}' if several else ''}{variant('', differing)}"))
    return paths


def check_stem(stem: Path) -> None:
    """Raise BadInput where a path names no file, so that figures could not be named after it."""
    if not stem.name or stem.name == "..":
        raise BadInput(f"--out {str(stem)!r} names no file; figures are written to OUT.png and OUT.svg, e.g. --out front")


def front_figure(runs: Sequence[Evidence], *, with_base: bool = False) -> "Figure":
    """Return the figure of runs of one task, base and budget; `with_base` names the base."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        curves, task = _curves(runs), runs[0].task
        k = len(task.objectives)
        if k > 4:
            figure = Figure(figsize=(1.6 + 1.15 * k, 5.2), layout="constrained")
            panels.parallel(figure.subplots(), curves, _base(runs), task)
        else:
            exact = k == 2 and any(run.exact is not None for run in runs)
            count = 2 if exact else k * (k - 1) // 2
            columns = min(count, 3)
            size = (6.8, 5.6) if count == 1 else (4.7 * columns, 5.3 * -(-count // columns))
            figure = Figure(figsize=size, layout="constrained")
            axes = np.atleast_1d(figure.subplots(-(-count // columns), columns)).ravel()
            for ax, (i, j) in zip(axes, combinations(range(k), 2), strict=False):
                panels.pair(ax, curves, _base(runs), task, (i, j))
            if exact:
                axes[0].set_title("rewards", color=INK)
                panels.returns(axes[1], runs, task)
        _legend(figure, curves)
        _title(figure, runs, with_base)
    return figure


def _curves(runs: Sequence[Evidence]) -> list[Curve]:
    """Return one curve per method (and variant), seeds averaged, in order of appearance; the base is drawn apart."""
    from morlbench.score import labels

    groups: dict[str, list[Probe]] = {}
    methods: dict[str, str] = {}
    for run, label in zip(runs, labels(runs), strict=True):
        if run.method.name == "base":
            continue
        groups.setdefault(label, []).append(run.probe("front"))
        methods[label] = run.method.name
    curves = []
    for place, (label, probes) in enumerate(groups.items()):
        if len({probe.rewards.shape for probe in probes}) > 1:
            raise BadInput(f"records of {label} hold different questions, so their front has no mean; `morlbench verify` says which is odd")
        rewards = np.mean([probe.rewards.mean(2) for probe in probes], 0)
        means = tuple(probe.means for probe in probes)
        curves.append(Curve(label, methods[label], MARKERS[place % len(MARKERS)], probes[0].preferences, rewards, means))
    return curves


def _base(runs: Sequence[Evidence]) -> Array:
    """Return the base's rewards per prompt (n, k), averaged over runs."""
    return np.asarray(np.mean([run.probe("base").rewards[0].mean(1) for run in runs], 0))


def _legend(figure: "Figure", curves: Sequence[Curve]) -> None:
    """Put one legend below the axes, methods first."""
    found = {text: handle for ax in figure.axes for handle, text in zip(*ax.get_legend_handles_labels(), strict=True)}
    order = sorted(found, key=lambda text: text not in {curve.label for curve in curves})
    figure.legend([found[text] for text in order], order, loc="outside lower left", ncols=3, fontsize=9)


def _title(figure: "Figure", runs: Sequence[Evidence], with_base: bool) -> None:
    task, seeds = runs[0].task, sorted({run.seed for run in runs})
    over = f"mean of {len(seeds)} seeds" if len(seeds) > 1 else f"seed {seeds[0]}"
    prompts, k = len(runs[0].probe("front").prompts), len(task.objectives)
    about = f"95% intervals over {prompts} prompts"
    if k == 2:
        about = f"shaded: 95% region over {prompts} prompts; w: weight of {task.objectives[0]}, pale 0 to full 1"
        about += "; thin: each seed" if len(seeds) > 1 else ""
    elif k < 5:
        about = f"shaded: 95% region over {prompts} prompts; marks pale to full: weight of the horizontal objective"
    if with_base:
        about = f"base {runs[0].base}\n{about}"
    blank = "\n" * (1 + with_base)  # where `about` goes
    figure.suptitle(f"{task.name} · {runs[0].budget:,} scored responses · {over}{blank}", x=0.012, ha="left", fontsize=11.5, color=INK)
    figure.text(0.012, 1 - 0.31 / figure.get_figheight(), about, ha="left", va="top", fontsize=9, color="#555555")


def save(figure: "Figure", stem: Path) -> list[Path]:
    """Write STEM.png and STEM.svg, equal bytes for equal figures; return the paths."""
    paths = []
    for ending, data in encode(figure).items():
        path = stem.with_name(f"{stem.name}.{ending}")
        write_bytes(path, data)
        paths.append(path)
    return paths


def encode(figure: "Figure", *, dpi: int = 160) -> dict[str, bytes]:
    """Return the figure as png and svg, equal bytes for equal figures: no date, fixed identifiers."""
    import matplotlib

    found = {}
    with matplotlib.rc_context(STYLE):
        for ending in ("png", "svg"):
            buffer = io.BytesIO()
            metadata = {"Software": None} if ending == "png" else {"Date": None, "Creator": "morlbench"}
            figure.savefig(buffer, format=ending, dpi=dpi, metadata=metadata)
            found[ending] = buffer.getvalue()
    return found | {"svg": _numbered(found["svg"])}


def _numbered(svg: bytes) -> bytes:
    """Name the clips and markers of an svg in their order: matplotlib hashes coordinates whose last digit differs between processors."""
    names = dict.fromkeys(re.findall(rb'id="([a-z][0-9a-f]{10})"', svg))
    numbers = {name: b"%c%d" % (name[0], i) for i, name in enumerate(names)}
    return re.sub(rb'(?<=["#])[a-z][0-9a-f]{10}(?=["\)])', lambda match: numbers.get(match[0], match[0]), svg)
