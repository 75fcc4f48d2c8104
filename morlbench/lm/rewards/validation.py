"""Judge a scorer on labelled pairs: how often does it prefer the better answer, for each way an answer can be worse?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Pair:
    """Two answers to one prompt, of which `better` should score higher on `objective`; `kind` says what ails `worse`."""

    objective: str
    kind: str
    prompt: str
    better: str
    worse: str


@dataclass(frozen=True)
class Accuracy:
    """Share of `count` pairs of one kind in which the better answer scored strictly higher."""

    objective: str
    kind: str
    share: float
    count: int


def accuracy(score: Callable[[tuple[str, ...], tuple[str, ...]], NDArray[np.floating]], pairs: Sequence[Pair]) -> list[Accuracy]:
    """Return the accuracy for each kind, in the order of the pairs; `score` maps prompts and answers (n,) to values (n,).

    A tie counts as wrong: a scorer that cannot tell is no use.
    """
    prompts = tuple(pair.prompt for pair in pairs)
    better = score(prompts, tuple(pair.better for pair in pairs))
    worse = score(prompts, tuple(pair.worse for pair in pairs))
    right = np.asarray(better > worse)
    kinds = dict.fromkeys((pair.objective, pair.kind) for pair in pairs)
    return [_one(objective, kind, right[[(p.objective, p.kind) == (objective, kind) for p in pairs]]) for objective, kind in kinds]


def _one(objective: str, kind: str, right: NDArray[np.bool_]) -> Accuracy:
    return Accuracy(objective, kind, float(right.mean()), len(right))
