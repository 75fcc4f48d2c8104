"""Exact evaluation: enumeration, the family's contract, and what must be refused."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from morlbench import closed_form
from morlbench.errors import BadInput, MorlbenchError
from morlbench.lm import exact
from morlbench.lm.adapter import Adapter
from morlbench.lm.base import Base, load_base
from morlbench.lm.bases import WORDS
from morlbench.lm.exact_task import ExactTask, all_answers, read
from morlbench.lm.floor import Fit, floor
from morlbench.lm.headroom import headroom, mixtures
from morlbench.lm.mixing import Mixture
from morlbench.lm.policy import LMPolicy, base_policy, sample, teacher_force
from morlbench.preference import lattice
from morlbench.record import pack, unpack
from morlbench.registry import load, names
from morlbench.task import Decoding

SHORT = Decoding(max_tokens=3, min_tokens=3)
LEVELS = ("parameters", "factors", "logits", "probabilities", "hidden", "hidden-pre", "hidden-sum", "hidden-1")


@pytest.fixture(scope="module")
def base() -> Base:
    return load_base("exact")


@pytest.fixture(scope="module")
def task() -> ExactTask:
    found = load("tasks", "exact-competing")()
    assert isinstance(found, ExactTask)
    return found


def adapter(base: Base, seed: int, size: float = 0.15) -> Adapter:
    rng = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=rng) * size

    factors = {name: (draw(4, m.in_features), draw(m.out_features, 4)) for name, m in base.targets().items()}
    return Adapter(factors, draw(64, 64) * 0.2)


def as_asked(prompts, preferences, utility):
    return preferences


def policy(base: Base, level: str, decoding: Decoding = SHORT) -> LMPolicy:
    return LMPolicy(Mixture(base, [adapter(base, 1), adapter(base, 2)], level), decoding, as_asked)


def teacher_forced(asked: LMPolicy, prompt: str, weights: np.ndarray) -> np.ndarray:
    """Every answer's log-probability by one whole pass per answer, without a cache: the slow twin of the tree walk."""
    answers = all_answers(asked.decoding.max_tokens)
    log_p, _ = teacher_force(
        asked.mixture, (prompt,) * len(answers), tuple(map(tuple, answers.tolist())), np.tile(weights, (len(answers), 1))
    )
    return np.take_along_axis(log_p.double().numpy(), answers[..., None], 2)[..., 0].sum(1)


@pytest.mark.parametrize("level", LEVELS)
def test_the_tree_walk_equals_one_whole_pass_per_answer_at_every_level(base, level):
    asked = policy(base, level)
    prompts, preferences = ("ba ce di fo", "ko ha ha gu"), np.array([[1.0, 0.0], [0.3, 0.7]])
    found = exact.sequence_log_probs(asked, prompts, preferences)
    assert found.shape == (2, 2, 512)
    for p, w in enumerate(preferences):
        for n, prompt in enumerate(prompts):
            assert found[p, n] == pytest.approx(teacher_forced(asked, prompt, w), abs=2e-5)


def test_probabilities_of_all_answers_sum_to_one(base):
    found = exact.sequence_log_probs(policy(base, "parameters"), ("ba ce di fo",), lattice(2))
    assert np.exp(found).sum(2) == pytest.approx(np.ones((11, 1)), abs=1e-5)


def test_chunks_do_not_change_the_result(base, monkeypatch):
    prompts = tuple(f"{a} {b} ha ji" for a in WORDS[:3] for b in WORDS[:2])
    whole = exact.sequence_log_probs(policy(base, "hidden-1"), prompts, lattice(2)[::5])
    monkeypatch.setattr(exact, "ROWS", 200)
    assert exact.sequence_log_probs(policy(base, "hidden-1"), prompts, lattice(2)[::5]) == pytest.approx(whole, abs=1e-5)


def test_preferences_with_one_gate_are_walked_once(base, monkeypatch):
    walked = []
    monkeypatch.setattr(exact, "_walk", lambda m, t, prompts, w: walked.append(len(prompts)) or np.zeros((len(w), len(prompts), 512)))
    blind = replace(policy(base, "parameters"), gate=lambda prompts, preferences, utility: np.full((len(prompts), 2), 0.5))
    found = exact.sequence_log_probs(blind, ("ba ce di fo", "ko ha ha gu"), lattice(2))
    assert found.shape == (11, 2, 512)
    assert sum(walked) == 2


def test_sampler_and_enumeration_have_one_support_and_agree_in_frequency(base):
    asked, n = policy(base, "parameters", Decoding(2, 2)), 4_000
    w = np.array([0.5, 0.5])
    exactly = np.exp(exact.sequence_log_probs(asked, ("gu fo ba ba",), w[None])[0, 0])
    drawn = sample(asked.mixture, ("gu fo ba ba",) * n, np.tile(w, (n, 1)), np.random.default_rng(0).random((n, 2)))
    counts = np.bincount([a * 8 + b for a, b in drawn], minlength=64)
    assert set(np.flatnonzero(counts)) <= set(np.flatnonzero(exactly > 0))
    assert len(np.flatnonzero(exactly > 1e-12)) == 64
    assert np.abs(counts - n * exactly).max() < 5 * np.sqrt(n * exactly.max())
    assert ((counts - n * exactly) ** 2 / (n * exactly)).sum() < 63 + 5 * np.sqrt(2 * 63)  # Pearson's chi-squared


def test_the_base_neither_embeds_nor_samples_special_tokens(base):
    assert base.vocabulary == len(WORDS) == base.model.get_input_embeddings().weight.shape[0]
    assert base.ends == ()
    for config in (base.model.config, base.model.generation_config):
        assert (config.bos_token_id, config.eos_token_id) == (None, None)
    assert min(base.tokenizer.pad_token_id, base.tokenizer.eos_token_id) >= len(WORDS)


def test_prompts_pass_the_chat_template_unchanged(base):
    ids, mask = base.encode(("ba ce di fo", "ko ko ji ha"))
    assert ids.tolist() == [[0, 1, 2, 3], [7, 7, 6, 5]]
    assert mask.all()
    assert base.decode((0, 1, 7)) == "ba ce ko"


def test_the_base_has_structure_and_reads_its_prompt(base, task):
    problem = task.problem(base)
    entropy = -(np.exp(problem.log_base) * problem.log_base).sum(1)
    assert entropy.max() < 0.95 * np.log(8**4)
    marginal = np.exp(problem.log_base).mean(0)
    assert (np.exp(problem.log_base) * (problem.log_base - np.log(marginal))).sum(1).mean() > 0.1  # nats about the prompt


def test_the_base_scores_a_gap_of_one_and_the_optimum_a_gap_of_zero(base, task):
    assert task.exact(base_policy(base, task.decoding), lattice(2)).gap == pytest.approx(1, abs=1e-9)
    problem = task.problem(base)
    found = task.exact(Tabular(np.stack([closed_form.optimal_policy(problem, w) for w in lattice(2)])), lattice(2))
    assert found.gap == pytest.approx(0, abs=1e-9)
    assert found.value == pytest.approx((found.returns * lattice(2)).sum(1))


@dataclass
class Tabular:
    """A policy that states its own table; all it shares with a language model is the protocol."""

    table: np.ndarray

    def sequence_log_probs(self, prompts, preferences):
        return self.table


@pytest.mark.parametrize(("fault", "words"), [(float("nan"), "hold NaN"), (0.5, "sum to")])
def test_a_policy_that_is_no_distribution_is_refused_with_its_prefix(base, task, monkeypatch, fault, words):
    asked = policy(base, "parameters", task.decoding)
    honest = Mixture.combine

    def broken(self, hidden, weights):
        log_p = honest(self, hidden, weights)
        if len(log_p) % 8 == 0:  # second word: rows are prefixes
            log_p[3] = log_p[3] + fault
        return log_p

    monkeypatch.setattr(Mixture, "combine", broken)
    with pytest.raises(MorlbenchError, match=f"{words}.* after 'ba ba ce di fo'"):
        exact.sequence_log_probs(asked, ("ba ba ce di",), lattice(2)[:1])


def test_a_task_too_large_to_list_is_refused_before_any_work(task):
    class Large(type(task)):
        decoding = Decoding(max_tokens=6, min_tokens=6)

    with pytest.raises(BadInput, match=r"262,144 answers per prompt; the limit of exact evaluation is 100,000.*at most 5"):
        Large()


def test_answers_outside_the_language_score_nothing(task):
    scores = task.score(("ba ce di fo",) * 4, ("ba ba ba", "ba ba ba hello", "", "ba ce di fo"))
    assert (scores[:3] == 0).all()
    assert scores[3].min() > 0


def test_score_agrees_with_the_table(task):
    prompts, rows = task.prompts("test"), np.random.default_rng(0).integers(0, 4096, 24)
    answers = tuple(" ".join(WORDS[i] for i in all_answers(4)[row]) for row in rows)
    assert task.score(prompts, answers) == pytest.approx(task.table[np.arange(24), rows])


def test_the_sampled_estimate_agrees_with_the_exact_value_within_its_interval(base, task):
    asked, preferences = policy(base, "logits", task.decoding), lattice(2)[2::6]
    exactly, sampled = task.exact(asked, preferences), task.estimate(asked, preferences, seed=3)
    assert (np.abs(sampled.value - exactly.value) <= 1.3 * sampled.margin).all()  # two intervals at once
    assert sampled.margin.max() < 0.05
    assert not (np.abs(sampled.value - exactly.optimum) <= 1.3 * sampled.margin).all()
    assert sampled.kl == pytest.approx(exactly.kl, abs=0.15)


EXACT = [name for name in names("tasks") if name.startswith("exact-")]


@pytest.mark.parametrize("name", EXACT)
def test_frozen_facts_are_those_of_the_problem(base, name):
    found = load("tasks", name)()
    small = closed_form.compress(found.problem(base))
    assert found.reference_point == pytest.approx(closed_form.reference_point(small), abs=1e-3)
    assert found.kl_budget == pytest.approx(np.median(closed_form.optimal(small, np.eye(small.k)).kl), abs=1e-3)
    assert "correlation" not in vars(type(found)) or closed_form.reward_correlation(small)[0, 1] == pytest.approx(
        found.correlation, abs=0.05
    )


@pytest.mark.parametrize("name", EXACT)
def test_train_prompts_are_enough_for_batches_and_splits_share_none(name):
    found = load("tasks", name)()
    splits = [found.prompts(split) for split in ("train", "dev", "adapt", "test")]
    assert len(splits[0]) >= 32
    assert len(set().union(*splits)) == sum(map(len, splits))
    assert all(read(prompt, 4) is not None for split in splits for prompt in split)


def test_declared_relations_order_by_measured_correlation(base):
    measured = {
        name: closed_form.reward_correlation(load("tasks", f"exact-{name}")().problem(base))[0, 1]
        for name in ("competing", "independent", "correlated")
    }
    assert measured["competing"] < -0.5 < measured["independent"] < 0.5 < measured["correlated"]


def test_word_order_changes_the_reward_of_exact_order_and_not_of_an_additive_task(base):
    order, additive = load("tasks", "exact-order")(), load("tasks", "exact-competing")()
    assert np.ptp(order.score(("ba ce di fo",) * 2, ("ba ce di fo gu", "gu fo di ce ba")), axis=0).max() > 0
    assert np.ptp(additive.score(("ba ce di fo",) * 2, ("ba ce di fo", "ce ba fo di")), axis=0).max() == pytest.approx(0)


def test_ideal_experts_mixed_word_by_word_are_nearly_optimal_if_rewards_are_additive_and_not_if_order_counts(base):
    gaps = {}
    for name in ("exact-competing", "exact-order"):
        found = load("tasks", name)()
        problem, asked = found.problem(base), lattice(2)
        mixed = closed_form.values(problem, mixtures(problem, len(WORDS), found.decoding.max_tokens)).at(asked)
        best, floor = (
            closed_form.optimal_values(problem, asked),
            (closed_form.values(problem, problem.log_base[None]).returns * asked).sum(1),
        )
        gaps[name] = (best - mixed).sum() / (best - floor).sum()
    assert gaps["exact-competing"] < 0.02 < 0.07 < gaps["exact-order"]


def test_linear_weights_collapse_to_the_ends_of_exact_flat_alone(base):
    def largest_step(name: str) -> float:
        points = closed_form.optimal(closed_form.compress(load("tasks", name)().problem(base)), lattice(2)).rewards
        return np.linalg.norm(np.diff(points, axis=0), axis=1).max() / np.linalg.norm(points[-1] - points[0])

    assert largest_step("exact-flat") > 0.5 > 0.2 > largest_step("exact-competing")


@pytest.mark.parametrize("draw", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
def test_a_gate_has_headroom_on_exact_contextual_under_thresholds_and_none_on_its_twin(base, draw):
    for name, low, high in (("exact-contextual", 0.06, 0.25), ("exact-contextual-null", -1e-9, 0.02)):
        found = load("tasks", name)(draw)
        problem = found.problem(base)
        arms = mixtures(problem, len(WORDS), 4)
        for utility in found.utilities[2:]:
            assert low <= headroom(problem, arms, utility).headroom <= high
        assert headroom(problem, arms, found.utilities[0]).headroom < 0.005
        assert headroom(problem, arms, found.utilities[0], with_kl=True).headroom < 1e-5


def test_contextual_types_have_equal_shares_and_test_topics_are_unseen(base):
    found = load("tasks", "exact-contextual")()
    topics = {split: {tuple(p.split()[1:3]) for p in found.prompts(split)} for split in ("train", "dev", "adapt", "test")}
    assert len(topics["train"]) >= 24
    assert len(topics["test"]) >= 8
    assert not topics["test"] & (topics["train"] | topics["dev"] | topics["adapt"])
    for split in topics:
        assert set(Counter(p.split()[0] for p in found.prompts(split)).values()) == {len(found.prompts(split)) // 6}


def test_scale_tasks_nest():
    two, ten = load("tasks", "exact-scale-2")(), load("tasks", "exact-scale-10")()
    pair = (("ba ce di fo",), ("gu gu ha ba",))
    assert ten.score(*pair)[:, :2] == pytest.approx(two.score(*pair))


def test_a_true_front_survives_the_record(base):
    points = closed_form.front(closed_form.compress(load("tasks", "exact-scale-2")().problem(base)))
    assert unpack(pack(points), 2) == pytest.approx(points, abs=1e-6)
    with pytest.raises(ValueError, match="decompressing"):
        unpack("AAAA", 2)


def test_a_supervised_fit_of_the_optimum_comes_near_it(base, task):
    assert floor(task, base, np.array([1.0, 0.0]), Fit(steps=120, batch=64, prompts=32)) < 0.4  # 1 is the base; whole fits end near .02
