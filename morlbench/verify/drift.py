"""How far may exact values and stated weights of a repeated run be from the record's, now that floats were summed in another order?

Where all answers agree nothing drifted, and they must agree within CLOSE. Where some differ, how many do is up to the record's author,
who may swap one for another with its true rewards, so the room grows with their share: at each preference a shortfall from the optimum may
differ by CLOSE and GROWTH times that share of what it may in runs that drifted far apart (KLS of the larger one and MEANS of the base's).
More leaves a doubt, and so do an exact KL that is KLS off at one preference, a sampled one that is farther off than its answers, and
weights that are MEANS off there. Beyond what runs far apart may differ by, where fewer answers than FEW differ, or weights where answers
agree, it is a fault, and so are means over preferences beyond their tolerance.

Not CLOSE from nine tenths of equal answers on, since drift that changes few answers moves more: of `mod`, `moe-cmab` and
`linear-scalarization` at `quick` and `standard`, trained again on a base whose weights were moved by a relative 1e-5 to 1e-3, twelve
runs answered .4 to 30 % otherwise; exact rewards were up to .013 apart, KL .09 nats and values .003, at most .6 of their room; five of
the twelve left a doubt for weights, none a fault. Moved by 1e-6, more than sums in another order do, no answer changed.
Leaves out what is sampled: see `morlbench.verify.rerun`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from morlbench.metric import Evidence, Probe
from morlbench.preference import Array
from morlbench.task import Exact

MEANS = 0.02  # of rewards in [0, 1] and of weights; of what the base falls short of the optimum
KLS = 0.25
NATS = 0.02
CLOSE = 1e-4
GROWTH = 3.0
FEW = 0.1  # of the answers


@dataclass
class Drift:
    """What floats alone do not do, and what they seldom do."""

    faults: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def add(self, told: list[str], share: float) -> None:
        """Add what runs far apart may not differ by: where few answers differ they are not."""
        (self.faults if share < FEW else self.doubts).extend(told)


def drift(mine: Evidence, again: Evidence) -> Drift:
    """Compare exact values and stated weights of two records of one key."""
    share, found = differing(mine, again), Drift()
    _weights(mine, again, found, drifted=share > 0)
    _kl(mine, again, found, drifted=share > 0)
    if (mine.exact is None) != (again.exact is None):
        found.faults.append("only one of the two runs has exact values")
    elif mine.exact is not None and again.exact is not None:
        if share:
            _exact(mine.exact, again.exact, share, found)
        else:
            found.faults += _identical(mine.exact, again.exact)
    return found


def differing(mine: Evidence, again: Evidence) -> float:
    """Return the share of the policy's answers that differ, 1 where the two hold different numbers of them."""
    first, second = ([text for probe in run.probes if probe.name != "base" for text in probe.responses] for run in (mine, again))
    return _share(first, second)


def _share(first: Sequence[str], second: Sequence[str]) -> float:
    if len(first) != len(second) or not first:
        return 1.0
    return float(np.mean([one != other for one, other in zip(first, second, strict=True)]))


def _identical(mine: Exact, again: Exact) -> list[str]:
    apart = {name: float(np.abs(getattr(mine, name) - getattr(again, name)).max()) for name in ("rewards", "kl", "value")}
    return [f"exact {name} differs by {far:.4f} though all answers agree" for name, far in apart.items() if far > CLOSE]


def _exact(mine: Exact, again: Exact, share: float, found: Drift) -> None:
    """Compare exact values of runs of which this share of answers differs."""
    if (far := float(np.abs(mine.rewards - again.rewards).max())) > MEANS:
        found.faults.append(f"exact rewards differ by {far:.3f}; the tolerance is {MEANS}")
    room = float(np.mean(again.optimum - again.base))
    one, other = (exact.optimum - exact.value for exact in (mine, again))  # (p,)
    if abs(one.mean() - other.mean()) > MEANS * room + KLS * max(one.mean(), other.mean()):
        found.faults.append(f"the exact values fall {one.mean():.4f} short of the optimum and {other.mean():.4f} when repeated")
    nats = KLS * np.maximum(mine.kl, again.kl) + NATS
    most = MEANS * room + KLS * np.maximum(one, other)
    found.add(_worst("KL", mine.kl, again.kl, nats, again), share)
    found.add(_worst("shortfall", one, other, most, again), share)
    found.doubts += _worst("shortfall", one, other, CLOSE + min(1.0, GROWTH * share) * most, again)


def _worst(name: str, one: Array, other: Array, most: Array, again: Exact) -> list[str]:
    """Return the preference at which two values (p,) are farther apart than they may be (p,), in a list that is empty if there is none."""
    beyond = np.abs(one - other) - most
    worst = int(beyond.argmax())
    told = f"the exact {name} at {again.preferences[worst].round(3).tolist()} is {one[worst]:.4f} and was {other[worst]:.4f} when repeated"
    return [told] if beyond[worst] > 0 else []


def _weights(mine: Evidence, again: Evidence, found: Drift, *, drifted: bool) -> None:
    """Compare what every probe states, and name the first that is wrong and the one that is farthest off."""
    seldom: list[tuple[float, str]] = []
    for one, other in zip(mine.probes, again.probes, strict=False):
        told = f"probe {one.name!r} states other weights"
        if one.weights is None or other.weights is None:
            found.faults += [told] if one.weights is not other.weights else []
        elif one.weights.shape == other.weights.shape:  # else the shape is a fault already
            far = np.abs(one.weights - other.weights).mean(1).max(-1)  # (p,) not of means: half moved up and half down keep a mean
            beyond = far - MEANS - GROWTH * _shares(one, other)
            if not drifted and np.abs(one.weights - other.weights).max() > CLOSE:
                found.faults.append(told)
            elif drifted and beyond.max() > 0:
                where = one.preferences[beyond.argmax()].round(3).tolist()
                found.faults.append(f"{told}, at {where} {far[beyond.argmax()]:.3f} off on average, where its answers agree")
            elif drifted and far.max() > MEANS:
                seldom.append((float(far.max()), told))
    if seldom:
        far_off, told = max(seldom)
        others = f", and so do {len(seldom) - 1} others" if len(seldom) > 1 else ""
        found.doubts.append(f"{told}, {far_off:.3f} off on average{others}; the tolerance is {MEANS}")


def _kl(mine: Evidence, again: Evidence, found: Drift, *, drifted: bool) -> None:
    """Compare the mean KL of a probe's answers at each preference; the mean over all of them is compared with the other means."""
    for one, other in zip(mine.probes, again.probes, strict=False):
        if one.kl is None or other.kl is None or one.kl.shape != other.kl.shape:
            continue
        first, second = one.kl.mean((1, 2)), other.kl.mean((1, 2))  # (p,)
        room = KLS * np.maximum(first, second) + NATS
        apart = np.abs(first - second)
        beyond = apart - CLOSE - drifted * np.minimum(1, GROWTH * _shares(one, other)) * room
        if beyond.max() > 0:
            worst = int(beyond.argmax())
            where = one.preferences[worst].round(3).tolist()
            found.doubts.append(f"the KL of probe {one.name!r} at {where} is {apart[worst]:.4f} nats off")


def _shares(one: Probe, other: Probe) -> Array:
    """Return at each preference (p,) the share of answers that may differ: of n that agree, 3 in n more might not (the rule of three)."""
    size = len(one.responses) // len(one.preferences)
    places = [slice(i * size, (i + 1) * size) for i in range(len(one.preferences))]
    return np.array([_share(one.responses[place], other.responses[place]) + 3 / size for place in places])
