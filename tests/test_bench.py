"""The bench keeps a method to its budget, its parts and its splits, and refuses before anything is scored."""

import pytest
from honest import CannedBase

from morlbench.bench import Bench, Cost, Line
from morlbench.check.toy import SIZES, Toy
from morlbench.errors import BadInput, MorlbenchError, OverBudget
from morlbench.store import Store

ANSWER = "ba ce di fo"  # four words that the canned base counts as four tokens


@pytest.fixture
def task() -> Toy:
    return Toy()


@pytest.fixture
def bench(task: Toy, store: Store) -> Bench:
    return Bench(task, CannedBase(), 10, store)  # type: ignore[arg-type]


def score(bench: Bench, count: int) -> None:
    assert bench.score((ANSWER,) * count, (ANSWER,) * count).shape == (count, 2)


def test_one_response_beyond_the_budget_is_refused_before_it_is_scored(bench: Bench, task: Toy) -> None:
    score(bench, 7)
    with pytest.raises(OverBudget, match=r"4 more responses would exceed part 'train': 3 are left of 10; nothing was scored"):
        score(bench, 4)
    assert (len(task.scored), bench.left) == (7, 3)
    score(bench, 3)
    assert (len(task.scored), bench.left) == (10, 0)
    assert bench.ledger == [Line("train", "training", Cost(7, 28)), Line("train", "training", Cost(3, 12))]


def test_a_part_may_not_exceed_its_own_limit_though_the_budget_has_more(bench: Bench, task: Toy) -> None:
    with bench.part("small", 4, kind="search"):
        score(bench, 3)
        with pytest.raises(OverBudget, match="2 more responses would exceed part 'small': 1 are left of 4"):
            score(bench, 2)
        assert (len(task.scored), bench.left) == (3, 7)
        score(bench, 1)
    (line,) = bench.ledger
    assert (line.part, line.kind, line.cost.responses, line.cost.tokens) == ("small", "search", 4, 16)
    score(bench, 6)  # what the part left is there for others


def test_a_part_of_more_than_is_left_is_refused_before_it_begins(bench: Bench) -> None:
    score(bench, 7)
    with pytest.raises(OverBudget, match="part 'large' needs 4 scored responses; the budget of 10 has 3 left"), bench.part("large", 4):
        pytest.fail("it began")
    with bench.part("fitting", 3):
        pass
    assert [line.part for line in bench.ledger] == ["train", "fitting"]


def test_no_part_is_opened_inside_another(bench: Bench) -> None:
    with bench.part("outer", 4):
        with pytest.raises(MorlbenchError, match="part 'inner' was opened inside part 'outer'"), bench.part("inner", 1):
            pytest.fail("it began")
        score(bench, 4)
    assert [(line.part, line.cost.responses) for line in bench.ledger] == [("outer", 4)]
    with bench.part("next", 1):
        score(bench, 1)


def test_a_part_that_fails_is_charged_what_it_had_used_and_is_closed(bench: Bench) -> None:
    def failing() -> None:
        with bench.part("failing", 4):
            score(bench, 2)
            bench.work(steps=3, backward=5)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    (line,) = bench.ledger
    assert (line.cost.responses, line.cost.steps, line.cost.backward) == (2, 3, 5)
    with bench.part("next", 8):
        assert bench.spent_in_part == Cost()


def test_a_stored_experts_cost_is_refused_where_the_budget_does_not_cover_it(bench: Bench) -> None:
    score(bench, 7)
    with pytest.raises(OverBudget, match="part 'expert' needs 4 scored responses; the budget of 10 has 3 left"):
        bench.charge(Cost(4, cached=True), "expert")
    assert len(bench.ledger) == 1
    bench.charge(Cost(3, cached=True), "expert")
    assert bench.ledger[-1] == Line("expert", "training", Cost(3, cached=True))
    assert bench.left == 0


def test_a_method_sees_the_train_and_dev_prompts_alone(bench: Bench, task: Toy) -> None:
    assert [len(bench.prompts(split)) for split in ("train", "dev")] == [SIZES["train"], SIZES["dev"]]
    for split in ("test", "adapt"):
        with pytest.raises(MorlbenchError, match=f"asked for the '{split}' split; it may use only 'train' and 'dev'"):
            bench.prompts(split)  # type: ignore[arg-type]
    assert task.asked == ["train", "dev"]


def test_scoring_while_serving_is_counted_as_inference_and_not_limited(bench: Bench) -> None:
    score(bench, 4)
    bench.serve()
    score(bench, 30)
    assert bench.ledger[-1] == Line("serve", "inference", Cost(30, 120))
    assert bench.left == 6


def test_prompts_and_responses_come_in_pairs_and_a_budget_is_at_least_one(bench: Bench, task: Toy, store: Store) -> None:
    with pytest.raises(MorlbenchError, match="given 1 prompts and 2 responses"):
        bench.score((ANSWER,), (ANSWER, ANSWER))
    assert not task.scored
    with pytest.raises(BadInput, match="budget 0 is too small"):
        Bench(task, CannedBase(), 0, store)  # type: ignore[arg-type]
