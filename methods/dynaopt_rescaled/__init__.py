"""Move reward weights by an Exp3 bandit paid by where a change of dev utility ranks among earlier ones."""

from typing import ClassVar

from pydantic import Field

from morlbench.bench import Bench
from morlbench.exp3 import DynaOpt
from morlbench.lm.dynamic import train_dynamic
from morlbench.lm.policy import single_policy
from morlbench.lm.trained import Trained
from morlbench.method import Family, Policy, Track, settings
from morlbench.seeds import derive


@settings
class DynaOptRescaled(Trained):
    """DynaOpt with its feedback rescaled to the 20%-80% quantiles of its history, so that the bandit can learn."""

    name: ClassVar[str] = "dynaopt-rescaled"
    version: ClassVar[int] = 2
    family: ClassVar[Family] = "single-policy"
    track: ClassVar[Track] = "single"
    gamma: float = Field(default=0.07, gt=0, le=1)

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend the whole budget on one adapter and its looks at dev."""
        controller = DynaOpt(bench.preference, rescaled=True, seed=derive(seed, "arms"), gamma=self.gamma)
        found = train_dynamic(bench, controller, self.name, self.optimiser(bench.base), seed=seed)
        return single_policy(bench.base, bench.decoding, found)
