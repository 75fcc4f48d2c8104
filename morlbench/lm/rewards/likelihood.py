"""How likely a causal language model finds a text: the mean log-probability of its tokens, end mark included.

The end mark makes an answer that stops mid-sentence less likely than one that ends, and an empty one very unlikely. The
bundled scorer is trained apart from the base, on answers alone; it reads no prompt, so relevance cannot please it. The bundled
base reads the prompt first: what it says of an answer is the score of BARTScore (Yuan, Neubig and Liu 2021, equation 2, all
weights alike) from prompt to answer. Both learnt from texts of one line with straight quotes, and read every text as such a line.
"""

import json
import re
from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from morlbench.lm.rewards.memo import Floats, Memo, by_length
from morlbench.lm.rewards.text import plain

LONGEST = 160  # tokens of an answer; what follows is not read, and the end mark not either
ASKED = 600  # characters of a prompt that are read
USER, ASSISTANT = "<|user|>", "<|assistant|>"
BATCH = 16
_STRAIGHT = str.maketrans("‘’“”", "''\"\"")


def one_line(text: str) -> str:
    """Return the text with straight quotes, and one blank for every run of white space that holds more than blanks.

    Runs of blanks alone stay: the bundled base writes them at times, and what it writes is read as it is.
    """
    straight = plain(text).translate(_STRAIGHT).strip()
    return re.sub(r"\s+", lambda run: run.group() if set(run.group()) == {" "} else " ", straight)


class Likelihood:
    """Answers to mean log-probability per token under `model`, in nats: (n,), finite, at most 0."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, start: str, user: str | None = None) -> None:
        """Score what follows `start` up to the end of sequence; `user` is the token before a prompt, None where none is read."""
        self._model = model
        self._tokenizer = tokenizer
        known = tokenizer.get_vocab()
        self._start, self._end = int(known[start]), int(known[str(tokenizer.eos_token)])
        self._user = None if user is None else int(known[user])
        self._memo = Memo(self._mean)

    def __call__(self, answers: Sequence[str], prompts: Sequence[str] | None = None) -> Floats:
        """Return mean nats per token (n,), each answer after its prompt where this model reads prompts (n)."""
        asked = [""] * len(answers) if self._user is None or prompts is None else [one_line(prompt)[:ASKED] for prompt in prompts]
        return self._memo([json.dumps(both) for both in zip(asked, answers, strict=True)])[:, 0]

    @torch.inference_mode()
    def _mean(self, keys: Sequence[str]) -> Floats:
        asked, answers = zip(*map(json.loads, keys), strict=True)
        before = [[] if self._user is None else [self._user, *ids] for ids in self._ids(asked)]
        told = [[*ids, self._end][:LONGEST] for ids in self._ids([one_line(answer) for answer in answers])]
        rows = [[*own, self._start, *ids] for own, ids in zip(before, told, strict=True)]
        means = np.zeros((len(rows), 1), dtype=np.float32)
        for chosen in by_length([len(row) for row in rows], BATCH):
            width = max(len(rows[i]) for i in chosen)
            ids = torch.tensor([rows[i] + [self._end] * (width - len(rows[i])) for i in chosen])  # right padding is never looked at
            log_probs = self._model(input_ids=ids[:, :-1]).logits.float().log_softmax(-1)  # (b, t, V)
            token = log_probs.gather(2, ids[:, 1:, None])[..., 0]  # (b, t)
            first, lengths = (torch.tensor([len(own[i]) for i in chosen])[:, None] for own in (before, told))
            place = torch.arange(width - 1)
            real = (place >= first) & (place < first + lengths)
            means[chosen, 0] = ((token * real).sum(1) / lengths[:, 0]).numpy()
        return means

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        return list(self._tokenizer(list(texts), add_special_tokens=False, split_special_tokens=True)["input_ids"])


@cache
def fluency_scorer() -> Likelihood:
    """Return the bundled scorer, which never reads a prompt, loaded once per process."""
    from morlbench.lm.bases import nano

    return Likelihood(*nano.load_scorer(), start=ASSISTANT)


@cache
def answer_scorer() -> Likelihood:
    """Return the bundled base, which reads the prompt before the answer, loaded once per process, whatever base is trained."""
    from morlbench.lm.bases import nano

    return Likelihood(*nano.load(), start=ASSISTANT, user=USER)
