"""The readable table of scores: eight families, the headline metrics of each, an arrow for the better direction.

One method gets a line per metric with its 95% interval; several methods get a column each. A dash stands for no value, its
reason beside it or below. Leaves out the other metrics: `--json` has them all.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from morlbench import score
from morlbench.metric import FAMILIES
from morlbench.stats import Interval

TITLES = {
    "utility": "overall utility", "pareto": "Pareto-optimality", "training": "training efficiency", "inference": "inference efficiency",
    "stability": "stability", "adaptation": "preference adaptation", "scalability": "scalability", "explainability": "explainability",
}  # fmt: skip
COLUMNS = 5  # methods side by side
REMARK = "unit, or why there is none"
DUST = 1e-12  # smaller is what rounding left of a zero
FLOAT32 = 1e-7  # and this in a score, a difference of rewards that are kept in float32


def render(frame: pd.DataFrame) -> RenderableType:
    """Return one block per task, base and budget, each with its raised flags."""
    if frame.empty:
        return Text("no records to score")
    several = frame["seed"].dropna().nunique() > 1
    joined = score.across_seeds(frame) if several else frame
    blocks: list[RenderableType] = []
    for (task, base, budget), part in frame[frame["seed"].notna()].groupby(["task", "base", "budget"], sort=False):
        methods, seeds = list(part["method"].unique()), sorted(part["seed"].unique())
        here = _belonging(joined, task, base, budget)
        title = f"{task} · base {base} · {budget:,} responses · seed{'s' if len(seeds) > 1 else ''} {_span(seeds)}"
        if len(methods) == 1:
            blocks.append(_detailed(here, f"{methods[0]} on {title}"))
        else:
            blocks += [_side_by_side(here, methods[i : i + COLUMNS], title) for i in range(0, len(methods), COLUMNS)]
        blocks.append(_flags(here))
    return Group(*blocks)


def number(value: float) -> str:
    """Return a number as a person reads it: about three digits, thousands set apart, what rounding left of a zero as zero.

    >>> [number(v) for v in (12345.6, 64.0, 26.667, 0.73333, 0.00042, 5.8e-9, -9.3e-18)]
    ['12,346', '64', '26.7', '0.733', '0.00042', '5.8e-09', '0.000']
    """
    value = 0.0 if abs(value) < DUST else value
    return f"{value:{_format(value)}}" if np.isfinite(value) else "–"


def interval(found: Interval | None) -> str:
    """Return a value and its limits as a person reads them."""
    if found is None:
        return "–"
    limits = f" [{number(found.low)}, {number(found.high)}]" if np.isfinite(found.low) else ""
    return f"{number(found.value)}{limits}"


def scored(found: Interval | None) -> str:
    """Return a score, or a difference of scores, with its limits.

    >>> scored(Interval(-2.2e-9, -2.2e-9, 0.25))
    '0.000 [0.000, 0.250]'
    """
    if found is None:
        return "–"
    value, low, high = (0.0 if abs(x) < FLOAT32 else x for x in (found.value, found.low, found.high))
    return interval(replace(found, value=value, low=low, high=high))


def _format(value: float) -> str:
    size = abs(value)
    if size >= 1000 or (size >= 10 and value == round(value)):
        return ",.0f"
    if size >= 10:
        return ".1f"
    return ".2g" if 0 < size < 0.01 else ".3f"


def _detailed(here: pd.DataFrame, title: str) -> Table:
    table = _empty(title)
    for name in ("metric", "value", "95% interval", "", REMARK):
        table.add_column(name, justify="right" if name == "value" else "left", no_wrap=name != REMARK)
    for family in FAMILIES:
        table.add_row(Text(TITLES[family], style="bold cyan"))
        rows = _headline(here, family)
        numbers = rows[["value", "low", "high"]].to_numpy(dtype=float)
        for (value, low, high), name, higher, unit, reason in zip(
            numbers, rows["metric"], rows["higher_is_better"], rows["unit"], rows["reason"], strict=True
        ):
            span = f"{number(low)} to {number(high)}" if np.isfinite(low) and np.isfinite(high) else ""
            words = [unit, reason] if np.isfinite(value) else [reason]
            remark = "; ".join(str(word) for word in words if word)
            table.add_row(Text(f"  {name}"), number(value), Text(span, style="dim"), _arrow(higher), Text(remark, style="dim"))
    return table


def _side_by_side(here: pd.DataFrame, methods: list[str], title: str) -> Table:
    table = _empty(title)
    table.add_column("metric", no_wrap=True)
    table.add_column("")
    for method in methods:
        table.add_column(escape(method), justify="right")
    for family in FAMILIES:
        table.add_row(Text(TITLES[family], style="bold cyan"))
        for metric, group in _headline(here, family).groupby("metric", sort=False):
            cells = [_cell(group[group["method"] == method]) for method in methods]
            table.add_row(Text(f"  {metric}"), _arrow(group["higher_is_better"].iloc[0]), *cells)
    table.caption = "± half of the 95% interval, over seeds (one seed: over prompts)"
    table.caption_justify = "left"
    return table


def _empty(title: str) -> Table:
    return Table(title=escape(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)


def _flags(here: pd.DataFrame) -> RenderableType:
    raised = here[(here["family"] == "flag") & here["reason"].str.startswith(score.RAISED)]
    if raised.empty:
        return Text("no failure signature raised", style="dim")
    text = Text("failure signatures raised", style="yellow")
    for name, method, value, reason in zip(raised["metric"], raised["method"], raised["value"], raised["reason"], strict=True):
        text.append(f"\n  {name}  {method}: {number(value)} {reason.removeprefix(f'{score.RAISED}: ')}")
    return text


def _headline(here: pd.DataFrame, family: str) -> pd.DataFrame:
    """Return the family's rows to show, in the order of the registry; metrics this version does not know come last."""
    order = {metric.name: i for i, metric in enumerate(score.metrics()) if metric.headline}
    known = {metric.name for metric in score.metrics()}
    rows = here[(here["family"] == family) & (here["metric"].isin(order) | ~here["metric"].isin(known))]
    return rows.assign(order=rows["metric"].map(order).fillna(len(order))).sort_values("order", kind="stable")


def _belonging(frame: pd.DataFrame, task: object, base: object, budget: object) -> pd.DataFrame:
    """Return the rows of one task, base and budget, with those over budgets or tasks that concern its methods."""
    place = (frame["base"] == base) & frame["task"].isin([task, score.ANY]) & (frame["budget"].isna() | (frame["budget"] == budget))
    methods = frame[place & (frame["task"] == task)]["method"].unique()
    return frame[place & frame["method"].isin(methods)]


def _cell(rows: pd.DataFrame) -> str:
    """Return a method's value with half of its interval, to the same digit."""
    if rows.empty:
        return "–"
    value, low, high = rows[["value", "low", "high"]].to_numpy(dtype=float)[0]
    half = (high - low) / 2
    if not np.isfinite(value) or not np.isfinite(half) or half == 0:
        return number(value)
    return f"{value:{_format(value)}} ±{half:{_format(value)}}"


def _arrow(higher_is_better: object) -> str:
    return "↑" if higher_is_better else "↓"


def _span(seeds: list[int]) -> str:
    whole = len(seeds) > 2 and seeds == list(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]} to {seeds[-1]}" if whole else ", ".join(map(str, seeds))
