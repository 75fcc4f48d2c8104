"""Reflection and empathy: answers to a person who describes a difficulty.

Reflection says back what the person said, in the second person and in other words: some sentence of the answer must be close
(MiniLM) to the prompt turned round ("I lost my job" becomes "you lost your job"), speak to "you", and add a word of its own.
An echo speaks of "I" and is a copy; advice is far from the restated difficulty. A sentence that says the opposite or puts the
blame on the person (`contrary.py`), or that waves the difficulty away, keeps little. Empathy counts distinct phrases that take
the person's side, the first words for feelings at half, and the speaking to "you", less what waves the feeling away, denies
comfort or blames, as far as the answer is about the difficulty at all. Leaves out depth: a plain restatement earns nearly as much as
one that guesses the feeling behind it.
"""

import re

import numpy as np

from morlbench.lm.rewards import contrary, lexicon, text
from morlbench.lm.rewards.answer import is_prose, relevance
from morlbench.lm.rewards.style import ADDRESS, COLDER, PLAIN, addressed, saturating
from morlbench.preference import Array
from morlbench.task import Texts

CLOSE = (0.0, 0.7)  # cosine with the difficulty turned round: generic comfort has .1 to .2, a restatement .6 and more
ABOUT = (0.0, 0.2)  # cosine with the prompt: comfort that fits anybody earns part
PLAIN_SHARE = 0.6  # of reflection, for a restatement that adds no word
REVERSED, BLAMED = 0.2, 0.3  # what a sentence keeps that says the opposite, and one that blames or dismisses
NAMED = 2  # words for feelings that count, each as half a phrase of comfort
HEAPED = (4, 7)  # different words for feelings in one sentence: nothing lost up to the first, all at the second
_TURNED = {
    "i": "you", "me": "you", "my": "your", "mine": "yours", "myself": "yourself", "am": "are", "i'm": "you're", "i've": "you've",
    "i'll": "you'll", "i'd": "you'd", "was": "were", "we": "you", "our": "your", "us": "you",
}  # fmt: skip
_SENTENCE = re.compile(r"[^.!?]+[.!?]*")
_TO_YOU = re.compile(r"\b(?:you|your|you['’]\w+|yourself)\b", re.IGNORECASE)
_OF_ME = re.compile(r"\b(?:i|my|me|mine|myself)\b(?!['’]?(?:m sorry| am sorry| hear| understand| can| see))", re.IGNORECASE)


def turned(prompt: str) -> str:
    """Return the prompt in the second person: "I lost my job" becomes "you lost your job"."""
    return re.sub(r"[\w'’]+", lambda m: _TURNED.get(m.group().lower().replace("’", "'"), m.group()), prompt)


def reflection(prompts: Texts, responses: Texts) -> Array:
    """Return how far each answer says back what its prompt said (n,), in [0, 1]."""
    from morlbench.lm.rewards.encoder import minilm

    parts = [_sentences(answer) for answer in responses]
    flat = [(turned(prompt), part) for prompt, own in zip(prompts, parts, strict=True) for part in own]
    close = minilm().similarity(*zip(*flat, strict=True)) if flat else np.zeros(0)
    ends = np.cumsum([len(own) for own in parts]).tolist()
    best = []
    for prompt, own, end in zip(prompts, parts, ends, strict=True):
        earned = zip(own, close[end - len(own) : end].tolist(), strict=True)
        best.append(max((text.ramp(value, *CLOSE) * _said_back(prompt, part) for part, value in earned), default=0.0))
    return np.asarray(is_prose(prompts, responses) * np.array(best))


def empathy(prompts: Texts, responses: Texts) -> Array:
    """Return how far each answer takes the person's feeling seriously (n,), in [0, 1]."""
    about = np.array([0.5 + 0.5 * text.ramp(value, *ABOUT) for value in relevance(prompts, responses).tolist()])
    return np.asarray(is_prose(prompts, responses) * about * np.array([_felt(*pair) for pair in zip(prompts, responses, strict=True)]))


def _sentences(answer: str) -> list[str]:
    """Return the first four sentences with a word in them."""
    return [part.strip() for part in _SENTENCE.findall(answer[:1_500]) if text.words(part)][:4]


def _said_back(prompt: str, sentence: str) -> float:
    """Return what a sentence keeps of its closeness: spoken to "you", in some words of its own, neither reversed nor unkind."""
    said = turned(prompt)
    true = REVERSED if contrary.opposed(said, sentence) else 1.0
    kind = BLAMED if contrary.blaming(said, sentence) or lexicon.DISMISSIVE.sides(sentence)[0] else 1.0
    return _addressed(sentence) * _added(prompt, sentence) * true * kind


def _addressed(sentence: str) -> float:
    """Return 1 for a sentence about "you", less where it speaks of "I", little where it speaks to nobody."""
    to, of = len(_TO_YOU.findall(sentence)), len(_OF_ME.findall(sentence))
    mark = 1.0 if lexicon.REFLECTING.distinct(sentence) else 0.8
    return mark * to / (to + of) if to else 0.1


def _added(prompt: str, sentence: str) -> float:
    """Return PLAIN_SHARE for the prompt's words alone, 1 with two more."""
    more = set(text.words(sentence)) - set(text.words(turned(prompt))) - set(text.words(prompt))
    return PLAIN_SHARE + (1 - PLAIN_SHARE) * text.ramp(len(more), 0, 2)


def _felt(prompt: str, answer: str) -> float:
    comfort, refused = lexicon.FEELING.sides(answer)
    named = lexicon.EMOTIONS.sides(answer)[0]
    unkind = len(lexicon.DISMISSIVE.sides(answer)[0]) + len(refused) + contrary.blaming(turned(prompt), answer)
    marks = len(comfort) + min(NAMED, len(named)) / 2 - COLDER * unkind
    return saturating(PLAIN + marks + ADDRESS * addressed(answer)) * _unheaped(answer)


def _unheaped(answer: str) -> float:
    """Return 1 while no sentence heaps up words for feelings, 0 where one is made of them."""
    most = max((lexicon.EMOTIONS.distinct(part) for part in _sentences(answer)), default=0)
    return text.ramp(-most, -HEAPED[1], -HEAPED[0])
