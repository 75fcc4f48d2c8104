"""What metrics read of a record: utilities per preference and prompt, paired with the base on the same prompts.

A single policy answers every preference alike, so its one set of answers stands for all of the lattice: each method is
measured at the same preferences. Values over prompts carry a t interval; the test prompts are the sample. Where answers can be
enumerated, means are sums over all of them instead, and carry none.
"""

from dataclasses import dataclass, replace

import numpy as np

from morlbench.metric import Evidence, NoValue, Probe
from morlbench.preference import LINEAR, Array, Utility, lattice, rows_at
from morlbench.protocol import UTILITY_PROMPTS, spread
from morlbench.stats import half_width


@dataclass(frozen=True, eq=False)
class PerPreference:
    """Realised utility at each lattice preference beside the base's, with 95% intervals over prompts; all (p,)."""

    preferences: Array  # (p, k)
    value: Array
    base: Array
    gain: Array  # value - base, paired by prompt
    low: Array
    high: Array  # of the gain

    @property
    def wins(self) -> int:
        """At how many preferences the utility exceeds the base's."""
        return int((self.gain > 0).sum())


def front(run: Evidence) -> Probe:
    """Return the answers at the lattice; a single policy's one row stands for every lattice preference."""
    probe = run.probe("front")
    if run.method.track == "front":
        return probe
    wanted = lattice(run.k)
    return repeated(probe, wanted)


def repeated(probe: Probe, preferences: Array) -> Probe:
    """Return a one-preference probe's answers as those to each of `preferences` (p, k): views, not copies."""
    p = len(preferences)

    def each(x: Array) -> Array:
        return np.broadcast_to(x[:1], (p, *x.shape[1:]))

    def known(x: Array | None) -> Array | None:
        return None if x is None else each(x)

    return replace(
        probe, preferences=preferences, rewards=each(probe.rewards), responses=probe.responses * p,
        kl=known(probe.kl), weights=known(probe.weights), nll=known(probe.nll), gold=known(probe.gold),
    )  # fmt: skip


def points(run: Evidence) -> Array:
    """Return mean rewards (p, k), exact ones where there are: one point per asked preference; a single policy is one point."""
    return run.probe("front").means if run.exact is None else run.exact.rewards


def at_lattice(run: Evidence, values: Array) -> Array:
    """Return one value per lattice preference of values (p, ...), one per asked preference: a single policy's stands for all."""
    return values if run.method.track == "front" else np.broadcast_to(values[:1], (len(lattice(run.k)), *values.shape[1:]))


def utilities(run: Evidence) -> Array:
    """Return the linear utility at each lattice preference (p,), the exact one where there is."""
    probe = front(run)
    return realised(probe).mean(1) if run.exact is None else np.asarray((at_lattice(run, run.exact.rewards) * probe.preferences).sum(1))


def gains(run: Evidence) -> Array:
    """Return the gain in linear utility over the base at each lattice preference (p,), the exact one where there is.

    A single policy's record holds the exact value of the base at one preference only, so its gains are those of its answers.
    """
    if run.exact is None or not gains_exactly(run):
        return per_preference(run).gain
    return np.asarray(utilities(run) - run.exact.base)  # the base has no KL to pay


def gains_exactly(run: Evidence) -> bool:
    """Say whether `gains` are exact."""
    return run.exact is not None and run.method.track == "front"


def kl(run: Evidence) -> Array:
    """Return the mean KL to the base at each asked preference (p,) in nats, exact where it is; raise NoValue where it is unknown."""
    if run.exact is not None:
        return run.exact.kl
    found = run.probe("front").kl
    if found is None:
        raise NoValue("the policy's KL to the base is unknown")
    return np.asarray(found.mean((1, 2)))


def realised(probe: Probe, utility: Utility = LINEAR) -> Array:
    """Return u_w(r) per preference and prompt (p, n), averaged over draws: what a reader of each prompt gets."""
    return probe.linear if utility == LINEAR else np.asarray(utility(probe.rewards, probe.preferences[:, None, None]).mean(2))


def stated_utility(run: Evidence, price: float = 0.0) -> tuple[Array, bool]:
    """Return w·r less `price` for a nat of KL at the stated preference by prompt (n,), or exactly (1,), and whether exactly.

    Raises NoValue where the policy was not asked there, or a KL that costs something is unknown.
    """
    w = np.array(run.task.preference)
    if run.exact is not None and len(rows := rows_at(run.exact.preferences, w)):
        return np.array([run.exact.rewards[rows[0]] @ w - price * run.exact.kl[rows[0]]]), True
    if (found := at_stated(run)) is None:
        raise NoValue(f"the policy was not asked at the stated preference {w.round(3).tolist()}")
    probe, row = found
    if price and probe.kl is None:
        raise NoValue("the policy's KL to the base is unknown")
    paid = price * probe.kl[row].mean(1) if price and probe.kl is not None else 0.0
    return np.asarray(realised(probe)[row] - paid), False


def at_stated(run: Evidence) -> tuple[Probe, int] | None:
    """Return the answers at the stated preference, as a probe and the row there; None where the run was not asked there."""
    for probe in (*run.all("stated"), *run.all("front")):
        rows = rows_at(probe.preferences, run.task.preference)
        if len(rows):
            return probe, int(rows[0])
    return None


def base_for(run: Evidence, probe: Probe) -> Probe:
    """Return the base's answers to the probe's prompts as if asked at its preferences; raise NoValue if some are missing."""
    base = run.probe("base")
    n, rewards = len(probe.prompts), base.rewards
    if np.array_equal(probe.prompts, base.prompts[:n]):  # as runs ask: the first n test prompts
        rewards = rewards[:, :n]
    else:
        place = {int(prompt): i for i, prompt in enumerate(base.prompts)}
        missing = [int(prompt) for prompt in probe.prompts if int(prompt) not in place]
        if missing:
            raise NoValue(f"the base did not answer prompt {missing[0]}")
        rewards = rewards[:, [place[int(prompt)] for prompt in probe.prompts]]
    same = np.broadcast_to(rewards[:1], (len(probe.preferences), *rewards.shape[1:]))
    return Probe(base.name, probe.preferences, same, probe.prompts, (), utility=base.utility, user=base.user, step=base.step)


def under(run: Evidence, name: str) -> tuple[Probe, Utility]:
    """Return the answers under the task's utility of that name: asked for it, or else the lattice's at the same places.

    Methods that cannot steer by a utility are scored with it all the same, on the same preferences and prompts.
    """
    utility = next((u for u in run.task.utilities if u.name == name), None)
    if utility is None:
        raise NoValue(f"the task declares no {name} utility")
    asked = [probe for probe in run.all("utility") if probe.utility == utility]
    if asked:
        return asked[0], utility
    probe = front(run)
    few = spread(np.arange(len(probe.preferences)))
    n = min(UTILITY_PROMPTS, len(probe.prompts))
    some = replace(probe, preferences=probe.preferences[few], rewards=probe.rewards[few][:, :n], prompts=probe.prompts[:n])
    return replace(some, responses=(), kl=None, nll=None, weights=None, gold=None), utility


def per_preference(run: Evidence, utility: Utility = LINEAR) -> PerPreference:
    """Return the realised utility at each lattice preference against the base, paired by prompt."""
    probe = front(run)
    ours, theirs = realised(probe, utility), realised(base_for(run, probe), utility)  # (p, n)
    gain, n = ours - theirs, ours.shape[1]
    half = half_width(gain) if n > 1 else np.full(len(gain), np.nan)
    middle = gain.mean(1)
    return PerPreference(probe.preferences, ours.mean(1), theirs.mean(1), middle, middle - half, middle + half)


def mean_interval(values: Array) -> tuple[float, float]:
    """Return the 95% t interval of the mean of values (n,); a single value has none (NaN)."""
    if len(values) < 2:
        return np.nan, np.nan
    half = half_width(values)
    return float(values.mean() - half), float(values.mean() + half)


def reference_front(run: Evidence) -> tuple[Array, Array]:
    """Return this run's points and the reference front, in the same currency.

    On exact tasks both are regularised returns and the front is the true one; elsewhere rewards and the frozen front.
    """
    if run.exact is not None:
        return run.exact.returns, run.exact.front
    if not run.task.front:
        raise NoValue("the task has no frozen reference front")
    return points(run), np.array(run.task.front)
