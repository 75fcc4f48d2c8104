"""Failure signatures: known ways in which combined policies go wrong, each a number with a stated threshold.

A flag is raised when its value exceeds its threshold (and, where prompts can be paired, when the 95% limit does too). They
warn, they do not rank. The source paper names them: fluency loss, alignment collapse, drops at specific preferences, high
variance across seeds, latency.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from morlbench import answers, crossfit, ledger, stability
from morlbench.metric import Evidence, NoValue, Probe, one
from morlbench.preference import LINEAR, Array, rows_at
from morlbench.stats import half_width
from morlbench.store import key_of
from morlbench.task import ROUNDING

FLUENCY = 0.5  # nats per token the base finds the answers more surprising than its own, at the worst preference
SLOW = 2.0  # times the base's seconds per token
SPREAD = 0.1  # interquartile range over seeds of the hypervolume, relative to its median
DROP = 0.02  # utility, KL paid, below the single-policy run at its own preference


@dataclass(frozen=True)
class Flag:
    """A failure signature: its value, the threshold it must not exceed, and whether it is raised."""

    name: str
    value: float
    threshold: float
    raised: bool
    text: str


def fluency_loss(runs: Sequence[Evidence]) -> Flag:
    """Rise of the answers' negative log-likelihood under the base, paired by prompt, at the worst lattice preference."""
    run = one(runs)
    ours, base = answers.front(run), run.probe("base")
    if ours.nll is None or base.nll is None:
        raise NoValue("the answers' likelihood under the base is unknown")
    n = len(ours.prompts)
    if not np.array_equal(ours.prompts, base.prompts[:n]):
        raise NoValue("the base did not answer the same prompts")
    rise = ours.nll.mean(2) - base.nll[0, :n].mean(1)  # (p, n)
    worst = rise[int(rise.mean(1).argmax())]
    raised = _lower(worst, len(run.probe("front").preferences)) > FLUENCY
    return Flag("fluency-loss", float(worst.mean()), FLUENCY, raised, "nats per token above the base's own answers, worst preference")


def kl_overspent(runs: Sequence[Evidence]) -> Flag:
    """Price of the KL spent minus the utility it bought: above 0 the base is the better policy of the regularised problem.

    A single policy is judged at its own preference: it promises nothing at others.
    """
    run = one(runs)
    text = "β KL minus the gain in utility, mean over preferences"
    if run.exact is not None:
        loss = float((run.exact.base - run.exact.value).mean())
        return Flag("kl-overspent", loss, 0.0, loss > ROUNDING, text)
    probe = run.probe("front")
    if probe.kl is None:
        raise NoValue("the policy's KL to the base is unknown")
    gain = answers.realised(probe) - answers.realised(answers.base_for(run, probe))  # (p, n)
    lost = (run.task.beta * probe.kl.mean(2) - gain).mean(0)
    return Flag("kl-overspent", float(lost.mean()), 0.0, _lower(lost, 1) > ROUNDING, text)


def middle_collapse(runs: Sequence[Evidence]) -> Flag:
    """Shortfall at the worst inner preference below the chord: answering by each corner's policy in proportion to its weight.

    KL is paid for where it is known: best policies lie above their chord then, and may lie below it in rewards alone. Where
    answers are a sample the worst preference is chosen on one half of the prompts and its shortfall read on the other, since the
    worst of several noisy means is worse than it is by luck.
    """
    run = one(runs)
    probe = run.probe("front")
    w, paid = probe.preferences, _paid(run)  # (p, k), (p, n, k)
    corners = [np.flatnonzero(w[:, i] > 1 - 1e-9) for i in range(w.shape[1])]
    inner = np.flatnonzero((w > 1e-9).all(1))
    if not len(inner) or not all(len(rows) for rows in corners):
        raise NoValue("the policy was not asked at the corners and inside")
    chord = np.einsum("qi,ink->qnk", w[inner], paid[[rows[0] for rows in corners]])
    short = LINEAR(chord - paid[inner], w[inner][:, None])  # (q, n)
    worst = int(short.mean(1).argmax())
    text = f"utility below the chord of the corners at {_named(w[inner[worst]])}"
    if run.exact is not None:
        value = float(short[worst, 0])
        return Flag("middle-collapse", value, 0.0, value > ROUNDING, text)
    low = _lower(short[worst], len(inner))
    value = crossfit.largest_mean(short, probe.prompts)
    return Flag("middle-collapse", value, 0.0, min(low, value) > ROUNDING, text)


def _paid(run: Evidence) -> Array:
    """Return rewards less the price of KL (p, n, k) by prompt, or exactly and then n = 1; rewards alone where KL is unknown."""
    if run.exact is not None:
        return run.exact.returns[:, None]
    probe = run.probe("front")
    rewards = probe.rewards.mean(2)
    return rewards if probe.kl is None else np.asarray(rewards - run.task.beta * probe.kl.mean(2)[..., None])


def slow_inference(runs: Sequence[Evidence]) -> Flag:
    """Seconds per token relative to the base's."""
    speed = ledger.speed(one(runs))
    if speed.tokens_per_second <= 0:
        raise NoValue("no token was timed")
    ratio = speed.base_tokens_per_second / speed.tokens_per_second
    return Flag("slow-inference", ratio, SLOW, ratio > SLOW, "times the base's seconds per token")


def seed_spread(runs: Sequence[Evidence]) -> Flag:
    """Interquartile range over seeds of the hypervolume, relative to its median."""
    volumes = stability.hypervolumes(runs)
    middle = float(np.median(volumes))
    if len(volumes) < 3 or middle <= 0:
        raise NoValue("needs at least 3 seeds with a hypervolume above 0")
    ratio = stability.iqr(volumes) / middle
    return Flag("seed-spread", ratio, SPREAD, ratio > SPREAD, "interquartile range over median of the hypervolume")


def below_single(runs: Sequence[Evidence], others: Sequence[Evidence]) -> Flag:
    """Utility less the price of KL lost, at the preference of a single-policy method of the same task, base and budget, to it.

    The mean over the seeds both have, since the best of several runs is better than its method is; of these the worst method and
    preference, its limit corrected for their number. There is none to compare with where a KL is unknown.
    """
    found: dict[tuple[str, int, str, tuple[float, ...]], list[Array]] = {}
    for run, single in ((run, single) for run in runs for single in others if _comparable(run, single)):
        if (lost := _lost(run, single)) is not None:
            how = single.method
            kind = (how.name, how.version, key_of(settings=how.settings), single.task.preference)
            found.setdefault(kind, []).append(lost)
    if not found:
        raise NoValue("no single-policy run of the same task, base, budget and seed with a known KL to compare with")
    means = {kind: np.mean(some, 0) for kind, some in found.items()}  # (n,) by prompt
    kind = max(means, key=lambda kind: float(means[kind].mean()))
    text = f"utility below {kind[0]} at {_named(np.array(kind[3]))}"
    return Flag("below-single", float(means[kind].mean()), DROP, _lower(means[kind], len(means)) > DROP, text)


Sign = Callable[[Sequence[Evidence]], Flag]
RUN: tuple[Sign, ...] = (fluency_loss, kl_overspent, middle_collapse, slow_inference)
SEEDS: tuple[Sign, ...] = (seed_spread,)


def _comparable(run: Evidence, single: Evidence) -> bool:
    mine, other = ((r.task.name, r.task.version, r.base, r.budget, r.seed) for r in (run, single))
    return mine == other and single.method.family == "single-policy" and run.method.name != single.method.name


def _lost(run: Evidence, single: Evidence) -> Array | None:
    """Return what is lost per prompt (n,); None where the run was not asked at the single run's preference, or a KL is unknown."""
    wanted, best = np.array(single.task.preference), single.probe("front")
    if run.exact is not None and single.exact is not None:
        rows = rows_at(run.exact.preferences, wanted)
        return np.full(len(best.prompts), single.exact.value[0] - run.exact.value[rows[0]]) if len(rows) else None  # known: no spread
    for probe in (*run.all("front"), *run.all("stated")):
        rows = rows_at(probe.preferences, wanted)
        if len(rows) and len(probe.prompts) == len(best.prompts) and probe.kl is not None and best.kl is not None:
            return _worth(best, best.kl, 0, single) - _worth(probe, probe.kl, int(rows[0]), single)
    return None


def _worth(probe: Probe, kl: Array, row: int, single: Evidence) -> Array:
    """Return w·r less the price of KL per prompt (n,), for one of the probe's preferences; w and the price are the single run's."""
    return np.asarray((LINEAR(probe.rewards[row], np.array(single.task.preference)) - single.task.beta * kl[row]).mean(1))


def _lower(values: Array, tests: int) -> float:
    """Return the lower 95% limit of the mean over prompts, corrected for how many places were looked at."""
    return float(values.mean() - half_width(values, tests)) if len(values) > 1 else float("-inf")


def _named(preference: Array) -> str:
    return "w = (" + ", ".join(f"{value:.2g}" for value in preference) + ")"
