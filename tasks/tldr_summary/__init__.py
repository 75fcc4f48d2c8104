"""Reddit posts summarised, judged by a preference and a faithfulness model; needs the hub.

The summary setting of Rewards-in-Context (Yang et al. 2024). Leaves out titles and subreddits.
"""

from collections.abc import Mapping
from typing import ClassVar

from morlbench.lm.hub import HubTask
from morlbench.lm.hub_source import Source
from morlbench.lm.rewards.judge import Judge
from morlbench.preference import LINEAR, Utility
from morlbench.task import Decoding, Objective, Relation

FAITHFUL = Source("CogComp/bart-faithful-summary-detector", revision="cd27fa897be60499fd3a2aef98dd6469e929b89f")
FILES = "refs/convert/parquet"  # the hub's own copy as data files; `main` is taken for a loading script, which nothing here runs
ASK = "Write a one-sentence summary of this post.\n\n"


class TldrSummary(HubTask):
    """Preferred summaries against faithful ones, by public reward models."""

    name: ClassVar[str] = "tldr-summary"
    version: ClassVar[int] = 1
    data: ClassVar[Source] = Source("openai/summarize_from_feedback", "dataset", revision=FILES, subset="comparisons")
    judges: ClassVar[tuple[tuple[Source, Judge], ...]] = (
        (Source("Tristan/gpt2_reward_summarization"), Judge("summary", prefix=ASK)),
        (FAITHFUL, Judge("faithful", output=1, labels=2, prefix=ASK)),
    )
    objectives: ClassVar[tuple[Objective, ...]] = (
        Objective("preference", "summary preference model", -4.0, 8.0, "logit"),
        Objective("faithfulness", "faithful summary classifier, second output", -4.0, 4.0, "logit"),
    )
    relation: ClassVar[Relation] = "competing"
    decoding: ClassVar[Decoding] = Decoding(max_tokens=48)
    beta: ClassVar[float] = 0.05
    preference: ClassVar[tuple[float, ...]] = (0.5, 0.5)
    reference_point: ClassVar[tuple[float, ...]] = (0.0,) * 2
    utilities: ClassVar[tuple[Utility, ...]] = (LINEAR, Utility("chebyshev"))

    @staticmethod
    def prompt_of(row: Mapping[str, object]) -> str:
        """Return the request for a summary of a post of 100 to 1,100 characters."""
        info = row["info"]
        post = str(info["post"] or "").replace("\n", " ").strip() if isinstance(info, Mapping) else ""
        return f"{ASK}{post}" if 100 < len(post) < 1_100 else ""
