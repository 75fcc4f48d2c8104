"""Plugins that keep every promise without loading torch: tests plant one fault at a time in them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from morlbench.bench import Bench
from morlbench.check.toy import LENGTH
from morlbench.lm.bases import WORDS
from morlbench.method import Family, Feedback, Method, Policy, Responses, Track, settings
from morlbench.metric import Evidence, Metric, NoValue
from morlbench.preference import LINEAR, Array, Utility
from morlbench.task import Decoding, Objective, Relation, Split, Task, Texts

METHOD_CARD = """# Honest
## Family
control
## Paper
none
## Equations
pi = random words; the mean counts `share` = .5
## What it leaves out
learning
## Budget
64 responses
"""


@dataclass(frozen=True)
class CannedBase:
    """Stands in for a language model: a name, an identity and a token count."""

    name: str = "canned"
    identity: str = "canned-0"
    rate: float = 3e-3

    def count_tokens(self, texts: Texts) -> int:
        return sum(len(text.split()) for text in texts)


@dataclass(frozen=True)
class CannedPolicy:
    """Says random words; the more the first objective counts, the fewer different ones."""

    learnt: float = 0.0
    dropped: int = -1

    def respond(self, prompts: Texts, preferences: Array, *, utility: Utility = LINEAR, seed: int) -> Responses:
        draws = np.random.default_rng(seed).random((len(prompts), LENGTH))
        width = np.clip(np.round(8 * (1 - preferences[:, :1] * (self.dropped != 0)) + self.learnt), 1, 8)
        ids = tuple(tuple(int(i) for i in row) for row in draws * width)
        return Responses(tuple(" ".join(WORDS[i] for i in row) for row in ids), ids)

    def kl(self, prompts: Texts, preferences: Array, responses: Responses, *, utility: Utility = LINEAR) -> Array | None:
        return np.zeros(len(prompts))

    def explain(self, prompts: Texts, preferences: Array, *, utility: Utility = LINEAR) -> Array | None:
        return preferences

    def observe(self, feedback: Feedback, *, seed: int) -> "CannedPolicy":
        return replace(self, learnt=self.learnt + float(feedback.values.mean()))

    def without(self, objective: int) -> "CannedPolicy":
        return replace(self, dropped=objective)


@settings
class HonestMethod(Method):
    """Score 64 answers and keep their mean."""

    name: ClassVar[str] = "honest"
    version: ClassVar[int] = 1
    family: ClassVar[Family] = "control"
    track: ClassVar[Track] = "front"
    share: float = Field(default=0.5, ge=0, le=1)

    def train(self, bench: Bench, *, seed: int) -> Policy:
        prompts = bench.prompts("train")
        blank = CannedPolicy()
        with bench.part("scoring", 64):
            answers = blank.respond(prompts, np.full((len(prompts), 2), 0.5), seed=seed)
            rewards = bench.score(prompts, answers.texts)
        return CannedPolicy(learnt=float(rewards.mean() * self.share))


class HonestTask(Task):
    """Prefer short answers, and answers with many different letters."""

    name: ClassVar[str] = "honest"
    version: ClassVar[int] = 1
    objectives: ClassVar[tuple[Objective, ...]] = (
        Objective("brevity", "number of characters", 0, 200, "characters", higher_is_better=False),
        Objective("letters", "number of different characters", 0, 20, "characters"),
    )
    relation: ClassVar[Relation] = "competing"
    decoding: ClassVar[Decoding] = Decoding(max_tokens=8)
    beta: ClassVar[float] = 0.05
    preference: ClassVar[tuple[float, ...]] = (0.5, 0.5)
    reference_point: ClassVar[tuple[float, ...]] = (0.0, 0.1)
    utilities: ClassVar[tuple[Utility, ...]] = (LINEAR, Utility("soft-threshold", (0.2, 0.2)))

    def prompts(self, split: Split) -> Texts:
        return tuple(f"{split} question {i}" for i in range(8))

    def score(self, prompts: Texts, responses: Texts) -> Array:
        raw = np.array([(len(r), len(set(r))) for r in responses], dtype=float).reshape(-1, 2)
        return np.stack([o.scale(raw[:, i]) for i, o in enumerate(self.objectives)], 1)


class HonestMetric(Metric):
    """mean over preferences, prompts and objectives of r: how much reward there is.

    Unit: scaled reward. Misleads when objectives differ in scale.
    """

    name = "honest"
    family = "utility"
    unit = "reward"
    higher_is_better = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        found = runs[0].all("front")
        if not found:
            raise NoValue("no front was asked for")
        return float(found[0].rewards.mean())


def card_folder(root: Path, card: str | None = METHOD_CARD, code: str = '"""Honest: a stand-in."""\n') -> Path:
    """Write a plugin folder with that code and card (None: without one)."""
    folder = root / "honest"
    folder.mkdir(exist_ok=True)
    (folder / "__init__.py").write_text(code, encoding="utf-8")
    if card is not None:
        (folder / "README.md").write_text(card, encoding="utf-8")
    return folder
