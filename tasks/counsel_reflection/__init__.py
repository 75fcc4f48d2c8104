"""People describe a difficulty: say it back, take the feeling seriously, and speak well.

The setting of counsellor reflections (EMORL), with prompts, scorers and base of this project. No counsel given here is meant for
a real person.
"""

from pathlib import Path
from typing import ClassVar

from morlbench import reference
from morlbench.lm.rewards.catalogue import EMPATHY, FLUENCY, REFLECTION, Measure
from morlbench.lm.text_task import Facts, TextTask, objectives_of, read_facts
from morlbench.preference import Utility
from morlbench.task import Decoding, Front, Objective, Relation

FOLDER = Path(__file__).parent
MEASURES = (REFLECTION, EMPATHY, FLUENCY)
FACTS: Facts = read_facts(FOLDER, len(MEASURES))


class CounselReflection(TextTask):
    """Reflection, empathy and fluency on 48-token answers of the bundled base."""

    name: ClassVar[str] = "counsel-reflection"
    version: ClassVar[int] = 3
    folder: ClassVar[Path] = FOLDER
    measures: ClassVar[tuple[Measure, ...]] = MEASURES
    objectives: ClassVar[tuple[Objective, ...]] = objectives_of(MEASURES)
    relation: ClassVar[Relation] = "mixed"
    decoding: ClassVar[Decoding] = Decoding(max_tokens=48, temperature=0.8)
    beta: ClassVar[float] = 0.01
    preference: ClassVar[tuple[float, ...]] = (1 / 3,) * 3
    reference_point: ClassVar[tuple[float, ...]] = FACTS.reference_point
    utilities: ClassVar[tuple[Utility, ...]] = FACTS.utilities
    kl_budget: ClassVar[float | None] = FACTS.kl_budget
    front: ClassVar[Front] = reference.read(FOLDER, version, len(MEASURES))
