"""Move reward weights by a tabular Markov decision process over the discretised trends of the dev rewards."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from morlbench.bench import Bench
from morlbench.exp3 import Nudged
from morlbench.lm.dynamic import train_dynamic
from morlbench.lm.policy import single_policy
from morlbench.lm.trained import Trained
from morlbench.method import Family, Policy, Track, settings
from morlbench.preference import Array
from morlbench.seeds import derive

State = tuple[int, ...]  # each objective's trend: -1 falling, 0 flat, 1 rising


@settings
class MarkovWeighting(Trained):
    """Q-learning whose state is the trend of each objective and whose actions raise one objective's weight, or none."""

    name: ClassVar[str] = "markov-weighting"
    version: ClassVar[int] = 2
    family: ClassVar[Family] = "single-policy"
    track: ClassVar[Track] = "single"
    flat: float = Field(default=0.01, ge=0, le=1)
    discount: float = Field(default=0.5, ge=0, lt=1)
    learning: float = Field(default=0.3, gt=0, le=1)
    epsilon: float = Field(default=0.1, ge=0, le=1)

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend the whole budget on one adapter and its looks at dev."""
        controller = Trends(bench.preference, self, seed=derive(seed, "actions"))
        found = train_dynamic(bench, controller, self.name, self.optimiser(bench.base), seed=seed)
        return single_policy(bench.base, bench.decoding, found)


class Trends:
    """The table Q(state, action) (states met so far) and the weights its actions move."""

    def __init__(self, preference: tuple[float, ...], rules: MarkovWeighting, *, seed: int) -> None:
        self._preference, self._rules = np.asarray(preference), rules
        self._rng = np.random.default_rng(seed)
        self._weights = Nudged(preference)
        self.table: dict[State, Array] = {}
        self._dev: Array | None = None
        self._last: tuple[State, int] | None = None

    def __call__(self, dev: Array) -> Array:
        """Learn from the dev mean (k,) the last action led to, act in the new state, and return the weights (k,)."""
        change = np.zeros_like(dev) if self._dev is None else dev - self._dev
        state = trend(change, self._rules.flat)
        values = self.table.setdefault(state, np.zeros(len(dev) + 1))
        if self._last is not None:
            before, action = self._last
            target = float(self._preference @ change) + self._rules.discount * values.max()
            self.table[before][action] += self._rules.learning * (target - self.table[before][action])
        action = self._act(values)
        self._dev, self._last = dev, (state, action)
        return self._weights.nudge(action)

    def _act(self, values: Array) -> int:
        """Return the best action, a random one among equals, or with probability epsilon any."""
        if self._rng.random() < self._rules.epsilon:
            return int(self._rng.integers(len(values)))
        return int(self._rng.choice(np.flatnonzero(values == values.max())))


def trend(change: Array, flat: float) -> State:
    """Return -1, 0 or 1 per objective: changes (k,) of at most `flat` are no trend."""
    return tuple(int(np.sign(c)) if abs(c) > flat else 0 for c in change)
