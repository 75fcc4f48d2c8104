"""Small word and phrase lists of this project's own, and how they are counted.

A list is counted by its *distinct* entries in a text, so saying one ten times is worth one. Entries are lower case; a
trailing `*` stands for any ending. The lists hold what short English answers use; they are no dictionary of the language.
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class Lexicon:
    """A set of words and phrases that one compiled pattern finds."""

    entries: tuple[str, ...]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        longest = sorted(self.entries, key=len, reverse=True)
        return re.compile(r"(?<!\w)(?:" + "|".join(re.escape(e).replace(r"\*", r"\w*") for e in longest) + r")(?!\w)")

    def found(self, text: str) -> list[str]:
        """Return every occurrence in the text, in order."""
        return [str(m.group()) for m in self._pattern.finditer(text.lower().replace("’", "'"))]

    def distinct(self, text: str) -> int:
        """Return how many different entries (as written) occur."""
        return len(set(self.found(text)))


def lexicon(*lines: str) -> Lexicon:
    """Return the lexicon of comma-separated lines."""
    return Lexicon(tuple(entry.strip() for line in lines for entry in line.replace("\n", " ").split(",") if entry.strip()))


def density(text: str, lists: Sequence[Lexicon], words: int) -> float:
    """Return matched words of the lists as a share of `words`; 0 for no words."""
    return sum(len(hit.split()) for one in lists for hit in one.found(text)) / words if words else 0.0


_LISTS = tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))
WARM = lexicon(_LISTS["warm"])
COLD = lexicon(_LISTS["cold"])
FEELING = lexicon(_LISTS["feeling"])
DISMISSIVE = lexicon(_LISTS["dismissive"])
REFLECTING = lexicon(_LISTS["reflecting"])
REFUSALS = lexicon(_LISTS["refusals"])  # what a refusal says of itself
DECLINES = lexicon(_LISTS["declines"])  # what a refusal goes on to say, and other answers say too
INSULTS = lexicon(_LISTS["insults"])  # and threats
INTENTS = lexicon(_LISTS["intents"])  # what a harmful request says
INFORMAL = lexicon(_LISTS["informal"])
NAMING = lexicon(_LISTS["naming"])  # articles and prepositions: formal in the sense of Heylighen & Dewaele
POINTING = lexicon(_LISTS["pointing"])  # pronouns, plain adverbs and interjections: deictic in the same sense
FORMAL = lexicon(_LISTS["formal"])
FIRST_STEPS = lexicon(_LISTS["first_steps"])
MEANS = lexicon(_LISTS["means"])
REASONS = lexicon(_LISTS["reasons"])
EXAMPLES = lexicon(_LISTS["examples"])
CAUTIONS = lexicon(_LISTS["cautions"])
MEASURES = lexicon(_LISTS["measures"])
LINKS = lexicon(_LISTS["links"])
ASPECTS = (FIRST_STEPS, MEANS, REASONS, EXAMPLES, CAUTIONS, MEASURES)
CONTRACTION = re.compile(r"\w+(?:n['’]t|['’](?:ll|ve|re|d|m)|(?<=it)['’]s|(?<=that)['’]s|(?<=what)['’]s|(?<=here)['’]s)\b", re.IGNORECASE)
FORMAL_ENDING = re.compile(r"(?:tion|tions|sion|ment|ments|ness|ity|ities|ance|ence|ancy|ency|ship|ology|ism|ious|ive|ical|al|ary)$")
