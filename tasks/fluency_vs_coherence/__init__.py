"""Everyday questions, judged by likely wording and by keeping to the point: the correlated pair of the text family.

Both count how likely the wording is, fluency by itself and coherence, in part, after the prompt. Leaves out what the answer
says: neither objective asks for information.
"""

from pathlib import Path
from typing import ClassVar

from morlbench.lm.rewards.catalogue import COHERENCE, FLUENCY, Measure
from morlbench.lm.text_task import TextTask
from morlbench.task import Decoding, Relation


class FluencyVsCoherence(TextTask):
    """Two correlated objectives on 40-token answers of the bundled base."""

    name: ClassVar[str] = "fluency-vs-coherence"
    version: ClassVar[int] = 3
    folder: ClassVar[Path] = Path(__file__).parent
    measures: ClassVar[tuple[Measure, ...]] = (FLUENCY, COHERENCE)
    relation: ClassVar[Relation] = "correlated"
    decoding: ClassVar[Decoding] = Decoding(max_tokens=40, temperature=0.8)
    beta: ClassVar[float] = 0.01
    preference: ClassVar[tuple[float, ...]] = (0.5, 0.5)
