"""What a board's failure signatures and verification levels mean, in words: the README and the site say the same.

Leaves out how they are found: see `morlbench.flags` for signatures and docs/submitting.md for what each level grants.
"""

from morlbench import flags
from morlbench.history import Level

COUNTED = "Failure signatures warn and do not rank; each is shown with the number of tasks that raise it, in more than half of the seeds."
SIGNATURES = {
    "fluency-loss": f"at the worst preference, answers over {flags.FLUENCY:g} nats per token more surprising to the base than its own",
    "kl-overspent": "the KL costs more than the utility it bought",
    "middle-collapse": "below the chord of the corners",
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


def paragraph() -> str:
    """Return all of it as one paragraph of Markdown, for the README of a board."""
    signatures = ", ".join(f"`{name}` ({meaning})" for name, meaning in SIGNATURES.items())
    levels = "; ".join(f"`{name}`: {meaning}" for name, meaning in LEVELS.items())
    more = "what they grant in full stands in [submitting.md](../../docs/submitting.md#levels)"
    return f"{COUNTED.rstrip('.')}: {signatures}. {SECONDS} Levels, the lowest of a method's records: {levels}; {more}."
