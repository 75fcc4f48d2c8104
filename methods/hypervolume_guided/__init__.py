"""Scale the weighted reward up whenever the policy's dev means extend the hypervolume reached so far."""

from typing import ClassVar

import numpy as np

from morlbench.bench import Bench
from morlbench.front import hypervolume
from morlbench.lm.dynamic import train_dynamic
from morlbench.lm.policy import single_policy
from morlbench.lm.trained import Trained
from morlbench.method import Family, Policy, Track, settings
from morlbench.preference import Array


@settings
class HypervolumeGuided(Trained):
    """RLOO on f_t w·r with f_t = .5 + 1.5 tanh(gain of hypervolume): progress on the front is followed harder."""

    name: ClassVar[str] = "hypervolume-guided"
    version: ClassVar[int] = 2
    family: ClassVar[Family] = "single-policy"
    track: ClassVar[Track] = "single"

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend the whole budget on one adapter and its looks at dev."""
        controller = Guide(bench.preference)
        found = train_dynamic(bench, controller, self.name, self.optimiser(bench.base), seed=seed)
        return single_policy(bench.base, bench.decoding, found)


class Guide:
    """The buffer of dev means, the base's first as the reference point."""

    def __init__(self, preference: tuple[float, ...]) -> None:
        self._preference = np.asarray(preference)
        self.buffer: list[Array] = []

    def __call__(self, dev: Array) -> Array:
        """Return the preference (k,) times the factor that the dev mean (k,) earns; 1 times at the first look."""
        self.buffer.append(dev)
        return self._preference * (factor(self.buffer) if len(self.buffer) > 1 else 1.0)


def factor(buffer: list[Array]) -> float:
    """Return .5 + 1.5 tanh(ΔHV) for the last of the buffer's points; its first is the reference point."""
    reference, *points = buffer
    gain = hypervolume(np.array(points), reference)
    if len(points) > 1:
        gain -= hypervolume(np.array(points[:-1]), reference)
    return 0.5 + 1.5 * float(np.tanh(max(gain, 0.0)))
