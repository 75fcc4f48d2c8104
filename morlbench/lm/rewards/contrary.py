"""What makes a restatement false or unkind: it denies what the person said, says the opposite, or blames them.

Read from words alone: a shared content word that one of the two denies, an opposite out of a short list, somebody said to be at
ease, and phrases of blame. What the person said of themselves is no blame. Leaves out who does what to whom: "you
ignore your boss" for "my boss ignores me" passes, and so does an opposite in words that the lists lack.
"""

import re
from collections.abc import Iterator

from morlbench.lm.rewards import lexicon, text

CLOSE_BY = 2  # words that a negation denies here: in "you did not pass your test" the test is not denied
_SUBJECT = re.compile(r"\b(?:you|your \w+)(?:'re| are| were| is| was)(?: (?:so|too|just|very|simply|such|only|plainly))? $")
_OF_FEELING = re.compile(r"\b(?:feel|think|fear|worry|worried|believe|told|says?|said|afraid|as if|as though|like|whether|if)\b[^,.;]*$")
_WISHED = re.compile(r"\b(?:want|wants|wish|wishes|hope|hopes|would|could|if|until|longs?|need)\b[^,.;]*$")


def opposed(turned: str, sentence: str) -> bool:
    """Return whether a sentence denies or reverses the difficulty; `turned` is the difficulty told to "you"."""
    own, said = (each.lower().replace("’", "'") for each in (turned, sentence))
    return _denied(own, said) or _at_ease(own, said) or any(_reversed(own, said, *each) for each in lexicon.OPPOSITES.items())


def blaming(turned: str, answer: str) -> int:
    """Return how often an answer blames the person, other than by what they said of themselves."""
    lower, own = answer.lower().replace("’", "'"), turned.lower().replace("’", "'")
    phrases = [phrase for phrase in lexicon.BLAMING.sides(lower)[0] if phrase not in own]
    return len(phrases) + sum(_is_blame(lower[:at]) for fault, at in lexicon.FAULTS.places(lower) if fault not in own)


def _denied(own: str, said: str) -> bool:
    """Whether a content word that both share is denied by one alone; "you have trouble sleeping" denies no less than "cannot sleep"."""
    if lexicon.STRUGGLE.found(own) or lexicon.STRUGGLE.found(said):
        return False
    held = dict(_content(own))
    return any(root in held and held[root] != denied for root, denied in _content(said))


def _content(lower: str) -> Iterator[tuple[str, bool]]:
    """Yield the stem of every content word with whether it is denied."""
    for match in re.finditer(r"[^\W\d_]+(?:'[^\W\d_]+)*", lower):
        word = match.group()
        if text.zipf(word) < text.PLAINEST and "n't" not in word and word not in ("cannot", "nobody", "without"):
            yield text.stem(word), lexicon.denied(lower[: match.start()], CLOSE_BY)


def _at_ease(own: str, said: str) -> bool:
    return any(phrase not in own and not _WISHED.search(said[:at]) for phrase, at in lexicon.AT_EASE.places(said))


def _reversed(own: str, said: str, word: str, opposite: lexicon.Lexicon) -> bool:
    return _has(own, word) and not _has(said, word) and any(not _WISHED.search(said[:at]) for _, at in opposite.places(said))


def _is_blame(before: str) -> bool:
    return bool((subject := _SUBJECT.search(before)) and not _OF_FEELING.search(before[: subject.start()]))


def _has(lower: str, phrase: str) -> bool:
    return re.search(rf"\b{re.escape(phrase)}\b", lower) is not None
