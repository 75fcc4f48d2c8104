"""What the gate sees of a prompt: where each expert would push the next token, or the base's pooled states.

Log-ratios to the base at the end of the prompt cost one pass over the prompt for each expert and one for the base. Prompts are
remembered, since a policy is asked about the same ones at many preferences.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch

from morlbench.lm.apart import at_once
from morlbench.lm.forked import spread
from morlbench.lm.mixing import Mixture
from morlbench.lm.pooled import pooled_states
from morlbench.preference import Array
from morlbench.task import Texts

from .features import Components

Context = Literal["log-ratio", "hidden", "none"]
ROWS = 128


@dataclass(eq=False)
class Reader:
    """Reads prompts into context features z (n, c); fitted once on train prompts, without labels."""

    raw: Callable[[Texts], Array]
    components: Components | None  # None: no context
    seen: dict[str, Array] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Number of features c."""
        return 0 if self.components is None else self.components.count

    def __call__(self, prompts: Texts) -> Array:
        """Return z (n, c)."""
        if self.components is None:
            return np.zeros((len(prompts), 0))
        new = tuple(dict.fromkeys(p for p in prompts if p not in self.seen))
        for start in range(0, len(new), ROWS):
            chunk = new[start : start + ROWS]
            self.seen.update(zip(chunk, self.components.transform(self.raw(chunk)), strict=True))
        return np.array([self.seen[p] for p in prompts])


def fit(mixture: Mixture, kind: Context, prompts: Texts, count: int) -> Reader:
    """Return a reader of `count` principal components of the chosen context, fitted on `prompts`."""
    if kind == "none":
        return Reader(lambda texts: np.zeros((len(texts), 0)), None)

    def raw(texts: Texts) -> Array:
        return _log_ratios(mixture, texts) if kind == "log-ratio" else pooled_states(mixture.base, texts)

    def part(start: int) -> Array:
        return raw(prompts[start : start + ROWS])

    rows = list(spread(part, range(0, len(prompts), ROWS), at_once(mixture.base)))
    return Reader(raw, Components.fit(np.concatenate(rows), count))


@torch.inference_mode()
def _log_ratios(mixture: Mixture, prompts: Texts) -> Array:
    """Return log pi_i - log pi_0 of the next token for every expert and word, (n, M V)."""
    ids, mask = mixture.base.encode(prompts)
    base = Mixture(mixture.base, (), temperature=mixture.temperature)
    plain = base.log_probs(ids, mask, torch.zeros(len(prompts), 0))[0][:, 0]
    parts = []
    for adapter in mixture.adapters:
        one = Mixture(mixture.base, (adapter,), temperature=mixture.temperature)
        own = one.log_probs(ids, mask, torch.ones(len(prompts), 1, device=mixture.base.device))[0][:, 0]
        parts.append((own - plain).clamp(-20, 20).cpu().numpy())
    return np.concatenate(parts, 1).astype(float)
