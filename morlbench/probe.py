"""The questions a finished policy is asked: the lattice, held-out preferences, other utilities, hidden users, deletions.

Every probe is answered on the test split (hidden users first rate answers to adapt prompts) with the same draws for every
preference. The lattice is asked on all test prompts; the other probes on fewer, so that a record stays small: the numbers
are in `morlbench.protocol`. Hidden users are linear: two give ratings a + b u + noise, two give thumbs.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from morlbench.bench import Bench, Cost, Line, checked
from morlbench.lm import forked
from morlbench.lm.base import Base
from morlbench.lm.policy import base_nll, base_policy
from morlbench.method import Ablatable, Adaptive, Feedback, Method, Policy, Responses
from morlbench.metric import Probe
from morlbench.preference import LINEAR, Array
from morlbench.protocol import KL_OF, LIKELIHOOD_OF, RATED_AT_ONCE, STEPS, USERS, Question, fixed, hidden_users, of_deletions, of_users
from morlbench.seeds import derive
from morlbench.task import Task, Texts

NOISE = 0.1  # standard deviation of a rating


@dataclass(frozen=True, eq=False)
class Ask:
    """A question, the policy it is put to and, where those are not the question's preferences, what the policy is told (p, k)."""

    question: Question
    policy: Policy
    told: Array | None = None

    @property
    def shown(self) -> Array:
        """What the policy is told (p, k)."""
        return self.question.preferences if self.told is None else self.told


@dataclass(frozen=True, eq=False)
class _Row:
    """The answers at one preference: texts (m), rewards (m, k), and where known KL and likelihood (m,), gold (m, k), weights (n, k)."""

    texts: Texts
    rewards: Array
    kl: Array | None
    nll: Array | None
    gold: Array | None
    weights: Array | None
    lines: tuple[Line, ...]  # what the ledger must learn


@dataclass(frozen=True)
class Asker:
    """Asks policies on one task; scoring is charged to evaluation in the bench's ledger. `slots` preferences are asked at once."""

    task: Task
    bench: Bench
    seed: int
    slots: int = 1

    def front(self, policy: Policy, method: Method) -> list[Probe]:
        """Return the base, the lattice or the one stated preference, and for front methods held-out ones and other utilities."""
        base = base_policy(self.bench.base, self.task.decoding)
        asked = fixed(self.task, method.track, method.utilities, self.bench.preference)
        return self.ask([Ask(question, base if question.name == "base" else policy) for question in asked])

    def users(self, policy: Policy) -> list[Probe]:
        """Return each hidden user's probes after 0, 16, 64 and 256 rated responses, and with the preference told."""
        if not isinstance(policy, Adaptive):
            return []
        learner: Adaptive = policy
        asked = sum(question.prompts * question.draws for question in of_users(self.task))
        self.bench.watch.start("asking for hidden users", STEPS[-1] + asked)
        rated = self._rated(learner)
        self.bench.watch.advance(STEPS[-1])

        def one(user: tuple[str, int]) -> tuple[list[Probe], list[Line]]:
            with _apart(self.bench) as lines:
                probes = self._user(learner, rated, *user)
            return probes, lines

        probes = []
        for found, lines in forked.spread(one, USERS, self.slots):
            probes += found
            self.bench.ledger.extend(lines)
            self.bench.watch.advance(sum(len(probe.responses) for probe in found))
        self.bench.watch.finish()
        return probes

    def deletions(self, policy: Policy, method: Method) -> list[Probe]:
        """Return the answers with each objective deleted, for front policies that state weights and can leave one out."""
        if not isinstance(policy, Ablatable) or method.track == "single":
            return []
        asked = of_deletions(self.task)
        if policy.explain(self.task.prompts("test")[:1], asked[0].preferences[:1]) is None:
            return []
        return self.ask([Ask(question, policy.without(i)) for i, question in enumerate(asked)])

    def ask(self, asks: Sequence[Ask]) -> list[Probe]:
        """Ask every question at each of its preferences and score the answers; one probe a question."""
        rows = [(i, w) for i, one in enumerate(asks) for w in one.shown]
        names = ", ".join(dict.fromkeys(one.question.name for one in asks))
        self.bench.watch.start(f"asking {names}", sum(len(self._prompts(asks[i].question)) for i, _ in rows))
        answered: list[list[_Row]] = [[] for _ in asks]
        for (i, _), row in zip(rows, forked.spread(lambda r: self._row(asks[r[0]], r[1]), rows, self.slots), strict=True):
            answered[i].append(row)
            self.bench.ledger.extend(row.lines)
            self.bench.watch.advance(len(row.texts))
        self.bench.watch.finish()
        return [self._probe(one.question, found) for one, found in zip(asks, answered, strict=True)]

    def _user(self, policy: Adaptive, rated: "_Rated", kind: str, user: int) -> list[Probe]:
        """Return one hidden user's probes."""
        ratings = _ratings(rated, hidden_users(self.task)[user], kind, derive(self.seed, "user", user))
        unknown = np.full((1, self.task.k), 1 / self.task.k)  # an adapted policy knows; the probe keeps the user's own
        probes = []
        for question in (question for question in of_users(self.task) if question.user == user):
            step = question.step
            adapted = policy.observe(_first(ratings, step), seed=derive(self.seed, "observe", user, step)) if step > 0 else policy
            one = Ask(question, adapted, unknown if question.name == "adapt" else None)
            rows = [self._row(one, shown) for shown in one.shown]
            self.bench.ledger.extend(line for row in rows for line in row.lines)
            probes.append(self._probe(question, rows))
        return probes

    def _prompts(self, question: Question) -> Texts:
        return tuple(p for p in self.task.prompts("test")[: question.prompts] for _ in range(question.draws))

    def _row(self, one: Ask, w: Array) -> _Row:
        """Return the answers at preference w (k,)."""
        question, policy, utility = one.question, one.policy, one.question.utility
        prompts = self._prompts(question)
        asked = np.tile(w, (len(prompts), 1))
        with _apart(self.bench) as lines:
            answers = policy.respond(prompts, asked, utility=utility, seed=self.seed)
            rewards = self._score(question.name, prompts, answers)
            counts = question.name in KL_OF or self.task.base == "exact"
            kl = policy.kl(prompts, asked, answers, utility=utility) if counts else None
            weights = policy.explain(prompts[:: question.draws], asked[:: question.draws], utility=utility)
            nll, gold = self._beside(question.name, prompts, answers)
        return _Row(answers.texts, rewards, kl, nll, gold, weights, tuple(lines))

    def _probe(self, question: Question, rows: Sequence[_Row]) -> Probe:
        """Put the rows of a question together."""
        p, d, k = len(rows), question.draws, self.task.k
        kl, nll, gold, weights = (_whole(column) for column in zip(*((r.kl, r.nll, r.gold, r.weights) for r in rows), strict=True))
        rewards = np.array([r.rewards for r in rows]).reshape(p, -1, d, k)
        return Probe(
            question.name, np.asarray(question.preferences, dtype=float), rewards, np.arange(rewards.shape[1]),
            tuple(text for row in rows for text in row.texts), kl=None if kl is None else kl.reshape(p, -1, d), weights=weights,
            nll=None if nll is None else nll.reshape(p, -1, d), gold=None if gold is None else gold.reshape(p, -1, d, k),
            utility=question.utility, user=question.user, step=question.step,
        )  # fmt: skip

    def _beside(self, name: str, prompts: Texts, answers: Responses) -> tuple[Array | None, Array | None]:
        """Return what is known of answers beside their rewards: nats per token under the base (n,) and gold scores (n, k).

        Of the base's and the front's answers to text tasks only: nobody reads the rest.
        """
        base = self.bench.base
        if name not in LIKELIHOOD_OF or self.task.base == "exact" or not isinstance(base, Base):
            return None, None
        gold = self.task.gold(prompts, answers.texts)
        return base_nll(base, self.task.decoding, prompts, answers), None if gold is None else checked(gold, len(prompts), self.task)

    def _score(self, name: str, prompts: Texts, answers: Responses) -> Array:
        rewards = checked(self.task.score(prompts, answers.texts), len(prompts), self.task)
        self.bench.ledger.append(Line(name, "evaluation", Cost(len(prompts), answers.tokens)))
        return rewards

    def _rated(self, policy: Policy) -> "_Rated":
        """Return answers to adapt prompts, asked at random preferences: every hidden user rates the first of these."""
        prompts, count = self.task.prompts("adapt"), STEPS[-1]
        rows = tuple(prompts[i % len(prompts)] for i in range(count))
        shown = np.random.default_rng(derive(self.seed, "rated")).dirichlet(np.ones(self.task.k), count)
        starts = range(0, count, RATED_AT_ONCE)

        def part(start: int) -> tuple[Responses, Array, list[Line]]:
            some = slice(start, start + RATED_AT_ONCE)
            with _apart(self.bench) as lines:
                answers = policy.respond(rows[some], shown[some], seed=derive(self.seed, "rated", start))
                rewards = self._score("rated answers", rows[some], answers)
            return answers, rewards, lines

        parts = list(forked.spread(part, starts, self.slots))
        self.bench.ledger.extend(line for *_, lines in parts for line in lines)
        texts, ids = tuple(x for a, *_ in parts for x in a.texts), tuple(x for a, *_ in parts for x in a.ids)
        return _Rated(rows, Responses(texts, ids), shown, np.concatenate([rewards for _, rewards, _ in parts]))


@dataclass(frozen=True, eq=False)
class _Rated:
    """What hidden users are shown: answers to prompts (m), asked at preferences (m, k), and rewards (m, k) that no user sees."""

    prompts: Texts
    answers: Responses
    shown: Array
    rewards: Array


def _ratings(rated: _Rated, w: Array, kind: str, seed: int) -> Feedback:
    """Return what a hidden user with preference w says: ratings a + b u + noise, or thumbs up for the better half."""
    rng = np.random.default_rng(derive(seed, "ratings"))
    offset, slope = rng.uniform(-0.2, 0.2), rng.uniform(0.5, 1.0)
    values = offset + slope * LINEAR(rated.rewards, w) + rng.normal(0, NOISE, len(rated.rewards))
    if kind == "thumb":
        return Feedback(rated.prompts, rated.answers, (values > np.median(values)).astype(float), "thumb", rated.shown)
    return Feedback(rated.prompts, rated.answers, values, "rating", rated.shown)


@contextmanager
def _apart(bench: Bench) -> Iterator[list[Line]]:
    """Yield a list that holds, once the context is closed, the lines it added to the ledger, which is then as it was."""
    before, lines = len(bench.ledger), list[Line]()
    yield lines
    lines += bench.ledger[before:]
    del bench.ledger[before:]


def _whole(column: Sequence[Array | None]) -> Array | None:
    """Return a column as one array (p, ...), None where a row has none."""
    known = [x for x in column if x is not None]
    return np.array(known) if len(known) == len(column) else None


def _first(feedback: Feedback, count: int) -> Feedback:
    answers = Responses(feedback.responses.texts[:count], feedback.responses.ids[:count])
    return Feedback(feedback.prompts[:count], answers, feedback.values[:count], feedback.kind, feedback.preferences[:count])
