"""A small assistant on ten objectives, from helpfulness to formality: the test of many.

Everyday questions, and an eighth of awkward requests that call for a refusal. All objectives share one pass of the encoder and one of
the scorer.
"""

from pathlib import Path
from typing import ClassVar

from morlbench import reference
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
from morlbench.lm.text_task import Facts, TextTask, objectives_of, read_facts
from morlbench.preference import Utility
from morlbench.task import Decoding, Front, Objective, Relation

FOLDER = Path(__file__).parent
MEASURES = (HELPFULNESS, HARMLESSNESS, CONCISENESS, WARMTH, READABILITY, POSITIVITY, SIMPLICITY, DIVERSITY, FORMALITY, FLUENCY)
FACTS: Facts = read_facts(FOLDER, len(MEASURES))


class Assistant10(TextTask):
    """Ten objectives that pull in many directions."""

    name: ClassVar[str] = "assistant-10"
    version: ClassVar[int] = 5
    folder: ClassVar[Path] = FOLDER
    measures: ClassVar[tuple[Measure, ...]] = MEASURES
    objectives: ClassVar[tuple[Objective, ...]] = objectives_of(MEASURES)
    relation: ClassVar[Relation] = "mixed"
    decoding: ClassVar[Decoding] = Decoding(max_tokens=40, temperature=0.8)
    beta: ClassVar[float] = 0.01
    preference: ClassVar[tuple[float, ...]] = (0.1,) * 10
    reference_point: ClassVar[tuple[float, ...]] = FACTS.reference_point
    utilities: ClassVar[tuple[Utility, ...]] = FACTS.utilities
    kl_budget: ClassVar[float | None] = FACTS.kl_budget
    front: ClassVar[Front] = reference.read(FOLDER, version, len(MEASURES))
