"""Mimic: repeat words of the prompt, the more often the more the first objective counts."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from pydantic import Field

from morlbench.bench import Bench
from morlbench.method import Family, Feedback, Method, Policy, Responses, Track, settings
from morlbench.preference import LINEAR, Array, Utility
from morlbench.task import Texts


@dataclass(frozen=True)
class MimicPolicy:
    """Chooses each word from the prompt's first `reach` words, fewer when the first objective counts more."""

    length: int
    eager: float

    def respond(self, prompts: Texts, preferences: Array, *, utility: Utility = LINEAR, seed: int) -> Responses:
        """Draw words of the prompt."""
        draws = np.random.default_rng(seed).random((len(prompts), self.length))
        texts, ids = [], []
        for prompt, w, row in zip(prompts, preferences, draws, strict=True):
            words = prompt.split()
            reach = max(1, round(len(words) * (1 - self.eager * w[0])))
            chosen = tuple(int(u * reach) for u in row)
            ids.append(chosen)
            texts.append(" ".join(words[i] for i in chosen))
        return Responses(tuple(texts), tuple(ids))

    def kl(self, prompts: Texts, preferences: Array, responses: Responses, *, utility: Utility = LINEAR) -> Array | None:
        """Say that the distance to the base is unknown."""
        return None

    def explain(self, prompts: Texts, preferences: Array, *, utility: Utility = LINEAR) -> Array | None:
        """Return the preference itself."""
        return preferences

    def observe(self, feedback: Feedback, *, seed: int) -> "MimicPolicy":
        """Become more eager when the user is pleased."""
        return replace(self, eager=min(1.0, self.eager + 0.1 * float(feedback.values.mean())))


@settings
class Mimic(Method):
    """Try three degrees of eagerness on train prompts and keep the best."""

    name: ClassVar[str] = "mimic"
    version: ClassVar[int] = 1
    family: ClassVar[Family] = "single-policy"
    track: ClassVar[Track] = "front"
    tries: int = Field(default=3, ge=1, le=10)

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend 16 responses on each degree."""
        prompts = bench.prompts("train")[:16]
        w = np.tile(bench.preference, (len(prompts), 1))
        best, found = -np.inf, MimicPolicy(bench.decoding.max_tokens, 0.0)
        for eager in np.linspace(0, 1, self.tries):
            policy = MimicPolicy(bench.decoding.max_tokens, float(eager))
            with bench.part(f"eagerness {eager:.2f}", len(prompts), kind="search"):
                value = LINEAR(bench.score(prompts, policy.respond(prompts, w, seed=seed).texts), w).mean()
            if value > best:
                best, found = value, policy
        return found
