"""Do the costs add up: no negative or absent number, the budget kept, every evaluation line explained by an answer?

Evaluation lines follow from the probes and are known exactly. Training lines are the method's own: they are held to the
budget, to as many tokens as their responses can have, and to some time for each; a method that trains adapters has trained. A
ledger that was lowered everywhere in proportion passes here; only other seeds or a repeated run show it.
"""

import math
from collections.abc import Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING

from morlbench.bench import SPENT, Line
from morlbench.metric import Costs, Evidence, Speed
from morlbench.protocol import RATED_AT_ONCE, STEPS
from morlbench.task import Task
from morlbench.verify import Fault
from morlbench.verify.checkout import Checkout

if TYPE_CHECKING:
    from morlbench.lm.base import Base

LINES = 100_000
SLACK = 1.25  # tokens of a text read again, against those it was sampled as
SECONDS = 1.0  # of rounding between the stages' clocks and the run's
FASTEST = 1e7  # tokens per second of any base; the smallest samples some 10,000 on a core
RATIO = 10.0  # of a policy's speed to its base's, which it runs; 0.1 to 1.4 on the boards
LITTLE = 0.4  # of the budget, below which a spend is remarked upon


def ledger(run: Evidence, task: Task, base: "Base | None", checkout: Checkout) -> list[Fault]:
    """Check every line and their sums."""
    costs, lines = run.costs, run.costs.lines
    found = _numbers(costs)
    if found or len(lines) > LINES:
        return found or [Fault("ledger", f"{len(lines):,} ledger lines; expected at most {LINES:,}")]
    spent = trained(run)
    if spent > run.budget:
        found.append(Fault("ledger", f"training and search score {spent:,} responses; the budget is {run.budget:,}"))
    found += [fault for line in lines if line.cost.responses for fault in _tokens(line, task)]
    found += [fault for line in lines for fault in _hasty(line)][:1]
    asked = [(line.part, line.cost.responses) for line in lines if line.kind == "evaluation"]
    if asked != _evaluations(run):
        found.append(
            Fault("ledger", f"{len(asked)} evaluation lines of {sum(n for _, n in asked):,} responses are not those of the probes")
        )
    elif base is not None:
        found += _against_texts(run, task, base, checkout)
    if checkout.trains(run.method.name):
        found += _trained_at_all(run)
    busy = sum(line.cost.seconds for line in lines if not line.cost.cached and line.kind != "evaluation")
    if busy > costs.wall_seconds + SECONDS:
        found.append(Fault("ledger", f"its parts take {busy:.1f} s together, the whole run {costs.wall_seconds:.1f} s"))
    return found


def trained(run: Evidence) -> int:
    """Return the responses scored in training and search."""
    return sum(line.cost.responses for line in _own(run))


def steps(run: Evidence) -> int:
    """Return the optimiser steps of training and search."""
    return sum(line.cost.steps for line in _own(run))


def passes(run: Evidence) -> int:
    """Return the backward passes of training and search."""
    return sum(line.cost.backward for line in _own(run))


def remarks(run: Evidence, checkout: Checkout) -> list[str]:
    """Return a note where a method that trains left most of its budget: some stop early, so it refuses nothing."""
    spent = trained(run)
    if spent >= run.budget or not checkout.trains(run.method.name):  # whole numbers of any length compare, and do not divide
        return []
    share = spent / run.budget
    return [f"it spent {share:.0%} of its budget"] if share < LITTLE else []


def _own(run: Evidence) -> list[Line]:
    """Return the lines of the method's own work."""
    return [line for line in run.costs.lines if line.kind in SPENT]


def _trained_at_all(run: Evidence) -> list[Fault]:
    """Check that a method that trains adapters says so: responses, steps and backward passes, and parameters that were trained."""
    counts = {
        "responses": trained(run), "steps": steps(run), "backward passes": passes(run),
        "trainable parameters": run.costs.trainable_parameters,
    }  # fmt: skip
    none = [name for name, count in counts.items() if not count]
    return [Fault("ledger", f"{run.method.name} trains adapters, and the ledger holds no {' and no '.join(none)}")] if none else []


def _hasty(line: Line) -> list[Fault]:
    """Check that the method's own work took time; what is scored outside any part is not timed."""
    cost = line.cost
    untimed = line.part == "train" and not cost.steps
    if line.kind not in SPENT or untimed or (cost.tokens <= FASTEST * cost.seconds and (cost.seconds or not cost.steps)):
        return []
    return [Fault("ledger", f"{line.part[:40]!r} took {cost.seconds:g} s for {cost.tokens:,} tokens and {cost.steps:,} steps")]


def _numbers(costs: Costs) -> list[Fault]:
    """Return a fault for the first number that is negative or not finite."""
    whole: list[tuple[str, Sequence[object]]] = [(line.part, astuple(line.cost)) for line in costs.lines]
    whole.append(("the run", (costs.wall_seconds, costs.cpu_seconds, costs.peak_memory_bytes, costs.trainable_parameters)))
    if costs.speed is None:
        return [Fault("ledger", "field 'costs.speed' is missing: every run measures it")]
    whole.append(("speed", tuple(value for value in astuple(costs.speed) if value is not None)))
    for name, values in whole:
        if odd := [value for value in values if not _sound(value)]:
            return [Fault("ledger", f"the ledger holds {odd[0]} for {name[:40]!r}; expected a number of at least 0")]
    if not _ran(costs.speed):
        return [Fault("ledger", "field 'costs.speed' says that nothing was sampled")]
    if min(costs.wall_seconds, costs.cpu_seconds, costs.peak_memory_bytes) <= 0:
        return [Fault("ledger", "the run took no time or no memory")]
    fast, plain = costs.speed.tokens_per_second, costs.speed.base_tokens_per_second
    if fast > RATIO * plain or max(fast, plain) > FASTEST:
        return [Fault("ledger", f"{fast:.4g} tokens per second, and {plain:.4g} of the base, are more than any policy samples")]
    return []


def _sound(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value < 2**63


def _ran(speed: Speed) -> bool:
    first = 1.0 if speed.first_token_seconds is None else speed.first_token_seconds
    rates = (speed.tokens_per_second, speed.base_tokens_per_second, first, speed.base_first_token_seconds)
    return min(*rates, speed.peak_bytes, speed.base_peak_bytes) > 0


def _tokens(line: Line, task: Task) -> list[Fault]:
    n, tokens, decoding = line.cost.responses, line.cost.tokens, task.decoding
    least, most = n * decoding.min_tokens, n * decoding.max_tokens
    if line.kind in SPENT:  # prompts may be scored as texts, read again
        most = math.ceil(most * (1 if decoding.min_tokens == decoding.max_tokens else SLACK))
    if least <= tokens <= most:
        return []
    return [Fault("ledger", f"{line.part[:40]!r} has {tokens:,} tokens for {n:,} responses; expected {least:,} to {most:,}")]


def _evaluations(run: Evidence) -> list[tuple[str, int]]:
    """Return the evaluation lines that the probes demand: one per preference, and the answers that users rate before the first user's."""
    found: list[tuple[str, int]] = []
    for probe in run.probes:
        p, n, draws, _ = probe.rewards.shape
        if probe.name == "adapt" and not any(name == "adapt" for name, _ in found):
            found += [("rated answers", RATED_AT_ONCE)] * (STEPS[-1] // RATED_AT_ONCE)
        found += [(probe.name, n * draws)] * p
    return found


def _against_texts(run: Evidence, task: Task, base: "Base", checkout: Checkout) -> list[Fault]:
    """Check the tokens of every evaluation line against its own answers, read by the base's tokenizer."""
    lines = [line for line in run.costs.lines if line.kind == "evaluation" and line.part != "rated answers"]
    texts = [
        probe.responses[i * size : (i + 1) * size]
        for probe in run.probes
        for i, size in enumerate([len(probe.responses) // len(probe.preferences)] * len(probe.preferences))
    ]
    exactly = task.decoding.min_tokens == task.decoding.max_tokens
    for line, answers in zip(lines, texts, strict=True):
        read, tokens = checkout.tokens(base, answers), line.cost.tokens
        if (read != tokens) if exactly else not read / SLACK <= tokens <= read * SLACK + 2 * len(answers):
            return [Fault("ledger", f"{line.part!r} counts {tokens:,} tokens; its answers have {read:,}")]
    return []
