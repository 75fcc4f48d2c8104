"""Weights that move while training: when they are chosen, from which look, and what they remember."""

import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest

from morlbench.bench import Bench
from morlbench.check.toy import Toy
from morlbench.lm import dynamic
from morlbench.lm.adapter import Adapter
from morlbench.lm.base import Base, load_base
from morlbench.lm.dynamic import ANSWERS, Moving, train_dynamic
from morlbench.lm.meta import dev_mean
from morlbench.lm.policy import LMPolicy
from morlbench.lm.train import Plan
from morlbench.lm.trained import Settings
from morlbench.methods.gradient_weighted import Influence
from morlbench.methods.markov_weighting import MarkovWeighting, Trends
from morlbench.preference import Array
from morlbench.store import Store

HASTY = Settings(batch=16, group=4, rate=0.05)
BUDGET = 288  # 8 steps of 16 and 4 looks of 32 take 256; a ninth step would bring a fifth look, and both take 304
STATED = (0.9, 0.1)


@dataclass(eq=False)
class Notes:
    """One training: who was looked at, with how many answers and which seed; what was seen; the weights of each step."""

    bench: Bench
    looks: list[tuple[tuple[Adapter, ...], int, int]] = field(default_factory=list)
    seen: list[Array] = field(default_factory=list)
    weights: list[list[float]] = field(default_factory=list)

    def look(self, bench: Bench, policy: LMPolicy, count: int, *, seed: int) -> Array:
        self.looks.append((policy.mixture.adapters, count, seed))
        return dev_mean(bench, policy, count, seed=seed)

    def control(self, dev: Array) -> Array:
        self.seen.append(dev)
        return np.array(told(len(self.seen)))


def told(look: int) -> list[float]:
    """Return the weights that the controller asks for after that many looks."""
    return [float(look), 0.5]


@pytest.fixture(scope="module")
def base() -> Base:
    return load_base("exact")


@pytest.fixture(scope="module")
def notes(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Notes:
    found, scalar = Notes(Bench(Toy(), base, BUDGET, Store(tmp_path_factory.mktemp("store")), preference=STATED)), Moving.scalar

    def noted(self: Moving, rewards: Array) -> Array:
        found.weights.append(self.weights.tolist())
        return scalar(self, rewards)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dynamic, "dev_mean", found.look)
        patch.setattr(Moving, "scalar", noted)
        train_dynamic(found.bench, found.control, "noted", HASTY, seed=7)
    return found


def test_the_weights_of_a_step_are_those_asked_for_at_the_last_look_before_it(notes: Notes) -> None:
    """Two steps follow each look, the first of which is before the first step: none is trained at the preference itself."""
    assert notes.weights == [told(look) for look in (1, 1, 2, 2, 3, 3, 4, 4)]


def test_every_look_is_at_the_same_prompts_with_the_same_draws(notes: Notes) -> None:
    assert len(notes.looks) == 4
    assert len({(count, seed) for _, count, seed in notes.looks}) == 1
    assert notes.looks[0][1] == ANSWERS


def test_the_first_look_is_at_the_base_and_each_other_at_the_policy_as_it_is_then(notes: Notes) -> None:
    first, *rest = (adapters for adapters, *_ in notes.looks)
    assert first == ()
    readouts = [adapter.readout for (adapter,) in rest]
    assert all(readout is not None and readout.any() for readout in readouts)
    assert not any(one is None or other is None or one.equal(other) for one, other in pairwise(readouts))


def test_looks_are_charged_and_no_more_is_set_aside_than_they_take(notes: Notes, base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [(line.part, line.kind, line.cost.responses) for line in notes.bench.ledger] == [
        ("noted first look", "search", 32),
        ("noted", "training", 8 * 16 + 3 * 32),
    ]
    kept: list[tuple[int, int]] = []

    def steered(bench: Bench, steer: object, name: str, plan: Plan, *, aside: int) -> Adapter:
        kept.append((plan.responses, aside))
        return notes.looks[-1][0][0]

    monkeypatch.setattr(dynamic, "steered", steered)
    train_dynamic(Bench(Toy(), base, BUDGET, notes.bench.store), lambda dev: dev, "planned", HASTY, seed=7)
    assert kept == [(8 * 16, 3 * 32)]


# --- what a controller remembers -----------------------------------------------------------------------------------------


def test_influence_moves_on_from_where_it_was() -> None:
    gram = np.array([[4.0, 1.0], [1.0, 1.0]])  # influences 5 and 2 on a mean squared gradient of 2.5: each step is worth exp(.1 · 1.2)
    steer = Influence(np.array([0.5, 0.5]), 0.1)
    ratios = [weights[0] / weights[1] for weights in (steer.mix(gram) for _ in range(3))]
    assert ratios == pytest.approx([math.exp(0.12 * step) for step in (1, 2, 3)])
    back = steer.mix(gram[::-1, ::-1])
    assert back[0] / back[1] == pytest.approx(math.exp(0.12 * 2))
    assert steer.scalar(np.array([[1.0, 0.0]])).tolist() == [0.5]  # the scalar stays that of the preference


def test_a_markov_target_adds_half_the_best_value_of_the_state_that_was_reached() -> None:
    """The state reached is (rising, flat), which a change of .2 in one of two objectives pays .1: .3 (.1 + .5 max(.1, .4, .2))."""
    controller = Trends((0.5, 0.5), MarkovWeighting(epsilon=0.0), seed=0)
    controller.table[1, 0] = np.array([0.1, 0.4, 0.2])
    controller(np.array([0.2, 0.2]))
    controller(np.array([0.4, 0.2]))
    assert sorted(controller.table[0, 0]) == pytest.approx([0, 0, 0.3 * (0.1 + 0.5 * 0.4)])
    assert controller.table[1, 0].tolist() == [0.1, 0.4, 0.2]  # it is the state before that learns
    controller(np.array([0.4, 0.2]))  # from (1, 0) by its best action to (0, 0), which is worth .09 by now: paid nothing
    assert controller.table[1, 0].tolist() == pytest.approx([0.1, 0.4 + 0.3 * (0.5 * 0.09 - 0.4), 0.2])


def test_a_markov_value_moves_a_share_of_the_way_to_its_target() -> None:
    controller = Trends((0.5, 0.5), MarkovWeighting(epsilon=0.0, learning=0.25, discount=0.0), seed=0)
    controller.table[0, 0] = np.array([0.0, 0.0, 0.8])
    controller(np.array([0.2, 0.2]))
    controller(np.array([0.2, 0.6]))  # paid .2, and what comes after does not count
    assert controller.table[0, 0].tolist() == pytest.approx([0, 0, 0.8 + 0.25 * (0.2 - 0.8)])
