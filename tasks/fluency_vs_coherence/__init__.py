"""Everyday questions, judged by likely wording and by keeping to the point: the correlated pair of the text family.

Both count how likely the wording is, fluency by itself and coherence, in part, after the prompt. Leaves out what the answer
says: neither objective asks for information.
"""

from pathlib import Path
from typing import ClassVar

from morlbench import reference
from morlbench.lm.rewards.catalogue import COHERENCE, FLUENCY, Measure
from morlbench.lm.text_task import Facts, TextTask, objectives_of, read_facts
from morlbench.preference import Utility
from morlbench.task import Decoding, Front, Objective, Relation

FOLDER = Path(__file__).parent
MEASURES = (FLUENCY, COHERENCE)
FACTS: Facts = read_facts(FOLDER, len(MEASURES))


class FluencyVsCoherence(TextTask):
    """Two correlated objectives on 40-token answers of the bundled base."""

    name: ClassVar[str] = "fluency-vs-coherence"
    version: ClassVar[int] = 3
    folder: ClassVar[Path] = FOLDER
    measures: ClassVar[tuple[Measure, ...]] = MEASURES
    objectives: ClassVar[tuple[Objective, ...]] = objectives_of(MEASURES)
    relation: ClassVar[Relation] = "correlated"
    decoding: ClassVar[Decoding] = Decoding(max_tokens=40, temperature=0.8)
    beta: ClassVar[float] = 0.01
    preference: ClassVar[tuple[float, ...]] = (0.5, 0.5)
    reference_point: ClassVar[tuple[float, ...]] = FACTS.reference_point
    utilities: ClassVar[tuple[Utility, ...]] = FACTS.utilities
    kl_budget: ClassVar[float | None] = FACTS.kl_budget
    front: ClassVar[Front] = reference.read(FOLDER, version, len(MEASURES))
