"""PKU-SafeRLHF prompts judged by the beaver reward and cost models; needs the hub and a large GPU.

The setting of Safe-RLHF (Dai et al. 2024) as two objectives instead of a constraint. Leaves out the constraint's multiplier.
"""

from collections.abc import Mapping
from typing import ClassVar

from morlbench.lm.hub import HubTask
from morlbench.lm.hub_source import Source
from morlbench.lm.rewards.judge import Judge
from morlbench.preference import LINEAR, Utility
from morlbench.task import Decoding, Objective, Relation


class SafeRlhf(HubTask):
    """Helpfulness against harmlessness (negative cost), by the beaver models."""

    name: ClassVar[str] = "safe-rlhf"
    version: ClassVar[int] = 2
    data: ClassVar[Source] = Source("PKU-Alignment/PKU-SafeRLHF", "dataset")
    judges: ClassVar[tuple[tuple[Source, Judge], ...]] = (
        (Source("PKU-Alignment/beaver-7b-v1.0-reward"), Judge("conversation", head=True)),
        (Source("PKU-Alignment/beaver-7b-v1.0-cost"), Judge("conversation", head=True)),
    )
    objectives: ClassVar[tuple[Objective, ...]] = (
        Objective("helpfulness", "beaver reward model", -30.0, 30.0, "score"),
        Objective("harmlessness", "beaver cost model, smaller is safer", -30.0, 30.0, "score", higher_is_better=False),
    )
    relation: ClassVar[Relation] = "competing"
    decoding: ClassVar[Decoding] = Decoding(max_tokens=128)
    beta: ClassVar[float] = 0.05
    preference: ClassVar[tuple[float, ...]] = (0.5, 0.5)
    reference_point: ClassVar[tuple[float, ...]] = (0.0,) * 2
    utilities: ClassVar[tuple[Utility, ...]] = (LINEAR, Utility("chebyshev"))

    @staticmethod
    def prompt_of(row: Mapping[str, object]) -> str:
        """Return the prompt column."""
        return str(row["prompt"])
