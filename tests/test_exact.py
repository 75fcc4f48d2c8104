"""Exact evaluation: enumeration, the family's contract, and what must be refused."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from morlbench import closed_form
from morlbench.errors import BadInput, MorlbenchError
from morlbench.lm import exact
from morlbench.lm.adapter import Adapter
from morlbench.lm.base import Base, load_base
from morlbench.lm.exact_task import WORDS, ExactTask, all_answers
from morlbench.lm.mixing import Mixture
from morlbench.lm.policy import LMPolicy, base_policy, sample, teacher_force
from morlbench.preference import lattice
from morlbench.registry import load
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
    asked, n = policy(base, "parameters", Decoding(2, 2)), 20_000
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
