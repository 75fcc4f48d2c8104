"""What a method may touch while it trains: the task's public facts, the base, the budget and the ledger.

`score` is its only way to a reward. Responses are counted and refused *before* they are scored, so that a method over its
budget has learnt nothing from the excess. A part is one stage of training: a ledger line and a progress bar at once.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from morlbench.errors import BadInput, MorlbenchError, OverBudget
from morlbench.preference import Array, Utility, held_out
from morlbench.task import Decoding, Objective, Task, Texts

if TYPE_CHECKING:
    from morlbench.lm.base import Base
    from morlbench.store import Store

BUDGETS = {"smoke": 256, "quick": 4_096, "standard": 32_768, "full": 262_144}


@dataclass(frozen=True)
class Cost:
    """What a stage used. `cached` = it was read from the store, yet is charged in full; seconds are then the original's."""

    responses: int = 0
    tokens: int = 0
    steps: int = 0
    backward: int = 0
    seconds: float = 0.0
    cached: bool = False

    def minus(self, other: "Cost") -> "Cost":
        """Return what was used since `other`, an earlier state of the same part."""
        return Cost(
            self.responses - other.responses, self.tokens - other.tokens, self.steps - other.steps, self.backward - other.backward,
            self.seconds - other.seconds,
        )  # fmt: skip


SPENT = ("training", "search")  # kinds of work that are a method's own and paid from its budget


@dataclass(frozen=True)
class Line:
    """One ledger line: a named part, the kind of work, and its cost."""

    part: str
    kind: Literal["training", "search", "inference", "evaluation"]
    cost: Cost


class Watch(Protocol):
    """Who is told of progress."""

    def start(self, part: str, responses: int) -> None:
        """A part of at most `responses` scored responses begins."""

    def advance(self, responses: int) -> None:
        """Some more responses were scored in it."""

    def finish(self) -> None:
        """The part is over."""


class Quiet:
    """A watch that shows nothing."""

    def start(self, part: str, responses: int) -> None:
        """Ignore the start of a part."""

    def advance(self, responses: int) -> None:
        """Ignore progress."""

    def finish(self) -> None:
        """Ignore the end of a part."""


class Bench:
    """A task as a method sees it; see the module docstring."""

    def __init__(
        self, task: Task, base: "Base", budget: int, store: "Store", *, preference: tuple[float, ...] = (), watch: Watch | None = None
    ) -> None:
        if budget < 1:
            raise BadInput(f"budget {budget} is too small; expected at least 1 scored response")
        self.base, self.store, self.budget = base, store, budget
        self.preference = preference or task.preference
        self.objectives: tuple[Objective, ...] = task.objectives
        self.decoding: Decoding = task.decoding
        self.beta: float = task.beta
        self.utilities: tuple[Utility, ...] = task.utilities
        self.task_key = task.key
        self.ledger: list[Line] = []
        self.trainable_parameters = 0  # of all adapters the method used
        self.peak_memory = 0  # bytes, of this process and those it had train at once; 0 if it had none
        self.watch: Watch = watch or Quiet()
        self._task, self._serving = task, False
        self._part: tuple[str, int] | None = None  # the open part and its own limit
        self._open = Cost()  # what the open part has used

    @property
    def k(self) -> int:
        """Number of objectives."""
        return len(self.objectives)

    @property
    def held_out(self) -> Array:
        """Held-out preferences (8, k), at which the finished policy is asked: no training preference may come near them."""
        return held_out(self._task.name, self.k)

    @property
    def spent_in_part(self) -> Cost:
        """What the open part has used so far."""
        return self._open

    @property
    def left(self) -> int:
        """Scored responses that may still be spent."""
        spent = sum(line.cost.responses for line in self.ledger if line.kind in SPENT)
        return self.budget - spent - (0 if self._serving else self._open.responses)

    def prompts(self, split: Literal["train", "dev"]) -> Texts:
        """Return the train or dev prompts; any other split is an error."""
        if split not in ("train", "dev"):
            raise MorlbenchError(f"a method asked for the {split!r} split; it may use only 'train' and 'dev'")
        return self._task.prompts(split)

    def score(self, prompts: Texts, responses: Texts, *, tokens: int = 0) -> Array:
        """Return rewards (n, k) and count n responses (and `tokens` sampled); refuse before scoring if over a limit."""
        n = len(responses)
        if len(prompts) != n:
            raise MorlbenchError(f"score was given {len(prompts)} prompts and {n} responses")
        if not self._serving:
            self._refuse_excess(n)
        rewards = checked(self._task.score(prompts, responses), n, self._task)
        tokens = tokens or self.base.count_tokens(responses)
        if self._serving or self._part is None:
            kind: Literal["inference", "training"] = "inference" if self._serving else "training"
            self.ledger.append(Line("serve" if self._serving else "train", kind, Cost(n, tokens)))
        else:
            self._open = replace(self._open, responses=self._open.responses + n, tokens=self._open.tokens + tokens)
            self.watch.advance(n)
        return rewards

    def warm(self) -> None:
        """Load the models that scoring needs, before this process is copied; nothing is counted."""
        self._task.score(self._task.prompts("train")[:1], ("",))

    @contextmanager
    def part(self, name: str, responses: int, *, kind: Literal["training", "search"] = "training") -> Iterator[None]:
        """Open a stage that may score at most `responses`; its cost becomes one ledger line when it closes."""
        if self._part is not None:
            raise MorlbenchError(f"part {name!r} was opened inside part {self._part[0]!r}")
        if responses > self.left:
            raise OverBudget(f"part {name!r} needs {responses} scored responses; the budget of {self.budget} has {self.left} left")
        self._part, self._open = (name, responses), Cost()
        self.watch.start(name, responses)
        begin = time.perf_counter()
        try:
            yield
        finally:
            cost = replace(self._open, seconds=time.perf_counter() - begin)
            self._part, self._open = None, Cost()
            self.ledger.append(Line(name, kind, cost))
            self.watch.finish()

    def work(self, *, steps: int = 0, backward: int = 0) -> None:
        """Add optimiser steps and backward passes to the open part."""
        self._open = replace(self._open, steps=self._open.steps + steps, backward=self._open.backward + backward)

    def charge(self, cost: Cost, part: str) -> None:
        """Add a cost paid elsewhere (a stored expert); refuse it if the budget does not cover it."""
        if not self._serving and cost.responses > self.left:
            raise OverBudget(f"part {part!r} needs {cost.responses} scored responses; the budget of {self.budget} has {self.left} left")
        self.ledger.append(Line(part, "training", cost))

    @property
    def serving(self) -> bool:
        """Whether training is over."""
        return self._serving

    def serve(self) -> None:
        """End training: from here scoring is inference, counted and not limited, on any prompt."""
        self._serving = True

    def _refuse_excess(self, n: int) -> None:
        name, limit = self._part or ("train", self.budget)
        room = min(limit - self._open.responses, self.left)
        if n > room:
            raise OverBudget(f"{n} more responses would exceed part {name!r}: {room} are left of {limit}; nothing was scored")


def checked(rewards: Array, n: int, task: Task) -> Array:
    """Return the scorer's rewards if they are finite, in [0, 1] and (n, k); else say which rule they break."""
    if not isinstance(rewards, np.ndarray) or rewards.shape != (n, task.k):
        shape = getattr(rewards, "shape", type(rewards).__name__)
        raise MorlbenchError(f"task {task.name!r} returned rewards of shape {shape}; expected ({n}, {task.k})")
    if not np.isfinite(rewards).all():
        row, column = np.argwhere(~np.isfinite(rewards))[0]
        raise MorlbenchError(f"task {task.name!r} returned {rewards[row, column]} for {task.objectives[column].name!r} (answer {row})")
    if rewards.size and (rewards.min() < 0 or rewards.max() > 1):
        raise MorlbenchError(f"task {task.name!r} returned rewards outside [0, 1]: {rewards.min():g} to {rewards.max():g}")
    return rewards.astype(float)
