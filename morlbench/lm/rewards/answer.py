"""Fluency, helpfulness and the form of an answer, in raw units; what every text task's scorers stand on.

fluency = v l + (1 - v) WORST, in nats per token: l is the mean log-probability of the answer's tokens under a scorer that
was trained apart from the base, and v the share of the answer that counts as prose: no pair of words repeated, function
words between the others, at least `ENOUGH` words, an end. The rest earns the likelihood of nonsense, so loops, which a
language model likes best, lose.

helpfulness = relevance x information x form, from 0 to 1: relevance is the MiniLM cosine of prompt and answer, information
grows with the distinct informative words that the prompt does not hold, and form is a product of what an answer that can be
used has: readable prose, no copy of the prompt, statements, an end.

`is_answer` and `is_prose` are the gates of the other scorers: near 1 for ordinary samples of the base, near 0 for whatever
is no answer, so that no style can be had by a text that says nothing. Models are loaded by the first call.
"""

import numpy as np

from morlbench.lm.rewards import text
from morlbench.preference import Array
from morlbench.task import Texts

WORST = -7.0  # nats per token: shuffled words
ENOUGH = 5  # words; a shorter answer is no sentence
SATURATION = 3.0  # informative words that earn 1 - 1/e of the information factor; a plain answer of 25 words has about 5
READABLE = (-7.0, -5.5)  # nats per token: 0 where words are shuffled, 1 from where almost all samples of the base lie
GRAMMAR = (0.1, 0.3)  # share of function words: 0 for keyword strings, 1 for nearly all prose
CUT = 0.85  # factor of v for an answer without an end, which the token limit cut off
CUT_HELP = 0.95  # factor of helpfulness for the same: the information that is lost counts for itself
ON_TOPIC = (0.05, 0.25)  # cosine with the prompt: 0 for strangers, 1 for nearly every answer to it
ENDLESS = (150, 400)  # words: beyond the first an answer loses, at the second it has lost all
TOLD = (0.25, 1.0)  # content words beyond the prompt: 0 for the topic said back, 1 from one or two words
SENSE = (0.75, 0.95)  # novelty: 0 for a text of which a quarter is repeats, 1 for clean prose


def fluency(responses: Texts) -> Array:
    """Return the fluency of each answer (n,), in nats per token, at least WORST."""
    likelihood = np.maximum(_likelihood(responses), WORST)
    share = np.array([_counting(answer) for answer in responses])
    return np.asarray(share * likelihood + (1 - share) * WORST)


def helpfulness(prompts: Texts, responses: Texts) -> Array:
    """Return the helpfulness of each answer to its prompt (n,), in [0, 1]."""
    beyond = np.array([text.information(answer, prompt) for prompt, answer in zip(prompts, responses, strict=True)])
    return np.asarray(relevance(prompts, responses) * (1 - np.exp(-beyond / SATURATION)) * form(prompts, responses))


def relevance(prompts: Texts, responses: Texts) -> Array:
    """Return the cosine of prompt and answer (n,), at least 0."""
    from morlbench.lm.rewards.encoder import minilm

    return np.asarray(np.maximum(minilm().similarity(prompts, responses), 0).astype(float))


def form(prompts: Texts, responses: Texts) -> Array:
    """Return how far each text has the form of an answer (n,), in [0, 1]; ordinary samples of the base are near 1."""
    shape = [_shape(prompt, answer) for prompt, answer in zip(prompts, responses, strict=True)]
    return np.asarray(readable(responses) * np.array(shape))


def readable(responses: Texts) -> Array:
    """Return 0 for what is as unlikely as shuffled words, 1 for whatever a base says (n,)."""
    return np.array([text.ramp(float(value), *READABLE) for value in _likelihood(responses)])


def is_answer(prompts: Texts, responses: Texts) -> Array:
    """Return the gate of scorers that reward a way of answering (n,): prose, not copied, stated, on topic, telling, not endless."""
    on_topic = np.array([text.ramp(cosine, *ON_TOPIC) for cosine in relevance(prompts, responses).tolist()])
    stated = np.array([text.stated(answer) for answer in responses])
    return np.asarray(is_prose(prompts, responses) * on_topic * stated * telling(prompts, responses))


def telling(prompts: Texts, responses: Texts) -> Array:
    """Return 0 for answers that say the prompt's own words back, 1 for those that add a few informative ones (n,)."""
    return np.array([text.ramp(text.beyond(answer, prompt), *TOLD) for prompt, answer in zip(prompts, responses, strict=True)])


def is_prose(prompts: Texts, responses: Texts) -> Array:
    """Return the gate of scorers that reward what need not be on topic nor a statement (n,): prose, not copied, not endless."""
    own = [_sense(prompt, answer) for prompt, answer in zip(prompts, responses, strict=True)]
    return np.asarray(readable(responses) * np.array(own))


def _likelihood(responses: Texts) -> Array:
    from morlbench.lm.rewards.likelihood import fluency_scorer

    return np.asarray(fluency_scorer()(responses))


def _counting(answer: str) -> float:
    ending = 1.0 if text.finished(answer) else CUT
    return _prose(answer) * min(1.0, len(text.words(answer)) / ENOUGH) * ending


def _shape(prompt: str, answer: str) -> float:
    ending = 1.0 if text.finished(answer) else CUT_HELP
    return _prose(answer) * (1 - text.copied(answer, prompt)) * text.stated(answer) * ending


def _prose(answer: str) -> float:
    return text.novelty(answer) * text.ramp(text.function_share(answer), *GRAMMAR)


def _sense(prompt: str, answer: str) -> float:
    """The gates' view of one answer: sharper on repeats and copies than `_shape`, since nothing else punishes them there."""
    count = len(text.words(answer))
    size = min(1.0, count / ENOUGH) * text.ramp(-count, -ENDLESS[1], -ENDLESS[0])
    fresh = text.ramp(text.novelty(answer), *SENSE) * text.ramp(1 - text.copied(answer, prompt), 0.2, 0.7)
    ending = 1.0 if text.finished(answer) else CUT_HELP
    return fresh * text.ramp(text.function_share(answer), *GRAMMAR) * size * ending
