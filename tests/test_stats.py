"""Statistics against hand-worked numbers, slow twins, scipy and simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import slow
from scipy.stats import t, ttest_1samp, ttest_rel

from morlbench import comparison, front, stats
from morlbench.errors import MorlbenchError

FEW = settings(max_examples=40, deadline=None)
NUMBERS = st.lists(st.floats(-10, 10, allow_nan=False), min_size=3, max_size=12)


def crossed(seed_spread, *, seed, prompt_spread=0.1, noise=0.15, s=5, n=100):
    rng = np.random.default_rng(seed)
    return rng.normal(0, seed_spread, (s, 1)) + rng.normal(0, prompt_spread, (1, n)) + rng.normal(0, noise, (s, n))


@FEW
@given(NUMBERS)
def test_seed_interval_is_scipys(values):
    if np.ptp(values) < 1e-6:
        return
    found, expected = stats.seed_interval(np.array(values)), ttest_1samp(values, 0)
    low, high = expected.confidence_interval()
    assert (found.low, found.high, found.p) == pytest.approx((low, high, expected.pvalue))


def test_one_seed_has_a_value_and_no_interval():
    found = stats.seed_interval(np.array([0.3]))
    assert found.value == 0.3
    assert np.isnan([found.low, found.high, found.p]).all()


def test_two_level_uses_the_variance_components_of_the_slow_twin():
    values = crossed(0.05, seed=0, n=20)
    found = stats.two_level(values)
    centre, half = (found.low + found.high) / 2, (found.high - found.low) / 2
    variance = slow.crossed_variance(values.tolist())
    assert centre == pytest.approx(values.mean())
    assert 1.9 < half / np.sqrt(variance) < 2.8  # t quantiles between those of many and of four degrees of freedom


def test_the_degrees_of_freedom_of_two_levels_are_satterthwaites_worked_by_hand():
    """Two seeds at ±1, three prompts at -3, 0, 3 and residuals ±.5, ∓1, ±.5 around 10.

    Over s n = 6 the mean squares are 3 (1 + 1) / 1 / 6 = 1 of seeds, 2 (9 + 0 + 9) / 2 / 6 = 3 of prompts, and of residuals
    2 (.25 + 1 + .25) / 2 / 6 = .25. The mean's variance is .75 + 2.75 + .25 = 3.75, with 3.75² / (1² / 1 + 3² / 2 + .25² / 2)
    = 14.0625 / 5.53125 degrees of freedom: neither s - 1 = 1 nor many.
    """
    residuals = np.array([[0.5, -1.0, 0.5], [-0.5, 1.0, -0.5]])
    found = stats.two_level(10 + np.array([[1.0], [-1.0]]) + np.array([[-3.0, 0.0, 3.0]]) + residuals)
    freedom, error = 14.0625 / 5.53125, np.sqrt(3.75)
    assert found.value == pytest.approx(10)
    assert (found.low, found.high) == pytest.approx(t.interval(0.95, freedom, 10, error))
    assert found.p == pytest.approx(2 * t.sf(10 / error, freedom))


def test_the_degrees_of_freedom_of_two_levels_are_at_least_those_of_the_seeds():
    """Seeds at ±1 of two and residuals ±2, ∓2: 4 / 4 = 1 from seeds, 0 from prompts, 16 / 4 = 4 from residuals.

    The variance is 0 + 0 + 4, as negative components count nothing, with 16 / (1 + 0 + 16) < 1 degrees of freedom.
    """
    found = stats.two_level(np.array([[1.0 + 2.0, 1.0 - 2.0], [-1.0 - 2.0, -1.0 + 2.0]]))
    assert (found.low, found.high) == pytest.approx(t.interval(0.95, 1, 0, 2))


def test_two_level_is_wider_than_seeds_alone_when_prompts_differ_and_equal_when_they_do_not():
    values = crossed(0.0, seed=1, prompt_spread=0.2)
    wide, narrow = stats.two_level(values), stats.seed_interval(values.mean(1))
    assert wide.high - wide.low > 1.2 * (narrow.high - narrow.low)
    same = np.repeat(np.array([[0.1], [0.2], [0.3], [0.2], [0.2]]), 50, 1)
    two, one = stats.two_level(same), stats.seed_interval(same.mean(1))
    assert (two.low, two.high) == pytest.approx((one.low, one.high))


def test_bootstrap_t_is_seeded_and_brackets_the_mean():
    values = crossed(0.02, seed=2)
    a, b = stats.bootstrap_t(values, replicates=400, seed=1), stats.bootstrap_t(values, replicates=400, seed=1)
    assert a == b
    assert a != stats.bootstrap_t(values, replicates=400, seed=2)
    assert a.low < values.mean() < a.high


@pytest.mark.parametrize("shift", [0.0, 0.02, 0.05, 0.3])
def test_the_p_value_of_bootstrap_t_agrees_with_its_interval(shift):
    found = stats.bootstrap_t(crossed(0.02, seed=3) + shift, replicates=400)
    assert (found.p < 0.05) == (not found.low <= 0 <= found.high)
    assert 1 / 401 <= found.p <= 1


def test_bootstrap_t_of_equal_scores_is_a_point():
    same = stats.bootstrap_t(np.zeros((3, 4)), replicates=20)
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1)


def test_paired_scores_may_be_compared_by_the_bootstrap():
    first, second = crossed(0.02, seed=0) + 0.1, crossed(0.02, seed=1)
    assert stats.paired(first, second, bootstrap=True) == stats.bootstrap_t(first - second)
    assert stats.paired(first, second) == stats.two_level(first - second)


def test_spreads_are_the_planted_ones():
    found = np.mean([stats.spreads(crossed(0.05, seed=seed, s=20)) for seed in range(40)], 0)
    assert found == pytest.approx((0.05, 0.1, 0.15), rel=0.05)
    only_prompts = np.repeat(np.arange(4.0)[None], 3, 0)
    assert stats.spreads(only_prompts) == pytest.approx((0, np.std([0, 1, 2, 3], ddof=1), 0))


def test_intervals_need_two_seeds_and_two_prompts():
    with pytest.raises(MorlbenchError, match="at least 2 seeds and 2 prompts"):
        stats.two_level(np.zeros((1, 10)))
    with pytest.raises(MorlbenchError, match="not finite"):
        stats.seed_interval(np.array([0.1, np.nan]))


def test_iqm_of_hand_worked_numbers():
    assert stats.iqm(np.array([0.0, 1, 2, 30])) == 1.5
    assert stats.iqm(np.array([5.0, 1, 3, 100, -50])) == 3  # one of five is cut at each end
    assert stats.iqm(np.arange(8.0).reshape(2, 4)) == pytest.approx((2 + 3 + 4 + 5) / 4)


@FEW
@given(NUMBERS)
def test_iqm_equals_its_slow_twin(values):
    assert stats.iqm(np.array(values)) == pytest.approx(slow.interquartile_mean(values))


def test_few_tasks_are_averaged_plainly_and_many_lose_their_extremes():
    assert stats.over_tasks(np.array([0.0, 1, 2, 30])) == 33 / 4
    assert stats.over_tasks(np.array([5.0, 1, 3, 100, -50])) == 3
    assert [stats.over_tasks_name(m) for m in (4, 5)] == ["mean over 4 tasks", "interquartile mean over 5 tasks"]


def test_median_of_hand_worked_numbers_ignores_what_half_of_the_tasks_do():
    assert stats.median(np.array([[0.0, 0.4, 1.0], [0.2, 0.6, 9.0]])) == pytest.approx(0.5)  # of .1, .5 and 5
    assert stats.median(np.array([[0.0, 0.4, 1.0], [0.2, 0.6, 900.0]])) == pytest.approx(0.5)


def test_stratified_intervals_bracket_the_value_and_resample_each_task_apart():
    rng = np.random.default_rng(0)
    scores = rng.normal(0.5, 0.1, (5, 20)) + rng.normal(0, 1, 20)  # tasks differ far more than seeds
    found = stats.stratified_interval(scores, replicates=300)
    assert found.value == stats.iqm(scores)
    assert found.low < found.value < found.high
    assert found.high - found.low < 0.2  # tasks are never swapped for one another
    assert found == stats.stratified_interval(scores, replicates=300)
    assert stats.stratified_interval(scores, stats.median, replicates=300).value == stats.median(scores)


def test_stratified_intervals_draw_the_seeds_of_each_task_apart():
    """One seed wins one task, the other the other: together every draw would be .5, apart both tasks are won in one of sixteen."""
    found = stats.stratified_interval(np.array([[0.0, 1.0], [1.0, 0.0]]), lambda scores: float(scores.mean()), replicates=500)
    assert (found.value, found.low, found.high) == (0.5, 0, 1)


def test_probability_of_improvement_of_hand_worked_numbers():
    assert stats.probability_of_improvement(np.array([1.0, 2]), np.array([0.0, 3])) == 0.5
    assert stats.probability_of_improvement(np.array([1.0, 1]), np.array([1.0, 0])) == 0.75
    two_tasks = stats.probability_of_improvement(np.array([[2.0, 0], [3, 0]]), np.array([[1.0, 1], [1, 1]]))
    assert two_tasks == 0.5


@FEW
@given(st.integers(0, 1000))
def test_probability_of_improvement_equals_its_slow_twin_and_its_mirror(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 4, (5, 3)).astype(float), rng.integers(0, 4, (4, 3)).astype(float)
    found = stats.probability_of_improvement(x, y)
    assert found == pytest.approx(slow.probability_of_improvement(x.T.tolist(), y.T.tolist()))
    assert found + stats.probability_of_improvement(y, x) == pytest.approx(1)
    with pytest.raises(MorlbenchError, match="same tasks"):
        stats.probability_of_improvement(x, y[:, :2])


def test_performance_profile_counts_runs_above_each_threshold():
    scores = np.array([[0.1, 0.4], [0.6, 0.9]])
    assert stats.performance_profile(scores, np.array([0.0, 0.4, 0.5, 1.0])).tolist() == [1, 0.5, 0.5, 0]


def test_rank_intervals_separate_far_methods_and_join_equal_ones():
    rng = np.random.default_rng(0)
    equal = rng.normal(0, 0.1, 8)
    scores = np.stack([rng.normal(1, 0.1, 8), equal, equal[::-1]])
    best, second, third = comparison.rank_intervals(scores, replicates=500)
    assert (best.value, best.low, best.high) == (1, 1, 1)
    assert second.low == third.low == 2
    assert second.high == third.high == 3
    tied = comparison.rank_intervals(np.ones((2, 4)), replicates=50)
    assert [t.value for t in tied] == [1.5, 1.5]


def test_one_seed_tells_no_rank_from_another():
    intervals = comparison.rank_intervals(np.array([[0.501], [0.5], [0.1]]))
    assert [(r.value, r.low, r.high) for r in intervals] == [(1, 1, 3), (2, 1, 3), (3, 1, 3)]


def test_rank_intervals_average_ranks_over_tasks():
    scores = np.array([[[3.0, 1.0]], [[2.0, 2.0]], [[1.0, 3.0]]])  # (methods, 1 seed, 2 tasks)
    assert [r.value for r in comparison.rank_intervals(scores, replicates=10)] == [2, 2, 2]
    ahead = np.array([[[3.0, 3.0]], [[2.0, 1.0]], [[1.0, 2.0]]])
    assert [r.value for r in comparison.rank_intervals(ahead, replicates=10)] == [1, 2.5, 2.5]


def test_holm_of_a_hand_worked_example():
    assert comparison.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert comparison.holm([0.9, 0.8]) == [1, 1]
    assert comparison.holm([]) == []


@FEW
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_lowers_a_p_value_and_keeps_the_order(values):
    adjusted = comparison.holm(values)
    assert all(a >= p for a, p in zip(adjusted, values, strict=True))
    assert all(adjusted[i] <= adjusted[j] + 1e-12 for i in range(len(values)) for j in range(len(values)) if values[i] <= values[j])


def test_paired_comparison_is_scipys_and_refuses_unequal_seeds():
    a, b = np.array([0.5, 0.6, 0.7, 0.8]), np.array([0.4, 0.6, 0.6, 0.7])
    assert stats.paired(a, b).p == pytest.approx(ttest_rel(a, b).pvalue)
    with pytest.raises(MorlbenchError, match="one shape"):
        stats.paired(a, b[:3])
    assert stats.paired(a, a).p == 1
    assert stats.paired(a, a - 0.1).p == pytest.approx(0, abs=1e-12)


def test_only_the_leader_and_the_control_are_compared():
    scores = {"good": np.array([0.9, 0.91, 0.92]), "soup": np.array([0.5, 0.52, 0.5]), "shuffled": np.array([0.2, 0.21, 0.2])}
    found = comparison.against_leader(scores, {"soup": "shuffled"})
    assert [(c.first, c.second) for c in found] == [("good", "soup"), ("good", "shuffled"), ("soup", "shuffled")]
    assert [c.adjusted for c in found] == pytest.approx(comparison.holm([c.difference.p for c in found]))
    twice = comparison.against_leader(scores, {"soup": "good", "good": "shuffled"})  # a control that leads, a leader's control
    assert [(c.first, c.second) for c in twice] == [("good", "soup"), ("good", "shuffled")]


def test_tie_groups_peel_the_leader_and_all_not_rejected_against_it():
    rng = np.random.default_rng(0)
    scores = {name: mean + rng.normal(0, 0.01, 6) for name, mean in (("a", 0.9), ("b", 0.9), ("c", 0.5), ("d", 0.1))}
    groups = comparison.tie_groups(scores)
    assert sorted(groups[0]) == ["a", "b"]
    assert groups[1:] == [["c"], ["d"]]


def test_methods_that_differ_by_the_rounding_of_sums_tie_and_by_more_do_not():
    scores = np.array([0.3, 0.5, 0.4, 0.7, 0.6])
    assert comparison.tie_groups({"A": scores + 4e-15, "B": scores}) == [["A", "B"]]
    assert comparison.tie_groups({"A": scores + 1e-6, "B": scores}) == [["A"], ["B"]]
    tiny = scores * 1e-9  # the volume of many objectives
    assert comparison.tie_groups({"A": tiny * 1.01, "B": tiny}) == [["A"], ["B"]]


def test_tie_groups_are_those_of_the_printed_p_values():
    scores = {
        "L": np.array([0.6013, 0.5987, 0.6064, 0.601, 0.5946]),
        "A": np.array([0.5886, 0.598, 0.5945, 0.578, 0.5723]),
        "B": np.array([0.5738, 0.5804, 0.5567, 0.5778, 0.5675]),
    }
    printed = {c.second: c.adjusted for c in comparison.against_leader(scores, {"A": "B"}) if c.first == "L"}
    assert printed["A"] > 0.05
    assert comparison.tie_groups(scores, {"A": "B"})[0] == ["L", "A"]
    assert comparison.tie_groups(scores)[0] == ["L"]  # without the control's comparison Holm asks less


def test_a_noisy_method_that_no_test_tells_from_the_leader_does_not_overtake_those_known_to_be_behind():
    scores = {
        "leader": np.array([0.90, 0.91, 0.90, 0.91, 0.90]),
        "close": np.array([0.80, 0.81, 0.81, 0.80, 0.81]),  # behind on every seed by a tenth
        "noisy": np.array([0.95, 0.60, 0.90, 0.20, 0.70]),
        "far": np.array([0.10, 0.11, 0.10, 0.11, 0.11]),
    }
    assert stats.paired(scores["leader"], scores["noisy"]).p > 0.1
    assert comparison.tie_groups(scores) == [["leader"], ["close", "noisy"], ["far"]]
    assert comparison.tie_groups({name: scores[name] for name in ("noisy", "leader")}) == [["leader", "noisy"]]


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_the_median_spread_is_the_true_one_however_few_the_seeds(seeds):
    samples = np.random.default_rng(seeds).normal(0, 0.3, (20_000, seeds))
    assert comparison.median_spread(samples) == pytest.approx(0.3, rel=0.02)
    assert np.median(samples.std(1, ddof=1)) < 0.28  # what it would be uncorrected


def test_minimum_detectable_difference_has_its_power():
    spread, seeds = 0.03, 5
    shift = comparison.minimum_detectable(spread, seeds)
    rng = np.random.default_rng(0)
    found = ttest_1samp(rng.normal(shift, spread, (4000, seeds)), 0, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.02)
    assert comparison.minimum_detectable(1, 2000) == pytest.approx((1.95996 + 0.84162) / np.sqrt(2000), rel=0.01)
    assert comparison.minimum_detectable(spread, seeds, comparisons=5) > shift
    with pytest.raises(MorlbenchError, match="at least 2 seeds"):
        comparison.minimum_detectable(spread, 1)


def test_bootstrap_hypervolumes_vary_around_the_value_and_are_seeded():
    true = np.array([[0.3, 0.7], [0.55, 0.55], [0.7, 0.3]])
    rewards = true[None, :, None] + np.random.default_rng(0).normal(0, 0.1, (5, 3, 60, 2))
    reference = np.full(2, 0.1)
    found = stats.bootstrap_hypervolumes(rewards, reference, replicates=300, seed=4)
    value = np.mean([front.hypervolume(points, reference) for points in rewards.mean(2)])
    assert found.mean() == pytest.approx(value, rel=0.05)
    assert np.array_equal(found, stats.bootstrap_hypervolumes(rewards, reference, replicates=300, seed=4))
    still = np.repeat(true[None, :, None], 60, 2)
    assert np.ptp(stats.bootstrap_hypervolumes(still, reference, replicates=20)) < 1e-12


def test_bootstrap_hypervolumes_resample_prompts_and_seeds():
    """The box of one mean point from 0: prompts at (0, 0) and (1, 1) give 0, 1/4 and 1 in quarters and a half; so do seeds."""
    prompts = np.tile(np.array([0.0, 1.0])[:, None], (3, 1, 1, 2))  # (3 equal seeds, 1 preference, 2 prompts, 2 objectives)
    seeds = np.tile(np.array([0.0, 1.0])[:, None, None, None], (1, 1, 4, 2))
    for rewards, wanted in ((prompts, [0, 0.25, 1]), (seeds, [0, 0.5, 1])):
        found, counts = np.unique(stats.bootstrap_hypervolumes(rewards, np.zeros(2), replicates=2000), return_counts=True)
        assert found == pytest.approx(wanted)
        assert counts / 2000 == pytest.approx([0.25, 0.5, 0.25], abs=0.04)  # four standard errors
