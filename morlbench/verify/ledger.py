"""Do the costs add up: no negative or absent number, the budget kept, every evaluation line explained by an answer?

Evaluation lines follow from the probes and are known exactly. Training lines are the method's own: they are held to the
budget, and to as many tokens as their responses can have. A ledger that was lowered everywhere in proportion passes here;
only a repeated run shows it.
"""

import math
from collections.abc import Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING

from morlbench.bench import Line
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


def ledger(run: Evidence, task: Task, base: "Base | None", checkout: Checkout) -> list[Fault]:
    """Check every line and their sums."""
    costs, lines = run.costs, run.costs.lines
    found = _numbers(costs)
    if found or len(lines) > LINES:
        return found or [Fault("ledger", f"{len(lines):,} ledger lines; expected at most {LINES:,}")]
    spent = sum(line.cost.responses for line in lines if line.kind in ("training", "search"))
    if spent > run.budget:
        found.append(Fault("ledger", f"training and search score {spent:,} responses; the budget is {run.budget:,}"))
    found += [fault for line in lines if line.cost.responses for fault in _tokens(line, task)]
    asked = [(line.part, line.cost.responses) for line in lines if line.kind == "evaluation"]
    if asked != _evaluations(run):
        found.append(
            Fault("ledger", f"{len(asked)} evaluation lines of {sum(n for _, n in asked):,} responses are not those of the probes")
        )
    elif base is not None:
        found += _against_texts(run, task, base, checkout)
    busy = sum(line.cost.seconds for line in lines if not line.cost.cached and line.kind != "evaluation")
    if busy > costs.wall_seconds + SECONDS:
        found.append(Fault("ledger", f"its parts take {busy:.1f} s together, the whole run {costs.wall_seconds:.1f} s"))
    return found


def trained(run: Evidence) -> int:
    """Return the responses scored in training and search."""
    return sum(line.cost.responses for line in run.costs.lines if line.kind in ("training", "search"))


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
    return [] if _ran(costs.speed) else [Fault("ledger", "field 'costs.speed' says that nothing was sampled")]


def _sound(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value < 2**63


def _ran(speed: Speed) -> bool:
    return min(speed.tokens_per_second, speed.base_tokens_per_second, speed.base_first_token_seconds, speed.base_peak_bytes) > 0


def _tokens(line: Line, task: Task) -> list[Fault]:
    n, tokens, decoding = line.cost.responses, line.cost.tokens, task.decoding
    least, most = n * decoding.min_tokens, n * decoding.max_tokens
    if line.kind in ("training", "search"):  # prompts may be scored as texts, read again
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
