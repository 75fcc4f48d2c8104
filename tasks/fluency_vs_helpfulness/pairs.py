"""Make this task's labelled pairs: a clean corpus answer against one that is damaged, evasive or missing.

The label is how the worse answer was made, so no judge is needed. Answers come from the first units of the corpus that nano
was pretrained on, by SmolLM2-135M-Instruct: fluent and on topic, though not always true.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from morlbench.lm.bases import corpus
from morlbench.lm.bases.pretrain import clean
from morlbench.lm.bases.prompts import TEMPLATES
from morlbench.lm.rewards import text
from morlbench.lm.rewards.validation import Pair
from morlbench.seeds import derive

UNITS, PAIRS_PER_KIND = 80, 40  # the corpus' first units, which every longer corpus begins with
PLAIN = ("detailed", "practical", "steps", "formal", "short")  # styles that try to answer
GENERIC = (
    "It is important to take your time and be patient.",
    "It depends on many things, so think about what you want.",
    "There are many ways to do this, and each has its own benefits.",
    "The best way is to start small and practice every day.",
    "It can be a fun and rewarding experience for everyone.",
    "You should always do your best and never give up.",
    "It is a great way to learn new skills and feel good.",
    "Everyone is different, so find out what works for you.",
)


@dataclass(frozen=True)
class Answer:
    """A clean answer of the corpus to a prompt on a topic."""

    topic: str
    prompt: str
    text: str

    @property
    def parts(self) -> list[str]:
        """The answer's words with their punctuation."""
        return self.text.split()


def pairs(shards: Sequence[Path], chosen: Sequence[str], seed: int = 0) -> list[Pair]:
    """Return labelled pairs on the chosen topics, `PAIRS_PER_KIND` of each kind of each objective."""
    good = good_answers(shards, chosen)
    found = []
    for objective, kinds in KINDS.items():
        for kind in kinds:
            rng = np.random.default_rng(derive(seed, objective, kind))
            for i in rng.permutation(len(good))[:PAIRS_PER_KIND]:
                one = good[i]
                others = [other.text for other in good if other.prompt != one.prompt and (other.topic == one.topic) == (kind == BEYOND)]
                worse = str(rng.choice(others)) if kind in _FROM_OTHERS else _WORSE[kind](one, rng)
                found.append(Pair(objective, kind, one.prompt, one.text, worse))
    return found


def good_answers(shards: Sequence[Path], chosen: Sequence[str]) -> list[Answer]:
    """Return clean answers of 14 to 36 words that name their topic, one for each prompt, in the order of the corpus."""
    units = sorted((u for path in shards for u in corpus.read(path) if u["unit"] < UNITS), key=lambda u: int(u["unit"]))
    known = {template.format(topic): topic for topic in chosen for template in TEMPLATES}
    found: dict[str, Answer] = {}
    for row in (row for unit in units for row in unit["rows"] if row["prompt"] in known and row["style"] in PLAIN):
        for answer in (Answer(known[row["prompt"]], row["prompt"], clean(raw)) for raw in row["answers"]):
            if 14 <= len(answer.parts) <= 36 and _names_topic(answer) and not re.search(r"\d\.|[\"?]", answer.text):
                found.setdefault(answer.prompt, answer)
    return list(found.values())


def _names_topic(answer: Answer) -> bool:
    informative = (word for word in text.words(answer.text) if text.information(word))
    return bool({_stem(word) for word in text.words(answer.topic)} & {_stem(word) for word in informative})


def _shuffled(good: Answer, rng: np.random.Generator) -> str:
    return " ".join(rng.permutation(good.parts))


def _moved(good: Answer, rng: np.random.Generator) -> str:
    """Rotate six random words among their places."""
    moved = good.parts
    places = np.sort(rng.permutation(len(moved))[:6])
    for here, there in zip(places, np.roll(places, 1), strict=True):
        moved[here] = good.parts[there]
    return " ".join(moved)


def _loop(good: Answer, rng: np.random.Generator) -> str:
    phrase = good.parts[: int(rng.integers(3, 9))]
    return " ".join((phrase * len(good.parts))[: len(good.parts)])


def _repeated(good: Answer, rng: np.random.Generator) -> str:
    return " ".join([re.split(r"(?<=[.!])\s", good.text)[0]] * 3)


def _cut(good: Answer, rng: np.random.Generator) -> str:
    return " ".join(good.parts[: int(len(good.parts) * rng.uniform(0.5, 0.8))]).rstrip(".,;:!")


def _keywords(good: Answer, rng: np.random.Generator) -> str:
    """Join the topic's words and the answer's informative ones: on topic, specific, and no answer."""
    return " ".join(dict.fromkeys(text.words(good.topic) + [w for w in text.words(good.text) if text.information(w)]))


def _generic(good: Answer, rng: np.random.Generator) -> str:
    return str(rng.choice(GENERIC))


def _generic_named(good: Answer, rng: np.random.Generator) -> str:
    line = _generic(good, rng)
    return f"When it comes to {good.topic}, {line[0].lower()}{line[1:]}"


def _echo(good: Answer, rng: np.random.Generator) -> str:
    prompt = good.prompt
    return str(rng.choice([prompt, f"{prompt} {prompt}", f"You asked: {prompt}", prompt.rstrip("?.") + "."]))


def _questions(good: Answer, rng: np.random.Generator) -> str:
    return " ".join(template.format(good.topic) for template in rng.choice(TEMPLATES, 3, replace=False))


def _one_word(good: Answer, rng: np.random.Generator) -> str:
    return str(rng.choice(["Yes.", "No.", "Practice.", "Patience.", "Sure!"]))


def _empty(good: Answer, rng: np.random.Generator) -> str:
    return ""


_WORSE: dict[str, Callable[[Answer, np.random.Generator], str]] = {
    "words shuffled": _shuffled,
    "six words moved": _moved,
    "loop of a phrase": _loop,
    "sentence repeated": _repeated,
    "cut mid-sentence": _cut,
    "keyword string": _keywords,
    "generic": _generic,
    "generic, topic named": _generic_named,
    "prompt echoed": _echo,
    "questions back": _questions,
    "one word": _one_word,
    "empty": _empty,
}
BEYOND = "other question, same topic"  # what helpfulness is not built to see; measured to say so
_FROM_OTHERS = ("off-topic", BEYOND)
_BROKEN = ("words shuffled", "loop of a phrase", "sentence repeated", "cut mid-sentence", "keyword string", "empty")
KINDS = {
    "fluency": ("six words moved", *_BROKEN),
    "helpfulness": ("off-topic", "generic", "generic, topic named", "prompt echoed", "questions back", "one word", *_BROKEN, BEYOND),
}


def _stem(word: str) -> str:
    return re.sub(r"(ing|es|s|e)$", "", word)
