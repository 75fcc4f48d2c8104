"""How an answer is said: conciseness, warmth, positivity, formality, simple words, readability, diversity.

Each takes prompts and answers (n) and returns raw values (n,); all but conciseness and readability lie in [0, 1]. Each is
multiplied by the gate `is_answer`, so that a style cannot be had by a loop, an echo, a string of keywords or nothing.
Formality follows the idea of Heylighen and Dewaele's F-score (1999) by closed lists and word endings: no tagger is used, so
it is an approximation. Leaves out sarcasm and quotation: "how wonderful" counts as written.
"""

import math
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from morlbench.lm.rewards import lexicon, text
from morlbench.lm.rewards.answer import is_answer
from morlbench.lm.rewards.syllables import flesch
from morlbench.preference import Array
from morlbench.task import Texts

if TYPE_CHECKING:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

TARGET, LONG = 8, 45  # words: full marks up to the first, none from the second
PLAIN = 0.3  # of a marker, for an answer that is neither warm nor cold: a cold one falls below it
COLDER = 2.0  # markers that one cold phrase, or one warm phrase denied, takes away
ADDRESS = 0.5  # of a marker, for speaking to the reader all along
_YOU = frozenset(("you", "your", "yours", "yourself", "you're", "you'll", "you've", "we", "our", "us", "let's"))
MARKS = 1.5  # distinct markers that earn 1 - 1/e
CROWDED = (0.35, 0.7)  # share of words that are markers: 0 lost at the first, all at the second
HARD, EASY = 2.5, 5.5  # Zipf frequencies of a word that earns nothing and of one that earns all
SPREAD = 6.5  # Guiraud's index of 42 words that are all different; the longest answers of a task come near it
READ_FIRST = 1_500  # characters that sentiment and counts look at: a longer text is endless anyway


def conciseness(prompts: Texts, responses: Texts) -> Array:
    """Return the words each answer costs (n,), from TARGET to LONG; what is no answer costs LONG."""
    count = np.array([len(text.words(answer)) for answer in responses], dtype=float)
    return np.asarray(LONG - is_answer(prompts, responses) * (LONG - np.clip(count, TARGET, LONG)))


def warmth(prompts: Texts, responses: Texts) -> Array:
    """Return how warmly each answer speaks (n,): distinct warm phrases and speaking to "you", less cold or denied ones."""
    return np.asarray(is_answer(prompts, responses) * np.array([_warm(_straight(answer)) for answer in responses]))


def positivity(prompts: Texts, responses: Texts) -> Array:
    """Return the sentiment (n,) from 0 to 1: VADER's compound score (Hutto & Gilbert 2014), .5 where neutral."""
    compound = [_vader().polarity_scores(text.plain(_straight(answer[:READ_FIRST])))["compound"] for answer in responses]
    return np.asarray(is_answer(prompts, responses) * (np.array(compound, dtype=float) + 1) / 2)


def formality(prompts: Texts, responses: Texts) -> Array:
    """Return how formal each answer is (n,): naming against pointing words, register, contractions, exclamations."""
    return np.asarray(is_answer(prompts, responses) * np.array([_formal(answer[:READ_FIRST]) for answer in responses]))


def simplicity(prompts: Texts, responses: Texts) -> Array:
    """Return how common the words are that an answer chose (n,): grammar and the prompt's own words do not count."""
    own = [_simple(_straight(prompt), _straight(answer)) for prompt, answer in zip(prompts, responses, strict=True)]
    return np.asarray(is_answer(prompts, responses) * np.array(own))


def readability(prompts: Texts, responses: Texts) -> Array:
    """Return Flesch reading ease, clipped to 0 to 100 (n,)."""
    ease = [min(100.0, max(0.0, flesch(answer))) for answer in responses]
    return np.asarray(is_answer(prompts, responses) * np.array(ease))


def diversity(prompts: Texts, responses: Texts) -> Array:
    """Return the mean of Guiraud's index (types over the root of tokens, 1960) of words and of pairs (n,), SPREAD as 1."""
    own = [_diverse(answer[:READ_FIRST]) for answer in responses]
    return np.asarray(is_answer(prompts, responses) * np.minimum(1.0, np.array(own) / SPREAD))


def saturating(count: float) -> float:
    """Return 1 - exp(-count / MARKS), 0 for nothing."""
    return 1 - math.exp(-max(0.0, count) / MARKS)


def uncrowded(answer: str, *lists: lexicon.Lexicon) -> float:
    """Return 1 while markers are few among the words, 0 where the text is made of them."""
    share = lexicon.density(answer, lists, len(text.words(answer)))
    return text.ramp(-share, -CROWDED[1], -CROWDED[0])


def _straight(said: str) -> str:
    """Return the text with straight apostrophes, as the lists of words have them."""
    return said.replace("’", "'")


def _warm(answer: str) -> float:
    warm, refused = lexicon.WARM.sides(answer)
    marks = len(warm) - COLDER * (len(lexicon.COLD.sides(answer)[0]) + len(refused))
    return saturating(PLAIN + marks + ADDRESS * addressed(answer)) * uncrowded(answer, lexicon.WARM)


def addressed(answer: str) -> float:
    """Return how much of a text speaks to "you" or of "us", 1 from one word in ten: the weak sign that every answer can give."""
    found = text.words(answer)
    return text.ramp(sum(word in _YOU for word in found) / len(found), 0, 0.1) if found else 0.0


def _formal(answer: str) -> float:
    found = text.words(answer)
    if not found:
        return 0.0
    count = len(found)
    naming = len(lexicon.NAMING.found(answer)) + sum(bool(lexicon.FORMAL_ENDING.search(word)) for word in found)
    pointing = len(lexicon.POINTING.found(answer))
    casual = 2 * len(lexicon.INFORMAL.found(answer)) + 3 * len(lexicon.CONTRACTION.findall(answer)) + 3 * answer.count("!")
    register = 2 * len(lexicon.FORMAL.found(answer))
    return text.ramp((naming + register - pointing - casual) / count, -0.4, 0.6)


def _simple(prompt: str, answer: str) -> float:
    chosen = {w for w in text.words(answer) if text.zipf(w) < text.FUNCTION} - set(text.words(prompt))
    return float(np.mean([text.ramp(text.zipf(word), HARD, EASY) for word in sorted(chosen)])) if chosen else 0.5


def _diverse(answer: str) -> float:
    found = text.words(answer)
    pairs = list(pairwise(found))
    return float(np.mean([len(set(items)) / math.sqrt(len(items)) for items in (found, pairs) if items])) if found else 0.0


@cache
def _vader() -> "SentimentIntensityAnalyzer":
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()
