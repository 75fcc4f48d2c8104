"""Repeat runs and compare: the last level, and the only one that shows who gave the answers and what they cost.

On the machine that made a record the repeat is equal byte for byte, costs aside. Elsewhere floats are summed in another
order, and training and sampling may drift apart, so means over prompts are compared within MEANS (rewards) and a share KLS
(KL), what answers are worth where they were asked beyond elsewhere within APART standard errors, and counts within COUNTS; exact
values and stated weights by how many answers differ (`morlbench.verify.drift`). Means that differ by more than MEANS and no more than
APART standard errors of two samples leave a doubt: few answers differ so much by chance, and nothing is shown by them. Times, bytes
and rates are the machine's and are not compared. Which seeds are repeated follows from all answers of the group and a word drawn when
it is verified, so that nobody can choose them.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from morlbench.bench import SPENT, Watch
from morlbench.launch import Maker, Plan
from morlbench.metric import Costs, Evidence, Probe
from morlbench.preference import Array
from morlbench.protocol import KL_OF
from morlbench.record import RunRecord, load, without_costs
from morlbench.seeds import derive
from morlbench.store import key_of
from morlbench.verify import Fault, Findings
from morlbench.verify.checkout import Checkout
from morlbench.verify.drift import CLOSE, KLS, MEANS, NATS, drift

COUNTS = 0.05
APART = 5.0  # standard errors


def sample(records: dict[Path, RunRecord], count: int, nonce: str, doubtful: Collection[Path] = ()) -> list[Path]:
    """Return the doubtful of a group's records and `count` others, drawn by a hash of all answers and a word their author cannot know.

    The doubtful ones do not count: else a record that its author made doubtful on purpose would be the one that is looked at.
    """
    texts = [text for _, record in sorted(records.items()) for probe in record.evidence.probes for text in probe.responses]
    rng = np.random.default_rng(derive(0, key_of(answers=texts, nonce=nonce)))
    paths = sorted(path for path in records if path not in doubtful)
    return sorted([*doubtful, *(paths[int(i)] for i in rng.permutation(len(paths))[:count])])


def repeat(path: Path, record: RunRecord, checkout: Checkout, maker: Maker, watch: Watch) -> Findings:
    """Run the record's method again; return where the new record differs beyond the tolerances, or more than it should.

    What cannot be run here shows nothing: that is a doubt.
    """
    run = record.evidence
    task, cls = checkout.task(run.task.name), checkout.method(run.method.name)
    built = None if cls is None else checkout.built(cls, run.method.settings)
    if task is None or built is None or checkout.base(run.base) is None:
        return Findings(doubts=["this checkout lacks its task, method or base, so it was not repeated"])
    if built.version != run.method.version:
        told = f"it is of version {run.method.version} of {built.name}, which is now {built.version}, so it was not repeated"
        return Findings(doubts=[told])
    stated = run.task.preference if run.task.preference != task.preference else ()
    plan = Plan(built, task, run.base.rpartition("-")[0], run.budget, (run.seed,), stated, path.parent)
    again = maker.make(plan, run.seed, watch)
    if _equal(path, again):
        return Findings([Fault("rerun", text) for text in _counts(run, again.evidence)])
    return Findings(differences(run, again.evidence), doubts(run, again.evidence))


def differences(mine: Evidence, again: Evidence) -> list[Fault]:
    """Compare two records of one key by their means, exact values and counts."""
    found: list[str] = []
    for one, other in zip(mine.probes, again.probes, strict=False):
        found += _probes(one, other)
    if [probe.name for probe in mine.probes] != [probe.name for probe in again.probes]:
        found.append("the repeated run answers other probes")
    return [Fault("rerun", text) for text in found + drift(mine, again).faults + _counts(mine, again)]


def doubts(mine: Evidence, again: Evidence) -> list[str]:
    """Return where two records of one key differ by more than they should and no more than chance and drift can do."""
    found = drift(mine, again).doubts
    for one, other in zip(mine.probes, again.probes, strict=False):
        if one.rewards.shape == other.rewards.shape:
            apart, chance = _apart(one, other)
            if (apart > MEANS).any() and not (apart > chance).any():
                found.append(f"mean rewards of probe {one.name!r} differ by {apart.max():.3f}: within chance, beyond the {MEANS} asked for")
    return found


def _apart(one: Probe, other: Probe) -> tuple[Array, Array]:
    """Return how far the mean rewards (k,) of two probes are apart, and how far two samples of one policy may be."""
    first, second = (probe.rewards.reshape(-1, probe.rewards.shape[-1]) for probe in (one, other))  # (answers, k)
    error = np.sqrt((first.var(0) + second.var(0)) / len(first))
    return np.abs(first.mean(0) - second.mean(0)), np.maximum(MEANS, APART * error)


def _probes(one: Probe, other: Probe) -> list[str]:
    if one.rewards.shape != other.rewards.shape:
        return [f"probe {one.name!r} has another shape"]
    found = []
    apart, chance = _apart(one, other)
    if (apart > chance).any():
        worst = int((apart - chance).argmax())
        found.append(f"mean rewards of probe {one.name!r} differ by {apart[worst]:.3f}; the tolerance is {chance[worst]:.3f}")
    first, second = _served(one), _served(other)
    error = np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / len(first)) if len(first) > 1 else np.inf
    if abs(first.mean() - second.mean()) > APART * error + CLOSE:
        gains = f"{first.mean():.4f} more where they were asked than elsewhere, {second.mean():.4f} when repeated"
        found.append(f"probe {one.name!r} has answers worth {gains}")
    if one.name in KL_OF and (one.kl is None) != (other.kl is None):
        found.append(f"only one of the two runs states a KL for probe {one.name!r}")
    elif one.kl is not None and other.kl is not None:
        a, b = float(one.kl.mean()), float(other.kl.mean())
        if abs(a - b) > KLS * max(a, b) + NATS:
            found.append(f"the mean KL of probe {one.name!r} is {a:.3f} nats and was {b:.3f} when repeated")
    return found


def _served(probe: Probe) -> Array:
    """Return per prompt (n,) the utility of answers at the preference they were asked at, less their mean over all preferences.

    Answers moved from one preference to another keep every mean over the probe and change this.
    """
    utility = np.einsum("pk,qnk->pqn", probe.preferences, probe.rewards.mean(2))
    return np.asarray(np.einsum("ppn->n", utility) / len(utility) - utility.mean((0, 1)))


def _counts(mine: Evidence, again: Evidence) -> list[str]:
    """Compare what was done in training and search, what was trained, and passes per token; seconds, bytes and rates may differ."""
    found = []
    for name, own, other in zip(("responses", "tokens", "steps", "passes"), _totals(mine), _totals(again), strict=True):
        if abs(own - other) > COUNTS * max(own, other):
            found.append(f"training counts {own:,} {name} and {other:,} when repeated")
    for name, first, second in _sizes(mine.costs, again.costs):
        if abs(first - second) > COUNTS * max(first, second):
            found.append(f"the record counts {first:,g} {name} and {second:,g} when repeated")
    return found


def _sizes(mine: Costs, again: Costs) -> Iterator[tuple[str, float, float]]:
    """Yield what is counted of the policy itself: a name, the record's number and the repeat's."""
    yield "trainable parameters", mine.trainable_parameters, again.trainable_parameters
    if mine.speed is not None and again.speed is not None:
        yield "passes per token", mine.speed.passes_per_token, again.speed.passes_per_token


def _totals(run: Evidence) -> Sequence[int]:
    costs = [line.cost for line in run.costs.lines if line.kind in SPENT]
    return [sum(values) for values in zip(*((c.responses, c.tokens, c.steps, c.backward) for c in costs), strict=True)] or [0, 0, 0, 0]


def _equal(path: Path, again: RunRecord) -> bool:
    """Say whether the repeat is the record, byte for byte and costs aside; counts are costs and are compared too."""
    task, mine = again.evidence.task, load(path, texts=False).evidence.task
    if not mine.front:  # made before its task's front: see reference.with_front
        task = replace(task, front=(), front_kl=())
    with TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        replace(again, evidence=replace(again.evidence, task=task)).save(copy)
        same = without_costs(copy) == without_costs(path)
    return same
