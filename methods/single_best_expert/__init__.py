"""Serve, for each preference, the one expert or the base that dev scoring says is best: does mixing beat choosing?"""

from typing import ClassVar

import numpy as np
from pydantic import Field

from morlbench.bench import Bench
from morlbench.errors import BadInput
from morlbench.lm.adapter import nothing
from morlbench.lm.meta import objective_experts, returns
from morlbench.lm.mixing import Mixture
from morlbench.lm.policy import LMPolicy
from morlbench.lm.trained import Trained
from morlbench.method import Family, Policy, Track, settings
from morlbench.preference import Array, Utility
from morlbench.seeds import derive
from morlbench.task import Texts


@settings
class SingleBestExpert(Trained):
    """One plain expert per objective, and the base; one is chosen whole at each preference by w · (mean dev rewards - beta KL)."""

    name: ClassVar[str] = "single-best-expert"
    version: ClassVar[int] = 2
    family: ClassVar[Family] = "control"
    track: ClassVar[Track] = "front"
    dev_share: float = Field(default=0.1, gt=0, lt=1)

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend 1 - dev_share of the budget on experts, and all that is left on dev answers of theirs and of the base."""
        if bench.left * self.dev_share < bench.k + 1:
            raise BadInput(
                f"dev_share={self.dev_share:g} of {bench.left:,} responses is less than one dev answer for each expert and the base; "
                f"raise it to {(bench.k + 1) / bench.left:.3g} or more"
            )
        share = int(bench.left * (1 - self.dev_share))
        experts = objective_experts(bench, responses=share, seed=seed, level="parameters", settings=self.optimiser(bench.base)).adapters
        choices = (*experts, nothing(experts[0]))
        count = bench.left // len(choices)
        values = np.array([returns(bench, one, count, seed=derive(seed, "choice")) for one in choices])  # (k + 1, k)

        def gate(prompts: Texts, preferences: Array, utility: Utility) -> Array:
            """Return a one-hot choice (n, k + 1), the base last."""
            return chosen(values, preferences)

        mixture = Mixture(bench.base, choices, temperature=bench.decoding.temperature)
        return LMPolicy(mixture, bench.decoding, gate, explains=False)


def chosen(values: Array, preferences: Array) -> Array:
    """Return one-hot rows (n, m): which of m policies with values (m, k) is best at each preference (n, k); the first in ties."""
    return np.asarray(np.eye(len(values))[(preferences @ values.T).argmax(1)])
