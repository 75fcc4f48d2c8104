"""What `moe-cmab` reads of a prompt, and what its served policy learns from one user."""

from functools import partial

import numpy as np
import pytest

from morlbench.check.toy import Toy
from morlbench.lm.adapter import Adapter
from morlbench.lm.base import Base, load_base
from morlbench.lm.exact import sequence_log_probs
from morlbench.lm.mixing import Mixture
from morlbench.lm.policy import base_policy, single_policy
from morlbench.method import Feedback, Responses
from morlbench.methods.moe_cmab.arms import arms
from morlbench.methods.moe_cmab.context import Reader, fit
from morlbench.methods.moe_cmab.gate import Gate, GateConfig
from morlbench.methods.moe_cmab.policy import GatedPolicy, told
from morlbench.preference import LINEAR, Array
from morlbench.task import Decoding
from tests.test_fewstep import drawn

PROMPTS = Toy().prompts("test")[:5]
WARM = 0.7  # temperature
NEXT = Decoding(1, min_tokens=1, temperature=WARM)  # answers of one word: listing them lists the next word


@pytest.fixture(scope="module")
def base() -> Base:
    return load_base("exact")


@pytest.fixture(scope="module")
def experts(base: Base) -> tuple[Adapter, Adapter]:
    return drawn(base, 1), drawn(base, 2)


def test_the_context_is_each_experts_log_ratio_to_the_base_at_the_next_word(base: Base, experts: tuple[Adapter, Adapter]) -> None:
    found = fit(Mixture(base, experts, "hidden", temperature=WARM), "log-ratio", PROMPTS, 2).raw(PROMPTS)  # (n, M V)
    policies = [base_policy(base, NEXT), *(single_policy(base, NEXT, one) for one in experts)]
    plain, *own = (sequence_log_probs(policy, PROMPTS, np.array([[0.5, 0.5]]))[0] for policy in policies)  # type: ignore[index]
    assert found == pytest.approx(np.hstack([one - plain for one in own]), abs=1e-4)
    assert np.abs(own[0] - own[1]).max() > 0.5
    assert np.abs(plain).max() > 0.5


def test_an_expert_that_is_the_base_says_nothing_of_a_prompt(base: Base, experts: tuple[Adapter, Adapter]) -> None:
    still = Adapter({name: (a, 0 * b) for name, (a, b) in experts[0].factors.items()}, None)
    assert fit(Mixture(base, (still,)), "log-ratio", PROMPTS, 2).raw(PROMPTS) == pytest.approx(np.zeros((5, base.vocabulary)), abs=1e-5)


# --- one user ------------------------------------------------------------------------------------------------------------


def rewards_of(mixtures: Array) -> Array:
    """Return what mixtures (n, 2) earn: .2 + .6 a_i (2 - a_i), so that w·r, of slope 1.2 (w_1 - a_1) in a_1, is largest at a = w."""
    return 0.2 + 0.6 * mixtures * (2 - mixtures)


@pytest.fixture(scope="module")
def policy(base: Base, experts: tuple[Adapter, Adapter]) -> GatedPolicy:
    """A policy whose gate has seen every mixture many times, with answers that differ by nothing else."""
    tried = np.repeat(arms(2), 20, 0)
    noise = 0.02 * np.random.default_rng(0).standard_normal(tried.shape)
    state = Gate.start(np.full((1, 2), 0.5), 2, 0, config=GateConfig(caution=0.0))
    state = state.update(np.zeros((len(tried), 0)), tried, rewards_of(tried) + noise)
    reader = Reader(lambda texts: np.zeros((len(texts), 0)), None)
    return GatedPolicy(mixture=Mixture(base, experts), decoding=NEXT, gate=partial(told, reader, state), reader=reader, state=state)


def said(policy: GatedPolicy, wanted: Array, kind: str) -> Feedback:
    """Return what a user with preference `wanted` (2,) says of 60 answers, which other preferences were asked for."""
    rng = np.random.default_rng(1)
    asked = rng.dirichlet(np.ones(2), 60)
    prompts = tuple(PROMPTS[i % 5] for i in range(60))
    utility = LINEAR(rewards_of(policy.gate(prompts, asked, LINEAR)), wanted) + 0.02 * rng.standard_normal(60)
    values = 0.1 + 0.8 * utility if kind == "rating" else (utility > np.median(utility)).astype(float)
    return Feedback(prompts, Responses(("x",) * 60, ((0,),) * 60), values, kind, asked)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["rating", "thumb"])
def test_a_user_is_served_what_their_feedback_says_they_like_whatever_is_asked(policy: GatedPolicy, kind: str) -> None:
    """Who likes one objective alone gets its expert; asked for the other, they still do. Nobody else is served otherwise."""
    asked = np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]])
    before = policy.gate(PROMPTS[:3], asked, LINEAR)
    assert before.tolist() == [[0, 1], [0.5, 0.5], [1, 0]]
    for own in np.eye(2):
        learnt = policy.observe(said(policy, own, kind), seed=0)
        assert learnt.gate(PROMPTS[:3], asked, LINEAR).tolist() == [own.tolist()] * 3
        assert (learnt.state, learnt.reader, learnt.mixture) == (policy.state, policy.reader, policy.mixture)
    assert policy.gate(PROMPTS[:3], asked, LINEAR).tolist() == before.tolist()


def test_a_user_who_likes_all_answers_alike_tells_nothing(policy: GatedPolicy) -> None:
    asked = np.random.default_rng(1).dirichlet(np.ones(2), 60)
    feedback = Feedback(PROMPTS * 12, Responses(("x",) * 60, ((0,),) * 60), np.full(60, 0.4), "rating", asked)
    assert policy.observe(feedback, seed=0).gate(PROMPTS[:1], asked[:1], LINEAR) == pytest.approx(np.full((1, 2), 0.5))
