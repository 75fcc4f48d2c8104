"""How to read a board, in words: intervals, ties, failure signatures and levels, so that the README and the site say the same.

Leaves out how they are found: see `morlbench.flags` for signatures and docs/submitting.md for what each level grants.
"""

from morlbench import flags
from morlbench.history import Level

SCORE = "Tables are sorted by the score, of which larger is better. The tasks' columns hold the metric that it is made of."
BRACKETS = (
    "Brackets are 95% intervals over the method's own seeds; differences between methods, paired by seed, stand apart. Those of ranks are "
    "the ranks in 95% of resamplings of the seeds, which with few seeds are too narrow for a claim."
)
TIES = (
    "Methods of one tie group are not told apart by the seeds: none is rejected against the group's first (paired t, Holm), and a group "
    "ends at the first method that is. Of dozens of equal methods some are told apart in a sixth of cases (simulated with five seeds)."
)
COUNTED = "Failure signatures warn and do not rank; each is shown with the number of tasks that raise it, in more than half of the seeds."
SIGNATURES = {
    "fluency-loss": f"at the worst preference, answers over {flags.FLUENCY:g} nats per token more surprising to the base than its own",
    "kl-overspent": "the KL costs more than the utility it bought",
    "middle-collapse": "at some mixed preference worth less than answering by each corner's policy in proportion to its weight",
    "slow-inference": f"over {flags.SLOW:g} times the base's seconds per token",
    "seed-spread": f"interquartile range of the hypervolume over {flags.SPREAD:g} of its median",
    "below-single": f"over {flags.DROP:g} of utility, KL paid, below a single-policy method at its preference, both averaged over seeds",
}
SECONDS = "Seconds are those of whatever machine made a record, other work on it included: read them as orders of magnitude."
LEVELS: dict[Level, str] = {
    "reported": "the files are sound, but nobody has verified the record yet, or something in it could not be checked",
    "rescored": "the task's own scorers give the stored rewards again; whether the policy gave these answers is left open",
    "reproduced": "a sample of the method's seeds was run again and agreed",
}


def section() -> str:
    """Return how to read a board's README, as one section of Markdown."""
    signatures = "".join(f"\n  - `{name}`: {meaning}" for name, meaning in SIGNATURES.items())
    levels = "".join(f"\n  - `{name}`: {meaning}" for name, meaning in LEVELS.items())
    return "\n".join(
        (
            "## How to read the tables",
            "",
            f"- {SCORE}",
            f"- {BRACKETS}",
            f"- {TIES} The first group is bold. More in [statistics](../../docs/statistics.md#more-than-two-methods).",
            f"- {COUNTED}{signatures}",
            f"- A method's level is the lowest of its records in a division ([in full](../../docs/submitting.md#levels)).{levels}",
            f"- {SECONDS}",
        )
    )
