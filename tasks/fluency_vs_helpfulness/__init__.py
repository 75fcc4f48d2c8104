"""Short answers to everyday questions: likely wording against an answer that is specific to the question.

Likelihood prefers short, common, safe sentences; helpfulness prefers many informative words about the topic. Neither scorer
is won by loops, copies of the prompt or strings of keywords (README.md shows on labelled pairs how far that holds). Leaves
out truth: an answer may be specific, fluent and wrong.
"""

import json
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np

from morlbench import reference
from morlbench.preference import LINEAR, Array, Utility
from morlbench.task import Decoding, Front, Objective, Relation, Split, Task, Texts

FOLDER = Path(__file__).parent
_DIGITS = 4  # of a reward: hides the last bits of float sums, which depend on what else was in the batch


class FluencyVsHelpfulness(Task):
    """Two competing objectives on 40-token answers of the bundled base; see rewards.py for what they are."""

    name: ClassVar[str] = "fluency-vs-helpfulness"
    version: ClassVar[int] = 1
    objectives: ClassVar[tuple[Objective, ...]] = (
        Objective("fluency", "mean token log-likelihood under a separate scorer, repetition counted as nonsense", -6.0, -0.5, "nats/token"),
        Objective("helpfulness", "relevance to the prompt times information beyond it times the form of an answer", 0.0, 0.8),
    )
    relation: ClassVar[Relation] = "competing"
    decoding: ClassVar[Decoding] = Decoding(max_tokens=40, temperature=0.8)
    beta: ClassVar[float] = 0.01
    preference: ClassVar[tuple[float, ...]] = (0.5, 0.5)
    reference_point: ClassVar[tuple[float, ...]] = (0.394, 0.19)
    utilities: ClassVar[tuple[Utility, ...]] = (LINEAR, Utility("chebyshev"), Utility("soft-threshold", (0.5, 0.478)))
    front: ClassVar[Front] = reference.read(FOLDER, version, len(objectives))

    def prompts(self, split: Split) -> Texts:
        """Return the prompts of a split: 784 train, 100 dev, 60 adapt, 100 test."""
        return _prompts()[split]

    def score(self, prompts: Texts, responses: Texts) -> Array:
        """Return fluency and helpfulness (n, 2) in [0, 1]."""
        from .rewards import fluency, helpfulness

        if not responses:
            return np.zeros((0, self.k))
        raw = fluency(responses), helpfulness(prompts, responses)
        return np.stack([objective.scale(values) for objective, values in zip(self.objectives, raw, strict=True)], axis=1).round(_DIGITS)


@cache
def _prompts() -> dict[Split, Texts]:
    found: dict[Split, list[str]] = {"train": [], "dev": [], "adapt": [], "test": []}
    for line in (FOLDER / "prompts.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found[row["split"]].append(row["prompt"])
    return {split: tuple(prompts) for split, prompts in found.items()}
