"""Mix experts that were trained not to harm each other's objectives: `moe-cmab` without its gate, `mod` with other experts."""

from typing import ClassVar, Literal

from pydantic import Field

from morlbench.bench import Bench
from morlbench.lm.meta import by_preference, protected_experts
from morlbench.lm.mixing import Mixture, check_level
from morlbench.lm.trained import Trained
from morlbench.method import Family, Policy, Track, no_effect, settings


@settings
class ProtectedExperts(Trained):
    """One expert per objective, projected or anchored, combined at `level` with the preference as weights."""

    name: ClassVar[str] = "protected-experts"
    version: ClassVar[int] = 1
    family: ClassVar[Family] = "meta-policy"
    track: ClassVar[Track] = "front"

    experts: Literal["projected", "anchored"] = "projected"
    epsilon: float = Field(default=0.3, ge=0, le=1)
    level: str = "logits"

    def __post_init__(self) -> None:
        check_level(self.level)
        if self.experts == "anchored":
            no_effect(self, "epsilon", "experts=anchored")

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend budget / k on each expert."""
        check_level(self.level, len(bench.base.layers))  # before anything is spent
        found = protected_experts(
            bench, self.experts, self.epsilon, responses=bench.left, seed=seed, settings=self.optimiser(bench.base)
        )  # fmt: skip
        return by_preference(bench, Mixture(bench.base, found, self.level, temperature=bench.decoding.temperature))
