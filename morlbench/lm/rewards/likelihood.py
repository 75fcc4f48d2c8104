"""How likely a causal language model finds a text: the mean log-probability of its tokens, end mark included.

The end mark makes an answer that stops mid-sentence less likely than one that ends, and an empty one very unlikely. The
bundled scorer is trained apart from the base, on answers alone; it reads no prompt, so relevance cannot please it. It learnt
from texts of one line with straight quotes, and reads every text as such a line.
"""

import re
from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from morlbench.lm.rewards.memo import Floats, Memo, by_length
from morlbench.lm.rewards.text import plain

LONGEST = 160  # tokens; what follows is not read, and the end mark not either
BATCH = 16
_STRAIGHT = str.maketrans("‘’“”", "''\"\"")


def one_line(text: str) -> str:
    """Return the text with straight quotes, and one blank for every run of white space that holds more than blanks.

    Runs of blanks alone stay: the bundled base writes them at times, and what it writes is read as it is.
    """
    straight = plain(text).translate(_STRAIGHT).strip()
    return re.sub(r"\s+", lambda run: run.group() if set(run.group()) == {" "} else " ", straight)


class Likelihood:
    """Texts to mean log-probability per token under `model`, in nats: (n,), finite, at most 0."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, start: str) -> None:
        """Score `start`, text, end-of-sequence; `start` is the token that the model saw before every text."""
        self._model = model
        self._tokenizer = tokenizer
        self._start, self._end = (int(tokenizer.get_vocab()[token]) for token in (start, str(tokenizer.eos_token)))
        self._memo = Memo(self._mean)

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Return mean nats per token (n,)."""
        return self._memo(texts)[:, 0]

    @torch.inference_mode()
    def _mean(self, texts: Sequence[str]) -> Floats:
        read = self._tokenizer([one_line(text) for text in texts], add_special_tokens=False, split_special_tokens=True)["input_ids"]
        rows = [[self._start, *ids, self._end][: LONGEST + 1] for ids in read]
        means = np.zeros((len(rows), 1), dtype=np.float32)
        for chosen in by_length([len(row) for row in rows], BATCH):
            width = max(len(rows[i]) for i in chosen)
            ids = torch.tensor([rows[i] + [self._end] * (width - len(rows[i])) for i in chosen])  # right padding is never looked at
            log_probs = self._model(input_ids=ids[:, :-1]).logits.float().log_softmax(-1)  # (b, t, V)
            token = log_probs.gather(2, ids[:, 1:, None])[..., 0]  # (b, t)
            lengths = torch.tensor([len(rows[i]) - 1 for i in chosen])
            real = torch.arange(width - 1) < lengths[:, None]
            means[chosen, 0] = ((token * real).sum(1) / lengths).numpy()
        return means


@cache
def fluency_scorer() -> Likelihood:
    """Return the bundled scorer, loaded once per process."""
    from morlbench.lm.bases import nano

    return Likelihood(*nano.load_scorer(), start="<|assistant|>")
