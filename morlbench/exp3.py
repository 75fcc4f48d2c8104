"""Exp3, the bandit that DynaOpt steers reward weights with, and the weights it moves.

Auer et al. 2002; the two bandits and their use are those of DynaOpt (Min et al. 2024). State is immutable: `update` returns a
new bandit. Leaves out anything that knows of training: `morlbench.lm.dynamic` calls these between steps.
"""

from dataclasses import dataclass, replace

import numpy as np

from morlbench.preference import Array

GAMMA = 0.07


@dataclass(frozen=True)
class Exp3:
    """Log-weights of m arms and the share of uniform exploration."""

    log_weights: tuple[float, ...]
    gamma: float = GAMMA

    @classmethod
    def start(cls, arms: int, gamma: float = GAMMA) -> "Exp3":
        """Return a bandit that prefers no arm."""
        return cls((0.0,) * arms, gamma)

    @property
    def shares(self) -> Array:
        """Weights (m,) normalised to sum to 1, without exploration."""
        weights = np.exp(np.array(self.log_weights) - max(self.log_weights))
        return np.asarray(weights / weights.sum())

    @property
    def probabilities(self) -> Array:
        """Return (1 - gamma) weight share + gamma / m (m,)."""
        return np.asarray((1 - self.gamma) * self.shares + self.gamma / len(self.log_weights))

    def update(self, arm: int, reward: float) -> "Exp3":
        """Return the bandit after the arm earned `reward` (meant for [0, 1]): its weight grows by exp(gamma reward / (p m))."""
        grown = list(self.log_weights)
        grown[arm] += self.gamma * reward / (self.probabilities[arm] * len(grown))
        return replace(self, log_weights=tuple(grown))

    def draw(self, rng: np.random.Generator) -> int:
        """Return an arm drawn from the probabilities."""
        return int(rng.choice(len(self.log_weights), p=self.probabilities))


class Nudged:
    """Reward weights (k,) that start at a preference and grow where an arm says so; arm k leaves them alone.

    As in DynaOpt's code, a nudge is an Exp3 update with reward 1 of a second bandit over the objectives; the preference
    multiplies its shares, so that a uniform one gives the published weights.
    """

    def __init__(self, preference: tuple[float, ...], gamma: float = GAMMA) -> None:
        self._preference, self._bandit = np.asarray(preference), Exp3.start(len(preference), gamma)

    @property
    def weights(self) -> Array:
        """The weights (k,), summing to 1."""
        product = self._preference * self._bandit.shares
        return np.asarray(product / product.sum())

    def nudge(self, arm: int) -> Array:
        """Raise objective `arm` (k: none) and return the weights (k,)."""
        if arm < len(self._preference):
            self._bandit = self._bandit.update(arm, 1.0)
        return self.weights


def between_quantiles(history: list[float], value: float) -> float:
    """Return where a value lies between the history's 20% and 80% quantiles, clipped to [0, 1]; .5 where they coincide."""
    if not history:
        return 0.5
    low, high = np.quantile(history, [0.2, 0.8])
    return float(np.clip((value - low) / (high - low), 0, 1)) if high > low else 0.5


class DynaOpt:
    """The controller of DynaOpt: Exp3 over k + 1 arms (raise an objective's weight, or none), paid by the change of dev utility.

    `rescaled` pays where the change lies among earlier changes (between their 20% and 80% quantiles) instead of the change
    itself, which is so small that Exp3 hardly moves, and telescopes: its sum says only how the training went.
    """

    def __init__(self, preference: tuple[float, ...], *, rescaled: bool, seed: int, gamma: float = GAMMA) -> None:
        self._preference, self._rescaled = np.asarray(preference), rescaled
        self._rng = np.random.default_rng(seed)
        self._weights = Nudged(preference, gamma)
        self.bandit = Exp3.start(len(preference) + 1, gamma)
        self._arm: int | None = None
        self._utility, self._changes = 0.0, list[float]()

    def __call__(self, dev: Array) -> Array:
        """Pay the last arm for the dev mean (k,) it led to, draw the next, and return the weights (k,)."""
        utility = float(self._preference @ dev)
        if self._arm is not None:
            change = utility - self._utility
            paid = between_quantiles(self._changes, change) if self._rescaled else change
            self.bandit = self.bandit.update(self._arm, paid)
            self._changes.append(change)
        self._utility, self._arm = utility, self.bandit.draw(self._rng)
        return self._weights.nudge(self._arm)
