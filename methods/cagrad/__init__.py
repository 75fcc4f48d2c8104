"""Train one policy on the step near the mean gradient that helps the worst objective most (CAGrad)."""

from typing import ClassVar

from morlbench.bench import Bench
from morlbench.lm.policy import single_policy
from morlbench.lm.train import Recipe, expert
from morlbench.lm.trained import Trained
from morlbench.method import Family, Policy, Track, settings


@settings
class Cagrad(Trained):
    """Maximise the worst improvement within half the length of the mean gradient around it; no preference is heeded."""

    name: ClassVar[str] = "cagrad"
    version: ClassVar[int] = 3
    family: ClassVar[Family] = "single-policy"
    track: ClassVar[Track] = "single"

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend the whole budget on one adapter."""
        recipe = Recipe((1 / bench.k,) * bench.k, gradients="cagrad", settings=self.optimiser(bench.base))
        return single_policy(bench.base, bench.decoding, expert(bench, recipe, responses=bench.left, seed=seed))
