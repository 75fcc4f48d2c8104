"""The family of exact tasks: eight words, short answers, and a reward that is a table.

Every answer can be listed, so the best policy is known in closed form and any policy is scored without sampling noise
(`morlbench.closed_form`, `morlbench.lm.exact`). A task of the family states its reward of prompt words and answer words,
nothing else; prompts, splits, scoring and exact evaluation are here. Torch is loaded only when a policy is scored.
Leaves out text: an answer that is not exactly `max_tokens` known words scores 0 on every objective.
"""

from abc import abstractmethod
from functools import cache, cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from morlbench import closed_form
from morlbench.closed_form import Problem
from morlbench.errors import BadInput, MorlbenchError
from morlbench.lm.bases import PROMPT_WORDS, WORDS
from morlbench.preference import Array
from morlbench.seeds import derive
from morlbench.task import Decoding, Exact, Split, Task, Texts

if TYPE_CHECKING:
    from morlbench.lm.base import Base
    from morlbench.lm.exact import Estimate
    from morlbench.method import Policy

Ids = NDArray[np.int64]
LIMIT = 100_000  # answers per prompt
THIN = 5  # beyond three objectives a record keeps every fifth point of the true front, or it would not fit
DRAWS = 32  # sampled answers per prompt and preference where a policy cannot be listed
_IDS = {word: i for i, word in enumerate(WORDS)}


class ExactTask(Task):
    """A task whose answers can be listed; subclasses give `reward`."""

    base: ClassVar[str] = "exact"
    decoding: ClassVar[Decoding] = Decoding(max_tokens=4, min_tokens=4)
    beta: ClassVar[float] = 0.1
    sizes: ClassVar[dict[Split, int]] = {"train": 256, "dev": 32, "adapt": 32, "test": 24}
    draw: int = 0  # which lexicons, for a family drawn several times

    def __init__(self) -> None:
        closed_form.check_size(len(WORDS), self.decoding.max_tokens, LIMIT)

    @abstractmethod
    def reward(self, prompts: Ids, answers: Ids) -> Array:
        """Return rewards (n, k) in [0, 1] of answers (n, t) to prompts (n, 4), both as word ids."""

    def prompts(self, split: Split) -> Texts:
        """Return the split's prompts: a fixed part of one shuffle of all prompts of four words."""
        if split not in self.sizes:
            raise BadInput(f"unknown split {split!r}; known: {', '.join(self.sizes)}")
        names = list(self.sizes)
        start = sum(self.sizes[name] for name in names[: names.index(split)])
        return _shuffled()[start : start + self.sizes[split]]

    def score(self, prompts: Texts, responses: Texts) -> Array:
        """Return rewards (n, k); a pair that is not words of the language in the right number scores 0."""
        rewards = np.zeros((len(responses), self.k))
        pairs = [(read(p, PROMPT_WORDS), read(r, self.decoding.max_tokens)) for p, r in zip(prompts, responses, strict=True)]
        good = [i for i, (p, r) in enumerate(pairs) if p is not None and r is not None]
        if good:
            rewards[good] = self.reward(np.array([pairs[i][0] for i in good]), np.array([pairs[i][1] for i in good]))
        return rewards

    @cached_property
    def table(self) -> Array:
        """Rewards (n, V^t, k) of every answer to every test prompt; answers in lexicographic order of word ids."""
        return self.table_of(self.prompts("test"))

    def table_of(self, prompts: Texts) -> Array:
        """Return rewards (n, V^t, k) of every answer to prompts (n)."""
        answers = all_answers(self.decoding.max_tokens)
        asked = np.array([_IDS[word] for text in prompts for word in text.split()]).reshape(len(prompts), PROMPT_WORDS)
        rows = [self.reward(np.repeat(prompt[None], len(answers), 0), answers) for prompt in asked]
        return np.stack(rows)

    def problem(self, base: "Base") -> Problem:
        """Return the test prompts' problem: the base's log-probabilities, the rewards and beta."""
        return Problem(_base_table(base, self.prompts("test"), self.decoding), self.table, self.beta)

    def exact(self, policy: "Policy", preferences: Array) -> Exact | None:
        """Return the policy's exact values at preferences (p, k), None for one that states no probabilities: see `estimate`."""
        from morlbench.lm.exact import sequence_log_probs

        problem, small, front = _ground(self)
        log_policy = sequence_log_probs(policy, self.prompts("test"), preferences)
        if log_policy is None:
            return None
        found = closed_form.values(problem, log_policy)
        base = closed_form.values(problem, problem.log_base[None])
        return Exact(
            preferences=preferences, returns=found.returns, rewards=found.rewards, kl=found.kl, value=found.at(preferences),
            optimum=closed_form.optimal_values(small, preferences), base=(base.returns * preferences).sum(1), front=front,
        )  # fmt: skip

    def estimate(self, policy: "Policy", preferences: Array, *, seed: int) -> "Estimate | None":
        """Return sampled values with intervals at preferences (p, k), DRAWS answers a prompt; None if the policy's KL is unknown."""
        from morlbench.lm.exact import estimate

        prompts = tuple(np.repeat(self.prompts("test"), DRAWS).tolist())
        rewards, kls = [], []
        for w in preferences:
            asked = np.tile(w, (len(prompts), 1))
            responses = policy.respond(prompts, asked, seed=seed)
            kl = policy.kl(prompts, asked, responses)
            if kl is None:
                return None
            rewards.append(self.score(prompts, responses.texts))
            kls.append(kl)
        r, kl = np.array(rewards).reshape(len(preferences), -1, DRAWS, self.k), np.array(kls).reshape(len(preferences), -1, DRAWS)
        return estimate((r * preferences[:, None, None]).sum(3) - self.beta * kl, r, kl)


@cache
def all_answers(length: int) -> Ids:
    """Return all V^t answers as word ids (V^t, t), the first word slowest."""
    return np.asarray(np.indices((len(WORDS),) * length).reshape(length, -1).T)


def read(text: str, words: int) -> list[int] | None:
    """Return the word ids of a text of exactly that many known words, else None."""
    ids = [_IDS.get(word, -1) for word in text.split()]
    return ids if len(ids) == words and min(ids) >= 0 else None


@cache
def _shuffled() -> Texts:
    order = np.random.default_rng(derive(0, "exact prompts")).permutation(len(WORDS) ** PROMPT_WORDS)
    return tuple(" ".join(WORDS[i] for i in row) for row in all_answers(PROMPT_WORDS)[order])


_TABLES: dict[tuple[str, Texts, Decoding], Array] = {}


def _base_table(base: "Base", prompts: Texts, decoding: Decoding) -> Array:
    """Return the base's log-probabilities (n, V^t), kept for the process."""
    from morlbench.lm.exact import sequence_log_probs
    from morlbench.lm.policy import base_policy

    key = (base.identity, prompts, decoding)
    if key not in _TABLES:
        found = sequence_log_probs(base_policy(base, decoding), prompts, np.ones((1, 2)) / 2)
        if found is None:
            raise MorlbenchError("the base's answers could not be listed")
        _TABLES[key] = found[0]
    return _TABLES[key]


_GROUND: dict[tuple[type[Task], int], tuple[Problem, Problem, Array]] = {}


def _ground(task: ExactTask) -> tuple[Problem, Problem, Array]:
    """Return a task's problem, the same compressed, and its true front, kept for the process."""
    from morlbench.lm.base import load_base

    key = (type(task), task.draw)
    if key not in _GROUND:
        problem = task.problem(load_base("exact"))
        small = closed_form.compress(problem)
        front = closed_form.front(small).round(6)  # as records keep it
        _GROUND[key] = (problem, small, front if task.k <= 3 else front[::THIN])
    return _GROUND[key]
