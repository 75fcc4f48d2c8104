"""Promises: what every plugin must keep, one function each, tried by `morlbench check` and by the tests alike.

A promise is a function whose docstring states it and which raises `Broken` with a sentence when it is not kept. The promises
of a kind are in the file of that name. Leaves out judging results: a plugin that keeps every promise may still be bad.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from morlbench import registry
from morlbench.errors import BadInput, MorlbenchError
from morlbench.registry import Kind

T = TypeVar("T")


class Broken(MorlbenchError):
    """A promise is not kept; the message says how."""


@dataclass(frozen=True)
class Verdict:
    """One promise, what it says, and how it was broken ('' where it was kept)."""

    promise: str
    statement: str
    failure: str = ""

    @property
    def kept(self) -> bool:
        """Say whether the promise was kept."""
        return not self.failure


def check(kind: Kind, name: str) -> list[Verdict]:
    """Try every promise of a plugin by name; methods are trained on a toy task with the `exact` base."""
    if kind == "methods":
        cls, folder = registry.load(kind, name), registry.folder(kind, name)
        from morlbench.check import method
        from morlbench.lm.base import load_base

        trial = method.Trial(name, cls, folder, load_base("exact"))
        return verdicts(method.PROMISES, trial)
    if kind == "tasks":
        from morlbench.check import task
        from morlbench.check.folder import Subject

        found = registry.load(kind, name)
        if lack := found().missing():
            raise BadInput(lack)
        return verdicts(task.PROMISES, Subject(name, found, registry.folder(kind, name)))
    from morlbench.check import metric

    return verdicts(metric.PROMISES, metric.Subject(name, registry.load(kind, name)))


def verdicts(promises: Sequence[Callable[[T], None]], subject: T) -> list[Verdict]:
    """Try promises one by one."""
    return [_verdict(promise, subject) for promise in promises]


def _verdict(promise: Callable[[T], None], subject: T) -> Verdict:
    name = promise.__name__.replace("_", " ")
    statement = (promise.__doc__ or "").strip().partition("\n")[0]
    try:
        promise(subject)
    except MorlbenchError as error:
        return Verdict(name, statement, str(error) or type(error).__name__)
    except Exception as error:  # a plugin may raise anything; whatever it is, this promise is broken
        return Verdict(name, statement, f"{type(error).__name__}: {error}")
    return Verdict(name, statement)


def is_count(value: object) -> bool:
    """Say whether a declared value is a whole number >= 1 (True is not)."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def card(folder: Path | None) -> str:
    """Return the text of the folder's README.md, or raise Broken."""
    if folder is None:
        raise Broken("it is a single file; a folder with a README.md beside the code is expected")
    path = folder / "README.md"
    if not path.is_file():
        raise Broken(f"there is no card: {folder.name}/README.md is missing")
    return path.read_text(encoding="utf-8")


def sections(text: str) -> dict[str, str]:
    """Return a card's headings, lower case, each with the text below it up to the next heading."""
    found: dict[str, str] = {}
    heading = ""
    for line in text.splitlines():
        if line.startswith("#"):
            heading = line.lstrip("#").strip().lower()
            found[heading] = ""
        elif heading:
            found[heading] += line.strip()
    return found
