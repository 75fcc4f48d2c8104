"""Rewards-in-context: what stands in the prompt, what a preference asks for, and that answers alone are learnt and judged rightly."""

from pathlib import Path

import numpy as np
import pytest
import torch
from test_train import Words, apart

from morlbench.bench import Bench
from morlbench.check.toy import Toy
from morlbench.errors import BadInput, MorlbenchError
from morlbench.lm.base import Base, load_base
from morlbench.lm.exact import enumerate_answers
from morlbench.lm.mixing import Mixture
from morlbench.lm.policy import base_policy
from morlbench.lm.supervised import Fit, imitate
from morlbench.lm.supervised_trainer import AnswerTrainer
from morlbench.lm.trained import Settings
from morlbench.methods.rewards_in_context import RewardsInContext
from morlbench.methods.rewards_in_context.coding import Coding, Range, goals, near_front, targets
from morlbench.methods.rewards_in_context.policy import RewardsPolicy
from morlbench.preference import lattice
from morlbench.store import Store


@pytest.fixture(scope="module")
def base() -> Base:
    return load_base("exact")


def test_the_exact_base_reads_one_digit_in_base_8_per_objective_before_its_prompt(base: Base) -> None:
    levels = np.array([[0.0, 1.0], [0.124, 0.126], [-3.0, 9.0]])
    found = Coding.of(base, ("first", "second"))(("gu gu gu gu",) * 3, levels)
    assert found == ("ba ko gu gu gu gu", "ba ce gu gu gu gu", "ba ko gu gu gu gu")


def test_ten_objectives_fit_the_exact_bases_positions(base: Base) -> None:
    coding = Coding.of(base, tuple("abcdefghij"))
    longest = coding(("gu gu gu gu",), np.full((1, 10), 0.5))[0].split()
    assert len(longest) + 4 <= base.model.config.max_position_embeddings


def test_a_text_base_reads_decimals_behind_its_prompt() -> None:
    found = Coding(("fluency", "helpfulness"))(("Why?",), np.array([[0.349, 1.2]]))
    assert found == ("Why? (fluency 0.3, helpfulness 1.0)",)


def test_what_a_preference_asks_for_by_hand() -> None:
    w = np.array([[3 / 7, 4 / 7], [1.0, 0.0], [0.5, 0.5]])
    assert targets(w, "l2") == pytest.approx(np.array([[0.6, 0.8], [1, 0], [0.5**0.5, 0.5**0.5]]))
    assert targets(w, "linf") == pytest.approx(np.array([[6 / 7, 1], [1, 0], [1, 1]]))
    assert targets(w, "linear") == pytest.approx(w)


def test_corners_ask_for_the_most_of_all_objectives_but_one() -> None:
    found = goals(300, 3, np.random.default_rng(0))
    assert ((found == 1).sum(1) == 2).all()
    assert np.bincount(found.argmin(1), minlength=3).min() > 60
    assert found.min() < 0.05


def test_answers_near_the_front_reach_the_quantile_in_some_objective() -> None:
    rewards = np.array([[0.0, 0.0], [0.1, 0.9], [0.9, 0.1], [0.5, 0.5], [0.4, 0.4]])
    assert near_front(rewards, 0.75).tolist() == [False, True, True, True, False]
    assert near_front(rewards, 0.0).all()


def test_levels_are_shares_of_the_range_and_a_constant_objective_is_at_its_best() -> None:
    span = Range.of(np.array([[0.2, 0.5], [0.6, 0.5]]))
    assert span.levels(np.array([[0.3, 0.5], [0.9, 0.5]])) == pytest.approx(np.array([[0.25, 1], [1, 1]]))


def test_the_loss_is_on_the_answer_alone(base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench, losses = Bench(Words(), base, 64, Store(tmp_path)), []
    plain = AnswerTrainer.compute_loss

    def listening(self: AnswerTrainer, *args: object, **kwargs: object) -> torch.Tensor:
        loss: torch.Tensor = plain(self, *args, **kwargs)
        losses.append(float(loss.detach()))
        return loss

    monkeypatch.setattr(AnswerTrainer, "compute_loss", listening)
    prompts, answers = Words().prompts("train")[:16], tuple((i % 8, i // 2) for i in range(16))
    with bench.part("fit", 0):
        imitate(bench, prompts, answers, Fit(Settings(), 1, 16, 0))
    table = enumerate_answers(Mixture(base, ()), bench.decoding, prompts, np.zeros((1, 16, 0)))[0]
    log_p = table[np.arange(16), [8 * a + b for a, b in answers]]
    assert losses == pytest.approx([-log_p.mean() / 2], rel=1e-4)  # per token, two of them


def test_imitation_learns_what_it_is_shown_and_counts_its_steps(base: Base, tmp_path: Path) -> None:
    bench = Bench(Words(), base, 64, Store(tmp_path))
    prompts = Words().prompts("train")
    with bench.part("fit", 0):
        found = imitate(bench, prompts, ((3, 5),) * len(prompts), Fit(Settings(rate=1e-2), 20, 32, 0))
    (line,) = bench.ledger
    assert (line.cost.steps, line.cost.backward, line.cost.responses) == (20, 20, 0)
    shares = np.exp(enumerate_answers(Mixture(base, (found,)), bench.decoding, prompts, np.ones((1, 64, 1)))[0])
    plain = np.exp(enumerate_answers(Mixture(base, ()), bench.decoding, prompts, np.zeros((1, 64, 0)))[0])
    assert shares[:, 3 * 8 + 5].mean() > 0.5 > 5 * plain[:, 3 * 8 + 5].mean()


def test_a_large_base_imitates_in_parts_and_each_token_still_counts_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prompts, answers = Words().prompts("train")[:16], tuple((9 + i,) * (1 + i % 2 + i // 4) for i in range(16))  # of one to five tokens
    base, found = load_base("nano"), []
    for batch, rate, large in ((16, 3e-3, False), (16, 2.7e-3, False), (16, 3e-3, True)):
        if large:
            monkeypatch.setattr("morlbench.lm.train.LARGE", 1)
            monkeypatch.setattr("morlbench.lm.train.ROWS", 5)  # four rows at once
        bench = Bench(Words(), base, 64, Store(tmp_path))
        with bench.part("fit", 0):
            found.append(imitate(bench, prompts, answers, Fit(Settings(rate=rate), 2, batch, 0)))
        assert bench.ledger[0].cost.steps == 2
    assert apart(found[0], found[2]) < 0.05 * apart(found[0], found[1])


def test_nothing_to_learn_from_is_an_error(base: Base, tmp_path: Path) -> None:
    bench = Bench(Words(), base, 64, Store(tmp_path))
    with pytest.raises(MorlbenchError, match="no prompts"), bench.part("fit", 0):
        imitate(bench, (), (), Fit(Settings(), 1, 16, 0))


def test_kl_is_measured_from_the_base_asked_the_original_prompt(base: Base) -> None:
    """The base itself, asked rewritten prompts: its KL is that of the two listed tables, and 0 if prompts stayed as they are."""
    task = Words()
    inner = base_policy(base, task.decoding)
    blank = RewardsPolicy(_with_a_silent_adapter(base), Coding.of(base, ("ba", "ce")), "l2")
    prompts, w = task.prompts("test")[:16], np.array([0.3, 0.7])
    own = blank.sequence_log_probs(prompts, w[None])[0]
    plain = enumerate_answers(inner.mixture, task.decoding, prompts, np.zeros((1, 16, 0)))[0]
    truth = (np.exp(own) * (own - plain)).sum(1).mean()
    many = tuple(p for p in prompts for _ in range(40))
    rows = np.tile(w, (len(many), 1))
    sampled = blank.kl(many, rows, blank.respond(many, rows, seed=0))
    assert sampled is not None
    assert truth > 0.01
    assert sampled.mean() == pytest.approx(truth, abs=4 * sampled.std() / len(many) ** 0.5)
    assert np.exp(own).sum(1) == pytest.approx(1, abs=1e-4)
    same = inner.kl(many, rows, inner.respond(many, rows, seed=0))
    assert same is not None
    assert same.max() < 1e-6


def _with_a_silent_adapter(base: Base):  # type: ignore[no-untyped-def]
    from morlbench.lm.adapter import Adapter
    from morlbench.lm.policy import single_policy

    shapes = {name: torch.as_tensor(module.weight).shape for name, module in base.targets().items()}
    silent = Adapter({n: (torch.zeros(1, i), torch.zeros(o, 1)) for n, (o, i) in shapes.items()})
    return single_policy(base, Words().decoding, silent)


def test_every_scored_answer_is_charged_kept_or_not(base: Base, tmp_path: Path) -> None:
    bench = Bench(Toy(), base, 256, Store(tmp_path))
    RewardsInContext().train(bench, seed=0)
    assert [(line.part, line.cost.responses) for line in bench.ledger] == [("offline", 153), ("online 1", 51), ("online 2", 51)]
    assert bench.ledger[0].cost.steps == round(2 * 153 / 64)


def test_a_share_below_half_a_batch_is_bad_input_before_anything_is_scored(base: Base, tmp_path: Path) -> None:
    bench = Bench(Toy(), base, 120, Store(tmp_path))
    with pytest.raises(BadInput, match="smallest share is 24"):
        RewardsInContext().train(bench, seed=0)
    assert not bench.ledger


def test_without_online_stages_the_whole_budget_is_offline(base: Base, tmp_path: Path) -> None:
    bench = Bench(Toy(), base, 64, Store(tmp_path))
    RewardsInContext(stages=0).train(bench, seed=0)
    assert [(line.part, line.cost.responses) for line in bench.ledger] == [("offline", 64)]


@pytest.mark.slow
def test_answers_follow_the_rewards_asked_for(base: Base, tmp_path: Path) -> None:
    task = Words()
    policy = RewardsInContext().train(Bench(task, base, 4_096, Store(tmp_path)), seed=0)
    prompts = task.prompts("test")
    rewards = [task.score(prompts, policy.respond(prompts, np.tile(w, (64, 1)), seed=0).texts).mean(0) for w in lattice(2)[[0, 5, 10]]]
    assert rewards[2][0] - rewards[0][0] > 0.2
    assert rewards[0][1] - rewards[2][1] > 0.2


@pytest.mark.parametrize(
    "given", [{"stages": 0, "quantile": 0.3}, {"offline_share": 1.0, "quantile": 0.3}, {"stages": 0, "offline_share": 0.5}]
)
def test_a_setting_that_acts_online_is_refused_without_online_stages(given: dict[str, float]) -> None:
    with pytest.raises(BadInput, match="has no effect"):
        RewardsInContext(**given)  # type: ignore[arg-type]
