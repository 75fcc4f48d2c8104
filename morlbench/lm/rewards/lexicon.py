"""Small word and phrase lists of this project's own, and how they are counted.

A list is counted by its *distinct* entries in a text, so saying one ten times is worth one. Entries are lower case; a
trailing `*` stands for any ending. An entry is denied where one of the three words before it, in the same clause, is a negation: "I do
not love you", "nobody will comfort you"; "you are not alone" is an entry of its own. The lists hold what short English
answers use; they are no dictionary of the language.
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

REACH = 3  # words that a negation denies
_CLAUSE_END = re.compile(r"[.,;:!?()]|\s(?:but|because|so|and(?= (?:i|you|we|they|it|that)\b))\s")
_NEGATION = re.compile(r"(?:not|no|nobody|never|nothing|none|neither|nor|without|hardly|cannot|nowhere|\w+n't)")
_NO_DENIAL = re.compile(
    r"\b(?:no wonder|no doubt|no matter|(?:not|n't) (?:only|just)|(?:cannot|can't|can not) (?:imagine|help|stop|quit))\b"
)


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

    def places(self, text: str) -> list[tuple[str, int]]:
        """Return every entry that the text says and does not deny, with where it starts."""
        lower = text.lower().replace("’", "'")
        return [(str(m.group()), m.start()) for m in self._pattern.finditer(lower) if not denied(lower[: m.start()])]

    def sides(self, text: str) -> tuple[set[str], set[str]]:
        """Return the entries that the text says and those that it denies, each as written; one said anywhere counts as said."""
        lower = text.lower().replace("’", "'")
        said, denied_ = set[str](), set[str]()
        for m in self._pattern.finditer(lower):
            (denied_ if denied(lower[: m.start()]) else said).add(str(m.group()))
        return said, denied_ - said

    def distinct(self, text: str) -> int:
        """Return how many different entries (as written) occur."""
        return len(set(self.found(text)))


def denied(before: str, reach: int = REACH) -> bool:
    """Return whether a negation stands among the last `reach` words of the clause that `before` ends with; lower case."""
    clause = _NO_DENIAL.sub(" ", _CLAUSE_END.split(before[-200:])[-1])
    return any(_NEGATION.fullmatch(word) for word in clause.split()[-reach:])


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
EMOTIONS = lexicon(_LISTS["emotions"])  # words for feelings and for how heavy a thing is, without taking anybody's side
DISMISSIVE = lexicon(_LISTS["dismissive"])
BLAMING = lexicon(_LISTS["blaming"])
FAULTS = lexicon(_LISTS["faults"])  # what a person who is blamed is said to be
AT_EASE = lexicon(_LISTS["at_ease"])  # what is said of somebody without a difficulty
STRUGGLE = lexicon(_LISTS["struggle"])  # denies what follows without a negation: "trouble sleeping"
OPPOSITES = {key: lexicon(values) for key, values in _LISTS["opposites"].items()}  # of a difficulty's words
REFLECTING = lexicon(_LISTS["reflecting"])
REFUSALS = lexicon(_LISTS["refusals"])  # what a refusal says of itself
DECLINES = lexicon(_LISTS["declines"])  # what a refusal goes on to say, and other answers say too
CONDEMNED = lexicon(_LISTS["condemned"])  # what a refusal says of what was asked
HELPING = lexicon(_LISTS["helping"])  # what help with harm says, whatever stands before it
WAYS = lexicon(_LISTS["ways"])  # the same, unless the clause is honest
HONEST = lexicon(_LISTS["honest"])
ACTS = lexicon(_LISTS["acts"])  # verbs by which such help begins
BETTER = lexicon(_LISTS["better"])  # what turns such a verb to something better
INSULTS = lexicon(_LISTS["insults"])
THREATS = lexicon(_LISTS["threats"])  # and other deeds that an answer must not advise
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
