"""What a mixture of experts sampled of late, so that nothing is computed twice.

Policies made from one mixture are often asked again at weights they had before (an objective left out, a user not yet known),
and the KL of an answer needs the log-probabilities that sampling it has just computed. Leaves out what any other mixture did.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TypeVar

import torch

from morlbench.method import Responses
from morlbench.preference import Array
from morlbench.task import Texts

KEPT = 64  # calls that are remembered
Ids = tuple[tuple[int, ...], ...]
Asked = tuple[Texts, bytes, Ids]  # prompts, weights and answers
Value = TypeVar("Value")


@dataclass(eq=False)
class Recent:
    """Answers by decoding, seed, prompts and weights; KL (n,) by what was asked and answered; log_p of the last answers.

    log_p (n, t, V) holds the mixture's own log-probabilities along the answers of `last`, until their KL is known; it is not
    kept where it would be too large.
    """

    answers: "OrderedDict[object, Responses]" = field(default_factory=OrderedDict)
    kl: "OrderedDict[object, Array]" = field(default_factory=OrderedDict)
    last: Asked | None = None
    log_p: torch.Tensor | None = None

    def along(self, asked: Asked) -> torch.Tensor | None:
        """Return the log-probabilities (n, t, V) along these very answers, where they are still there."""
        return self.log_p if self.last == asked else None


def remember(kept: "OrderedDict[object, Value]", key: object, value: Value) -> None:
    """Keep a value, and forget the oldest beyond KEPT."""
    kept[key] = value
    while len(kept) > KEPT:
        kept.popitem(last=False)
