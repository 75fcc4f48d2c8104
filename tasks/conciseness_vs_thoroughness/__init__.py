"""Questions answered in few words or in full: every added clause costs words.

Conciseness counts the words of an answer, thoroughness its distinct relevant clauses; neither is had by what is no answer.
Leaves out truth.
"""

from pathlib import Path
from typing import ClassVar

from morlbench import reference
from morlbench.lm.rewards.catalogue import CONCISENESS, THOROUGHNESS, Measure
from morlbench.lm.text_task import Facts, TextTask, objectives_of, read_facts
from morlbench.preference import Utility
from morlbench.task import Decoding, Front, Objective, Relation

FOLDER = Path(__file__).parent
MEASURES = (CONCISENESS, THOROUGHNESS)
FACTS: Facts = read_facts(FOLDER, len(MEASURES))


class ConcisenessVsThoroughness(TextTask):
    """Two competing objectives on 48-token answers of the bundled base."""

    name: ClassVar[str] = "conciseness-vs-thoroughness"
    version: ClassVar[int] = 3
    folder: ClassVar[Path] = FOLDER
    measures: ClassVar[tuple[Measure, ...]] = MEASURES
    objectives: ClassVar[tuple[Objective, ...]] = objectives_of(MEASURES)
    relation: ClassVar[Relation] = "competing"
    decoding: ClassVar[Decoding] = Decoding(max_tokens=48, temperature=0.8)
    beta: ClassVar[float] = 0.01
    preference: ClassVar[tuple[float, ...]] = (0.5, 0.5)
    reference_point: ClassVar[tuple[float, ...]] = FACTS.reference_point
    utilities: ClassVar[tuple[Utility, ...]] = FACTS.utilities
    kl_budget: ClassVar[float | None] = FACTS.kl_budget
    front: ClassVar[Front] = reference.read(FOLDER, version, len(MEASURES))
