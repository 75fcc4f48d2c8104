"""Methods beside each other: ranks with intervals, paired differences corrected for their number, and what few seeds can show.

Scores are arrays (s,) by method, seeds first and paired: every method ran the same seeds. Leaves out one method's own
intervals and means: see `morlbench.stats`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit
from scipy.stats import chi2, norm, rankdata

from morlbench.errors import MorlbenchError
from morlbench.preference import Array
from morlbench.stats import LEVEL, Interval, finite, paired


@dataclass(frozen=True)
class Comparison:
    """The paired difference of `first` minus `second`, its p value, and the p value after Holm's correction."""

    first: str
    second: str
    difference: Interval
    adjusted: float


def rank_intervals(scores: Array, *, replicates: int = 2000, seed: int = 0) -> list[Interval]:
    """Return each method's rank (1 best) with 95% limits; scores (methods, s) or (methods, s, m), larger is better.

    Seeds are resampled jointly for all methods (they are paired); the rank is that of the mean on each task, averaged. Limits are
    ranks that occurred, the outer neighbours where a quantile lies between two. One seed tells nothing: then they are the first
    and the last rank.
    """
    scores = scores[..., None] if scores.ndim == 2 else scores
    finite(scores, None)
    value = rankdata(-scores.mean(1).round(12), axis=0).mean(1)
    if scores.shape[1] < 2:
        return [Interval(float(v), 1.0, float(len(value))) for v in value]
    means = scores[:, seed_draws(scores.shape[1], replicates=replicates, seed=seed)].mean(2)  # (methods, b, m)
    ranks = rankdata(-means.round(12), axis=0).mean(2)
    low = np.quantile(ranks, (1 - LEVEL) / 2, axis=1, method="lower")
    high = np.quantile(ranks, (1 + LEVEL) / 2, axis=1, method="higher")
    return [Interval(float(v), float(a), float(b)) for v, a, b in zip(value, low, high, strict=True)]


def seed_draws(seeds: int, *, replicates: int = 2000, seed: int = 0) -> NDArray[np.int64]:
    """Return which of the seeds each bootstrap replicate takes: (b, s), the same for every method since seeds are paired."""
    return np.random.default_rng(seed).integers(0, seeds, (replicates, seeds))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected by Holm (1979): the i-th smallest times (count - i), running maximum, at most 1."""
    order = np.argsort(p_values)
    steps = np.sort(np.asarray(p_values, dtype=float)) * (len(p_values) - np.arange(len(p_values)))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return [float(p) for p in adjusted]


def compare(scores: Mapping[str, Array], pairs: Sequence[tuple[str, str]]) -> list[Comparison]:
    """Return the paired differences of these pairs of methods, Holm-corrected over these pairs only.

    Scores are (s,) per method, paired by seed, or (s, n), paired by seed and prompt (then two-level).
    """
    found = [paired(scores[a], scores[b]) for a, b in pairs]
    corrected = holm([difference.p for difference in found])
    return [Comparison(a, b, d, p) for (a, b), d, p in zip(pairs, found, corrected, strict=True)]


def against_leader(scores: Mapping[str, Array], controls: Mapping[str, str] | None = None) -> list[Comparison]:
    """Compare every method with the leader (the largest mean), and each with its own control, no two twice; Holm over exactly these."""
    best = leader(scores)
    pairs = [(best, name) for name in scores if name != best]
    pairs += [(name, control) for name, control in (controls or {}).items() if best not in (name, control)]
    return compare(scores, pairs)


def tie_groups(scores: Mapping[str, Array], controls: Mapping[str, str] | None = None, alpha: float = 0.05) -> list[list[str]]:
    """Return groups of methods, best first: the leader and those after it, as far as none is rejected against it; then the rest.

    The leader's comparisons are those of `against_leader`, with the controls in Holm's family; later groups have none. A group ends
    at the first method that is rejected, so that groups follow the scores: a method of wide spread that no test tells from the
    leader does not overtake those that are known to be behind it.
    """
    rest = sorted(scores, key=lambda name: -float(np.mean(scores[name])))
    groups: list[list[str]] = []
    while rest:
        found = against_leader({name: scores[name] for name in rest}, None if groups else controls)
        adjusted = {c.second: c.adjusted for c in found if c.first == rest[0]}
        end = next((i for i, name in enumerate(rest) if i and adjusted[name] < alpha), len(rest))
        groups.append(rest[:end])
        rest = rest[end:]
    return groups


def leader(scores: Mapping[str, Array]) -> str:
    """Return the name with the largest mean score."""
    return max(scores, key=lambda name: float(np.mean(scores[name])))


def median_spread(samples: Array) -> float:
    """Return the median standard deviation of samples (m, n), without the bias of few values a sample.

    The median of sample variances of a normal law lies below its variance by the median of chi-square over its degrees of freedom.
    """
    freedom = samples.shape[1] - 1
    return float(np.sqrt(np.median(samples.var(1, ddof=1)) * freedom / chi2.median(freedom)))


def minimum_detectable(spread: float, seeds: int, *, comparisons: int = 1, power: float = 0.8, alpha: float = 0.05) -> float:
    """Return the smallest true difference a paired t test over `seeds` finds with this power.

    spread is the standard deviation over seeds of the paired difference; alpha is divided by `comparisons` (Holm's first step).
    """
    from scipy.optimize import brentq

    if seeds < 2:
        raise MorlbenchError(f"a difference needs at least 2 seeds; given {seeds}")
    freedom = seeds - 1
    critical = float(stdtrit(freedom, 1 - alpha / comparisons / 2))

    spreads = np.sqrt(chi2.ppf((np.arange(4000) + 0.5) / 4000, freedom) / freedom)  # of the estimated standard deviation

    def excess(shift: float) -> float:
        """Power less the wanted one: the non-central t as a mean over spreads, since scipy's own is NaN in places."""
        return float((norm.sf(critical * spreads - shift) + norm.cdf(-critical * spreads - shift)).mean() - power)

    far = critical
    while excess(far) < 0:
        far += 1.0
    return float(brentq(excess, 0, far) * spread / np.sqrt(seeds))
