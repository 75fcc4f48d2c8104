"""The figures of a board: fronts, rank intervals, cells, family profiles, quality against cost, adaptation, sensitivity, relations.

Each is made from the ranking's digests alone. Colours belong to method names; methods of one colour differ by their mark. Where
dozens of methods share a panel, a few have colours and names and the others are grey. Equal rankings give equal bytes. Leaves out
the panels of fronts: see `morlbench.board_fronts`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from morlbench import board_fronts, growth, stats
from morlbench.board_cells import cells
from morlbench.board_fronts import GREY
from morlbench.board_relation import relation
from morlbench.digest import VOLUME, Digest, TaskDigest, metric
from morlbench.leaderboard import Ranking, Standings
from morlbench.metric import FAMILIES, NoValue
from morlbench.panels import INK, MARKERS, QUIET, colour
from morlbench.plot import STYLE, encode
from morlbench.preference import Array
from morlbench.sensitivity import sensitivity
from morlbench.summary import TITLES, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 90
FEW = 3  # ranked methods of a division that stand out among all
FIRST = f"in colour: the first {FEW} of each division, who has the largest hypervolume on a task, and the base; grey: the other methods"
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)))  # solid, dashed, dotted: lines of one colour in turn
LARGE = 5  # objectives beyond which a hypervolume is too slow to move its reference point about
ROOTED = 5  # objectives from which a volume is too small a number to read, and is shown per objective, relative to the base's
Panel = Callable[["Axes", str], None]


def figures(ranking: Ranking) -> dict[str, bytes]:
    """Return every figure of the board by its file name, png and svg of each."""
    import matplotlib

    found: dict[str, bytes] = {}
    with matplotlib.rc_context(STYLE):
        for name, figure in _all(ranking):
            if figure is not None:
                found |= {f"{name}.{ending}": data for ending, data in encode(figure, dpi=DPI).items()}
    return found


def _all(ranking: Ranking) -> Iterator[tuple[str, "Figure | None"]]:
    for standings in ranking.standings:
        yield f"ranks-{standings.division.name}", ranks(standings)
        yield f"cells-{standings.division.name}", cells(standings, ranking.marks)
        yield f"profile-{standings.division.name}", profile(standings)
    yield "cost", cost(ranking)
    yield "adaptation", adaptation(ranking)
    yield "sensitivity", reference_points(ranking)
    yield "relation", relation(ranking)
    for task in ranking.tasks:
        yield f"fronts-{task}", board_fronts.figure(ranking, task)


def ranks(standings: Standings) -> "Figure | None":
    """Return each ranked method's rank with its interval, tie groups on alternating ground; None where there is no second one."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    rows = [row for row in standings.rows if row.rank is not None and row.group is not None]
    if len(rows) < 2:
        return None
    figure = Figure(figsize=(7.2, 1.5 + 0.27 * len(rows)), layout="constrained")
    ax = figure.subplots()
    for place, row in enumerate(rows):
        if row.rank is None or row.group is None:
            continue
        tone = colour(row.method)
        ax.axhspan(place - 0.5, place + 0.5, color="#f3f3f3" if row.group % 2 else "white", lw=0, zorder=0)
        ax.plot([row.rank.low, row.rank.high], [place, place], color=tone, lw=2.4, solid_capstyle="butt", zorder=2)
        ax.plot(row.rank.value, place, "o", color=tone, ms=6, zorder=3)
        if place == 0 or row.group != rows[place - 1].group:
            ax.text(1.01, place, f"tie group {row.group}", transform=ax.get_yaxis_transform(), va="center", fontsize=8.5, color=QUIET)
    ax.set_yticks(range(len(rows)), [row.method for row in rows])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlim(0.5, len(rows) + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(12, integer=True))
    count = len(standings.division.tasks)
    over = f" ({stats.over_tasks_name(count)})" if count > 1 else ""
    ax.set_xlabel(f"rank by score{over}, 1 is best\ndot: all seeds; bar: 95% over resampled seeds", fontsize=9)
    _head(figure, f"{standings.division.title}\nranks by {standings.division.metric}")
    return figure


def profile(standings: Standings) -> "Figure | None":
    """Return a table of methods by families: the value, on a ground that darkens with the mean rank over tasks."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    rows = [row for row in standings.rows if any(np.isfinite(facet.value) for facet in row.profile)]
    if not rows:
        return None
    wide = 1.3 * len(FAMILIES) + 0.075 * max(len(row.method) + (0 if row.group else 14) for row in rows) + 0.3  # inches
    figure = Figure(figsize=(wide, 1.9 + 0.27 * len(rows)), layout="constrained")
    ax = figure.subplots()
    ax.grid(visible=False)
    worst = {f: max([row.profile[i].rank for row in rows if np.isfinite(row.profile[i].rank)], default=1.0) for i, f in enumerate(FAMILIES)}
    for y, row in enumerate(rows):
        for x, facet in enumerate(row.profile):
            known = np.isfinite(facet.value)
            ranked = np.isfinite(facet.rank)  # the worst keeps a tint: white is who has no rank
            share = 1 - 0.9 * (facet.rank - 1) / max(worst[facet.family] - 1, 1e-9) if ranked else 0.0
            tone = (1 - 0.62 * share, 1 - 0.38 * share, 1 - 0.18 * share)
            ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fc=tone, ec="white", lw=1.5))
            ax.text(x, y, number(facet.value) if known else "–", ha="center", va="center", fontsize=8.5, color=INK if known else QUIET)
    names = [f"{TITLES[f.family]}\n{f.metric} {'↑' if metric(f.metric).higher_is_better else '↓'}" for f in rows[0].profile]
    ax.set_xticks(range(len(FAMILIES)), names, fontsize=8, rotation=0)
    ax.xaxis.tick_top()
    ax.set_yticks(range(len(rows)), [row.method + ("" if row.group else "  (not ranked)") for row in rows], fontsize=8.5)
    ax.set_xlim(-0.5, len(FAMILIES) - 0.5)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.tick_params(length=0)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    about = "mean over tasks; darker: better mean rank over tasks; white: without a rank, as controls are; –: no value"
    _head(figure, f"{standings.division.title}: profile\n{about}")
    return figure


def cost(ranking: Ranking) -> "Figure | None":
    """Return hypervolume (of many objectives: relative to the base, per objective) against the board's cost, a panel per task."""
    from matplotlib.ticker import NullLocator

    first, marks = leading(ranking), ranking.marks
    methods = sorted(ranking.digests, key=first.__contains__)  # what has a colour is drawn over the grey
    spent = [run.values[ranking.board.cost].value for d in ranking.digests.values() for runs in d.runs.values() for run in runs]
    least = min((x for x in spent if x > 0), default=1.0)

    def panel(ax: "Axes", task: str) -> None:
        k = len(ranking.tasks[task].facts.objectives)
        if k >= ROOTED:
            ax.set_title(f"{task}\n(hypervolume / the base's) ^ (1 / {k})", fontsize=9, color=INK)
        for method in methods:
            runs = ranking.digests[method].runs.get(task, ())
            x = np.array([run.values[ranking.board.cost].value for run in runs])
            x = np.where(x == 0, least / 2, x)  # who costs nothing stands at the left edge of a logarithmic axis, at a tick that says 0
            y = np.array([_volume(run, ranking.tasks[task]) for run in runs])
            if not len(x) or not np.isfinite([x, y]).all():
                continue
            if method not in first:
                ax.plot(x.mean(), y.mean(), "o", color=GREY, ms=4)
                continue
            tone, found = colour(method), stats.seed_interval(y)
            if np.isfinite(found.low):
                ax.vlines(x.mean(), found.low, found.high, color=tone, lw=1.2, alpha=0.7)
            ax.plot(x.mean(), y.mean(), marks[method], color=tone, ms=6, mec="white", mew=0.4, label=method)
        most = max((x for x in spent if np.isfinite(x)), default=1.0)
        ax.set_xscale("log")
        ax.set_xlim(least / 2.5, 1.3 * max(most, least))
        places = [x for x in (f * 10.0**e for e in range(-3, 8) for f in (1, 2, 5)) if 0.9 * least <= x <= 1.3 * most]
        ax.set_xticks([least / 2, *places], ["0", *(f"{x:g}" for x in places)])
        ax.xaxis.set_minor_locator(NullLocator())

    unit = metric(ranking.board.cost).unit
    return _grid(
        list(ranking.tasks), panel, title=f"Hypervolume against cost (bar: 95% over seeds, of those in colour)\n{FIRST}",
        x=f"← {ranking.board.cost}  ({unit}; sum over parts, shared experts charged in full; smaller is better; 0 at the left edge)",
        y="hypervolume  (higher is better) →",
    )  # fmt: skip


def leading(ranking: Ranking) -> set[str]:
    """Return the methods that stand out: the first FEW of each division, whoever has the largest hypervolume on a task, and the base."""
    found = {row.method for standings in ranking.standings for row in standings.rows[:FEW] if row.rank is not None}
    for task in ranking.tasks:
        runs = {method: d.runs[task] for method, d in ranking.digests.items() if d.runs.get(task)}
        volumes = {method: float(np.mean([run.values[VOLUME].value for run in some])) for method, some in runs.items()}
        if known := {method: volume for method, volume in volumes.items() if volume > 0}:
            found.add(max(known, key=known.__getitem__))
    return found | {"base"}


def _volume(run: Digest, told: TaskDigest) -> float:
    """Return a run's hypervolume, from ROOTED objectives on as `growth.rooted` of it; NaN where there is none."""
    volume = run.values[VOLUME].value
    if len(told.facts.objectives) < ROOTED:
        return volume
    base = told.base_returns if np.isfinite(told.base_returns).all() else run.base
    try:
        return growth.rooted(volume, base, np.array(told.facts.reference_point))
    except NoValue:
        return float("nan")


def adaptation(ranking: Ranking) -> "Figure | None":
    """Return how far ratings bring each method towards being told the preference, a panel per task."""
    able = [m for m, found in ranking.digests.items() if any(run.progress for runs in found.runs.values() for run in runs)]
    tasks = [t for t in ranking.tasks if any(run.progress for m in able for run in ranking.digests[m].runs.get(t, ()))]
    marks = ranking.marks

    def panel(ax: "Axes", task: str) -> None:
        for level, style in ((1.0, "-"), (0.95, ":")):
            ax.axhline(level, color=QUIET, ls=style, lw=0.9, zorder=1)
        for method in able:
            runs = [run for run in ranking.digests[method].runs.get(task, ()) if run.progress]
            if runs:
                _progress(ax, runs, colour(method), marks[method], method)
        ax.set_xscale("symlog", linthresh=16)
        ax.set_xticks([0, 16, 64, 256], ["0", "16", "64", "256"])
        ax.minorticks_off()

    return _grid(
        tasks, panel, x="responses rated by the user", y="share of the gain of being told  (higher is better) →",
        title="Adaptation to hidden users (mean of seeds in which being told gains; bar: 95% over them; lines at 1 and .95 of it)\n"
        "methods without a curve have no `observe`: ratings change nothing in them",
    )  # fmt: skip


def reference_points(ranking: Ranking) -> "Figure | None":
    """Return how the order by hypervolume depends on where the reference point lies, a panel per task of at most five objectives."""
    front = [method for method, found in ranking.digests.items() if found.track == "front"]
    first, marks = leading(ranking), ranking.marks
    tasks = [
        task for task, told in ranking.tasks.items()
        if len(told.facts.objectives) <= LARGE and sum(bool(ranking.digests[m].runs.get(task)) for m in front) > 1
    ]  # fmt: skip

    def panel(ax: "Axes", task: str) -> None:
        means = {m: np.mean([run.means for run in ranking.digests[m].runs[task]], 0) for m in front if ranking.digests[m].runs.get(task)}
        found = sensitivity(means, np.array(ranking.tasks[task].facts.reference_point))
        best = np.max(list(found.volumes.values()), axis=0)
        for method, volumes in found.volumes.items():
            share = volumes / np.where(best > 0, best, np.nan)
            if method not in first:
                ax.plot(found.shares, share, color=GREY, lw=0.8, zorder=1.5)
                continue
            dashes = DASHES[MARKERS.index(marks[method]) % len(DASHES)]
            ax.plot(found.shares, share, color=colour(method), marker=marks[method], ms=3.5, lw=1.2, ls=dashes, label=method)
        ax.axvline(0, color=QUIET, lw=0.9, ls=(0, (4, 2)), zorder=1)
        ax.set_title(f"{task}\n{len(found.flips)} of {len(means) * (len(means) - 1) // 2} pairs flip", fontsize=9, color=INK)

    return _grid(
        tasks, panel, title="Does the order by hypervolume depend on the reference point? (fronts averaged over seeds; tasks of at most "
        f"{LARGE} objectives)\n{FIRST}",
        x="reference point moved towards the best point seen (0: the task's own)",
        y="hypervolume / the largest there  (higher is better) →",
    )  # fmt: skip


def _progress(ax: "Axes", runs: Sequence[Digest], tone: str, mark: str, label: str) -> None:
    steps = [step for step, _ in runs[0].progress]
    shares: Array = np.array([[share for _, share in run.progress] for run in runs if len(run.progress) == len(steps)])  # (s, steps)
    found = [stats.seed_interval(column) for column in shares.T]
    ax.plot(steps, [f.value for f in found], color=tone, marker=mark, ms=5, lw=1.4, label=label)
    for step, f in zip(steps, found, strict=True):
        if np.isfinite(f.low):
            ax.vlines(step, f.low, f.high, color=tone, lw=1.1, alpha=0.6)


def _grid(tasks: Sequence[str], panel: Panel, *, title: str, x: str, y: str) -> "Figure | None":
    """Return a figure with one panel per task and one legend below; None without tasks. The title's second line is small."""
    from matplotlib.figure import Figure

    if not tasks:
        return None
    lines = -(-len(tasks) // 4)
    columns = -(-len(tasks) // lines)
    wide, tall = max(3.0 * columns, 7.5), 2.85 * lines + 1.3
    whole = Figure(figsize=(wide, tall))  # laid out by hand: a solver takes longer than all the drawing
    room = {"left": 0.8 / wide, "right": 1 - 0.15 / wide, "wspace": 0.25, "hspace": 0.38}
    axes = whole.subplots(lines, columns, squeeze=False, gridspec_kw=room).ravel()
    for ax, task in zip(axes, tasks, strict=False):
        ax.set_title(task, fontsize=9.5, color=INK)
        ax.tick_params(labelsize=8)
        panel(ax, task)
    for ax in axes[len(tasks) :]:
        ax.set_axis_off()
    found = {text: handle for ax in axes for handle, text in zip(*ax.get_legend_handles_labels(), strict=True)}
    across = int(wide / 1.85)
    key = 0.2 * -(-len(found) // across) + 0.15  # inches of the legend
    high = tall + key
    whole.set_size_inches(wide, high)
    whole.subplots_adjust(top=1 - 0.95 / high, bottom=(key + 0.65) / high)
    whole.legend(list(found.values()), list(found), loc="lower left", ncols=across, fontsize=8, borderaxespad=0.2)
    whole.text(0.5, (key + 0.12) / high, x, ha="center", va="bottom", fontsize=9.5)
    whole.supylabel(y, fontsize=9.5, x=0.1 / wide)
    head, _, about = title.partition("\n")
    whole.text(0.012, 1 - 0.1 / high, head, ha="left", va="top", fontsize=11, color=INK)
    whole.text(0.012, 1 - 0.33 / high, about, ha="left", va="top", fontsize=8.2, color="#555555")
    return whole


def _head(figure: "Figure", title: str) -> None:
    figure.suptitle(title, x=0.012, ha="left", fontsize=11, color=INK)
