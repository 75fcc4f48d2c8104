"""Move reward weights by an Exp3 bandit paid by the change of dev utility (DynaOpt, as published)."""

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
class DynaOptPublished(Trained):
    """Every eight steps an arm raises one objective's weight, or none; its pay is how much dev utility changed."""

    name: ClassVar[str] = "dynaopt"
    version: ClassVar[int] = 2
    family: ClassVar[Family] = "single-policy"
    track: ClassVar[Track] = "single"
    gamma: float = Field(default=0.07, gt=0, le=1)

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend the whole budget on one adapter and its looks at dev."""
        controller = DynaOpt(bench.preference, rescaled=False, seed=derive(seed, "arms"), gamma=self.gamma)
        found = train_dynamic(bench, controller, self.name, self.optimiser(bench.base), seed=seed)
        return single_policy(bench.base, bench.decoding, found)
