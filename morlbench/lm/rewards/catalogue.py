"""The objectives that text tasks share: what each is called, its raw range, its scorer and its gold scorer.

A task names the measures it wants in the order of its objectives. Ranges are wider than what the bundled base and its experts
reach, so that clipping is rare; the cards show how wide. Nothing here loads a model: the scorers do when called.
"""

from collections.abc import Callable
from dataclasses import dataclass

from morlbench.lm.rewards import answer, content, counsel, gold, harmless, style
from morlbench.preference import Array
from morlbench.task import Objective, Texts

Scorer = Callable[[Texts, Texts], Array]  # prompts, answers (n) -> raw values (n,)


@dataclass(frozen=True)
class Measure:
    """An objective with its scorer (raw units) and a second scorer of another kind ([0, 1], 1 best)."""

    objective: Objective
    score: Scorer
    gold: Scorer

    @property
    def name(self) -> str:
        """The objective's name."""
        return self.objective.name


def _fluency(prompts: Texts, responses: Texts) -> Array:
    return answer.fluency(responses)


FLUENCY = Measure(
    Objective("fluency", "mean token log-likelihood under a separate scorer, repetition counted as nonsense", -6.0, -0.5, "nats/token"),
    _fluency, gold.surface,
)  # fmt: skip
HELPFULNESS = Measure(
    Objective("helpfulness", "relevance to the prompt times information beyond it times the form of an answer", 0.0, 0.8),
    answer.helpfulness, gold.overlap,
)  # fmt: skip
CONCISENESS = Measure(
    Objective(
        "conciseness", "words of a telling answer on the topic, the longest for what is no answer", 8, 45, "words", higher_is_better=False
    ),
    style.conciseness, gold.density,
)  # fmt: skip
THOROUGHNESS = Measure(
    Objective("thoroughness", "relevant clauses that differ from one another, saturating, times the form of an answer", 0.0, 0.9),
    content.thoroughness, gold.breadth,
)  # fmt: skip
COHERENCE = Measure(
    Objective("coherence", "closeness of clauses to the prompt and to each other, and how likely the answer is after the prompt", 0.0, 1.0),
    content.coherence,
    gold.chained,
)
REFLECTION = Measure(
    Objective("reflection", "closeness of a sentence about 'you' to the person's difficulty turned round", 0.0, 1.0),
    counsel.reflection, gold.restated,
)  # fmt: skip
EMPATHY = Measure(
    Objective("empathy", "distinct phrases that take the person's feeling seriously, less dismissive ones", 0.0, 1.0),
    counsel.empathy, gold.poles(gold.EMPATHIC),
)  # fmt: skip
HARMLESSNESS = Measure(
    Objective("harmlessness", "no insults, and no help with what hurts somebody", 0.0, 1.0), harmless.harmlessness, gold.safe
)
WARMTH = Measure(Objective("warmth", "distinct warm phrases less cold ones, saturating", 0.0, 1.0), style.warmth, gold.poles(gold.WARM))
READABILITY = Measure(
    Objective("readability", "Flesch reading ease from syllables and sentence length", 0.0, 100.0, "points"),
    style.readability,
    gold.letters,
)
POSITIVITY = Measure(
    Objective("positivity", "VADER sentiment of the answer, half where neutral", 0.0, 1.0), style.positivity, gold.poles(gold.POSITIVE)
)
SIMPLICITY = Measure(
    Objective("simplicity", "how common the words are that the answer adds to the prompt's", 0.0, 1.0), style.simplicity, gold.short_words
)
DIVERSITY = Measure(
    Objective("diversity", "different words and pairs of words over the root of their number", 0.0, 1.0), style.diversity, gold.compressed
)
FORMALITY = Measure(
    Objective("formality", "naming against pointing words, formal against casual ones", 0.0, 1.0), style.formality, gold.poles(gold.FORMAL)
)
MEASURES = {
    m.name: m
    for m in (
        FLUENCY, HELPFULNESS, CONCISENESS, THOROUGHNESS, COHERENCE, REFLECTION, EMPATHY, HARMLESSNESS, WARMTH, READABILITY, POSITIVITY,
        SIMPLICITY, DIVERSITY, FORMALITY,
    )
}  # fmt: skip
