"""Slow twins: each number once more, written from its formula in plain loops, without the code under test."""

import itertools
import math

import numpy as np


def hypervolume(points, reference):
    """Inclusion and exclusion over all subsets of boxes."""
    boxes = [p for p in points if all(a > b for a, b in zip(p, reference, strict=True))]
    total = 0.0
    for size in range(1, len(boxes) + 1):
        for some in itertools.combinations(boxes, size):
            corner = [min(values) for values in zip(*some, strict=True)]
            total += (-1) ** (size + 1) * math.prod(c - r for c, r in zip(corner, reference, strict=True))
    return total


def monte_carlo_hypervolume(points, reference, samples, seed):
    """Share of uniform points of the box between reference and ideal that some point dominates, with its standard error."""
    points, reference = np.asarray(points), np.asarray(reference)
    ideal = points.max(0)
    drawn = np.random.default_rng(seed).uniform(reference, ideal, (samples, len(reference)))
    hit = np.zeros(samples, dtype=bool)
    for point in points:
        hit |= (drawn <= point).all(1)
    box = np.prod(ideal - reference)
    return box * hit.mean(), box * math.sqrt(hit.mean() * (1 - hit.mean()) / samples)


def dominates(a, b):
    return all(x >= y for x, y in zip(a, b, strict=True)) and any(x > y for x, y in zip(a, b, strict=True))


def nondominated(points):
    distinct = {tuple(p) for p in points}
    return sorted(p for p in distinct if not any(dominates(q, p) for q in distinct))


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def expected_utility(points, weights):
    return sum(max(dot(w, p) for p in points) for w in weights) / len(weights)


def maximum_utility_loss(points, reference, weights):
    return max(max(dot(w, z) for z in reference) - max(dot(w, p) for p in points) for w in weights)


def sparsity(points):
    kept = nondominated(points)
    if len(kept) < 2:
        return 0.0
    total = 0.0
    for i in range(len(kept[0])):
        column = sorted(p[i] for p in kept)
        total += sum((b - a) ** 2 for a, b in itertools.pairwise(column))
    return total / (len(kept) - 1)


def spacing(points):
    kept = nondominated(points)
    nearest = [min(sum(abs(a - b) for a, b in zip(p, q, strict=True)) for q in kept if q != p) for p in kept]
    mean = sum(nearest) / len(nearest)
    return math.sqrt(sum((d - mean) ** 2 for d in nearest) / len(nearest))


def igd_plus(points, reference):
    total = 0.0
    for z in reference:
        total += min(math.sqrt(sum(max(a - b, 0) ** 2 for a, b in zip(z, p, strict=True))) for p in points)
    return total / len(reference)


def epsilon(points, reference):
    return max(min(max(a - b for a, b in zip(z, p, strict=True)) for p in points) for z in reference)


def r2(points, weights):
    return sum(min(max(w * (1 - v) for w, v in zip(weight, p, strict=True)) for p in points) for weight in weights) / len(weights)


def realised_utility(rewards, preferences, utility):
    """rewards[p][n][d] is a reward vector."""
    values = [utility(r, w) for w, prompts in zip(preferences, rewards, strict=True) for draws in prompts for r in draws]
    return sum(values) / len(values)


def linear(r, w):
    return dot(r, w)


def chebyshev(r, w):
    return -max(b * (1 - a) for a, b in zip(r, w, strict=True)) + 0.05 * dot(r, w)


def soft_threshold(thresholds):
    return lambda r, w: dot(r, w) - 2 * sum(max(0, t - a) for a, t in zip(r, thresholds, strict=True))


def hard_threshold(thresholds):
    return lambda r, w: float(all(a >= t for a, t in zip(r, thresholds, strict=True)))


def crossfit_expected_utility(rewards, halves, weights):
    """Choose the point on one half, score it on the other; halves is one tuple of booleans per split."""
    rewards = np.asarray(rewards).mean(2)  # (p, n, k)
    n, total, share = rewards.shape[1], 0.0, 0.0
    for first in halves:
        for mask in (np.array(first), ~np.array(first)):
            choose, worth = rewards[:, mask].mean(1), rewards[:, ~mask].mean(1)
            value = 0.0
            for w in weights:
                best = max(range(len(choose)), key=lambda p: dot(choose[p], w))
                value += dot(worth[best], w) / len(weights)
            total += value * (~mask).sum() / n
            share += (~mask).sum() / n
    return total / share


def crossed_variance(values):
    """Variance of the grand mean of a crossed sample by its components, in loops."""
    s, n = len(values), len(values[0])
    mean = sum(map(sum, values)) / (s * n)
    rows = [sum(row) / n for row in values]
    columns = [sum(values[i][j] for i in range(s)) / s for j in range(n)]
    row_square = n * sum((r - mean) ** 2 for r in rows) / (s - 1)
    column_square = s * sum((c - mean) ** 2 for c in columns) / (n - 1)
    rest = sum((values[i][j] - rows[i] - columns[j] + mean) ** 2 for i in range(s) for j in range(n)) / ((s - 1) * (n - 1))
    seed_part, prompt_part = max((row_square - rest) / n, 0), max((column_square - rest) / s, 0)
    return seed_part / s + prompt_part / n + rest / (s * n)


def probability_of_improvement(first, second):
    """Lists of tasks, each a list of runs."""
    shares = []
    for xs, ys in zip(first, second, strict=True):
        wins = sum((x > y) + 0.5 * (x == y) for x in xs for y in ys)
        shares.append(wins / (len(xs) * len(ys)))
    return sum(shares) / len(shares)


def interquartile_mean(values):
    ordered = sorted(values)
    cut = int(0.25 * len(ordered))
    kept = ordered[cut : len(ordered) - cut]
    return sum(kept) / len(kept)
