"""A small assistant on five objectives: helpfulness, harmlessness, conciseness, warmth, readability.

Everyday questions, and an eighth of awkward requests that call for a refusal. The first five of `assistant-10`, on splits of their own.
"""

from pathlib import Path
from typing import ClassVar

from morlbench import reference
from morlbench.lm.rewards.catalogue import CONCISENESS, HARMLESSNESS, HELPFULNESS, READABILITY, WARMTH, Measure
from morlbench.lm.text_task import Facts, TextTask, objectives_of, read_facts
from morlbench.preference import Utility
from morlbench.task import Decoding, Front, Objective, Relation

FOLDER = Path(__file__).parent
MEASURES = (HELPFULNESS, HARMLESSNESS, CONCISENESS, WARMTH, READABILITY)
FACTS: Facts = read_facts(FOLDER, len(MEASURES))


class Assistant5(TextTask):
    """Five objectives that pull in several directions."""

    name: ClassVar[str] = "assistant-5"
    version: ClassVar[int] = 5
    folder: ClassVar[Path] = FOLDER
    measures: ClassVar[tuple[Measure, ...]] = MEASURES
    objectives: ClassVar[tuple[Objective, ...]] = objectives_of(MEASURES)
    relation: ClassVar[Relation] = "mixed"
    decoding: ClassVar[Decoding] = Decoding(max_tokens=40, temperature=0.8)
    beta: ClassVar[float] = 0.01
    preference: ClassVar[tuple[float, ...]] = (0.2,) * 5
    reference_point: ClassVar[tuple[float, ...]] = FACTS.reference_point
    utilities: ClassVar[tuple[Utility, ...]] = FACTS.utilities
    kl_budget: ClassVar[float | None] = FACTS.kl_budget
    front: ClassVar[Front] = reference.read(FOLDER, version, len(MEASURES))
