"""What the intervals cover and what the comparisons find, by simulation; `pytest -m slow tests/test_coverage.py -s` prints it.

Every seed answers every prompt: score = seed effect + prompt effect + residual, prompts spread .1 and residuals .15, which is
what bounded rewards of sampled answers show. The Monte-Carlo error is one standard error of the share that is printed.
"""

import numpy as np
import pytest

from morlbench import comparison, crossfit, front, stats
from morlbench.answers import mean_interval
from morlbench.preference import lattice

pytestmark = pytest.mark.slow

SEEDS, PROMPTS = 5, 100
SPREADS = (0.0, 0.02, 0.05)  # between seeds


def normal(rng, size):
    return rng.standard_normal(size)


def skewed(rng, size):
    return rng.exponential(size=size) - 1


def crossed(spread, seed, shape=normal):
    """Return seed effects (s, 1), prompt effects (1, n) and residuals (s, n); the true mean of their sum is 0."""
    rng = np.random.default_rng(seed)
    seeds = rng.normal(0, spread, (SEEDS, 1)) if spread else np.zeros((SEEDS, 1))
    return seeds, 0.1 * shape(rng, (1, PROMPTS)), 0.15 * shape(rng, (SEEDS, PROMPTS))


def share(name, hits):
    """Print and return a share with its Monte-Carlo error."""
    found = float(np.mean(hits))
    print(f"\n{name}: {found:.4f} ± {np.sqrt(found * (1 - found) / len(hits)):.4f} ({len(hits)} repetitions)", end="")
    return found


@pytest.mark.parametrize("shape", [normal, skewed])
@pytest.mark.parametrize("spread", SPREADS)
def test_both_t_intervals_cover_at_five_seeds_and_a_hundred_prompts(spread, shape):
    """Over seeds alone the mean of these prompts is covered, over both levels that of all prompts; over 20,000 repetitions."""
    alone, both = [], []
    for seed in range(20_000):
        seeds, prompts, rest = crossed(spread, seed, shape)
        values = seeds + prompts + rest
        alone.append(holds(stats.seed_interval(values.mean(1)), prompts.mean()))
        both.append(holds(stats.two_level(values)))
    assert 0.93 <= share(f"seed spread {spread}, {shape.__name__}, t over seeds", alone) <= 0.97
    assert 0.93 <= share(f"seed spread {spread}, {shape.__name__}, t over seeds and prompts", both) <= 0.97


@pytest.mark.parametrize("shape", [normal, skewed])
@pytest.mark.parametrize("spread", SPREADS)
def test_the_two_level_bootstrap_t_covers_at_five_seeds_and_a_hundred_prompts(spread, shape):
    hits = []
    for seed in range(3000):
        values = sum(crossed(spread, seed, shape))
        hits.append(holds(stats.bootstrap_t(values, replicates=400, seed=seed)))
    assert 0.93 <= share(f"seed spread {spread}, {shape.__name__}, bootstrap-t over seeds and prompts", hits) <= 0.97


def test_plain_percentiles_do_not_cover_where_seeds_dominate():
    hits = []
    for seed in range(2000):
        rng, values = np.random.default_rng(seed), sum(crossed(0.05, seed))
        rows, columns = rng.integers(0, SEEDS, (400, SEEDS)), rng.integers(0, PROMPTS, (400, PROMPTS))
        low, high = np.percentile(values[rows[:, :, None], columns[:, None, :]].mean((1, 2)), [2.5, 97.5])
        hits.append(low <= 0 <= high)
    assert share("seed spread 0.05, normal, plain percentiles", hits) < 0.93


@pytest.mark.parametrize("prompts_too", [True, False])
@pytest.mark.parametrize("residual", [0.15, 0.06])
@pytest.mark.parametrize(("spread", "common"), [(0.0, 0.0), (0.02, 0.0), (0.02, 0.5), (0.02, 0.75), (0.05, 0.0), (0.05, 0.75)])
def test_a_planted_difference_is_found_and_equal_methods_are_tied(spread, common, residual, prompts_too):
    """Two methods on the same seeds and prompts, .05 apart or equal; `common` is the share of the seed variance they share.

    Residuals of .15 are those of a score at one preference, of .06 those of a mean over the lattice. What is asked (found 80%,
    tied 90%) holds at a seed spread of .02 of which half or more is common, as with shared experts, and at no spread. Two equal
    methods are tied everywhere; over seeds alone 'equal' means on these prompts.
    """
    found, tied = [], []
    for seed in range(2000):
        rng = np.random.default_rng(seed)
        shared = rng.normal(0, spread * np.sqrt(common), (SEEDS, 1)) + rng.normal(0, 0.1, (1, PROMPTS))
        better, worse, equal = (shared + own(rng, spread * np.sqrt(1 - common), residual, prompts_too) for _ in range(3))
        scores = {"better": better + 0.05, "worse": worse}
        level = {"one": worse, "other": equal}
        if not prompts_too:
            scores, level = ({name: x.mean(1) for name, x in some.items()} for some in (scores, level))
        found.append(comparison.tie_groups(scores) == [["better"], ["worse"]])
        tied.append(len(comparison.tie_groups(level)) == 1)
    where = f"seed spread {spread}, {common:.0%} common, residuals {residual}, {'two-level' if prompts_too else 'seeds alone'}"
    assert share(f"{where}, equal methods tied", tied) >= 0.9
    power = share(f"{where}, difference of .05 found", found)
    if not spread or (spread == 0.02 and common >= 0.5):
        assert power >= 0.8


def test_more_equal_methods_are_more_often_told_apart_since_the_leader_is_the_largest_of_the_same_scores():
    found = []
    for methods in (2, 3, 7, 13, 27):
        rng = np.random.default_rng(0)
        drawn = (rng.normal(size=(methods, SEEDS)) for _ in range(1000))
        apart = [len(comparison.tie_groups({str(i): x for i, x in enumerate(scores)})) > 1 for scores in drawn]
        found.append(share(f"{methods} equal methods, more than one tie group", apart))
    assert found == sorted(found)
    assert 0.03 < found[0] < 0.07
    assert 0.12 < found[-1] < 0.2


@pytest.mark.parametrize("noise", [0.1, 0.2])
def test_what_cross_fitting_takes_from_a_front_and_what_it_saves_from_a_collapsed_one(noise):
    """Hypervolume of 11 points asked of 100 prompts, one answer each, prompts spread .15: mean of 400 samples over the true value."""
    w, reference = lattice(2), np.array([0.35, 0.35])
    bias, covered = {}, {}
    for name, points in (("front", 0.4 + 0.2 * np.sqrt(w)), ("one point", np.full((11, 2), 0.54))):
        true, plain, fitted, hits = front.hypervolume(points, reference), [], [], []
        for seed in range(400):
            rng = np.random.default_rng(seed)
            answers = points[:, None, None] + rng.normal(0, 0.15, (1, PROMPTS, 1, 2)) + rng.normal(0, noise, (11, PROMPTS, 1, 2))
            plain.append(front.hypervolume(answers.mean((1, 2)), reference))
            fitted.append(crossfit.hypervolume(answers, np.arange(PROMPTS), reference))
            low, high = mean_interval(crossfit.hypervolume_parts(answers, reference))
            hits.append(low <= true <= high)
        covered[name] = share(f"answers spread {noise}, {name}: the interval of the plain value holds the true one", hits)
        bias[name] = np.mean(plain) / true - 1, np.mean(fitted) / true - 1
        print(f"\nanswers spread {noise}, {name}: plain {bias[name][0]:+.0%}, cross-fitted {bias[name][1]:+.0%}")
    assert bias["one point"][0] > 0.15
    assert abs(bias["one point"][1]) < 0.04
    assert 0 < bias["front"][0] < 0.1
    assert -0.2 < bias["front"][1] < -0.05
    assert covered["front"] > 0.9
    assert covered["one point"] < 0.9


@pytest.mark.parametrize(("k", "samples"), [(2, 40), (3, 40), (5, 40), (10, 10)])
def test_cross_fitting_takes_more_from_a_front_the_more_objectives_it_has(k, samples):
    """The same front over the lattice of k objectives, above the reference point .2, answers spread .2."""
    points, reference = 0.4 + 0.2 * np.sqrt(lattice(k)), np.full(k, 0.2)
    true, plain, fitted = front.hypervolume(points, reference), [], []
    for seed in range(samples):
        rng = np.random.default_rng(seed)
        prompts, rest = rng.normal(0, 0.15, (1, PROMPTS, 1, k)), rng.normal(0, 0.2, (len(points), PROMPTS, 1, k))
        answers = points[:, None, None] + prompts + rest
        plain.append(front.hypervolume(answers.mean((1, 2)), reference) / true)
        fitted.append(crossfit.hypervolume(answers, np.arange(PROMPTS), reference) / true)
    error = np.std(fitted, ddof=1) / np.sqrt(samples)
    print(f"\n{k} objectives: plain {np.mean(plain) - 1:+.0%}, cross-fitted {np.mean(fitted) - 1:+.0%} ± {error:.0%}", end="")
    limits = {2: (-0.15, 0), 3: (-0.25, -0.1), 5: (-0.4, -0.25), 10: (-0.7, -0.5)}
    assert limits[k][0] < np.mean(fitted) - 1 < limits[k][1]


def own(rng, spread, residual, prompts_too):
    """What is a method's own: a seed effect, a taste in prompts (of mean 0 over them if they are fixed), and sampled answers."""
    taste = rng.normal(0, 0.03, (1, PROMPTS))
    taste -= 0 if prompts_too else taste.mean()
    return rng.normal(0, spread, (SEEDS, 1)) + taste + rng.normal(0, residual, (SEEDS, PROMPTS))


def holds(interval, true=0.0):
    return interval.low <= true <= interval.high
