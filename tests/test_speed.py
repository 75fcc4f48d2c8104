"""What serving costs beside the base: whose numbers are whose, rows and bytes by hand, and no trace in the ledger."""

from pathlib import Path

import numpy as np
import pytest

from morlbench.bench import Bench
from morlbench.check.toy import Toy
from morlbench.lm import speed
from morlbench.lm.base import Base, load_base
from morlbench.lm.meta import by_preference
from morlbench.lm.mixing import Mixture
from morlbench.lm.policy import LMPolicy, base_policy
from morlbench.lm.speed import ROWS, compare_speed
from morlbench.method import Policy
from morlbench.methods.best_of_n import BestOfN
from morlbench.metric import Speed
from morlbench.preference import Array
from morlbench.store import Store
from morlbench.task import Texts
from tests.test_fewstep import drawn

AT_ONCE = 4  # prompts of a round: 16 adapt prompts make three rounds of 5, less one each that keeps first tokens apart


@pytest.fixture(scope="module")
def base() -> Base:
    return load_base("exact")


@pytest.fixture
def bench(base: Base, tmp_path: Path) -> Bench:
    return Bench(Toy(), base, 256, Store(tmp_path))


def mixed(bench: Bench, level: str) -> LMPolicy:
    return by_preference(bench, Mixture(bench.base, [drawn(bench.base, i) for i in (1, 2)], level))


def bytes_of(base: Base) -> tuple[int, int]:
    """Return the bytes of the base's weights, and of the keys and values of one batch at 32-bit floats."""
    config = base.model.config
    per_place = 2 * config.num_hidden_layers * config.hidden_size  # as many heads of keys as of queries
    places = 4 + 32  # words of an answer, and what is kept for a prompt
    return sum(4 * p.numel() for p in base.model.parameters()), 4 * AT_ONCE * places * per_place


@pytest.mark.parametrize(("level", "copies"), [("parameters", 1), ("factors", 1), ("logits", 2), ("hidden", 2)])
def test_a_policy_that_runs_every_expert_takes_as_many_passes_and_caches(bench: Bench, level: str, copies: int) -> None:
    policy = mixed(bench, level)
    weights, cache = bytes_of(bench.base)
    found = compare_speed(policy, bench, Toy())
    assert found.passes_per_token == copies  # a prompt of four words gives four words in four passes
    assert found.base_peak_bytes == weights + cache
    assert found.peak_bytes == weights + sum(4 * one.parameters for one in policy.mixture.adapters) + copies * cache


def test_policy_and_base_are_told_apart(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds, tokens, rows and the widest batch are planted: the medians of three rounds, and the batches of the first."""
    policy = mixed(bench, "parameters")
    planted = {True: [(2.0, 100, 300.0, 12), (9.0, 90, 900.0, 99), (1.0, 80, 160.0, 99)], False: [(0.5, 100, 100.0, 4)] * 3}
    order: list[bool] = []

    def measure(who: Policy, base: Base, prompts: Texts, preferences: Array) -> tuple[float, int, float, int]:
        order.append(who is policy)
        return planted[who is policy][order.count(who is policy) - 1]

    monkeypatch.setattr(speed, "_measure", measure)
    monkeypatch.setattr(speed, "_first_token", lambda *_: 7.0)
    found = compare_speed(policy, bench, Toy())
    _, cache = bytes_of(bench.base)
    assert order == [True, False] * 3  # in turn
    assert (found.tokens_per_second, found.base_tokens_per_second) == (50, 200)  # of 50, 10 and 80
    assert found.passes_per_token == 3  # of 3, 10 and 2
    assert found.first_token_seconds == 7
    assert found.base_first_token_seconds < 7
    assert found.peak_bytes - found.base_peak_bytes == sum(4 * one.parameters for one in policy.mixture.adapters) + 2 * cache


def test_the_base_costs_what_the_base_costs(bench: Bench) -> None:
    found: Speed = compare_speed(base_policy(bench.base, Toy.decoding), bench, Toy())
    assert found.peak_bytes == found.base_peak_bytes
    assert found.passes_per_token == 1
    assert found.first_token_seconds is not None


def test_every_round_has_new_prompts_and_preferences_are_uniform(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Texts] = []
    measure = speed._measure

    def noted(who: Policy, base: Base, prompts: Texts, preferences: Array) -> tuple[float, int, float, int]:
        assert preferences.tolist() == np.full((AT_ONCE, 2), 0.5).tolist()
        asked.append(prompts)
        return measure(who, base, prompts, preferences)

    monkeypatch.setattr(speed, "_measure", noted)
    compare_speed(mixed(bench, "parameters"), bench, Toy())
    assert asked[::2] == asked[1::2]
    assert len({prompt for prompts in asked for prompt in prompts}) == 3 * AT_ONCE
    assert {prompt for prompts in asked for prompt in prompts} < set(Toy().prompts("adapt"))
    assert AT_ONCE < ROWS


def test_what_a_policy_scores_while_it_is_timed_is_not_in_the_ledger(bench: Bench) -> None:
    bench.score(("ba",), ("ba",))
    policy, before = BestOfN(n=2).train(bench, seed=0), list(bench.ledger)
    bench.serve()
    found = compare_speed(policy, bench, Toy())
    assert bench.ledger == before
    assert len(before) == 1
    assert found.first_token_seconds is None  # it cannot be cut to one token
    assert found.passes_per_token == 2
