"""Measures of plain text that need no model: repetition, copying, information, sentence ends. Each is in [0, 1] unless it says so.

Words are runs of letters and digits of any script, lower case. Syllables and word lists have files of their own.
"""

import math
import re
from functools import lru_cache
from itertools import pairwise

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_MARK = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[^\w\s]")
_END = re.compile(r"[.!?。！？][\"'”’)\]]*$")
_SUFFIX = re.compile(r"(?:ings?|ers?|ors?|ions?|ed|ies|es|s|e|y|ly)$")
_SENTENCE = re.compile(r"[^.!?。！？]+[.!?。！？]*")
FREQUENT, INFORMATIVE = 5.5, 4.0  # Zipf frequencies (log10 per billion words) of information: "start" is 5.6, "flour" 4.0
PLAINEST, CONTENT = 5.7, 4.8  # the same for content words of any kind: "thing" is 5.7, "steps" 4.7
FUNCTION = 6.0  # "make" is 6.1, "time" 6.3: beyond it are mostly function words


def plain(text: str) -> str:
    """Return the text with what no tokenizer can read (halves of surrogate pairs) replaced by question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


def words(text: str) -> list[str]:
    """Return the words in lower case."""
    return _WORD.findall(text.lower())


def novelty(text: str) -> float:
    """Return the share of pairs of neighbouring words and marks that are not a repeat of an earlier pair; 0 without words.

    Clean prose has .9 to 1; a loop of p items repeated m times has about 1/m.
    """
    marks = _MARK.findall(text.lower())
    if not words(text):
        return 0.0
    pairs = list(pairwise(marks))
    return len(set(pairs)) / len(pairs) if pairs else 1.0


def copied(text: str, source: str) -> float:
    """Return the share of the text's runs of three words that stand in `source` too; a text of two words is judged by them."""
    own, given = words(text), words(source)
    if len(own) < 3:
        return float(bool(own) and set(own) <= set(given))
    known = set(zip(given, given[1:], given[2:], strict=False))
    runs = list(zip(own, own[1:], own[2:], strict=False))
    return sum(run in known for run in runs) / len(runs)


def information(text: str, given: str = "") -> float:
    """Return the summed weight of the distinct words that `given` does not hold: how much the text says beyond it.

    A word weighs 0 if it is among the most frequent of English (Zipf frequency >= 5.5) or in no word list, 1 at 4.0 and
    below, linear between. Not bounded by 1, as `beyond` is not. Frequencies: wordfreq (Speer 2022).
    """
    return math.fsum(_weight(word) for word in set(words(text)) - set(words(given)))


def stem(word: str) -> str:
    """Return the word without a common English ending: "baking", "bakes" and "baker" become "bak"; words are lower case."""
    bare = word.replace("’", "'").removesuffix("'s")
    cut = _SUFFIX.sub("", bare)
    if len(cut) < 3:
        return bare
    return cut[:-1] if len(cut) > 3 and cut[-1] == cut[-2] and cut[-1] not in "ls" else cut


def beyond(text: str, given: str = "") -> float:
    """Return about how many content words the text adds to `given`: distinct stems that it does not hold, not bounded by 1.

    A word weighs 0 from Zipf frequency 5.7 ("thing", "good"), 1 at 4.8 and below ("steps", "oven"). So a plain word counts like a
    rare one, and "baker" is no news beside "baking": the two ways in which this differs from `information`.
    """
    known = {stem(word) for word in words(given)}
    heaviest: dict[str, float] = {}
    for word in set(words(text)):
        if (root := stem(word)) not in known:
            heaviest[root] = max(heaviest.get(root, 0.0), _weight(word, PLAINEST, CONTENT))
    return math.fsum(heaviest.values())


def fresh(text: str) -> float:
    """Return the distinct stems as a share of the words that carry information; 1 where fewer than two do."""
    roots = [stem(word) for word in words(text) if _weight(word) > 0]
    return len(set(roots)) / len(roots) if len(roots) > 1 else 1.0


def function_share(text: str) -> float:
    """Return the share of words so frequent that they are mostly grammar: .4 to .6 in prose, near 0 in keyword strings."""
    found = words(text)
    return sum(zipf(word) >= FUNCTION for word in found) / len(found) if found else 0.0


def finished(text: str) -> bool:
    """Return whether the text ends with a full stop, exclamation or question mark, closing quotes aside."""
    return bool(_END.search(text.rstrip()))


def stated(text: str) -> float:
    """Return the share of words that stand in sentences which are no questions."""
    total = len(words(text))
    asked = sum(len(words(part)) for part in _SENTENCE.findall(text) if part.endswith(("?", "？")))
    return (total - asked) / total if total else 0.0


def ramp(value: float, low: float, high: float) -> float:
    """Return 0 up to `low`, 1 from `high`, linear between."""
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _weight(word: str, none: float = FREQUENT, full: float = INFORMATIVE) -> float:
    frequency = zipf(word)
    return ramp(-frequency, -none, -full) if frequency > 0 else 0.0


@lru_cache(maxsize=65_536)
def zipf(word: str) -> float:
    """Return the word's Zipf frequency in English (log10 per billion words), 0 for a word in no list."""
    from wordfreq import zipf_frequency

    return float(zipf_frequency(word, "en", wordlist="large"))
