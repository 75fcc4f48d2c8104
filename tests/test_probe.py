"""What a finished policy is asked: hidden users who rate by their own preference, deletions, and who is told what."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from honest import CannedBase

from morlbench import probe
from morlbench.bench import Bench
from morlbench.check.toy import LENGTH, Toy
from morlbench.lm.bases import WORDS
from morlbench.method import Feedback, Method, Policy, Responses
from morlbench.methods.base import BaseModel
from morlbench.preference import LINEAR, Array, Utility
from morlbench.probe import Asker
from morlbench.protocol import STEPS, USERS, hidden_users, of_deletions
from morlbench.store import Store
from morlbench.task import Texts

RATED = STEPS[1:]
HIDDEN = hidden_users(Toy())


@dataclass(frozen=True)
class Learner:
    """Says random words; notes what it is told, and what each user it learns from has said."""

    heard: list[Feedback] = field(default_factory=list)
    asked: list[tuple[Feedback | None, Array]] = field(default_factory=list)  # whose policy, and the preferences (n, k) it was told
    of: Feedback | None = None

    def respond(self, prompts: Texts, preferences: Array, *, utility: Utility = LINEAR, seed: int) -> Responses:
        self.asked.append((self.of, preferences))
        ids = np.random.default_rng(seed).integers(0, len(WORDS), (len(prompts), LENGTH))
        return Responses(tuple(" ".join(WORDS[i] for i in row) for row in ids), tuple(map(tuple, ids.tolist())))

    def kl(self, prompts: Texts, preferences: Array, responses: Responses, *, utility: Utility = LINEAR) -> Array | None:
        return None

    def explain(self, prompts: Texts, preferences: Array, *, utility: Utility = LINEAR) -> Array | None:
        return None

    def observe(self, feedback: Feedback, *, seed: int) -> "Learner":
        self.heard.append(feedback)
        return replace(self, of=feedback)


@pytest.fixture
def asker(store: Store) -> Asker:
    return Asker(Toy(), Bench(Toy(), CannedBase(), 256, store), seed=5)  # type: ignore[arg-type]


@pytest.fixture
def learner(asker: Asker) -> Learner:
    """A policy that every user has been asked about."""
    found = Learner()
    asker.users(found)
    return found


def slopes(feedback: Feedback) -> Array:
    """Return how much each reward moves what a user says (k,): the least-squares plane over the rewards of the rated answers."""
    rewards = Toy().score(feedback.prompts, feedback.responses.texts)
    design = np.column_stack([np.ones(len(rewards)), rewards])
    return np.asarray(np.linalg.lstsq(design, feedback.values, rcond=None)[0][1:])


def whole(learner: Learner) -> list[Feedback]:
    """Return all that each user said."""
    return [feedback for feedback in learner.heard if len(feedback.values) == RATED[-1]]


def test_every_hidden_user_rates_by_a_preference_of_their_own(learner: Learner) -> None:
    """Ratings have slope b w on the rewards, .5 <= b <= 1, and 256 of them leave w an error of a few hundredths; thumbs point along w."""
    said = whole(learner)
    assert [feedback.kind for feedback in said] == [kind for kind, _ in USERS] == ["rating", "rating", "thumb", "thumb"]
    assert np.abs(HIDDEN[:, None, 0] - HIDDEN[:, 0]).max(1).min() > 0.3  # nobody's preference would pass for all
    for feedback, w in zip(said, HIDDEN, strict=True):
        found = slopes(feedback)
        assert found / found.sum() == pytest.approx(w, abs=0.12)
        assert found.sum() > 0.4


def test_ratings_are_on_the_users_own_scale_with_noise_of_a_tenth(learner: Learner) -> None:
    for feedback, w in zip(whole(learner)[:2], HIDDEN, strict=False):
        utility = LINEAR(Toy().score(feedback.prompts, feedback.responses.texts), w)
        slope, offset = np.polyfit(utility, feedback.values, 1)
        assert 0.4 < slope < 1.1
        assert -0.3 < offset < 0.3
        assert np.std(feedback.values - offset - slope * utility) == pytest.approx(0.1, abs=0.015)


def test_thumbs_go_up_for_the_better_half(learner: Learner) -> None:
    for feedback, w in zip(whole(learner)[2:], HIDDEN[2:], strict=True):
        utility = LINEAR(Toy().score(feedback.prompts, feedback.responses.texts), w)
        assert set(feedback.values) == {0.0, 1.0}
        assert feedback.values.sum() == RATED[-1] / 2
        assert utility[feedback.values == 1].mean() > utility[feedback.values == 0].mean() + 0.1


def test_a_user_has_rated_the_first_16_64_and_256_of_the_same_answers(learner: Learner) -> None:
    assert [len(feedback.values) for feedback in learner.heard] == [*RATED] * len(USERS) == [16, 64, 256] * 4
    for i, feedback in enumerate(learner.heard):
        count, all_said = len(feedback.values), learner.heard[i // 3 * 3 + 2]
        assert feedback.prompts == all_said.prompts[:count]
        assert feedback.responses == Responses(all_said.responses.texts[:count], all_said.responses.ids[:count])
        assert feedback.values.tolist() == all_said.values[:count].tolist()
        assert feedback.preferences.tolist() == all_said.preferences[:count].tolist()
        assert feedback.kind == all_said.kind
    assert len({feedback.responses.texts for feedback in whole(learner)}) == 1  # and all users the same
    assert np.ptp(whole(learner)[0].preferences[:, 0]) > 0.9  # asked at preferences from everywhere


def test_who_adapts_is_told_nothing_and_only_the_twin_is_told_the_hidden_preference(asker: Asker) -> None:
    policy = Learner()
    probes = asker.users(policy)
    calls = policy.asked[RATED[-1] // 64 :]  # after the answers that are rated, 64 at a time
    assert [(p.name, p.user, p.step) for p in probes] == [
        row for user in range(4) for row in (*(("adapt", user, step) for step in STEPS), ("told", user, -1))
    ]
    for one, (of, told) in zip(probes, calls, strict=True):
        assert one.preferences.tolist() == [HIDDEN[one.user].tolist()]  # the probe is judged by the user's own
        assert np.ptp(told, axis=0).max() == 0
        assert told[0].tolist() == ([0.5, 0.5] if one.name == "adapt" else HIDDEN[one.user].tolist())
        assert (0 if of is None else len(of.values)) == max(one.step, 0)
        assert of is None or of is policy.heard[3 * one.user + RATED.index(one.step)]  # no user is served by another's policy


@dataclass(frozen=True)
class Mixed(Learner):
    """Says the first word, and the next but one for each objective that was left out; it states the preference as its weights."""

    out: int = 0

    def respond(self, prompts: Texts, preferences: Array, *, utility: Utility = LINEAR, seed: int) -> Responses:
        return Responses((WORDS[self.out],) * len(prompts), ((self.out,),) * len(prompts))

    def explain(self, prompts: Texts, preferences: Array, *, utility: Utility = LINEAR) -> Array | None:
        return preferences

    def without(self, objective: int) -> Policy:
        return replace(self, out=2 * (objective + 1))


def test_each_deletion_leaves_its_own_objective_out(asker: Asker) -> None:
    method: Method = BaseModel()
    probes = asker.deletions(Mixed(), method)
    assert [p.name for p in probes] == ["without-0", "without-1"]
    assert [set(p.responses) for p in probes] == [{WORDS[2]}, {WORDS[4]}]
    assert all(p.preferences.tolist() == q.preferences.tolist() for p, q in zip(probes, of_deletions(Toy()), strict=True))
    assert asker.deletions(Learner(), method) == []  # which cannot leave anything out


def test_a_thumb_compares_with_the_users_own_median_and_no_answer_is_seen_by_its_rewards() -> None:
    """Rewards far apart: noise of a tenth cannot turn the order of the halves."""
    rewards = np.array([[0.0, 0.0], [0.1, 0.0], [0.9, 0.0], [1.0, 0.0]])
    rated = probe._Rated(("p",) * 4, Responses(("a", "b", "c", "d"), ((0,),) * 4), np.full((4, 2), 0.5), rewards)
    found = [probe._ratings(rated, np.array([1.0, 0.0]), "thumb", seed) for seed in range(20)]
    assert np.mean([said.values.tolist() == [0, 0, 1, 1] for said in found]) > 0.9
    assert {str(said.kind) for said in found} == {"thumb"}
