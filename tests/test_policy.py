"""One sampler, one KL: same draws under every preference, right frequencies, and KL equal to a brute-force sum."""

import numpy as np
import pytest
import torch

from morlbench.lm.adapter import Adapter, load
from morlbench.lm.base import Base, load_base
from morlbench.lm.mixing import Mixture
from morlbench.lm.policy import LMPolicy, base_nll, base_policy, sample, teacher_force
from morlbench.method import Responses
from morlbench.preference import Array, Utility
from morlbench.task import Decoding, Texts

PROMPTS = ("ba ce di fo", "gu ha ji ko", "ko ko ba ce")
TWO = Decoding(2, min_tokens=2)


@pytest.fixture(scope="module")
def base() -> Base:
    return load_base("exact")


def random_adapter(base: Base, seed: int) -> Adapter:
    generator = torch.Generator().manual_seed(seed)
    d = base.model.config.hidden_size

    def normal(*shape: int) -> torch.Tensor:
        return 0.2 * torch.randn(*shape, generator=generator)

    factors = {name: (normal(4, m.weight.shape[1]), normal(m.weight.shape[0], 4)) for name, m in base.targets().items()}  # type: ignore[index, union-attr]
    return Adapter(factors, normal(d, d))


def as_asked(prompts: Texts, preferences: Array, utility: Utility) -> Array:
    return preferences


def mixed(base: Base, level: str = "hidden") -> LMPolicy:
    return LMPolicy(Mixture(base, [random_adapter(base, i) for i in (1, 2)], level), TWO, as_asked)


def test_a_policy_blind_to_preferences_answers_alike_under_all(base: Base) -> None:
    policy = base_policy(base, TWO)
    first, second = (policy.respond(PROMPTS, np.tile(w, (3, 1)), seed=4) for w in ([1.0, 0.0], [0.2, 0.8]))
    assert first == second
    assert first != policy.respond(PROMPTS, np.tile([1.0, 0.0], (3, 1)), seed=5)


def test_sampled_frequencies_agree_with_the_enumerated_distribution(base: Base) -> None:
    policy, n = mixed(base), 6_000
    weights = np.tile([0.3, 0.7], (n, 1))
    sampled = policy.respond(PROMPTS[:1] * n, weights, seed=0).ids
    answers = tuple((i, j) for i in range(8) for j in range(8))
    log_p, _ = teacher_force(policy.mixture, PROMPTS[:1] * 64, answers, weights[:64])
    expected = log_p.gather(2, torch.tensor(answers)[:, :, None])[:, :, 0].sum(1).exp().numpy()
    counts = np.array([sampled.count(a) for a in answers])
    assert expected.sum() == pytest.approx(1, abs=1e-5)
    statistic = ((counts - n * expected) ** 2 / (n * expected)).sum()
    assert statistic < 63 + 5 * np.sqrt(2 * 63)  # chi-squared, 63 degrees of freedom
    uniform = ((counts - n / 64) ** 2 / (n / 64)).sum()
    assert uniform > 63 + 5 * np.sqrt(2 * 63)


def test_kl_averages_to_the_kl_of_whole_sequences(base: Base) -> None:
    policy, n = mixed(base), 4_000
    weights = np.tile([0.6, 0.4], (n, 1))
    responses = policy.respond(PROMPTS[:1] * n, weights, seed=1)
    estimate = policy.kl(PROMPTS[:1] * n, weights, responses)
    assert estimate is not None
    answers = tuple((i, j) for i in range(8) for j in range(8))
    rows = []
    for mixture, w in ((policy.mixture, weights[:64]), (Mixture(base, ()), np.zeros((64, 0)))):
        log_p, _ = teacher_force(mixture, PROMPTS[:1] * 64, answers, w)
        rows.append(log_p.gather(2, torch.tensor(answers)[:, :, None])[:, :, 0].sum(1).double().numpy())
    exact = (np.exp(rows[0]) * (rows[0] - rows[1])).sum()
    assert abs(estimate.mean() - exact) < 4 * estimate.std() / np.sqrt(n)
    assert estimate.min() >= 0


@pytest.mark.parametrize("level", ["hidden", "parameters", "probabilities"])
def test_kl_of_what_was_just_sampled_needs_no_second_pass_and_is_the_same(base: Base, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = np.array([[0.1, 0.9], [0.5, 0.5], [1.0, 0.0]])
    policy, other = mixed(base, level), mixed(base, level)
    answers = policy.respond(PROMPTS, weights, seed=2)
    slow = other.kl(PROMPTS, weights, answers)
    assert slow is not None
    assert slow.min() > 0.01
    passes: list[int] = []
    monkeypatch.setattr("morlbench.lm.policy.teacher_force", lambda mixture, *_: passes.append(mixture.experts))
    assert policy.kl(PROMPTS, weights, answers) == pytest.approx(slow, rel=1e-4)
    assert passes == []  # the base's pass is remembered from `slow`
    assert policy.mixture.recent.log_p is None


def test_answers_in_several_batches_cost_one_pass_of_the_base_for_kl_and_likelihood(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    import morlbench.lm.policy as module

    weights, passes = np.array([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]]), list[int]()
    policy, other = mixed(base), mixed(base)
    answers = other.respond(PROMPTS, weights, seed=11)
    expected = other.kl(PROMPTS, weights, answers), base_nll(base, TWO, PROMPTS, answers)
    module.base_log_probs.cache_clear()
    module._batch_likelihood.cache_clear()
    monkeypatch.setattr(module, "VALUES", 2 * TWO.max_tokens * base.vocabulary)  # two rows at once
    monkeypatch.setattr(module, "teacher_force", lambda mixture, *rest: passes.append(mixture.experts) or teacher_force(mixture, *rest))  # type: ignore[func-returns-value]
    assert policy.respond(PROMPTS, weights, seed=11) == answers
    assert policy.kl(PROMPTS, weights, answers) == pytest.approx(expected[0], rel=1e-4)
    assert base_nll(base, TWO, PROMPTS, answers) == pytest.approx(expected[1], rel=1e-4)
    assert passes == [0, 0]  # two batches of the base; a base much larger than a block of answers lets sampling keep it
    monkeypatch.setattr(module, "LARGEST", 1)
    policy.respond(PROMPTS, weights, seed=12)
    assert policy.mixture.recent.log_p is None  # larger than VALUES and than LARGEST


def test_a_batch_is_as_large_as_its_cache_may_be(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    prompts, asked, seen = PROMPTS * 3, np.full((9, 2), 0.5), []
    whole = mixed(base, "logits").respond(prompts, asked, seed=0)
    row = base.cache_bytes * (2 + 256)  # two words after a prompt of 256
    monkeypatch.setattr("morlbench.lm.policy.sample", lambda m, p, *rest: seen.append(len(p)) or sample(m, p, *rest))
    for level, held in (("parameters", 1), ("hidden-pre", 2), ("logits", 4)):  # one copy, two, and two kept for the next weights
        seen.clear()
        monkeypatch.setattr("morlbench.lm.policy.CACHE", 4 * held * row)
        answers = mixed(base, level).respond(prompts, asked, seed=0)
        assert seen == [4, 4, 1]
    assert answers.ids == whole.ids


def test_answers_are_sampled_again_where_anything_differs(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    import morlbench.lm.policy as module

    policy, asked = mixed(base), list[Texts]()
    monkeypatch.setattr(module, "sample", lambda m, p, w, d, into: asked.append(p) or [(0, 1)] * len(p))  # type: ignore[func-returns-value]
    even, uneven = np.full((3, 2), 0.5), np.tile([0.4, 0.6], (3, 1))
    for w, seed, prompts in ((even, 0, PROMPTS), (uneven, 0, PROMPTS), (even, 1, PROMPTS), (even, 0, PROMPTS[::-1]), (even, 0, PROMPTS)):
        policy.respond(prompts, w, seed=seed)
    assert len(asked) == 4
    for w in ([0.5, 0.5], [0.2, 0.8]):
        policy.without(0).respond(PROMPTS, np.tile(w, (3, 1)), seed=0)
    assert len(asked) == 5  # both have the second objective alone
    monkeypatch.setattr("morlbench.lm.recent.KEPT", 1)
    for w in (uneven, even, uneven):
        policy.respond(PROMPTS, w, seed=7)
    assert len(asked) == 8


def test_prompts_states_serve_every_weight_and_no_other_prompts(base: Base) -> None:
    policy = mixed(base)
    for prompts, w in ((PROMPTS, 0.5), (PROMPTS, 0.1), (PROMPTS[::-1], 0.1), (PROMPTS, 0.9)):
        weights = np.tile([w, 1 - w], (3, 1))
        assert policy.respond(prompts, weights, seed=4) == mixed(base).respond(prompts, weights, seed=4)


def test_the_base_has_no_kl_to_itself(base: Base) -> None:
    policy = base_policy(base, TWO)
    preferences = np.full((3, 2), 0.5)
    kl = policy.kl(PROMPTS, preferences, policy.respond(PROMPTS, preferences, seed=0))
    assert kl is not None
    assert (kl == 0).all()


def test_leaving_an_objective_out_renormalises_the_rest(base: Base) -> None:
    policy = mixed(base)
    explained = policy.without(0).explain(PROMPTS, np.array([[0.5, 0.5], [1.0, 0.0], [0.2, 0.8]]))
    assert explained is not None
    assert explained.tolist() == [[0.0, 1.0]] * 3


def test_answers_of_a_row_do_not_depend_on_the_other_rows(base: Base) -> None:
    policy = mixed(base)
    preferences = np.array([[0.1, 0.9], [0.5, 0.5], [1.0, 0.0]])
    whole = policy.respond(PROMPTS, preferences, seed=9)
    assert policy.respond(PROMPTS[:1], preferences[:1], seed=9).ids == whole.ids[:1]


def test_a_stored_adapter_comes_back_equal(base: Base, tmp_path) -> None:  # type: ignore[no-untyped-def]
    adapter = random_adapter(base, 3)
    adapter.save(tmp_path / "a.safetensors")
    again = load(tmp_path / "a.safetensors")
    assert again.parameters == adapter.parameters
    assert all(torch.equal(again.factors[n][1], adapter.factors[n][1]) for n in adapter.factors)


def test_the_bases_nll_is_the_mean_over_an_answers_own_tokens(base: Base) -> None:
    decoding = Decoding(3)
    prompts = ("ba ce di fo", "ko ji ha gu")
    answers = Responses(("ba ce", "di fo gu"), ((0, 1), (2, 3, 4)))
    found = base_nll(base, decoding, prompts, answers)
    for prompt, ids, nll in zip(prompts, answers.ids, found, strict=True):
        words = base.encode((prompt,))[0][0].tolist() + list(ids)
        logits = base.model(input_ids=torch.tensor([words])).logits[0].log_softmax(-1)
        slow = -np.mean([logits[len(words) - len(ids) + i - 1, token].item() for i, token in enumerate(ids)])
        assert nll == pytest.approx(slow, rel=1e-4)
