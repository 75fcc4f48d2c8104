"""Short answers to everyday questions: likely wording against an answer that is specific to the question.

Likelihood prefers short, common, safe sentences; helpfulness prefers many informative words about the topic. Neither scorer
is won by loops or strings of keywords, helpfulness not by copies of the prompt (README.md shows on labelled pairs how far
that holds). Leaves out truth: an answer may be specific, fluent and wrong.
"""

from pathlib import Path
from typing import ClassVar

from morlbench.lm.rewards.catalogue import FLUENCY, HELPFULNESS, Measure
from morlbench.lm.text_task import TextTask
from morlbench.task import Decoding, Relation


class FluencyVsHelpfulness(TextTask):
    """Two competing objectives on 40-token answers of the bundled base."""

    name: ClassVar[str] = "fluency-vs-helpfulness"
    version: ClassVar[int] = 2
    folder: ClassVar[Path] = Path(__file__).parent
    measures: ClassVar[tuple[Measure, ...]] = (FLUENCY, HELPFULNESS)
    relation: ClassVar[Relation] = "competing"
    decoding: ClassVar[Decoding] = Decoding(max_tokens=40, temperature=0.8)
    beta: ClassVar[float] = 0.01
    preference: ClassVar[tuple[float, ...]] = (0.5, 0.5)
