"""Move reward weights by a contextual bandit that sees the weights and the last changes of the dev rewards."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from morlbench.bandit import Explorer, Ridge
from morlbench.bench import Bench
from morlbench.exp3 import Nudged
from morlbench.lm.dynamic import train_dynamic
from morlbench.lm.policy import single_policy
from morlbench.lm.trained import Trained
from morlbench.method import Family, Policy, Track, settings
from morlbench.preference import Array
from morlbench.seeds import derive


@settings
class ContextualDynaOpt(Trained):
    """DynaOpt's arms, chosen by LinUCB on the current weights and the last change of each objective."""

    name: ClassVar[str] = "contextual-dynaopt"
    version: ClassVar[int] = 3
    family: ClassVar[Family] = "single-policy"
    track: ClassVar[Track] = "single"
    exploration: float = Field(default=1.0, ge=0, le=100)

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend the whole budget on one adapter and its looks at dev."""
        controller = Contextual(bench.preference, Explorer("linucb", self.exploration), seed=derive(seed, "arms"))
        found = train_dynamic(bench, controller, self.name, self.optimiser(bench.base), seed=seed)
        return single_policy(bench.base, bench.decoding, found)


class Contextual:
    """One ridge regression with a block of coefficients per arm: [1, weights, last changes] -> change of dev utility.

    Arms that are level, as all are at first, are drawn from: else the objective listed first would be raised. The change from
    the base to the second look is no arm's pay: training moves most at its beginning, whatever is raised.
    """

    def __init__(self, preference: tuple[float, ...], explorer: Explorer, *, seed: int) -> None:
        self._preference, self._explorer = np.asarray(preference), explorer
        self._rng = np.random.default_rng(seed)
        self._weights = Nudged(preference)
        self._arms, self._size = len(preference) + 1, 1 + 2 * len(preference)
        self.ridge = Ridge.empty(np.ones(self._arms * self._size), 1)
        self._dev: Array | None = None
        self._played: Array | None = None

    def __call__(self, dev: Array) -> Array:
        """Learn from the dev mean (k,) the last arm led to, choose the next arm, and return the weights (k,)."""
        change = np.zeros_like(dev) if self._dev is None else dev - self._dev
        if self._played is not None:
            self.ridge = self.ridge.update(self._played[None], np.array([[self._preference @ change]]))
        features = self.features(change)  # (arms, d)
        pay = self.ridge.rewards
        means = features @ self.ridge.coefficients(pay)
        order = self._rng.permutation(self._arms)
        chosen = self._explorer.choose(means[order].T, features[None, order], self.ridge, self.ridge.noise(pay), self._rng)
        arm = int(order[chosen[0]])
        self._dev, self._played = dev, None if self._dev is None else features[arm]
        return self._weights.nudge(arm)

    def features(self, change: Array) -> Array:
        """Return each arm's features (arms, arms * d): the context in the arm's own block, zeros elsewhere."""
        context = np.concatenate([[1.0], self._weights.weights, change])
        return np.kron(np.eye(self._arms), context)
