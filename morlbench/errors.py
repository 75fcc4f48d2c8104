"""The errors a user can cause or meet, which the CLI prints as one sentence each, and sentences that several of them share."""

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class MorlbenchError(Exception):
    """Something failed in a way that one sentence explains; exit code 1."""


class BadInput(MorlbenchError):
    """What was given is not acceptable; the sentence says what was expected; exit code 2."""


class OverBudget(MorlbenchError):
    """A method asked for more scored responses than its budget has left; nothing was scored."""


class BadRecord(MorlbenchError):
    """A stored record is truncated, edited or of another schema."""


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Return the sentence that answers an unknown name: the nearest names, or where to see all."""
    known = list(known)
    near = difflib.get_close_matches(name.lower().replace("_", "-"), known, n=3, cutoff=0.5)
    if near:
        return f"unknown {kind} {name!r}; did you mean {' or '.join(repr(n) for n in near)}?"
    return f"unknown {kind} {name!r}; known: {', '.join(known) or 'none'}"


def first_fault(error: "ValidationError") -> str:
    """Return the first fault that pydantic found, with the field it is in."""
    first = error.errors()[0]
    return f"field {'.'.join(map(str, first['loc']))!r}: {first['msg']}"
