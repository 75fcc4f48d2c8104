"""Remember the result of a costly function of a text, so that scorers share one pass and prompts are computed once.

What is remembered outlives the task that asked, so whoever checks that a scorer repeats itself calls `forget` in between.
"""

import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
SIZE = 16_384  # texts; at 384 numbers each 25 MB, and more than a `quick` run scores


class Memo:
    """A function of texts (n,) to rows (n, d) that computes each distinct text once and forgets the least recently used."""

    def __init__(self, compute: Callable[[Sequence[str]], Floats], size: int = SIZE) -> None:
        self._compute = compute
        self._size = size
        self._rows: OrderedDict[str, Floats] = OrderedDict()
        _ALIVE.add(self)

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Return one row per text (n, d), n >= 1; only texts not remembered are computed, each once."""
        known = {text: self._rows[text] for text in texts if text in self._rows}
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        if missing:
            known.update(zip(missing, self._compute(missing), strict=True))
        for text in dict.fromkeys(texts):
            self._rows[text] = known[text]
            self._rows.move_to_end(text)
        while len(self._rows) > self._size:
            self._rows.popitem(last=False)
        return np.stack([known[text] for text in texts])

    def __len__(self) -> int:
        return len(self._rows)

    def forget(self) -> None:
        """Forget every text."""
        self._rows.clear()


_ALIVE: weakref.WeakSet[Memo] = weakref.WeakSet()


def forget() -> None:
    """Let every memo of this process forget its texts; models stay loaded."""
    for memo in list(_ALIVE):
        memo.forget()


def by_length(lengths: Sequence[int], batch: int) -> Iterator[list[int]]:
    """Yield the indices of items in batches of similar length, so that padding costs little."""
    order = sorted(range(len(lengths)), key=lambda i: lengths[i])
    for start in range(0, len(order), batch):
        yield order[start : start + batch]
