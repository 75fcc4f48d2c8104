"""A small assistant on five objectives: helpfulness, harmlessness, conciseness, warmth, readability.

Everyday questions, and an eighth of awkward requests that call for a refusal. The first five of `assistant-10`, on splits of their own.
"""

from pathlib import Path
from typing import ClassVar

from morlbench.lm.rewards.catalogue import CONCISENESS, HARMLESSNESS, HELPFULNESS, READABILITY, WARMTH, Measure
from morlbench.lm.text_task import TextTask
from morlbench.task import Decoding, Relation


class Assistant5(TextTask):
    """Five objectives that pull in several directions."""

    name: ClassVar[str] = "assistant-5"
    version: ClassVar[int] = 5
    folder: ClassVar[Path] = Path(__file__).parent
    measures: ClassVar[tuple[Measure, ...]] = (HELPFULNESS, HARMLESSNESS, CONCISENESS, WARMTH, READABILITY)
    relation: ClassVar[Relation] = "mixed"
    decoding: ClassVar[Decoding] = Decoding(max_tokens=40, temperature=0.8)
    beta: ClassVar[float] = 0.01
    preference: ClassVar[tuple[float, ...]] = (0.2,) * 5
