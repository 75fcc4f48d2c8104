"""Statistics of one method over seeds, prompts and tasks: intervals and robust means that know how few seeds there are.

Scores are arrays: s seeds, n prompts, m tasks, always seeds first. Seeds are a random sample; test prompts are fixed for the
seed-level t interval (the default) and a sample too for the two-level ones, where seeds and prompts cross. Everything
random takes a seed. Written here because rliable does not import beside pandas 3 and ignores its seed. Leaves out comparing
methods: see `morlbench.comparison`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit  # Student's law: what scipy.stats.t calls, in a hundredth of its time

from morlbench import front
from morlbench.errors import MorlbenchError
from morlbench.preference import Array

LEVEL = 0.95
FEW = 5  # tasks below which a quarter cut at each end would be whole tasks, or none


@dataclass(frozen=True)
class Interval:
    """A value and its 95% limits; NaN limits where one sample gives none. `p` tests that the true value is 0."""

    value: float
    low: float
    high: float
    p: float = np.nan


def seed_interval(values: Array) -> Interval:
    """Return the mean of values (s,) with its t interval: test prompts fixed, seeds a sample."""
    values = finite(values)
    spread = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return _student(float(values.mean()), float(spread), max(len(values) - 1, 1))


def half_width(values: Array, tests: int = 1) -> Array:
    """Return half the 95% t interval of the mean over the last axis, for `tests` of them at once (Bonferroni); needs two values."""
    n = values.shape[-1]
    return np.asarray(stdtrit(n - 1, 1 - (1 - LEVEL) / 2 / tests) * values.std(-1, ddof=1) / np.sqrt(n))


def two_level(values: Array) -> Interval:
    """Return the mean of values (s, n) with an interval over seeds and prompts, which cross (every seed answers every prompt).

    Model y_sj = μ + a_s + b_j + e_sj; the variance of the mean is σ_a²/s + σ_b²/n + σ_e²/sn from the mean squares, each
    component at least 0, with Satterthwaite's degrees of freedom (1946), at least s - 1. Coverage: docs/statistics.md.
    """
    mean, variance, freedom = _crossed(finite(values, 2)[None])
    return _student(float(mean[0]), float(np.sqrt(variance[0])), float(freedom[0]))


def bootstrap_t(values: Array, *, replicates: int = 2000, seed: int = 0) -> Interval:
    """Return the mean of values (s, n) with a two-level bootstrap-t interval: seed, prompt and residual effects resampled.

    Prompt and residual effects are scaled to the variance of their component (Davison & Hinkley 1997, section 3.8); seed
    effects keep the noise of their prompts, since a handful of seeds cannot tell the two apart. Each replicate is studentised
    by its own components, and the limits are symmetric (Hall 1988). Coverage: docs/statistics.md.
    """
    values = finite(values, 2)
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
    values = finite(values, 2)
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
    from scipy.stats import trim_mean  # a second to import, which a run has no use for

    return float(trim_mean(finite(np.ravel(values)), 0.25))


def over_tasks(scores: Array) -> float:
    """Return one number over the tasks of scores (m,): the plain mean below five of them, from five on the interquartile mean.

    >>> over_tasks(np.array([0.0, 1.0, 2.0, 30.0]))
    8.25
    >>> over_tasks(np.array([0.0, 1.0, 2.0, 30.0, 3.0]))
    2.0
    """
    return float(finite(scores).mean()) if len(scores) < FEW else iqm(scores)


def over_tasks_name(tasks: int) -> str:
    """Return what `over_tasks` is of that many tasks, in words.

    >>> over_tasks_name(4), over_tasks_name(7)
    ('mean over 4 tasks', 'interquartile mean over 7 tasks')
    """
    return f"{'mean' if tasks < FEW else 'interquartile mean'} over {tasks} tasks"


def median(scores: Array) -> float:
    """Return the median over tasks of the mean over seeds; scores (s, m) (Agarwal et al. 2021).

    Half of the tasks may change without changing it: read it beside `iqm`.

    >>> median(np.array([[0.0, 0.5, 1.0], [0.2, 0.5, 9.0]]))
    0.5
    """
    return float(np.median(finite(scores, 2).mean(0)))


def stratified_interval(scores: Array, summary: Callable[[Array], float] = iqm, *, replicates: int = 2000, seed: int = 0) -> Interval:
    """Return `summary` of scores (s, m) with percentile limits, seeds resampled within each task apart (Agarwal et al. 2021).

    Made for many tasks of few seeds. On one task of five seeds percentiles are too narrow: use `seed_interval` there.
    """
    scores = finite(scores, 2)
    s, m = scores.shape
    rows = np.random.default_rng(seed).integers(0, s, (replicates, s, m))
    drawn = [summary(some) for some in np.take_along_axis(scores[None], rows, 1)]
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(summary(scores), float(low), float(high))


def performance_profile(scores: Array, thresholds: Array) -> Array:
    """Return the share of runs (s, m) whose score exceeds each threshold: (q,), falling (Dolan & Moré 2002)."""
    return np.asarray((np.ravel(finite(scores, None))[:, None] > thresholds).mean(0))


def probability_of_improvement(first: Array, second: Array) -> float:
    """Return the mean over tasks of P(X > Y) + P(X = Y) / 2 for runs (s, m) and (s', m) (Agarwal et al. 2021)."""
    first, second = np.atleast_2d(finite(first, None).T).T, np.atleast_2d(finite(second, None).T).T
    if first.shape[1] != second.shape[1]:
        raise MorlbenchError(f"the two methods have runs on {first.shape[1]} and {second.shape[1]} tasks; expected the same tasks")
    difference = first[:, None] - second[None]
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


def paired(first: Array, second: Array, *, bootstrap: bool = False) -> Interval:
    """Return the mean of first - second, paired by seed, a t interval for (s,), or by seed and prompt, two-level for (s, n).

    With `bootstrap` the two-level interval is `bootstrap_t` with its own p value instead of Satterthwaite's t. Scores that are
    equal but for the last digits of sums differ by 0, else a shift of 1e-15 on every seed would be beyond doubt.
    """
    first, second = finite(first, None), finite(second, None)
    if first.shape != second.shape:
        raise MorlbenchError(f"paired scores must have one shape (seeds, or seeds and prompts); got {first.shape} and {second.shape}")
    apart = np.where(np.isclose(first, second, rtol=1e-12, atol=1e-14), 0.0, first - second)
    if first.ndim == 1:
        return seed_interval(apart)
    return bootstrap_t(apart) if bootstrap else two_level(apart)


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


def finite(values: Array, ndim: int | None = 1) -> Array:
    """Return the scores as an array; raise MorlbenchError where they are none, of another dimension, or not finite."""
    values = np.asarray(values, dtype=float)
    if not values.size or (ndim is not None and values.ndim != ndim):
        raise MorlbenchError(f"expected scores with {ndim or 'any'} dimension(s) and at least one value; got shape {values.shape}")
    if not np.isfinite(values).all():
        raise MorlbenchError("scores hold a value that is not finite; a missing cell must be shown as missing, not averaged")
    return values


def _chunks(total: int, size: int) -> list[int]:
    return [min(size, total - start) for start in range(0, total, size)]
