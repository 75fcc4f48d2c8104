"""What a metric promises: honest facts, a docstring that says when it misleads, and a pure function of evidence.

It is tried on made-up evidence of one, three or four runs, as its `over` asks. Leaves out whether the number is right: tests
against closed forms or another library show that.
"""

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from morlbench.check import Broken
from morlbench.check.evidence import alike, arrays, bare, rich, single, turned, without_reference
from morlbench.metric import FAMILIES, Evidence, Metric, NoValue

Runs = tuple[Evidence, ...]
PARTS = ("unit", "mislead")
FORMULA = 20  # characters of the first paragraph below which it cannot say how the number is made
RICH = ("two objectives", "three objectives")
RELATIVE = 1e-6  # sums in another order differ in the last digits


@dataclass(frozen=True)
class Subject:
    """A metric class and the name it is found by."""

    name: str
    cls: type[Metric]


def declares_what_it_is(subject: Subject) -> None:
    """Its name is the one it is found by; family, direction and `over` are known ones and its unit is said."""
    cls = subject.cls
    if cls.name != subject.name:
        raise Broken(f"its file or entry point says {subject.name!r}, its class says {cls.name!r}")
    if cls.family not in FAMILIES:
        raise Broken(f"family is {cls.family!r}; expected one of {', '.join(FAMILIES)}")
    if not isinstance(cls.unit, str) or not cls.unit:
        raise Broken("unit is empty; say e.g. 'share', 'nats' or 'responses'")
    if not isinstance(cls.higher_is_better, bool) or not isinstance(cls.pareto_compliant, bool):
        raise Broken("higher_is_better and pareto_compliant must be True or False")
    if cls.over not in ("run", "seeds", "budgets", "tasks"):
        raise Broken(f"over is {cls.over!r}; expected run, seeds, budgets or tasks")


def says_what_it_is_and_when_it_misleads(subject: Subject) -> None:
    """Its class docstring gives the formula in its first paragraph, then the unit and when the number misleads."""
    text = inspect.cleandoc(subject.cls.__doc__ or "")
    if len(text.partition("\n\n")[0]) < FORMULA:
        raise Broken("its class docstring does not begin with the formula")
    if missing := [part for part in PARTS if part not in text.lower()]:
        raise Broken(f"its class docstring does not say {' nor '.join(repr(part) for part in missing)}")


def gives_a_number_or_a_reason(subject: Subject) -> None:
    """On rich, poor and degenerate evidence it returns a finite number or raises NoValue with a reason, never NaN."""
    for what, runs in _worlds(subject.cls).items():
        try:
            value = subject.cls()(runs)
        except NoValue as reason:
            if not str(reason):
                raise Broken(f"{what}: NoValue has no reason; the table shows it beside the dash") from None
            continue
        except Exception as error:  # whatever a metric raises instead of NoValue is the fault
            raise Broken(f"{what}: it raised {type(error).__name__} ({error}); raise NoValue with a reason") from error
        if not isinstance(value, float | int | np.floating) or not math.isfinite(value):
            raise Broken(f"{what}: it returned {value!r}; raise NoValue with a reason instead")


def shows_something(subject: Subject) -> None:
    """On evidence that holds everything it gives a number."""
    worlds = _worlds(subject.cls)
    values = [_value(subject.cls, worlds[what]) for what in RICH]
    if all(isinstance(value, str) for value in values):
        raise Broken(f"evidence with every probe gives it no value: {values[0]}")


def ignores_the_order_of_objectives(subject: Subject) -> None:
    """Naming the objectives in another order changes nothing."""
    _unmoved(subject.cls, "objectives")


def ignores_the_order_of_preferences(subject: Subject) -> None:
    """Asking the preferences in another order changes nothing."""
    _unmoved(subject.cls, "preferences")


def ignores_the_order_of_prompts(subject: Subject) -> None:
    """Asking the prompts in another order changes nothing."""
    _unmoved(subject.cls, "prompts")


def leaves_the_evidence_alone(subject: Subject) -> None:
    """It changes nothing in the evidence and gives the same number again."""
    for what, runs in _worlds(subject.cls).items():
        before = [array.copy() for run in runs for array in arrays(run)]
        first = _value(subject.cls, runs)
        again = _value(subject.cls, runs)
        after = [array for run in runs for array in arrays(run)]
        if not all(np.array_equal(old, new, equal_nan=True) for old, new in zip(before, after, strict=True)):
            raise Broken(f"{what}: it changed the evidence it was given")
        if first != again:
            raise Broken(f"{what}: asked twice it gives {first} and {again}")


PROMISES = (
    declares_what_it_is, says_what_it_is_and_when_it_misleads, gives_a_number_or_a_reason, shows_something, ignores_the_order_of_objectives,
    ignores_the_order_of_preferences, ignores_the_order_of_prompts, leaves_the_evidence_alone,
)  # fmt: skip


def _worlds(cls: type[Metric]) -> dict[str, Runs]:
    """Return the evidence a metric is tried on, by what it shows."""
    return {
        "two objectives": _runs(cls, rich),
        "three objectives": _runs(cls, lambda **changes: rich(3, **changes)),
        "no probes": (bare(),),
        "answers all alike": (alike(),),
        "a single policy": (single(),),
        "no reference front": (without_reference(),),
    }


def _runs(cls: type[Metric], make: Callable[..., Evidence]) -> Runs:
    """Return as many runs as the metric's `over` asks for."""
    if cls.over == "seeds":
        return tuple(make(seed=seed) for seed in range(3))
    if cls.over == "budgets":
        return tuple(make(budget=budget) for budget in (256, 4096, 32_768))
    if cls.over == "tasks":
        return tuple(rich(k, task=f"exact-scale-{k}", budget=budget) for k in (2, 3, 5, 10) for budget in (16, 256, 4096))
    return (make(),)


def _value(cls: type[Metric], runs: Runs) -> float | str:
    """Return the number, or the reason why there is none."""
    try:
        return float(cls()(runs))
    except NoValue as reason:
        return str(reason)


def _unmoved(cls: type[Metric], what: str) -> None:
    for world, runs in _worlds(cls).items():
        here, there = _value(cls, runs), _value(cls, turned(runs, what))
        if isinstance(here, str) or isinstance(there, str):
            same = isinstance(here, str) and isinstance(there, str)
        else:
            same = math.isclose(here, there, rel_tol=RELATIVE, abs_tol=1e-9)
        if not same:
            raise Broken(f"{world}: it gives {here}, and with the {what} in reverse order {there}")
