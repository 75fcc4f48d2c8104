"""HH-RLHF prompts judged by the helpful, harmless and humor reward models of Rewards-in-Context; needs the hub.

The setting of RiC (Yang et al. 2024) and MOD, cut to single-turn dialogues. Leaves out earlier turns of a dialogue.
"""

from collections.abc import Mapping
from typing import ClassVar

from morlbench.lm.hub import HubTask
from morlbench.lm.hub_source import Source
from morlbench.lm.rewards.judge import Judge
from morlbench.preference import LINEAR, Utility
from morlbench.task import Decoding, Objective, Relation


class HhAssistant(HubTask):
    """Helpfulness against harmlessness against humor, by public reward models."""

    name: ClassVar[str] = "hh-assistant"
    version: ClassVar[int] = 1
    data: ClassVar[Source] = Source("Anthropic/hh-rlhf", "dataset")
    judges: ClassVar[tuple[tuple[Source, Judge], ...]] = (
        (Source("Ray2333/gpt2-large-helpful-reward_model"), Judge("dialogue")),
        (Source("Ray2333/gpt2-large-harmless-reward_model"), Judge("dialogue")),
        (Source("mohameddhiab/humor-no-humor"), Judge("response", output=1, labels=2)),
    )
    objectives: ClassVar[tuple[Objective, ...]] = (
        Objective("helpfulness", "helpful reward model", -4.0, 4.0, "logit"),
        Objective("harmlessness", "harmless reward model", -4.0, 4.0, "logit"),
        Objective("humor", "humor classifier, second output", -4.0, 4.0, "logit"),
    )
    relation: ClassVar[Relation] = "competing"
    decoding: ClassVar[Decoding] = Decoding(max_tokens=128)
    beta: ClassVar[float] = 0.05
    preference: ClassVar[tuple[float, ...]] = (1 / 3,) * 3
    reference_point: ClassVar[tuple[float, ...]] = (0.0,) * 3
    utilities: ClassVar[tuple[Utility, ...]] = (LINEAR, Utility("chebyshev"))

    @staticmethod
    def prompt_of(row: Mapping[str, object]) -> str:
        """Return the question of a dialogue of one turn."""
        text = str(row["chosen"])
        before, _, _ = text.rpartition("\n\nAssistant:")
        return before.removeprefix("\n\nHuman:") if before.count("\n\nHuman:") == 1 and "\n\nAssistant:" not in before else ""
