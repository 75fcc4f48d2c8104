"""How cost and quality grow with the number of objectives, and how many responses a stated gap takes.

Growth is the slope of log value on log k over tasks that differ in a number at the end of their name alone, such as
`exact-scale-2` to `exact-scale-10`, with a t interval; four sizes leave two degrees of freedom, so it is wide.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np

from morlbench import answers, front, ledger
from morlbench.metric import UNLISTED, Evidence, Metric, NoValue
from morlbench.preference import Array

GAP = 0.25
NUMBERED = re.compile(r"(.+)-\d+")
Quantity = Literal["responses", "inference", "memory", "volume"]


class Exponent(Metric):
    """Slope b of log quantity = a + b log k, for the metrics that are one: each says which quantity, and what it means."""

    family = "scalability"
    unit = "exponent"
    over = "tasks"
    quantity: ClassVar[Quantity]

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the slope of log value on log k."""
        return exponent(runs, self.quantity)[0]

    def interval(self, runs: Sequence[Evidence]) -> tuple[float, float]:
        """Return the 95% t interval of the slope."""
        _, low, high = exponent(runs, self.quantity)
        return low, high

    def note(self, runs: Sequence[Evidence]) -> str:
        """Return the budget per objective at each size."""
        return budgets_told(runs, self.quantity)


def relative_hypervolume(run: Evidence) -> float:
    """Return (HV / HV of the base)^(1/k) in plain rewards, exact ones where there are."""
    reference, exact = np.array(run.task.reference_point), run.exact
    if exact is not None and len(exact.preferences) >= run.k:  # enough preferences to know the base's rewards by
        point = front.base_returns(exact.preferences, exact.base)
    else:
        point = run.probe("base").means[0]
    return rooted(front.hypervolume(answers.points(run), reference), point, reference)


def rooted(volume: float, base: Array, reference: Array) -> float:
    """Return (volume / volume of the base's point (k,))^(1/k), which compares between numbers of objectives."""
    alone = float(np.prod(np.maximum(base - reference, 0)))  # of one point, whatever k
    if alone <= 0:
        raise NoValue("the base does not exceed the reference point")
    return float((volume / alone) ** (1 / len(base)))


def responses_needed(runs: Sequence[Evidence], gap: float = GAP) -> float:
    """Return the budget at which the mean gap over seeds crosses `gap`, linear in log budget between the rungs that were run.

    Raises NoValue for a single policy, which has a gap at one preference only, and where the rungs were not run at the same seeds.
    """
    if any(run.exact is None for run in runs):
        raise NoValue(UNLISTED)
    if any(run.method.track == "single" for run in runs):
        raise NoValue("one policy for one preference; see stated-gap")
    if len({run.task.name for run in runs}) > 1:
        raise NoValue("has a value on one task at a time")
    budgets = sorted({run.budget for run in runs})
    _same_seeds({budget: [run for run in runs if run.budget == budget] for budget in budgets}, "budgets")
    gaps = [float(np.mean([run.exact.gap for run in runs if run.exact is not None and run.budget == b])) for b in budgets]
    for i, value in enumerate(gaps):
        if not value <= gap:  # NaN where the base is the best policy is no gap that was reached
            continue
        if i == 0:
            return float(budgets[0])
        share = (gaps[i - 1] - gap) / (gaps[i - 1] - value)
        return float(np.exp(np.log(budgets[i - 1]) * (1 - share) + np.log(budgets[i]) * share))
    raise NoValue(f"no budget brought the gap to {gap:g}; the smallest gap is {min(gaps):.3g}")


def largest_family(tasks: Iterable[str]) -> tuple[str, ...]:
    """Return the tasks of the largest family of numbered ones, which a growth is taken over."""
    families: dict[str, list[str]] = {}
    for task in dict.fromkeys(tasks):
        if named := NUMBERED.fullmatch(task):
            families.setdefault(named[1], []).append(task)
    found: list[str] = max(families.values(), key=len, default=[])
    return tuple(found)


def exponent(runs: Sequence[Evidence], quantity: Quantity) -> tuple[float, float, float]:
    """Return the slope of log quantity on log k over the largest family of numbered tasks, with its 95% t interval."""
    sizes = _sizes(runs, quantity)
    ks = sorted(sizes)
    _same_seeds(sizes, "sizes")
    values = [_VALUE[quantity](sizes[k]) for k in ks]
    if zero := [k for k, value in zip(ks, values, strict=True) if value <= 0]:
        raise NoValue(f"the {quantity} of {zero[0]} objectives is 0, which has no logarithm")
    return slope(np.log(ks), np.log(values))


def _sizes(runs: Sequence[Evidence], quantity: Quantity) -> dict[int, list[Evidence]]:
    """Return the runs that a growth is taken over, by number of objectives."""
    sizes: dict[int, list[Evidence]] = {}
    for run in _of_largest_family(runs):
        sizes.setdefault(run.k, []).append(run)
    if len(sizes) < 3:
        raise NoValue(f"needs exact-scale-* tasks of at least 3 sizes; given {len(sizes)}")
    return sizes if quantity == "responses" else _at_one_budget(sizes)  # which alone reads a ladder of budgets


def _of_largest_family(runs: Sequence[Evidence]) -> list[Evidence]:
    tasks = largest_family(run.task.name for run in runs)
    return [run for run in runs if run.task.name in tasks]


def _at_one_budget(sizes: Mapping[int, Sequence[Evidence]]) -> dict[int, list[Evidence]]:
    """Return the runs of the largest budget that every size was run at."""
    common = set.intersection(*({run.budget for run in runs} for runs in sizes.values()))
    if not common:
        raise NoValue("the sizes were run at different budgets")
    return {k: [run for run in runs if run.budget == max(common)] for k, runs in sizes.items()}


def _same_seeds(groups: Mapping[int, Sequence[Evidence]], of: str) -> None:
    """Raise NoValue where the groups were not all run at the same seeds: a missing run is never averaged away."""
    if len({frozenset(run.seed for run in runs) for runs in groups.values()}) > 1:
        raise NoValue(f"the {of} were not all run at the same seeds")


def budgets_told(runs: Sequence[Evidence], quantity: Quantity) -> str:
    """Return the budget per objective at each number of objectives, of the runs that a growth is taken over."""
    each = sorted({(run.k, run.budget) for some in _sizes(runs, quantity).values() for run in some})
    return "scored responses per objective: " + ", ".join(f"{budget / k:,.0f} (k = {k})" for k, budget in each)


def slope(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    """Return the least-squares slope of y on x (m,), m >= 3, with its 95% t interval."""
    from scipy.special import stdtrit

    centred = x - x.mean()
    value = float(centred @ y / (centred @ centred))
    residual = y - y.mean() - value * centred
    half = stdtrit(len(x) - 2, 0.975) * np.sqrt((residual @ residual) / (len(x) - 2) / (centred @ centred))
    return value, float(value - half), float(value + half)


def _responses(runs: Sequence[Evidence]) -> float:
    """Return the responses needed; raise NoValue where the smallest budget already was enough, since how much less would do is unknown."""
    needed, least = responses_needed(runs), min(run.budget for run in runs)
    if needed <= least:
        raise NoValue(f"{runs[0].task.name} has a gap below {GAP:g} at the smallest budget that was run, {least:,} responses")
    return needed


def _inference(runs: Sequence[Evidence]) -> float:
    return float(np.mean([ledger.speed(run).passes_per_token for run in runs]))


def _memory(runs: Sequence[Evidence]) -> float:
    return float(np.mean([ledger.speed(run).peak_bytes / ledger.speed(run).base_peak_bytes for run in runs]))


def _volume(runs: Sequence[Evidence]) -> float:
    return float(np.mean([relative_hypervolume(run) for run in runs]))


_VALUE: dict[Quantity, Callable[[Sequence[Evidence]], float]] = {
    "responses": _responses, "inference": _inference, "memory": _memory, "volume": _volume,
}  # fmt: skip
