"""Experts trained side by side are those trained one after another, at the same cost."""

import os
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from morlbench.bench import Bench, Quiet
from morlbench.errors import MorlbenchError, OverBudget
from morlbench.lm import apart, weighting
from morlbench.lm.base import Base, load_base
from morlbench.lm.train import Recipe, _key, expert, one_hot, stored
from morlbench.lm.trained import Settings
from morlbench.registry import load
from morlbench.store import Store

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="copies on Linux only")

RECIPES = [Recipe(one_hot(2, i), settings=Settings(batch=16, group=4)) for i in range(2)]


@pytest.fixture(scope="module")
def base() -> Base:
    return load_base("exact")


@pytest.fixture
def one_thread():
    yield from _threads(1)


@pytest.fixture
def two_threads():
    yield from _threads(2)


def _threads(count: int):
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    yield
    torch.set_num_threads(before)


def bench(base: Base, folder: Path, budget: int = 32) -> Bench:
    return Bench(load("tasks", "exact-competing")(), base, budget, Store(folder))


def test_side_by_side_and_one_after_another_give_the_same_experts_at_the_same_cost(base, tmp_path, two_threads):
    beside, alone = bench(base, tmp_path / "a"), bench(base, tmp_path / "b")
    found = apart.experts(beside, RECIPES, responses=16, seed=3)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    single = [expert(alone, recipe, responses=16, seed=3) for recipe in RECIPES]
    for one, other in zip(found, single, strict=True):
        assert torch.equal(one.readout, other.readout)
        assert all(torch.equal(one.factors[name][1], other.factors[name][1]) for name in one.factors)
    assert not torch.equal(found[0].readout, found[1].readout)
    mine, theirs = ([(line.part, replace(line.cost, seconds=0)) for line in b.ledger] for b in (beside, alone))
    assert mine == theirs
    assert beside.peak_memory > 0


def test_what_another_process_trains_is_left_to_it_until_the_rest_is_done(base, tmp_path, one_thread):
    one, first = bench(base, tmp_path), _key(bench(base, tmp_path), RECIPES[0], 3)
    held, second_there = threading.Event(), []

    def other() -> None:
        with one.store.lock("expert", first):
            held.set()
            ends = time.monotonic() + 20
            while not stored(one, RECIPES[1], responses=16, seed=3) and time.monotonic() < ends:
                time.sleep(0.01)
            second_there.append(stored(one, RECIPES[1], responses=16, seed=3))

    thread = threading.Thread(target=other)
    thread.start()
    held.wait()
    apart.experts(one, RECIPES, responses=16, seed=3)
    thread.join()
    assert second_there == [True]
    assert [line.part for line in one.ledger] == [f"expert {o.name}" for o in one.objectives]


def test_the_number_of_threads_is_part_of_an_experts_key(base, tmp_path, two_threads):
    one = bench(base, tmp_path)
    expert(one, RECIPES[0], responses=16, seed=0)
    assert stored(one, RECIPES[0], responses=16, seed=0)
    torch.set_num_threads(1)
    assert not stored(one, RECIPES[0], responses=16, seed=0)


def test_what_an_earlier_revision_of_a_gradient_rule_trained_is_not_taken_for_this_ones(base, tmp_path, monkeypatch):
    one, plain = bench(base, tmp_path), RECIPES[0]
    ruled = replace(plain, gradients="cagrad")
    monkeypatch.setitem(weighting.REVISIONS, "cagrad", 2)
    for recipe in (plain, ruled):
        expert(one, recipe, responses=16, seed=0)
    monkeypatch.setitem(weighting.REVISIONS, "cagrad", 3)
    assert stored(one, plain, responses=16, seed=0)
    assert not stored(one, ruled, responses=16, seed=0)


def test_experts_over_the_budget_are_refused_before_anything_is_trained(base, tmp_path):
    small = bench(base, tmp_path, budget=16)
    with pytest.raises(OverBudget, match="2 experts need 32 scored responses"):
        apart.experts(small, RECIPES, responses=16, seed=0)
    assert small.ledger == []
    assert not stored(small, RECIPES[0], responses=16, seed=0)


def test_a_copy_that_cannot_train_says_why(base, tmp_path, monkeypatch, two_threads):
    def refuse(*_: object, **__: object) -> None:
        raise MorlbenchError(f"the disk is full, says {os.getpid()}")

    beside = bench(base, tmp_path)
    monkeypatch.setattr(apart, "expert", refuse)
    with pytest.raises(MorlbenchError, match="the disk is full, says ") as caught:
        apart.experts(beside, RECIPES, responses=16, seed=0)
    assert str(os.getpid()) not in str(caught.value)
    assert beside.ledger == []


def test_progress_of_both_copies_is_heard(base, tmp_path, two_threads):
    heard: list[int] = []

    class Listening(Quiet):
        def advance(self, responses: int) -> None:
            heard.append(responses)

    beside = bench(base, tmp_path, budget=64)
    beside.watch = Listening()
    apart.experts(beside, RECIPES, responses=32, seed=0)
    assert heard == [16] * 4
    assert beside.peak_memory > 0  # which is noted of copies alone


def test_experts_of_other_lexicons_are_not_taken_from_the_store(base, tmp_path):
    kind = load("tasks", "exact-contextual")
    benches = [Bench(kind(draw), base, 32, Store(tmp_path)) for draw in (0, 1)]
    expert(benches[0], RECIPES[0], responses=16, seed=0)
    assert stored(benches[0], RECIPES[0], responses=16, seed=0)
    assert not stored(benches[1], RECIPES[0], responses=16, seed=0)


def test_no_copy_is_made_once_cuda_has_started(base, tmp_path, monkeypatch, two_threads):
    monkeypatch.setattr("torch.cuda.is_initialized", lambda: True)
    alone = bench(base, tmp_path)
    apart.experts(alone, RECIPES, responses=16, seed=0)
    assert alone.peak_memory == 0
    assert torch.get_num_threads() == 2
    assert stored(alone, RECIPES[0], responses=16, seed=0)  # with the threads there are: it is part of the key
