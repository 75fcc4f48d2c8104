"""Syllables of English words by rule, and Flesch reading ease.

A syllable is a group of vowels, less the silent endings (-e, -ed, -es) and plus the breaks inside a group (-ia-, -io-,
-eo-, -uou-, ...). No dictionary: about one word in twenty is a syllable off, which averages out over an answer. Text without
a Latin vowel counts one syllable a word.
"""

import re
from functools import lru_cache

from morlbench.lm.rewards.text import words

_GROUP = re.compile(r"[aeiouyàáâäèéêëìíîïòóôöùúûü]+")
_SENTENCE = re.compile(r"[.!?。！？]+(?:\s|$)")
_BREAKS = re.compile(  # where two vowels in a row are two syllables
    r"(?<![tcsg])ia(?!ge)|(?<![tcsglx])io(?!us)|(?<![tcgx])iou|(?:d|r)ea$|(?<![tc])(?<!fr)ien|ie[tr]$|iet[yi]|scien|creat|theat|reali"
    r"|(?<!p)(?<!g)eo(?!u)|(?<![qg])ua|uou|iu|uen|oe[mt]|[aeiouy]ing$|oyee|thm$|sm$"
)
_SILENT = re.compile(r"(?:[^laeiouy]|[aeiouy]l|rl)es?$|[^tdaeiouy]ed$|[^aeiou]e(?:ly|less|ful|ment)|some(?=[^$])")
_SPOKEN_ES = re.compile(r"(?:[sxz]|ch|sh|[cg])es$")
_ODD = {
    "people": 2,
    "sometimes": 2,
    "recipe": 3,
    "recipes": 3,
    "every": 2,
    "business": 2,
    "being": 2,
    "maybe": 2,
    "hundred": 2,
    "vegetable": 4,
}
LONGEST = 40  # letters; a longer run is no word and counts as one of that length


@lru_cache(maxsize=65_536)
def syllables(word: str) -> int:
    """Return the number of syllables of one word, at least 1."""
    word = word.lower()[:LONGEST].replace("'", "").replace("’", "")
    if word in _ODD:
        return _ODD[word]
    count = len(_GROUP.findall(word)) + len(_BREAKS.findall(word))
    if _SILENT.search(word) and not _SPOKEN_ES.search(word):
        count -= 1
    return max(1, count)


def sentences(text: str) -> int:
    """Return how many sentences the text has, at least 1: one that is cut off counts, the number of a list's item does not."""
    return max(1, sum(any(map(str.isalpha, part)) for part in _SENTENCE.split(text)))


def flesch(text: str) -> float:
    """Return Flesch reading ease (1948), 206.835 - 1.015 words per sentence - 84.6 syllables per word; 0 without words.

    Above 80 is easy, below 30 hard. Not bounded: clip it.
    """
    found = words(text)
    if not found:
        return 0.0
    return 206.835 - 1.015 * len(found) / sentences(text) - 84.6 * sum(map(syllables, found)) / len(found)


def automated_readability(text: str) -> float:
    """Return the automated readability index (Senter & Smith 1967), a school grade from characters; 0 without words."""
    found = words(text)
    if not found:
        return 0.0
    return 4.71 * sum(map(len, found)) / len(found) + 0.5 * len(found) / sentences(text) - 21.43
