"""Records in, one tidy frame of numbers out: every metric of every run, and across seeds, budgets and tasks where it asks.

A row is one metric of one run (or of a group: then `seed`, and where needed `budget`, stand empty; over tasks the task is '*'). A
metric without a value has NaN and its reason; failure signatures are rows of the family 'flag'. The numbers depend on the records
alone, and on the task's reference front where that was frozen after a record was made.
Leaves out ranking methods against each other: see the leaderboard.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from morlbench import flags, record, registry, stats, table
from morlbench.alike import alike
from morlbench.configure import text_of
from morlbench.errors import BadRecord, MorlbenchError
from morlbench.metric import FAMILIES, Evidence, Metric
from morlbench.record import RunRecord
from morlbench.reference import judged

COLUMNS = (
    "task", "method", "base", "budget", "seed", "metric", "family", "value", "low", "high", "unit", "higher_is_better", "reason"
)  # fmt: skip
GROUP = ["task", "method", "base", "budget"]
ANY = "*"  # the task of a row over several tasks
RAISED = "raised"  # how the reason of a raised flag begins


def gather(paths: Sequence[Path]) -> tuple[list[RunRecord], list[str]]:
    """Load every record under `paths`, and one sentence per file that cannot be used; nothing else is lost.

    Where records of a task are of several versions, the newest is kept.
    """
    records: dict[str, tuple[Path, RunRecord]] = {}
    faults: list[str] = []
    for path in record.find(list(paths)):
        try:
            found = record.load(path)
        except BadRecord as fault:
            faults.append(str(fault))
            continue
        found = judged(found)
        earlier = records.setdefault(found.key, (path, found))
        if earlier[0] != path and not alike(earlier[1], found):
            faults.append(f"{path}: field 'key' is that of {earlier[0]}, whose answers or values differ; one of the two must go")
    kept, old = _of_newest_versions(list(records.values()))
    return kept, faults + old


def score(records: Sequence[RunRecord]) -> pd.DataFrame:
    """Return the tidy frame of `COLUMNS` for these records; raise BadRecord where they cannot be scored together."""
    runs = [_as_stored(r.evidence) for r in _distinct(records)]
    _check_versions(runs)
    named = labels(runs)
    rows: list[_Row] = []
    for place, group in _groups(runs, named, "task", "base", "budget", "seed"):
        rows += _measured("run", group, place)
    for place, group in _groups(runs, named, "task", "base", "budget"):
        rows += _measured("seeds", group, place)
        rows.append(_flagged(lambda some: flags.below_single(some, runs), "below-single", group, place))
    for place, group in _groups(runs, named, "task", "base"):
        rows += _measured("budgets", group, place)
    for place, group in _groups(runs, named, "base"):
        rows += _measured("tasks", group, place)
    return _frame([row.__dict__ for row in rows])


def across_seeds(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with each run's rows replaced by their mean over seeds, with a t interval where there are two or more.

    A group in which some seeds lack the value has none: a missing cell is shown as missing and never averaged away. A flag that any
    seed raises stays raised.
    """
    each = frame[frame["seed"].notna()]
    rows: list[Mapping[str, object]] = []
    same = [*GROUP, "metric", "family", "unit", "higher_is_better"]
    for keys, group in each.groupby(same, sort=False, dropna=False):
        row: dict[str, object] = dict(zip(same, keys, strict=True)) | {"seed": None, "reason": ""}
        missing = group[group["value"].isna()]
        if len(missing) and not group["reason"].str.startswith(RAISED).any():
            row |= {"value": np.nan, "low": np.nan, "high": np.nan, "reason": missing["reason"].iloc[0]}
        elif len(group) == 1:
            row |= {name: group[name].iloc[0] for name in ("value", "low", "high", "reason")}
        else:
            row |= _joined(group)
        rows.append(row)
    rest = frame[frame["seed"].isna()]
    return _frame([*rows, *({str(key): value for key, value in row.items()} for row in rest.to_dict("records"))])


def _joined(group: pd.DataFrame) -> dict[str, object]:
    """Return the value over seeds: the mean with its t interval, or for a flag the worst seed and how many raise it."""
    values = group["value"].to_numpy(dtype=float)  # NaN where a seed lacks the value, which a raised flag alone survives
    if group["family"].iloc[0] != "flag":
        found, remarks = stats.seed_interval(values), set(group["reason"])
        return {"value": found.value, "low": found.low, "high": found.high, "reason": remarks.pop() if len(remarks) == 1 else ""}
    raised = group["reason"].str.startswith(RAISED)
    worst = group["reason"].iloc[int(np.nanargmax(values))].partition(": ")[2]
    lacking = f", {np.isnan(values).sum()} without a value" if np.isnan(values).any() else ""
    reason = f"{RAISED}: {worst} in {raised.sum()} of {len(group)} seeds{lacking}" if raised.any() else f"ok: {worst}"
    return {"value": float(np.nanmax(values)), "low": np.nan, "high": np.nan, "reason": reason}


def to_json(frame: pd.DataFrame) -> str:
    """Return the frame as a JSON list of rows; a missing value is null beside its reason."""
    rows = [{str(key): _plain(value) for key, value in row.items()} for row in frame.to_dict("records")]
    return json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False)


@cache
def metrics() -> tuple[Metric, ...]:
    """Return one of every metric, by family, the headline ones first."""
    found = [registry.load("metrics", name)() for name in registry.names("metrics")]
    return tuple(sorted(found, key=lambda m: (FAMILIES.index(m.family), not m.headline, m.name)))


@dataclass(frozen=True)
class _Row:
    """One row of the frame; the fields are its columns."""

    task: str
    method: str
    base: str
    budget: int | None = None
    seed: int | None = None
    metric: str = ""
    family: str = ""
    value: float = np.nan
    low: float = np.nan
    high: float = np.nan
    unit: str = ""
    higher_is_better: bool = True
    reason: str = ""


def _as_stored(run: Evidence) -> Evidence:
    """Return the evidence with the precision a record keeps, so that live and stored runs score alike."""
    exact = run.exact and replace(run.exact, front=(run.exact.front * record.MILLION).round() / record.MILLION)
    return replace(run, probes=tuple(map(table.rounded, run.probes)), exact=exact)


def _frame(rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """Return rows as a frame; seeds and budgets stay whole numbers or None."""
    numbers = ("value", "low", "high")
    columns = {name: pd.Series([row[name] for row in rows], dtype=float if name in numbers else object) for name in COLUMNS}
    return pd.DataFrame(columns)


def _measured(over: str, runs: Sequence[Evidence], place: _Row) -> list[_Row]:
    """Return a row per metric of this kind, and in the end the flags that look at the same runs."""
    rows = [_one(metric, runs, place) for metric in metrics() if metric.over == over]
    signs = flags.RUN if over == "run" else flags.SEEDS if over == "seeds" else ()
    return rows + [_flagged(sign, sign.__name__.replace("_", "-"), runs, place) for sign in signs]


def _one(metric: Metric, runs: Sequence[Evidence], place: _Row) -> _Row:
    row = replace(place, metric=metric.name, family=metric.family, unit=metric.unit, higher_is_better=metric.higher_is_better)
    try:
        value = float(metric(runs))
        low, high = metric.interval(runs) or (np.nan, np.nan)
        reason = metric.note(runs)
    except MorlbenchError as fault:
        return replace(row, reason=str(fault))
    except Exception as fault:  # what a plugin raises costs its own value and no other's
        return replace(row, reason=f"the metric failed: {type(fault).__name__}: {' '.join(str(fault).split())}")
    if not np.isfinite(value):
        return replace(row, reason=f"the metric returned {value}")
    return replace(row, value=value, low=float(low), high=float(high), reason=reason)


def _flagged(sign: Callable[[Sequence[Evidence]], flags.Flag], name: str, runs: Sequence[Evidence], place: _Row) -> _Row:
    row = replace(place, metric=name, family="flag", higher_is_better=False)
    try:
        flag = sign(runs)
    except MorlbenchError as reason:
        return replace(row, reason=str(reason))
    except Exception as fault:  # as above: records come from anywhere
        return replace(row, reason=f"the flag failed: {type(fault).__name__}: {' '.join(str(fault).split())}")
    if not np.isfinite(flag.value):
        return replace(row, reason=f"the flag's value is {flag.value}")
    told = f"{RAISED if flag.raised else 'ok'}: {flag.text} (threshold {flag.threshold:g})"
    return replace(row, value=flag.value, reason=told)


def _groups(runs: Sequence[Evidence], labels: Sequence[str], *by: str) -> list[tuple[_Row, list[Evidence]]]:
    """Return the runs grouped by method and these of task, base, budget and seed; the rest stands empty in the group's row."""
    found: dict[tuple[str, str, str, int | None, int | None], list[Evidence]] = {}
    for run, label in zip(runs, labels, strict=True):
        task, budget = run.task.name if "task" in by else ANY, run.budget if "budget" in by else None
        found.setdefault((task, label, run.base, budget, run.seed if "seed" in by else None), []).append(run)
    return [(_Row(*place), group) for place, group in found.items()]


def _distinct(records: Sequence[RunRecord]) -> list[RunRecord]:
    """Return each keyed record once; raise BadRecord if two claim one key with different answers or values."""
    found: dict[str, RunRecord] = {}
    for one in records:
        if not alike(found.setdefault(one.key, one), one):
            e = one.evidence
            raise BadRecord(
                f"two records claim to be {e.method.name} on {e.task.name}, base {e.base}, budget {e.budget}, seed {e.seed}, "
                "and their answers or values differ; keep one"
            )
    return list(found.values())


def _of_newest_versions(found: Sequence[tuple[Path, RunRecord]]) -> tuple[list[RunRecord], list[str]]:
    """Return the records of each task's newest version, and one sentence per older one."""
    newest: dict[str, int] = {}
    for _, one in found:
        task = one.evidence.task
        newest[task.name] = max(task.version, newest.get(task.name, task.version))
    kept, faults = [], []
    for path, one in found:
        task = one.evidence.task
        if task.version == newest[task.name]:
            kept.append(one)
        else:
            told = f"is {task.version}, and other records of {task.name} are of version {newest[task.name]}; score them apart"
            faults.append(f"{path}: field 'task.version' {told}")
    return kept, faults


def _check_versions(runs: Sequence[Evidence]) -> None:
    versions: dict[str, int] = {}
    for run in runs:
        if versions.setdefault(run.task.name, run.task.version) != run.task.version:
            both = sorted({versions[run.task.name], run.task.version})
            raise BadRecord(f"field 'task.version': records of {run.task.name} are of versions {both[0]} and {both[1]}; score them apart")


def labels(runs: Sequence[Evidence]) -> list[str]:
    """Return each run's method name, followed by what distinguishes it where several variants of the method are given."""
    stated: dict[str, dict[tuple[str, str], set[str]]] = {"preference": {}, "sources": {}}
    for run in runs:
        for name, seen in stated.items():
            seen.setdefault((run.method.name, run.task.name), set()).add(_of_task(run, name))
    facts = [_facts(run, {name for name, seen in stated.items() if len(seen[run.method.name, run.task.name]) > 1}) for run in runs]
    varying: dict[str, list[str]] = {}
    for method in {run.method.name for run in runs}:
        same = [mine for run, mine in zip(runs, facts, strict=True) if run.method.name == method]
        names = sorted({name for mine in same for name in mine})
        varying[method] = [name for name in names if len({mine.get(name, "") for mine in same}) > 1]
    labels = []
    for run, mine in zip(runs, facts, strict=True):
        told = [f"{name}={mine[name]}" for name in varying[run.method.name] if name in mine]
        labels.append(f"{run.method.name} ({', '.join(told)})" if told else run.method.name)
    return labels


def _facts(run: Evidence, several: Collection[str]) -> dict[str, str]:
    """Return what may tell variants of a method apart, as text: its settings, its version, and what its task states `several` of."""
    facts = {
        name: json.dumps(value) if isinstance(value, list | tuple | dict) else f"{value}" for name, value in run.method.settings.items()
    }
    return facts | {"version": str(run.method.version)} | {name: _of_task(run, name) for name in several}


def _of_task(run: Evidence, name: str) -> str:
    """Return whom a run's task serves (`preference`) or what it fetched (`sources`), as text."""
    return text_of(run.task.preference) if name == "preference" else ", ".join(" ".join(pair) for pair in run.task.sources)


def _plain(value: object) -> object:
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value.item() if isinstance(value, np.generic) else value
