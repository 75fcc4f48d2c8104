"""Train several experts at once, in forked copies of this process, where there are cores for it.

A small model uses one core better than two: two experts of `nano` took 141 and 150 s side by side on two virtual cores and
172 s one after another on both (`make run` on a busy machine). Each copy trains with one thread into the store; the caller
reads the experts there and is charged as if it had trained them one after another. How many threads a training has follows
from what was asked and never from what the store holds, so that equal commands give equal records. Leaves out GPUs, bases
that use several cores well, and systems that cannot fork.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from morlbench.bench import Bench
from morlbench.errors import OverBudget
from morlbench.lm.adapter import Adapter
from morlbench.lm.base import Base
from morlbench.lm.forked import Tell, follow, forks
from morlbench.lm.speed import peak_memory
from morlbench.lm.train import Recipe, expert, stored, whole_steps

TOY, LARGE = 1_000_000, 50_000_000  # parameters: a smaller base answers sooner than a process is copied, a larger one needs all cores


class Telling:
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


def experts(bench: Bench, recipes: Sequence[Recipe], *, responses: int, seed: int) -> list[Adapter]:
    """Return one adapter per recipe after `responses` scored responses each, charged in full; see `train.expert`.

    Raises OverBudget before anything is trained where the budget does not cover all of them.
    """
    responses = max(whole_steps(responses, recipe.settings) for recipe in recipes) if recipes else 0
    if responses * len(recipes) > bench.left:
        raise OverBudget(
            f"{len(recipes)} experts need {responses * len(recipes)} scored responses; the budget of {bench.budget} has {bench.left} left"
        )
    if len(recipes) < 2 or not _worth(bench.base):
        return [expert(bench, recipe, responses=responses, seed=seed) for recipe in recipes]
    slots = min(len(recipes), torch.get_num_threads())
    with _one_thread():
        missing = [recipe for recipe in recipes if not stored(bench, recipe, responses=responses, seed=seed)]
        if len(missing) > 1:
            _train_apart(bench, missing, responses, seed, slots)
        return [expert(bench, recipe, responses=responses, seed=seed, fresh=recipe in missing) for recipe in recipes]


def at_once(base: Base) -> int:
    """Return in how many copies of this process a base that is no toy answers best: one a thread, on a CPU."""
    return torch.get_num_threads() if base.device.type == "cpu" and base.model.num_parameters() >= TOY else 1


def _worth(base: Base) -> bool:
    """Say whether trainings gain from copies of one thread each: several threads, a small base on a CPU, a system that forks."""
    return forks() and torch.get_num_threads() > 1 and base.device.type == "cpu" and base.model.num_parameters() < LARGE


def _train_apart(bench: Bench, missing: Sequence[Recipe], responses: int, seed: int, slots: int) -> None:
    """Train what is missing into the store, in copies that find the trainer and the scorers loaded."""
    from morlbench.lm import trainer  # noqa: F401

    bench.warm()

    def make(recipe: Recipe, tell: Tell) -> int:
        bench.watch, begin = Telling(tell), peak_memory()  # a copy begins at what it shares
        expert(bench, recipe, responses=responses, seed=seed)
        return peak_memory() - begin

    bench.watch.start(f"{len(missing)} experts, {slots} at once", responses * len(missing))
    try:
        grown = sorted(follow(make, missing, slots, bench.watch.advance))
        bench.peak_memory = peak_memory() + sum(grown[-slots:])
    finally:
        bench.watch.finish()


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
