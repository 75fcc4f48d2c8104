"""Remember the result of a costly function of texts, so that scorers share one pass and prompts are computed once.

What is remembered outlives the task that asked, so whoever checks that a scorer repeats itself calls `forget` in between.
"""

import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Key = TypeVar("Key", bound=Hashable)  # a text, or a prompt and its answer
SIZE = 16_384  # texts; at 384 numbers each 25 MB, and more than a `quick` run scores


class Memo(Generic[Key]):
    """A function of keys (n,), texts as a rule, to rows (n, d) that computes each distinct one once and forgets the least recently used."""

    def __init__(self, compute: Callable[[Sequence[Key]], Floats], size: int = SIZE) -> None:
        self._compute = compute
        self._size = size
        self._rows: OrderedDict[Key, Floats] = OrderedDict()
        _ALIVE.add(self)

    def __call__(self, keys: Sequence[Key]) -> Floats:
        """Return one row per key (n, d), n >= 1; only keys not remembered are computed, each once."""
        known = {key: self._rows[key] for key in keys if key in self._rows}
        missing = [key for key in dict.fromkeys(keys) if key not in known]
        if missing:
            known.update(zip(missing, self._compute(missing), strict=True))
        for key in dict.fromkeys(keys):
            self._rows[key] = known[key]
            self._rows.move_to_end(key)
        while len(self._rows) > self._size:
            self._rows.popitem(last=False)
        return np.stack([known[key] for key in keys])

    def __len__(self) -> int:
        return len(self._rows)

    def forget(self) -> None:
        """Forget every key."""
        self._rows.clear()


_ALIVE: weakref.WeakSet[Memo[Any]] = weakref.WeakSet()


def forget() -> None:
    """Let every memo of this process forget its texts; models stay loaded."""
    for memo in list(_ALIVE):
        memo.forget()


def by_length(lengths: Sequence[int], batch: int) -> Iterator[list[int]]:
    """Yield the indices of items in batches of similar length, so that padding costs little."""
    order = sorted(range(len(lengths)), key=lambda i: lengths[i])
    for start in range(0, len(order), batch):
        yield order[start : start + batch]
