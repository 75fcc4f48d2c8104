"""Evolve a population of policies: predict which policy trained on which weight extends the front, and train those (PGMORL)."""

from functools import partial
from typing import ClassVar

import numpy as np
from pydantic import Field

from morlbench.bench import Bench
from morlbench.errors import BadInput
from morlbench.lm.adapter import Adapter
from morlbench.lm.family import best_value, serve_one, spread
from morlbench.lm.meta import dev_mean, returns
from morlbench.lm.policy import base_policy
from morlbench.lm.shares import FEWEST, MOST, looks, measured, trainings
from morlbench.lm.train import Plan, Recipe, expert, steered
from morlbench.lm.trained import Settings, Trained
from morlbench.method import Family, Policy, Track, settings
from morlbench.seeds import derive

from .predict import Trainings, choose

OBJECTIVES = 5  # beyond, hypervolume is no longer exact


@settings
class Pgmorl(Trained):
    """Warm up on spread weights; then, generation by generation, continue the (policy, weight) pairs predicted to gain most."""

    name: ClassVar[str] = "pgmorl"
    version: ClassVar[int] = 3
    family: ClassVar[Family] = "multi-policy"
    track: ClassVar[Track] = "front"
    population: int = Field(default=5, ge=2, le=100)
    generations: int = Field(default=3, ge=1, le=100)
    dev_share: float = Field(default=0.1, gt=0, lt=1)

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend an equal share on each training, `dev_share` of it on measuring what came of it."""
        shared = self.optimiser(bench.base)
        count = self._count(bench, shared)
        share = self._share(bench.left, count)
        answers = looks(share, self.dev_share)
        eye = derive(seed, "returns")
        with bench.part("base returns", answers, kind="search"):
            first = dev_mean(bench, base_policy(bench.base, bench.decoding), answers, seed=eye)
        log, members = Trainings.none(bench.k), list[Adapter]()
        size = self._size(count)
        for w in spread(bench.k, size):
            members.append(expert(bench, Recipe.at(w, shared), responses=share - answers, seed=seed))
            log = log.add(first, w, returns(bench, members[-1], answers, seed=eye))
        weights, tried = spread(bench.k, 11 if bench.k == 2 else 21), set[tuple[int, int]]()
        while len(members) < count:
            reference = np.minimum(log.ends.min(0), first) - 0.01
            pairs = choose(log, log.ends, weights, reference, min(size, count - len(members)), tried)
            tried.update(pairs)
            for parent, place in pairs:
                w = weights[place]
                plan = Plan(shared, share - answers, derive(seed, "training", len(members)), start=members[parent])
                members.append(steered(bench, Recipe.at(w, shared), f"training {len(members) + 1}", plan))
                log = log.add(log.ends[parent], w, returns(bench, members[-1], answers, seed=eye))
        return serve_one(bench, members, partial(best_value, log.ends))

    def _count(self, bench: Bench, shared: Settings) -> int:
        """Return the number of trainings."""
        if bench.k > OBJECTIVES:
            raise BadInput(f"pgmorl takes 2 to {OBJECTIVES} objectives, since it compares exact hypervolumes; this task has {bench.k}")
        least = shared.batch + FEWEST
        affordable = (bench.left - FEWEST) // least
        if affordable < 2:
            raise BadInput(f"the budget of {bench.budget} responses is too small: pgmorl needs two trainings of {least} responses")
        most = min(self.population * (1 + self.generations), affordable)

        def spent(count: int) -> int:
            share, first = self._share(bench.left, count), self._size(count)
            taken = [measured(share, self.dev_share, shared, stored=stored) for stored in (True, False)]
            return first * taken[0] + (count - first) * taken[1]

        return trainings(bench.left, 2, most, spent)

    def _size(self, count: int) -> int:
        """Return how many policies so many trainings begin with, and how many a generation trains."""
        return min(self.population, max(2, count // (1 + self.generations)))

    def _share(self, responses: int, count: int) -> int:
        """Return the responses of each training, once what measures the base is kept."""
        kept = int(np.ceil(responses * self.dev_share / (count + self.dev_share)))
        return (responses - max(FEWEST, min(MOST, kept))) // count
