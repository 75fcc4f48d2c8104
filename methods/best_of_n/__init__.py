"""Sample n answers from the base, score them while serving, and return the best: an oracle control."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from morlbench.bench import Bench
from morlbench.lm.policy import LMPolicy, base_policy
from morlbench.method import Family, Method, Policy, Responses, Track, settings
from morlbench.preference import LINEAR, Array, Utility, UtilityName
from morlbench.task import Texts


@settings
class BestOfN(Method):
    """Best of n base answers by the utility itself. It sees the scores of test answers, so it is shown and never ranked."""

    name: ClassVar[str] = "best-of-n"
    version: ClassVar[int] = 1
    family: ClassVar[Family] = "control"
    track: ClassVar[Track] = "front"
    utilities: ClassVar[tuple[UtilityName, ...]] = ("linear", "chebyshev", "soft-threshold", "hard-threshold")
    n: int = Field(default=4, ge=1, le=1024)

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend nothing; the policy scores while it serves, which is counted as inference and not limited."""
        return BestOf(bench, base_policy(bench.base, bench.decoding), self.n)


@dataclass(frozen=True, eq=False)
class BestOf:
    """A policy that asks the bench to score n candidates per prompt."""

    bench: Bench
    source: LMPolicy
    n: int

    def respond(self, prompts: Texts, preferences: Array, *, utility: Utility = LINEAR, seed: int) -> Responses:
        """Return the candidate with the largest utility for each prompt; candidates are the same for every preference."""
        many = tuple(prompt for prompt in prompts for _ in range(self.n))
        found = self.source.respond(many, np.repeat(preferences, self.n, 0), seed=seed)
        rewards = self.bench.score(many, found.texts, tokens=found.tokens)
        rows = best(rewards, preferences, utility)
        return Responses(tuple(found.texts[i] for i in rows), tuple(found.ids[i] for i in rows))

    def kl(self, prompts: Texts, preferences: Array, responses: Responses, *, utility: Utility = LINEAR) -> Array | None:
        """Return None: only the bound log n - (n - 1) / n is known."""
        return None

    def explain(self, prompts: Texts, preferences: Array, *, utility: Utility = LINEAR) -> Array | None:
        """Return None: nothing is weighed but the utility."""
        return None


def best(rewards: Array, preferences: Array, utility: Utility) -> list[int]:
    """Return which row of rewards (n * c, k) is best for each preference (n, k); candidates of a prompt are consecutive."""
    candidates = rewards.reshape(len(preferences), -1, rewards.shape[1])  # (n, c, k)
    picked = utility(candidates, preferences[:, None]).argmax(1)
    return [int(row * candidates.shape[1] + i) for row, i in enumerate(picked)]
