"""Labelled pairs for every shared objective: an answer that does what the objective asks against one that does not.

The label is how the pair was made, so no judge is needed. Honest answers come from `answers.jsonl`, a sample of the first
units of the corpus nano was pretrained on (by SmolLM2-135M-Instruct, Apache-2.0; chosen by `harvest.py`); contrasts are put
together from the sentences of `lines.py`, and every objective also meets the hacks of `morlbench.check.hacks`. Word lists
and sentences have one author: accuracy on contrasts says that a scorer does what was meant, not that it knows all ways of
saying it.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from morlbench.check.hacks import hacks
from morlbench.lm.awkward import HARMFUL
from morlbench.lm.bases.prompts import DIFFICULTIES, DIFFICULTY_TEMPLATES
from morlbench.lm.rewards import lines, text
from morlbench.lm.rewards.counsel import turned
from morlbench.lm.rewards.validation import Pair
from morlbench.seeds import derive

PER_KIND = 24
FILE = Path(__file__).parent / "answers.jsonl"
HACKED = ("empty", "one word", "prompt echoed", "topic restated", "phrase loop", "keyword string", "endless")
SEES_NO_CONTENT = ("fluency", "harmlessness")  # an empty sentence about the topic is fluent and does no harm


@dataclass(frozen=True)
class Source:
    """An honest answer to a prompt on a topic; for counsel the topic is a difficulty and the text unused."""

    topic: str
    prompt: str
    text: str

    @property
    def sentences(self) -> list[str]:
        """The answer's sentences."""
        return re.split(r"(?<=[.!])\s+", self.text)


@dataclass(frozen=True)
class Draw:
    """One pair being made: its source, all sources, and the pair's own generator."""

    source: Source
    others: Sequence[Source]
    rng: np.random.Generator

    def line(self, choices: Sequence[str], fill: str = "") -> str:
        """Return one of the sentences at random."""
        return str(self.rng.choice(np.array(choices))).replace("{}", fill or self.source.topic)

    def stranger(self) -> Source:
        """Return a source on another topic."""
        return self.others[int(self.rng.choice([i for i, o in enumerate(self.others) if o.topic != self.source.topic]))]

    def and_line(self, choices: Sequence[str]) -> str:
        """Return the answer's first sentence followed by one of the sentences."""
        return f"{self.source.sentences[0]} {self.line(choices)}"


Side = Callable[[Draw], str]


def pairs(objective: str, per_kind: int = PER_KIND) -> list[Pair]:
    """Return the labelled pairs of one objective, `per_kind` of each kind, always the same."""
    kinds = CONTRASTS[objective]
    better = next(iter(kinds.values()))[0]
    found = []
    for kind, (good, bad) in kinds.items():
        found += [Pair(objective, kind, d.source.prompt, good(d), bad(d)) for d in _draws(objective, kind, per_kind)]
    for kind in (k for k in HACKED if k != "topic restated" or objective not in SEES_NO_CONTENT):
        for draw in _draws(objective, kind, per_kind):
            honest = better(draw)
            found.append(Pair(objective, kind, draw.source.prompt, honest, hacks(draw.source.prompt, honest)[kind]))
    return found


def _draws(objective: str, kind: str, count: int) -> list[Draw]:
    rng = np.random.default_rng(derive(0, "pairs", objective, kind))
    sources = _difficulties() if objective in COUNSEL else _requests() if kind in ASKED_FOR_HARM else _answers()
    return [Draw(sources[i], sources, rng) for i in rng.choice(len(sources), count, replace=len(sources) < count)]


@cache
def _answers() -> tuple[Source, ...]:
    return tuple(Source(**json.loads(line)) for line in FILE.read_text(encoding="utf-8").splitlines())


@cache
def _difficulties() -> tuple[Source, ...]:
    made = [Source(d, t.format(d), "") for t in DIFFICULTY_TEMPLATES for d in DIFFICULTIES]
    return tuple(Source(s.topic, s.prompt[0].upper() + s.prompt[1:], "") for s in made)


@cache
def _requests() -> tuple[Source, ...]:
    return tuple(Source(prompt, prompt, "") for prompt in HARMFUL)


def _whole(d: Draw) -> str:
    return d.source.text


def _first(d: Draw) -> str:
    return d.source.sentences[0]


def _shuffled(d: Draw) -> str:
    return " ".join(d.rng.permutation(d.source.text.split()))


def _moved(d: Draw) -> str:
    """Rotate six random words among their places."""
    parts, moved = d.source.text.split(), d.source.text.split()
    places = np.sort(d.rng.permutation(len(moved))[:6])
    for here, there in zip(places, np.roll(places, 1), strict=True):
        moved[here] = parts[there]
    return " ".join(moved)


def _cut(d: Draw) -> str:
    parts = d.source.text.split()
    return " ".join(parts[: int(len(parts) * d.rng.uniform(0.5, 0.8))]).rstrip(".,;:!")


def _half_astray(d: Draw) -> str:
    return f"{_first(d)} {d.stranger().sentences[0]}"


def _harder(d: Draw) -> str:
    """Put rarer words for common ones, and a hard sentence after them."""
    worse = re.sub(r"[\w'-]+", lambda m: lines.HARDER.get(m.group().lower(), m.group()), _first(d))
    return f"{worse} {d.line(lines.HARD)}"


def _run_together(d: Draw) -> str:
    return re.sub(r"[.!]\s+", ", which is to say that considerably more, notwithstanding its particularities, ", d.source.text)


def _loosened(d: Draw) -> str:
    """Say the same sentence casually."""
    plain = re.sub(r"\b(do|is|are|can|will|would|should) not\b", r"\1n't", _whole(d)).replace("cann't", "can't").replace("willn't", "won't")
    return f"Oh, well, {plain[0].lower()}{plain[1:].rstrip('.')}, okay, you'll see, it's really cool!"


def _restated(d: Draw) -> str:
    said = d.line(lines.RESTATING)
    return said[0].upper() + said[1:]


def _glued(d: Draw) -> str:
    """Put the answer's informative words together by grammar alone."""
    chosen = [word for word in dict.fromkeys(text.words(d.source.text)) if text.information(word)][:9]
    glue = ("of the", "and the", "in the", "with the", "for the")
    return f"The {chosen[0]} " + " ".join(f"{glue[i % 5]} {word}" for i, word in enumerate(chosen[1:])) + "."


def _same_again(d: Draw) -> str:
    """Turn three informative words of the answer over and over."""
    a, b, c = ([w for w in dict.fromkeys(text.words(d.source.text)) if text.information(w)] * 3)[:3]
    return f"The {a} is the {b} of {a}, and the {b} of {a} needs {a} for {b} with the {c} of {a}."


def _reflecting(d: Draw) -> str:
    return d.line(lines.REFLECTING, turned(d.source.topic))


def _of_another(d: Draw) -> str:
    return d.line(lines.REFLECTING, turned(d.stranger().topic))


def _blaming(d: Draw) -> str:
    said = d.line(lines.BLAMING, turned(d.source.topic))
    return said[0].upper() + said[1:]


def _caring(d: Draw) -> str:
    return f"{d.line(lines.CARING)} {d.line(lines.ADVISING)}"


COUNSEL = ("reflection", "empathy")
ASKED_FOR_HARM = ("helps with harm", "helps with harm, at length", "help dressed as a refusal", "harm against a plain refusal")
Kinds = dict[str, tuple[Side, Side]]
CONTRASTS: dict[str, Kinds] = {  # the first kind's better side is what the hacks are made from
    "fluency": {
        "words shuffled": (_whole, _shuffled),
        "six words moved": (_whole, _moved),
        "cut mid-sentence": (_whole, _cut),
    },
    "helpfulness": {
        "off-topic": (_whole, lambda d: d.stranger().text),
        "generic": (_whole, lambda d: d.line(lines.GENERIC)),
        "generic, topic named": (_whole, lambda d: f"When it comes to {d.source.topic}, {d.line(lines.GENERIC).lower()}"),
    },
    "conciseness": {
        "padded": (_first, lambda d: d.and_line(lines.PADDING)),
        "padded twice": (_first, lambda d: f"{d.and_line(lines.PADDING)} {lines.PADDING[0]}"),
        "second answer": (_first, lambda d: f"{_first(d)} {d.source.text}"),
        "short and off-topic": (_first, lambda d: d.stranger().sentences[0]),
        "topic said back": (_first, _restated),
    },
    "thoroughness": {
        "first sentence alone": (_whole, _first),
        "filled up with padding": (_whole, lambda d: d.and_line(lines.PADDING)),
        "generic": (_whole, lambda d: " ".join(lines.GENERIC[:3])),
        "off-topic": (_whole, lambda d: d.stranger().text),
        "topic said back": (_whole, _restated),
        "words glued together": (_whole, _glued),
    },
    "coherence": {
        "second half astray": (_whole, _half_astray),
        "off-topic": (_whole, lambda d: d.stranger().text),
        "words shuffled": (_whole, _shuffled),
        "three strangers": (_whole, lambda d: " ".join(d.stranger().sentences[0] for _ in range(3))),
        "topic said back": (_whole, _restated),
        "words glued together": (_whole, _glued),
        "same words again": (_whole, _same_again),
    },
    "reflection": {
        "another's difficulty": (_reflecting, _of_another),
        "advice": (_reflecting, lambda d: d.line(lines.ADVISING)),
        "of oneself": (_reflecting, lambda d: d.line(lines.OF_ONESELF)),
        "comfort for anybody": (_reflecting, lambda d: d.line(lines.CARING)),
        "opposite": (_reflecting, lambda d: lines.OPPOSITE[d.source.topic]),
        "blame": (_reflecting, _blaming),
    },
    "empathy": {
        "advice alone": (_caring, lambda d: f"{d.line(lines.ADVISING)} {d.line(lines.ADVISING)}"),
        "dismissed": (_caring, lambda d: f"{d.line(lines.DISMISSING)} {d.line(lines.ADVISING)}"),
        "of oneself": (_caring, lambda d: f"{d.line(lines.OF_ONESELF)} {d.line(lines.ADVISING)}"),
        "comfort denied": (_caring, lambda d: f"{d.line(lines.DENYING)} {d.line(lines.ADVISING)}"),
        "blame": (_caring, lambda d: f"{_blaming(d)} {d.line(lines.ADVISING)}"),
    },
    "harmlessness": {
        "helps with harm": (lambda d: d.line(lines.DECLINING), lambda d: d.line(lines.COMPLYING)),
        "helps with harm, at length": (lambda d: d.line(lines.DECLINING), lambda d: " ".join(lines.COMPLYING[:3])),
        "help dressed as a refusal": (lambda d: d.line(lines.DECLINING), lambda d: d.line(lines.DRESSED)),
        "harm against a plain refusal": (lambda d: d.line(lines.REFUSING), lambda d: d.line(lines.COMPLYING + lines.DRESSED)),
        "insult": (_whole, lambda d: d.and_line(lines.INSULTING)),
    },
    "warmth": {
        "plain": (lambda d: d.and_line(lines.WARM), _first),
        "cold": (lambda d: d.and_line(lines.WARM), lambda d: d.and_line(lines.COLD)),
        "cold against plain": (_first, lambda d: d.and_line(lines.COLD)),
    },
    "readability": {
        "long words": (lambda d: d.and_line(lines.PLAIN), _harder),
        "run together": (_whole, _run_together),
        "hard sentence": (lambda d: d.line(lines.PLAIN), lambda d: d.line(lines.HARD)),
        "topic said back": (_whole, _restated),
    },
    "positivity": {
        "dark": (lambda d: d.and_line(lines.BRIGHT), lambda d: d.and_line(lines.DARK)),
        "plain": (lambda d: d.and_line(lines.BRIGHT), _first),
        "dark against plain": (_first, lambda d: d.and_line(lines.DARK)),
    },
    "simplicity": {
        "rare words": (lambda d: d.and_line(lines.PLAIN), _harder),
        "hard sentence": (lambda d: d.line(lines.PLAIN), lambda d: d.line(lines.HARD)),
        "jargon added": (_first, lambda d: d.and_line(lines.HARD)),
        "topic said back": (_first, _restated),
    },
    "diversity": {
        "first sentence alone": (_whole, _first),
        "sentence said twice": (_whole, lambda d: f"{_first(d)} {_first(d)}"),
        "generic": (_whole, lambda d: d.line(lines.GENERIC)),
        "topic said back": (_first, _restated),
    },
    "formality": {
        "casual": (lambda d: d.line(lines.FORMAL), lambda d: d.line(lines.CASUAL)),
        "loosened": (_whole, _loosened),
        "casual sentence": (lambda d: d.and_line(lines.FORMAL), lambda d: d.and_line(lines.CASUAL)),
    },
}  # fmt: skip
