"""Train several experts at once, in forked copies of this process, where there are cores for it.

A small model uses one core better than two; what two experts of `nano` take side by side is in docs/benchmarks.md. Each copy
trains with one thread into the store; the caller reads the experts there and is charged as if it had trained them one after
another. How many threads a training has follows from what was asked and never from what the store holds, so that equal
commands give equal records. Where experts train one after another, one that another process is training comes last, so that two runs
of a sweep share the work. Leaves out GPUs, bases that use several cores well, and systems that cannot fork.
"""

import copy
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from morlbench.bench import Bench
from morlbench.errors import OverBudget
from morlbench.lm.adapter import Adapter
from morlbench.lm.base import Base
from morlbench.lm.forked import Tell, follow, forks
from morlbench.lm.speed import peak_memory
from morlbench.lm.train import LARGE, Recipe, expert, free, stored, whole_steps

TOY = 1_000_000  # parameters: a smaller base answers sooner than a process is copied; a LARGE one needs all cores


def experts(bench: Bench, recipes: Sequence[Recipe], *, responses: int, seed: int) -> list[Adapter]:
    """Return one adapter per recipe after `responses` scored responses each, charged in full; see `train.expert`.

    Raises OverBudget before anything is trained where the budget does not cover all of them.
    """
    responses = max(whole_steps(responses, recipe.settings) for recipe in recipes) if recipes else 0
    if responses * len(recipes) > bench.left:
        raise OverBudget(
            f"{len(recipes)} experts need {responses * len(recipes)} scored responses; the budget of {bench.budget} has {bench.left} left"
        )
    if len(recipes) < 2 or not _gains_from_copies(bench):
        own = _train_what_is_free(bench, recipes, responses, seed)
        return [expert(bench, recipe, responses=responses, seed=seed, fresh=recipe in own) for recipe in recipes]
    slots = min(len(recipes), torch.get_num_threads())
    with _one_thread():
        missing = [recipe for recipe in recipes if not stored(bench, recipe, responses=responses, seed=seed)]
        if len(missing) > 1:
            _train_apart(bench, missing, responses, seed, slots)
        return [expert(bench, recipe, responses=responses, seed=seed, fresh=recipe in missing) for recipe in recipes]


def at_once(base: Base) -> int:
    """Return in how many copies of this process a base that is no toy answers best: one a thread, on a CPU."""
    return torch.get_num_threads() if base.device.type == "cpu" and base.model.num_parameters() >= TOY else 1


def _gains_from_copies(bench: Bench) -> bool:
    """Say whether trainings gain from copies of one thread each: several threads, a small base on a CPU, a system that forks."""
    base = bench.base
    if torch.get_num_threads() == 1 or base.device.type != "cpu" or base.model.num_parameters() >= LARGE:
        return False
    bench.warm()  # scorers may start CUDA, which no copy survives
    return forks()


def _train_what_is_free(bench: Bench, recipes: Sequence[Recipe], responses: int, seed: int) -> list[Recipe]:
    """Train what the store lacks and no other process is at, so that two runs share the work; return what was trained here."""
    trained = []
    for recipe in recipes:
        if not stored(bench, recipe, responses=responses, seed=seed) and free(bench, recipe, seed=seed):
            aside = copy.copy(bench)  # the caller is charged in the order of its recipes, once all are there
            aside.ledger = [*bench.ledger]
            expert(aside, recipe, responses=responses, seed=seed)
            if not aside.ledger[-1].cost.cached:  # another process may have been quicker after all
                trained.append(recipe)
    return trained


def _train_apart(bench: Bench, missing: Sequence[Recipe], responses: int, seed: int, slots: int) -> None:
    """Train what is missing into the store, in copies that find the trainer and the scorers loaded."""
    from morlbench.lm import trainer  # noqa: F401

    watch = bench.watch

    def make(recipe: Recipe, tell: Tell) -> tuple[int, int]:
        """Train one expert, in a copy; return its process and by how many bytes that has grown beyond what it shares."""
        bench.watch, begin = _Relay(tell), peak_memory()
        expert(bench, recipe, responses=responses, seed=seed)
        return os.getpid(), peak_memory() - begin

    watch.start(f"{len(missing)} experts, {slots} at once", responses * len(missing))
    grown: dict[int, int] = {}
    try:
        for process, more in follow(make, missing, slots, watch.advance):
            grown[process] = grown.get(process, 0) + more
    finally:
        watch.finish()
    bench.peak_memory = max(bench.peak_memory, peak_memory() + sum(grown.values()))


class _Relay:
    """A watch in a copy: passes on to the original how many responses were scored."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def start(self, part: str, responses: int) -> None:
        """Say nothing: the original names the stage."""

    def advance(self, responses: int) -> None:
        """Pass responses on."""
        self._tell(responses)

    def finish(self) -> None:
        """Say nothing."""


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
