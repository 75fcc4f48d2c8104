"""The two objectives of this task as functions of prompts and answers, in their raw units.

fluency = v l + (1 - v) WORST, in nats per token: l is the mean log-probability of the answer's tokens under a scorer that
was trained apart from the base, and v the share of the answer that counts as prose: no pair of words repeated, function
words between the others, at least `ENOUGH` words, an end. The rest earns the likelihood of nonsense, so loops, which a
language model likes best, lose.

helpfulness = relevance x information x form, from 0 to 1: relevance is the MiniLM cosine of prompt and answer, information
grows with the distinct informative words that the prompt does not hold, and form is a product of what an answer that can be
used has: readable prose, no copy of the prompt, statements, an end.
"""

import numpy as np

from morlbench.lm.rewards import text
from morlbench.lm.rewards.encoder import minilm
from morlbench.lm.rewards.likelihood import fluency_scorer
from morlbench.preference import Array
from morlbench.task import Texts

WORST = -7.0  # nats per token: shuffled words
ENOUGH = 5  # words; a shorter answer is no sentence
SATURATION = 3.0  # informative words that earn 1 - 1/e of the information factor; a plain answer of 25 words has about 5
READABLE = (-7.0, -5.5)  # nats per token: 0 where words are shuffled, 1 from where almost all samples of the base lie
GRAMMAR = (0.1, 0.3)  # share of function words: 0 for keyword strings, 1 for nearly all prose
CUT = 0.85  # factor of v for an answer without an end, which the token limit cut off
CUT_HELP = 0.95  # factor of helpfulness for the same: the information that is lost counts for itself


def fluency(responses: Texts) -> Array:
    """Return the fluency of each answer (n,), in nats per token, at least WORST."""
    likelihood = np.maximum(fluency_scorer()(responses), WORST)
    share = np.array([_counting(answer) for answer in responses])
    return np.asarray(share * likelihood + (1 - share) * WORST)


def helpfulness(prompts: Texts, responses: Texts) -> Array:
    """Return the helpfulness of each answer to its prompt (n,), in [0, 1]."""
    relevance = np.maximum(minilm().similarity(prompts, responses), 0).astype(float)
    beyond = np.array([text.information(answer, prompt) for prompt, answer in zip(prompts, responses, strict=True)])
    return np.asarray(relevance * (1 - np.exp(-beyond / SATURATION)) * form(prompts, responses))


def form(prompts: Texts, responses: Texts) -> Array:
    """Return how far each text has the form of an answer (n,), in [0, 1]; ordinary samples of the base are near 1."""
    readable = [text.ramp(float(value), *READABLE) for value in fluency_scorer()(responses)]
    shape = [_shape(prompt, answer) for prompt, answer in zip(prompts, responses, strict=True)]
    return np.asarray(np.array(readable) * np.array(shape))


def _counting(answer: str) -> float:
    ending = 1.0 if text.finished(answer) else CUT
    return _prose(answer) * min(1.0, len(text.words(answer)) / ENOUGH) * ending


def _shape(prompt: str, answer: str) -> float:
    ending = 1.0 if text.finished(answer) else CUT_HELP
    return _prose(answer) * (1 - text.copied(answer, prompt)) * text.stated(answer) * ending


def _prose(answer: str) -> float:
    return text.novelty(answer) * text.ramp(text.function_share(answer), *GRAMMAR)
