"""Statistics over seeds, prompts and tasks: intervals, robust means, ranks and comparisons that know how few seeds there are.

Scores are arrays: s seeds, n prompts, m tasks, always seeds first. Seeds are a random sample; test prompts are fixed for the
seed-level t interval (the default) and a sample too for the two-level ones, where seeds and prompts cross. Everything
random takes a seed. Written here because rliable does not import beside pandas 3 and ignores its seed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit  # Student's law: what scipy.stats.t calls, in a hundredth of its time
from scipy.stats import chi2, norm, rankdata, trim_mean

from morlbench import front
from morlbench.errors import MorlbenchError
from morlbench.preference import Array

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A value and its 95% limits; NaN limits where one sample gives none. `p` tests that the true value is 0."""

    value: float
    low: float
    high: float
    p: float = np.nan


@dataclass(frozen=True)
class Comparison:
    """The paired difference of `first` minus `second`, its p value, and the p value after Holm's correction."""

    first: str
    second: str
    difference: Interval
    adjusted: float


def seed_interval(values: Array) -> Interval:
    """Return the mean of values (s,) with its t interval: test prompts fixed, seeds a sample."""
    values = _finite(values)
    spread = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return _student(float(values.mean()), float(spread), max(len(values) - 1, 1))


def two_level(values: Array) -> Interval:
    """Return the mean of values (s, n) with an interval over seeds and prompts, which cross (every seed answers every prompt).

    Model y_sj = μ + a_s + b_j + e_sj; the variance of the mean is σ_a²/s + σ_b²/n + σ_e²/sn from the mean squares, each
    component at least 0, with Satterthwaite's degrees of freedom (1946), at least s - 1. Coverage: docs/statistics.md.
    """
    mean, variance, freedom = _crossed(_finite(values, 2)[None])
    return _student(float(mean[0]), float(np.sqrt(variance[0])), float(freedom[0]))


def bootstrap_t(values: Array, *, replicates: int = 2000, seed: int = 0) -> Interval:
    """Return the mean of values (s, n) with a two-level bootstrap-t interval: seed, prompt and residual effects resampled.

    Prompt and residual effects are scaled to the variance of their component (Davison & Hinkley 1997, section 3.8); seed
    effects keep the noise of their prompts, since a handful of seeds cannot tell the two apart. Each replicate is studentised
    by its own components, and the limits are symmetric (Hall 1988). Coverage: docs/statistics.md.
    """
    values = _finite(values, 2)
    mean, variance, _ = _crossed(values[None])
    (s, n), rng = values.shape, np.random.default_rng(seed)
    seeds, prompts, rest = _effects(values)
    scaled = []
    for size in _chunks(replicates, 250):
        drawn = rng.choice(rest, (size, s, n)) + rng.choice(seeds, (size, s, 1)) + rng.choice(prompts, (size, 1, n))
        means, variances, _ = _crossed(drawn)
        scaled.append(np.abs(means) / np.sqrt(np.maximum(variances, 1e-300)))
    pivots, error = np.concatenate(scaled), float(np.sqrt(variance[0]))
    half = float(np.quantile(pivots, LEVEL)) * error
    p = (1 + (pivots >= abs(mean[0]) / max(error, 1e-150)).sum()) / (1 + replicates)
    return Interval(float(mean[0]), float(mean[0] - half), float(mean[0] + half), float(p))


def spreads(values: Array) -> tuple[float, float, float]:
    """Return the standard deviations between seeds, between prompts and of the residuals of crossed scores (s, n).

    Estimated from the mean squares, at least 0 each; the first is what a sixth seed would add, the second another prompt.
    """
    values = _finite(values, 2)
    (s, n), (_, a, b, e) = values.shape, _mean_squares(values[None])
    return float(np.sqrt(s * max(a[0] - e[0], 0))), float(np.sqrt(n * max(b[0] - e[0], 0))), float(np.sqrt(s * n * e[0]))


def bootstrap_hypervolumes(rewards: Array, reference: Array, *, replicates: int = 2000, seed: int = 0) -> Array:
    """Return replicates (b,) of the mean hypervolume over seeds; rewards (s, p, n, k), seeds and prompts resampled.

    Exact up to k = 3 in a few microseconds a set. Replicates are noisier than the data, so they lie above the value: use
    their spread, not their level.
    """
    s, p, n, k = rewards.shape
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(n, np.full(n, 1 / n), replicates) / n  # (b, n)
    flat = rewards.transpose(2, 0, 1, 3).reshape(n, s * p * k)
    sets = (counts @ flat).reshape(replicates * s, p, k)
    volumes = front.hypervolumes(sets, reference).reshape(replicates, s)
    return np.asarray(np.take_along_axis(volumes, rng.integers(0, s, (replicates, s)), 1).mean(1))


def iqm(values: Array) -> float:
    """Return the interquartile mean of all values: the mean without the lowest and highest quarter (Agarwal et al. 2021).

    As there, floor(.25 n) values are cut at each end.

    >>> iqm(np.array([0.0, 1.0, 2.0, 30.0]))
    1.5
    """
    return float(trim_mean(_finite(np.ravel(values)), 0.25))


def median(scores: Array) -> float:
    """Return the median over tasks of the mean over seeds; scores (s, m) (Agarwal et al. 2021).

    Half of the tasks may change without changing it: read it beside `iqm`.

    >>> median(np.array([[0.0, 0.5, 1.0], [0.2, 0.5, 9.0]]))
    0.5
    """
    return float(np.median(_finite(scores, 2).mean(0)))


def stratified_interval(scores: Array, summary: Callable[[Array], float] = iqm, *, replicates: int = 2000, seed: int = 0) -> Interval:
    """Return `summary` of scores (s, m) with percentile limits, seeds resampled within each task apart (Agarwal et al. 2021).

    Made for many tasks of few seeds. On one task of five seeds percentiles are too narrow: use `seed_interval` there.
    """
    scores = _finite(scores, 2)
    s, m = scores.shape
    rows = np.random.default_rng(seed).integers(0, s, (replicates, s, m))
    drawn = [summary(some) for some in np.take_along_axis(scores[None], rows, 1)]
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(summary(scores), float(low), float(high))


def performance_profile(scores: Array, thresholds: Array) -> Array:
    """Return the share of runs (s, m) whose score exceeds each threshold: (q,), falling (Dolan & Moré 2002)."""
    return np.asarray((np.ravel(_finite(scores, None))[:, None] > thresholds).mean(0))


def probability_of_improvement(first: Array, second: Array) -> float:
    """Return the mean over tasks of P(X > Y) + P(X = Y) / 2 for runs (s, m) and (s', m) (Agarwal et al. 2021)."""
    first, second = np.atleast_2d(_finite(first, None).T).T, np.atleast_2d(_finite(second, None).T).T
    if first.shape[1] != second.shape[1]:
        raise MorlbenchError(f"the two methods have runs on {first.shape[1]} and {second.shape[1]} tasks; expected the same tasks")
    difference = first[:, None] - second[None]
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


def rank_intervals(scores: Array, *, replicates: int = 2000, seed: int = 0) -> list[Interval]:
    """Return each method's rank (1 best) with 95% limits; scores (methods, s) or (methods, s, m), larger is better.

    Seeds are resampled jointly for all methods (they are paired); the rank is that of the mean on each task, averaged. Limits are
    ranks that occurred, the outer neighbours where a quantile lies between two.
    """
    scores = scores[..., None] if scores.ndim == 2 else scores
    _finite(scores, None)
    means = scores[:, seed_draws(scores.shape[1], replicates=replicates, seed=seed)].mean(2)  # (methods, b, m)
    ranks = rankdata(-means.round(12), axis=0).mean(2)
    value = rankdata(-scores.mean(1).round(12), axis=0).mean(1)
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
    """Compare every method with the leader (the largest mean), and each with its own control; Holm over exactly these."""
    best = leader(scores)
    pairs = [(best, name) for name in scores if name != best]
    pairs += [(name, control) for name, control in (controls or {}).items() if (name, control) not in pairs]
    return compare(scores, pairs)


def tie_groups(scores: Mapping[str, Array], alpha: float = 0.05) -> list[list[str]]:
    """Return groups of methods, best first: the leader and those after it, as far as none is rejected against it; then the rest.

    A group ends at the first method that is rejected, so that groups follow the scores: a method of wide spread that no test
    tells from the leader does not overtake those that are known to be behind it.
    """
    rest = sorted(scores, key=lambda name: -float(np.mean(scores[name])))
    groups = []
    while rest:
        others = compare(scores, [(rest[0], name) for name in rest[1:]])
        end = next((i for i, c in enumerate(others, 1) if c.adjusted < alpha), len(rest))
        groups.append(rest[:end])
        rest = rest[end:]
    return groups


def leader(scores: Mapping[str, Array]) -> str:
    """Return the name with the largest mean score."""
    return max(scores, key=lambda name: float(np.mean(scores[name])))


def paired(first: Array, second: Array, *, bootstrap: bool = False) -> Interval:
    """Return the mean of first - second, paired by seed, a t interval for (s,), or by seed and prompt, two-level for (s, n).

    With `bootstrap` the two-level interval is `bootstrap_t` with its own p value instead of Satterthwaite's t.
    """
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if first.shape != second.shape:
        raise MorlbenchError(f"paired scores must have one shape (seeds, or seeds and prompts); got {first.shape} and {second.shape}")
    if first.ndim == 1:
        return seed_interval(first - second)
    return bootstrap_t(first - second) if bootstrap else two_level(first - second)


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


def _crossed(values: Array) -> tuple[Array, Array, Array]:
    """Return mean, variance of the mean, and degrees of freedom (b,) of crossed samples (b, s, n)."""
    _, s, n = values.shape
    mean, a, b, e = _mean_squares(values)
    variance = np.maximum(a - e, 0) + np.maximum(b - e, 0) + e
    weight = a**2 / (s - 1) + b**2 / (n - 1) + e**2 / ((s - 1) * (n - 1))
    return mean, variance, np.maximum(variance**2 / np.maximum(weight, 1e-300), s - 1)


def _mean_squares(values: Array) -> tuple[Array, Array, Array, Array]:
    """Return the mean and the mean squares of seeds, prompts and residuals over s n, (b,) each, of samples (b, s, n)."""
    _, s, n = values.shape
    if s < 2 or n < 2:
        raise MorlbenchError(f"a two-level interval needs at least 2 seeds and 2 prompts; given {s} and {n}")
    rows, columns, mean = values.mean(2), values.mean(1), values.mean((1, 2))
    inner = ((values - rows[:, :, None] - columns[:, None] + mean[:, None, None]) ** 2).sum((1, 2)) / ((s - 1) * (n - 1))
    return mean, rows.var(1, ddof=1) / s, columns.var(1, ddof=1) / n, inner / (s * n)


def _effects(values: Array) -> tuple[Array, Array, Array]:
    """Return seed (s,), prompt (n,) and residual (s n,) effects; the last two are scaled to the variance of their component."""
    s, n = values.shape
    rows, columns = values.mean(1) - values.mean(), values.mean(0) - values.mean()
    rest = (values - rows[:, None] - columns - values.mean()).ravel()
    noise = (rest**2).sum() / ((s - 1) * (n - 1))
    parts = ((rows, rows.var(ddof=1)), (columns, columns.var(ddof=1) - noise / s), (rest, noise))
    seeds, prompts, residuals = (part * np.sqrt(max(wanted, 0) / max(float(part.var()), 1e-300)) for part, wanted in parts)
    return seeds, prompts, residuals


def _student(value: float, error: float, freedom: float) -> Interval:
    if not np.isfinite(error):
        return Interval(value, np.nan, np.nan)
    if error < 1e-15:
        return Interval(value, value, value, float(abs(value) < 1e-15))
    half = stdtrit(freedom, (1 + LEVEL) / 2) * error
    return Interval(value, float(value - half), float(value + half), float(2 * stdtr(freedom, -abs(value) / error)))


def _finite(values: Array, ndim: int | None = 1) -> Array:
    values = np.asarray(values, dtype=float)
    if not values.size or (ndim is not None and values.ndim != ndim):
        raise MorlbenchError(f"expected scores with {ndim or 'any'} dimension(s) and at least one value; got shape {values.shape}")
    if not np.isfinite(values).all():
        raise MorlbenchError("scores hold a value that is not finite; a missing cell must be shown as missing, not averaged")
    return values


def _chunks(total: int, size: int) -> list[int]:
    return [min(size, total - start) for start in range(0, total, size)]
