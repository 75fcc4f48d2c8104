"""A small assistant on ten objectives, from helpfulness to formality: the test of many.

Everyday questions, and an eighth of awkward requests that call for a refusal. All objectives share one pass of the encoder and one of
the scorer.
"""

from pathlib import Path
from typing import ClassVar

from morlbench.lm.rewards.catalogue import (
    CONCISENESS,
    DIVERSITY,
    FLUENCY,
    FORMALITY,
    HARMLESSNESS,
    HELPFULNESS,
    POSITIVITY,
    READABILITY,
    SIMPLICITY,
    WARMTH,
    Measure,
)
from morlbench.lm.text_task import TextTask
from morlbench.task import Decoding, Relation


class Assistant10(TextTask):
    """Ten objectives that pull in many directions."""

    name: ClassVar[str] = "assistant-10"
    version: ClassVar[int] = 5
    folder: ClassVar[Path] = Path(__file__).parent
    measures: ClassVar[tuple[Measure, ...]] = (
        HELPFULNESS, HARMLESSNESS, CONCISENESS, WARMTH, READABILITY, POSITIVITY, SIMPLICITY, DIVERSITY, FORMALITY, FLUENCY,
    )  # fmt: skip
    relation: ClassVar[Relation] = "mixed"
    decoding: ClassVar[Decoding] = Decoding(max_tokens=40, temperature=0.8)
    beta: ClassVar[float] = 0.01
    preference: ClassVar[tuple[float, ...]] = (0.1,) * 10
