"""People describe a difficulty: say it back, take the feeling seriously, and speak well.

The setting of counsellor reflections (EMORL), with prompts, scorers and base of this project. No counsel given here is meant for
a real person.
"""

from pathlib import Path
from typing import ClassVar

from morlbench.lm.rewards.catalogue import EMPATHY, FLUENCY, REFLECTION, Measure
from morlbench.lm.text_task import TextTask
from morlbench.task import Decoding, Relation


class CounselReflection(TextTask):
    """Reflection, empathy and fluency on 48-token answers of the bundled base."""

    name: ClassVar[str] = "counsel-reflection"
    version: ClassVar[int] = 3
    folder: ClassVar[Path] = Path(__file__).parent
    measures: ClassVar[tuple[Measure, ...]] = (REFLECTION, EMPATHY, FLUENCY)
    relation: ClassVar[Relation] = "mixed"
    decoding: ClassVar[Decoding] = Decoding(max_tokens=48, temperature=0.8)
    beta: ClassVar[float] = 0.01
    preference: ClassVar[tuple[float, ...]] = (1 / 3,) * 3
