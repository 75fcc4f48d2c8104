"""Questions answered in few words or in full: every added clause costs words.

Conciseness counts the words of an answer, thoroughness its distinct relevant clauses; neither is had by what is no answer.
Leaves out truth.
"""

from pathlib import Path
from typing import ClassVar

from morlbench.lm.rewards.catalogue import CONCISENESS, THOROUGHNESS, Measure
from morlbench.lm.text_task import TextTask
from morlbench.task import Decoding, Relation


class ConcisenessVsThoroughness(TextTask):
    """Two competing objectives on 48-token answers of the bundled base."""

    name: ClassVar[str] = "conciseness-vs-thoroughness"
    version: ClassVar[int] = 3
    folder: ClassVar[Path] = Path(__file__).parent
    measures: ClassVar[tuple[Measure, ...]] = (CONCISENESS, THOROUGHNESS)
    relation: ClassVar[Relation] = "competing"
    decoding: ClassVar[Decoding] = Decoding(max_tokens=48, temperature=0.8)
    beta: ClassVar[float] = 0.01
    preference: ClassVar[tuple[float, ...]] = (0.5, 0.5)
