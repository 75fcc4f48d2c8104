"""Score every stored answer again with the task's own scorers, and repeat what the base answers.

Rewards must agree within TABLE where a reward is a table, else within TEXT per answer and TEXT_MEAN on average at each preference
of a probe: language models and encoders sum floats in another order on another machine. The base's answers depend on the seed alone,
so a record under another seed is seen; all of them must agree on the tiny base, SAME on others, since one flipped token changes the
rest of an answer. Every gain is counted from the base, so fewer than SURE leave a doubt, and those that differ must be worth what the
base's own are, within DRIFT standard errors of so many answers drawn anew.
Leaves out whether the policy really gave these answers.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from morlbench.errors import MorlbenchError
from morlbench.metric import Evidence, Probe
from morlbench.preference import Array
from morlbench.protocol import LIKELIHOOD_OF
from morlbench.task import Task, Texts
from morlbench.verify import Fault, Findings
from morlbench.verify.checkout import Checkout

if TYPE_CHECKING:
    from morlbench.lm.base import Base

TABLE = 1e-6
TEXT, TEXT_MEAN = 5e-3, 1e-3
SAME, SURE = 0.9, 0.98
DRIFT = 3.5  # standard errors
LONGEST = 40  # characters per token of an answer


@dataclass(frozen=True, eq=False)
class Rescored:
    """The evidence with this checkout's own rewards in place of the stored ones, and what contradicts the stored ones."""

    run: Evidence
    faults: list[Fault]


def rescore(run: Evidence, task: Task, checkout: Checkout) -> Rescored:
    """Score every answer of every probe again."""
    prompts = task.prompts("test")
    if odd := [text for probe in run.probes for text in probe.responses if len(text) > LONGEST * task.decoding.max_tokens]:
        return Rescored(
            run, [Fault("answers", f"an answer has {len(odd[0]):,} characters; no {task.decoding.max_tokens} tokens have so many")]
        )
    faults, probes = [], []
    every, answers = _pairs(run, prompts)
    try:
        rewards = checkout.score(task, every, answers)
    except MorlbenchError as error:
        return Rescored(run, [Fault("rewards", f"the answers cannot be scored: {error}")])
    start = 0
    for probe in run.probes:
        own = rewards[start : start + len(probe.responses)].reshape(probe.rewards.shape)
        start += len(probe.responses)
        faults += _compare(probe, "reward", probe.rewards, own, task) + _gold(probe, task, checkout, prompts)
        probes.append(replace(probe, rewards=own.astype(np.float32).astype(float)))
    return Rescored(replace(run, probes=tuple(probes)), faults)


def base_answers(run: Evidence, task: Task, base: "Base", checkout: Checkout) -> Findings:
    """Check that the base's answers are those of this seed; `run` holds this checkout's rewards."""
    probe, wanted = run.probe("base"), checkout.base_answers(task, base, run.seed)
    other = [i for i, (mine, own) in enumerate(zip(probe.responses, wanted, strict=True)) if mine != own]
    share = 1 - len(other) / len(wanted)
    least = 1.0 if task.base == "exact" else SAME
    if share < least:
        told = f"{share:.1%} of the base's answers are what the base answers under seed {run.seed}; expected at least {least:.0%}"
        return Findings([Fault("seed", f"{told}: the record is of another seed, or its answers were edited")])
    if not other:
        return Findings()
    prompts = [task.prompts("test")[int(i)] for i in probe.prompts for _ in range(probe.rewards.shape[2])]
    own = checkout.score(task, prompts, wanted)  # (n, k)
    shift = np.abs((probe.rewards.reshape(own.shape) - own).sum(0))
    error = np.sqrt(2 * len(other)) * own.std(0)  # of the sum, were these answers drawn anew
    worst = int((shift - DRIFT * error).argmax())
    if shift[worst] > DRIFT * error[worst]:
        told = f"{len(other)} of the base's answers are not those of seed {run.seed}, and their {run.task.objectives[worst]} differs by"
        return Findings([Fault("seed", f"{told} {shift[worst] / len(other):.3f} on average: more than chance, so they were chosen")])
    doubt = f"{share:.0%} of the base's answers are its own; below {SURE:.0%} gains over it may be off"
    return Findings(doubts=[doubt] if share < SURE else [])


def _pairs(run: Evidence, prompts: Texts) -> tuple[list[str], list[str]]:
    """Return the prompt and the answer of every row of every probe."""
    every: list[str] = []
    answers: list[str] = []
    for probe in run.probes:
        p, _, draws, _ = probe.rewards.shape
        every += [prompts[int(i)] for _ in range(p) for i in probe.prompts for _ in range(draws)]
        answers += probe.responses
    return every, answers


def _compare(probe: Probe, word: str, stored: Array, own: Array, task: Task) -> list[Fault]:
    """Compare stored and own rewards (p, n, d, k)."""
    difference = own - stored
    most, mean = (TABLE, TABLE) if task.base == "exact" else (TEXT, TEXT_MEAN)
    off = int((np.abs(difference) > most).any(-1).sum())
    shift = np.abs(difference.mean((1, 2))).max()  # at any preference, of any objective
    if not off and shift <= mean:
        return []
    where = np.unravel_index(int(np.abs(difference).argmax()), difference.shape)
    told = f"{off:,} of {len(probe.responses):,} answers of probe {probe.name!r} have another {word} when scored again"
    return [Fault("rewards", f"{told}: {stored[where]:.4f} is stored where {task.name} gives {own[where]:.4f}")]


def _gold(probe: Probe, task: Task, checkout: Checkout, prompts: Texts) -> list[Fault]:
    one = [prompts[int(i)] for _ in probe.preferences for i in probe.prompts for _ in range(probe.rewards.shape[2])]
    if probe.gold is None:
        owed = probe.name in LIKELIHOOD_OF and task.base != "exact" and checkout.gold(task, one[:1], probe.responses[:1]) is not None
        return [Fault("rewards", f"probe {probe.name!r} lacks the gold rewards that every run on {task.name} has")] if owed else []
    own = checkout.gold(task, one, probe.responses)
    if own is None:
        return [Fault("rewards", f"probe {probe.name!r} states gold rewards; {task.name} has no gold scorers")]
    return _compare(probe, "gold reward", probe.gold, own.reshape(probe.gold.shape), task)
