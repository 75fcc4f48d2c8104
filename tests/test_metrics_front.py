"""Set metrics against slow twins, other libraries, hand computations, and the invariances they must have."""

import moocore
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import slow

from morlbench import crossfit, front, polar
from morlbench.errors import MorlbenchError
from morlbench.sensitivity import sensitivity

FEW = settings(max_examples=40, deadline=None)


@st.composite
def fronts(draw, smallest=1, largest=7, objectives=(2, 3)):
    k = draw(st.sampled_from(objectives))
    p = draw(st.integers(smallest, largest))
    values = st.integers(0, 20).map(lambda x: x / 20)
    return np.array(draw(st.lists(st.lists(values, min_size=k, max_size=k), min_size=p, max_size=p)))


def weights_of(k):
    return np.random.default_rng(0).dirichlet(np.ones(k), 9)


@FEW
@given(fronts())
def test_hypervolume_is_inclusion_and_exclusion(points):
    reference = np.full(points.shape[1], 0.15)
    assert front.hypervolume(points, reference) == pytest.approx(slow.hypervolume(points, reference), abs=1e-12)


def test_hypervolume_of_three_points_is_the_area_drawn_by_hand():
    points = np.array([[0.2, 0.8], [0.6, 0.6], [0.8, 0.2]])
    assert front.hypervolume(points, np.array([0.1, 0.1])) == pytest.approx(0.1 * 0.7 + 0.4 * 0.5 + 0.2 * 0.1)


@pytest.mark.parametrize("k", [2, 3, 4, 5, 6])
def test_hypervolume_agrees_with_monte_carlo(k):
    points = np.random.default_rng(k).uniform(0.2, 1, (8, k))
    estimate, error = slow.monte_carlo_hypervolume(points, np.full(k, 0.1), 40_000, seed=1)
    assert abs(front.hypervolume(points, np.full(k, 0.1)) - estimate) < 4 * error


def corners(seed, k=10):
    """Return eleven points (11, k), most of them best at one objective, whose objectives differ in range by a factor of ten."""
    points = np.random.default_rng(seed).uniform(0.2, 0.4, (k + 1, k))
    points[np.arange(k), np.arange(k)] = 1.0
    return points * np.linspace(0.1, 1, k)


def test_hypervolume_of_few_points_on_ten_objectives_is_inclusion_and_exclusion():
    points = corners(0)
    assert front.is_exact(points, np.zeros(10))
    assert front.hypervolume(points, np.zeros(10)) == pytest.approx(slow.hypervolume(points, np.zeros(10)), rel=1e-9)


@pytest.mark.parametrize(("k", "p", "rounding"), [(8, 60, 15), (8, 60, 1), (10, 30, 15), (10, 30, 1)])
def test_hypervolume_of_many_objectives_is_moocores_of_all_points_at_once(k, p, rounding):
    points = np.abs(np.random.default_rng(k).normal(size=(p, k)))
    points = (points / np.linalg.norm(points, axis=1, keepdims=True)).round(rounding)  # to one digit: ties, and points on the walls
    assert len(front.nondominated(points)) > front.FEW
    whole = moocore.Hypervolume(ref=np.zeros(k))(-points)
    assert front.hypervolume(points, np.zeros(k)) == pytest.approx(whole, rel=1e-12)
    assert front.hypervolume(points[::2], np.zeros(k)) < 0.99 * whole


@pytest.mark.parametrize("seed", range(3))
def test_approximate_hypervolume_is_close_where_ranges_differ_and_ignores_dominated_points(seed, monkeypatch):
    points, reference = corners(seed), np.zeros(10)
    monkeypatch.setattr(front, "EXACT", {np.inf: 0})
    monkeypatch.setattr(front, "_of_many", front._of_many.__wrapped__)  # remembers nothing
    approximate = front.hypervolume(points, reference)
    assert approximate == pytest.approx(slow.hypervolume(points, reference), rel=0.1)
    order = front.canonical(points)  # in the objectives' own ranges the same directions are further off
    unscaled = moocore.hv_approx(points[:, order], ref=reference, maximise=True, seed=0, nsamples=front.SAMPLES)
    assert unscaled != pytest.approx(slow.hypervolume(points, reference), rel=0.1)
    assert front.hypervolume(np.concatenate([points, points[:1], points[1:2] * 0.9]), reference) == approximate


def test_a_hypervolume_is_exact_where_the_points_that_count_are_few():
    rng = np.random.default_rng(0)
    many = np.abs(rng.normal(size=(101, 8)))
    many /= np.linalg.norm(many, axis=1, keepdims=True)  # none dominates another
    assert not front.is_exact(many, np.zeros(8))
    assert front.is_exact(many[:100], np.zeros(8))
    assert front.is_exact(np.concatenate([many[:100], many[:1] * 0.9, many[:1]]), np.zeros(8))  # dominated, and twice
    assert front.is_exact(many, np.append(np.zeros(7), np.sort(many[:, 7])[0]))  # a hundred of them lie above it
    assert front.is_exact(np.ones((9, 20)), np.ones(20))  # none does: the volume is 0


@FEW
@given(fronts(smallest=2))
def test_batched_hypervolumes_equal_one_by_one(points):
    reference = np.full(points.shape[1], 0.3)
    sets = np.stack([points, points[::-1], points * 0.5])
    assert front.hypervolumes(sets, reference) == pytest.approx([front.hypervolume(s, reference) for s in sets], abs=1e-12)


@FEW
@given(fronts(), st.integers(0, 100))
def test_dominated_and_duplicate_points_change_no_pareto_indicator(points, pick):
    k = points.shape[1]
    row = points[pick % len(points)]
    more = np.concatenate([points, [row], [row * 0.9], [np.zeros(k)]])
    reference, w = np.full(k, 0.2), weights_of(k)
    target = np.full((1, k), 1.0)
    assert front.hypervolume(more, reference) == pytest.approx(front.hypervolume(points, reference), abs=1e-12)
    assert front.expected_utility(more, w) == pytest.approx(front.expected_utility(points, w))
    assert front.igd_plus(more, target) == pytest.approx(front.igd_plus(points, target))
    assert front.epsilon(more, target) == pytest.approx(front.epsilon(points, target))
    assert front.r2(more, w) == pytest.approx(front.r2(points, w))
    assert len(front.nondominated(more)) == len(front.nondominated(points))


@FEW
@given(fronts(), st.integers(0, 6), st.integers(0, 1))
def test_a_better_point_never_makes_a_compliant_indicator_worse(points, pick, objective):
    better = points.copy()
    better[pick % len(points), objective] = min(better[pick % len(points), objective] + 0.2, 1)
    k, w = points.shape[1], weights_of(points.shape[1])
    target = np.random.default_rng(3).uniform(0.5, 1, (5, k))
    assert front.hypervolume(better, np.zeros(k)) >= front.hypervolume(points, np.zeros(k)) - 1e-12
    assert front.expected_utility(better, w) >= front.expected_utility(points, w) - 1e-12
    assert front.igd_plus(better, target) <= front.igd_plus(points, target) + 1e-12
    assert front.epsilon(better, target) <= front.epsilon(points, target) + 1e-12
    assert front.r2(better, w) <= front.r2(points, w) + 1e-12
    assert front.maximum_utility_loss(better, target, w) <= front.maximum_utility_loss(points, target, w) + 1e-12


def test_sparsity_improves_when_points_are_lost_so_it_is_not_compliant():
    whole = np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]])
    assert front.sparsity(whole[1:2]) < front.sparsity(whole)
    assert front.hypervolume(whole[1:2], np.full(2, -0.1)) < front.hypervolume(whole, np.full(2, -0.1))


def test_a_point_below_the_reference_adds_nothing_and_a_front_below_it_is_zero():
    points = np.array([[0.6, 0.6], [0.05, 0.99]])
    assert front.hypervolume(points, np.array([0.1, 0.1])) == pytest.approx(0.25)
    assert front.hypervolume(points, np.array([0.7, 1.0])) == 0


@FEW
@given(fronts(smallest=1))
def test_indicators_equal_their_slow_twins(points):
    k, w = points.shape[1], weights_of(points.shape[1])
    target = np.random.default_rng(2).uniform(0.3, 1, (6, k))
    assert front.expected_utility(points, w) == pytest.approx(slow.expected_utility(points, w))
    assert front.maximum_utility_loss(points, target, w) == pytest.approx(slow.maximum_utility_loss(points, target, w))
    assert front.sparsity(points) == pytest.approx(slow.sparsity(points))
    assert front.igd_plus(points, target) == pytest.approx(slow.igd_plus(points, target))
    assert front.epsilon(points, target) == pytest.approx(slow.epsilon(points, target))
    assert sorted(map(tuple, front.nondominated(points))) == slow.nondominated(points)
    if len(slow.nondominated(points)) > 1:
        assert front.spacing(points) == pytest.approx(slow.spacing(points))
    if k == 3:
        assert front.r2(points, w) == pytest.approx(slow.r2(points, w))


def test_r2_of_two_objectives_is_the_integral_over_weights():
    points = np.array([[0.2, 0.8], [0.6, 0.6], [0.8, 0.2]])
    first = (np.arange(4000) + 0.5) / 4000
    assert front.r2(points, np.eye(2)) == pytest.approx(slow.r2(points, np.stack([first, 1 - first], 1)), abs=1e-6)


@FEW
@given(fronts(smallest=2), st.randoms(use_true_random=False))
def test_indicators_ignore_the_order_of_points_and_objectives(points, shuffle):
    k = points.shape[1]
    rows, columns = list(range(len(points))), list(range(k))
    shuffle.shuffle(rows)
    shuffle.shuffle(columns)
    turned = points[rows][:, columns]
    reference = np.linspace(0.05, 0.2, k)
    assert front.hypervolume(turned, reference[columns]) == pytest.approx(front.hypervolume(points, reference), abs=1e-12)
    assert front.sparsity(turned) == pytest.approx(front.sparsity(points))
    assert front.extent(turned) == pytest.approx(front.extent(points))
    assert front.r2(turned, weights_of(k)[:, columns]) == pytest.approx(front.r2(points, weights_of(k)), abs=1e-9)


@pytest.mark.parametrize("points", [np.zeros((0, 2)), np.array([[0.5, np.nan]]), np.array([0.5, 0.5])])
def test_empty_flat_and_not_finite_fronts_are_refused(points):
    for indicator in (front.nondominated, front.sparsity, lambda x: front.hypervolume(x, np.zeros(2))):
        with pytest.raises(MorlbenchError, match="a front"):
            indicator(points)


@pytest.mark.parametrize(("k", "error"), [(2, 1e-3), (3, 0.01), (5, 0.05)])
def test_the_polar_form_is_the_hypervolume(k, error):
    points = np.random.default_rng(1).uniform(0.2, 1, (9, k)) * np.linspace(0.1, 1, k)
    scale = polar.ranges(points, np.zeros(k))
    volume = polar.volume(polar.reach(points[None], np.zeros(k), scale).max(1), k)[0] * scale.prod()
    assert volume == pytest.approx(front.hypervolume(points, np.zeros(k)), rel=error)


def test_the_polar_gradient_is_the_finite_difference():
    points = np.array([[0.2, 0.8], [0.6, 0.6], [0.8, 0.2], [0.3, 0.3]])
    slope = polar.gradient(points, np.full(2, 0.1))
    assert slope == pytest.approx(finite_difference(points, np.full(2, 0.1)), abs=0.01)


@pytest.mark.parametrize(("k", "error"), [(3, 0.05), (5, 0.1), (10, 0.25)])
def test_the_polar_gradient_of_many_objectives_of_different_ranges_is_near_the_finite_difference(k, error, monkeypatch):
    points = np.abs(np.random.default_rng(2).normal(size=(6, k)))
    points = (points / np.linalg.norm(points, axis=1, keepdims=True) + 0.3) * np.linspace(0.2, 1, k)
    reference = np.full(k, 0.02)
    exact = finite_difference(points, reference)
    assert np.linalg.norm(polar.gradient(points, reference) - exact) < error * np.linalg.norm(exact)
    monkeypatch.setattr(polar, "ranges", lambda points, reference: np.ones(points.shape[1]))
    monkeypatch.setattr(polar, "SLOPES", 256)
    assert np.linalg.norm(polar.gradient(points, reference) - exact) > error * np.linalg.norm(exact)


def finite_difference(points, reference):
    """Return the derivative (p, k) of the hypervolume by each coordinate."""
    found = np.zeros_like(points)
    for place in np.ndindex(points.shape):
        step = np.zeros_like(points)
        step[place] = 1e-5
        up, down = (front.hypervolume(points + sign * step, reference) for sign in (1, -1))
        found[place] = (up - down) / 2e-5
    return found


def test_halves_are_balanced_fixed_and_move_with_the_prompt():
    prompts = np.arange(31)
    halves = crossfit.halves(prompts)
    assert halves.shape == (20, 31)
    assert set(halves.sum(1)) == {16}
    order = np.random.default_rng(0).permutation(31)
    assert np.array_equal(crossfit.halves(prompts[order]), halves[:, order])
    assert len({tuple(row) for row in halves.tolist()}) == 20


def test_crossfit_eum_equals_its_slow_twin():
    rewards = np.random.default_rng(0).uniform(size=(4, 11, 2, 3))
    w = weights_of(3)
    halves = crossfit.halves(np.arange(11)).tolist()
    assert crossfit.expected_utility(rewards, np.arange(11), w) == pytest.approx(slow.crossfit_expected_utility(rewards, halves, w))


def test_without_noise_cross_fitting_changes_nothing():
    points = np.array([[0.2, 0.8], [0.6, 0.6], [0.8, 0.2]])
    rewards = np.repeat(points[:, None, None], 20, 1)
    reference, target, w = np.full(2, 0.1), points + 0.05, weights_of(2)
    assert crossfit.hypervolume(rewards, np.arange(20), reference) == pytest.approx(front.hypervolume(points, reference))
    assert crossfit.expected_utility(rewards, np.arange(20), w) == pytest.approx(front.expected_utility(points, w))
    assert crossfit.maximum_utility_loss(rewards, np.arange(20), target, w) == pytest.approx(0.05)


@pytest.mark.parametrize(("k", "p"), [(2, 11), (3, 21)])
def test_pure_noise_is_biased_up_without_cross_fitting_and_unbiased_with_it(k, p):
    reference, w, n, repeats = np.full(k, 0.3), weights_of(k), 60, 60
    found = []
    for seed in range(repeats):
        rewards = 0.5 + np.random.default_rng(seed).normal(0, 0.2, (p, n, 1, k))
        means = rewards.mean((1, 2))
        found.append(
            [
                front.hypervolume(means, reference), crossfit.hypervolume(rewards, np.arange(n), reference),
                front.expected_utility(means, w), crossfit.expected_utility(rewards, np.arange(n), w),
            ]
        )  # fmt: skip
    values = np.array(found)
    error = values.std(0, ddof=1) / np.sqrt(repeats)
    true = np.array([0.2**k, 0.2**k, 0.5, 0.5])
    assert (values.mean(0) - true)[0] > 10 * error[0]
    assert (values.mean(0) - true)[2] > 10 * error[2]
    assert abs((values.mean(0) - true)[1]) < 3 * error[1]
    assert abs((values.mean(0) - true)[3]) < 3 * error[3]


def test_linearised_hypervolume_has_the_spread_of_fresh_samples():
    true = np.array([[0.3, 0.7], [0.55, 0.55], [0.7, 0.3]])
    reference, n = np.full(2, 0.1), 80
    volumes, errors = [], []
    for seed in range(150):
        rewards = true[:, None, None] + np.random.default_rng(seed).normal(0, 0.1, (3, n, 1, 2))
        parts = crossfit.hypervolume_parts(rewards, reference)
        assert parts.mean() == pytest.approx(front.hypervolume(rewards.mean((1, 2)), reference))
        volumes.append(parts.mean())
        errors.append(parts.std(ddof=1) / np.sqrt(n))
    assert np.mean(errors) == pytest.approx(np.std(volumes), rel=0.15)


@FEW
@given(fronts(), st.integers(0, 100), st.integers(0, 100))
def test_a_point_worse_than_the_reference_in_one_objective_adds_nothing(points, objective, seed):
    k = points.shape[1]
    worse = np.random.default_rng(seed).uniform(0, 1, k)
    worse[objective % k] = 0.2
    reference = np.full(k, 0.2)
    with_it = front.hypervolume(np.concatenate([points, worse[None]]), reference)
    assert with_it == pytest.approx(front.hypervolume(points, reference), abs=1e-12)
    assert front.hypervolumes(np.concatenate([points, worse[None]])[None], reference)[0] == pytest.approx(with_it, abs=1e-12)


@FEW
@given(fronts(smallest=2), st.floats(0.1, 10))
def test_sparsity_depends_on_the_unit_of_reward(points, scale):
    assert front.sparsity(points * scale) == pytest.approx(front.sparsity(points) * scale**2)


@FEW
@given(fronts(smallest=3, objectives=(2,)))
def test_sparsity_never_grows_when_an_end_point_with_the_widest_gap_is_lost(points):
    kept = front.nondominated(points)
    gaps = (np.diff(kept, axis=0) ** 2).sum(1)
    if len(kept) > 2 and gaps[0] >= gaps.mean():
        assert front.sparsity(kept[1:]) <= front.sparsity(kept) + 1e-12  # fewer points, a smaller front, a better number
        assert front.extent(kept[1:]) <= front.extent(kept)


def test_igd_contradicts_dominance_where_igd_plus_does_not():
    """Every point of the worse set is dominated by the better set's, and still nearer to the reference (worked by hand)."""
    import moocore

    target = np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]])
    better, worse = np.array([[0.9, 0.9]]), np.array([[0.55, 0.55]])
    igd = [moocore.igd(points, ref=target, maximise=True) for points in (better, worse)]
    assert igd == pytest.approx([(2 * np.hypot(0.9, 0.1) + np.hypot(0.4, 0.4)) / 3, (2 * np.hypot(0.55, 0.45) + np.hypot(0.05, 0.05)) / 3])
    assert igd[0] > igd[1]
    assert front.igd_plus(better, target) == pytest.approx(2 * 0.1 / 3)
    assert front.igd_plus(worse, target) == pytest.approx(2 * 0.45 / 3)


@FEW
@given(st.floats(0.02, 0.3), st.floats(0.55, 0.8))
def test_two_corners_and_one_middle_point_change_places_as_the_reference_point_moves(low, middle):
    found = sensitivity({"wide": np.array([[low, 1.0], [1.0, low]]), "middle": np.full((1, 2), middle)}, np.full(2, -1.0))
    difference = found.volumes["wide"] - found.volumes["middle"]
    assert difference[0] > 0  # far away, extremes win
    assert (found.flips == (("wide", "middle"),)) == bool(difference.min() < -1e-9)
    above = np.full(2, low)  # at the corners' own level they are worth nothing
    assert front.hypervolume(np.array([[low, 1.0], [1.0, low]]), above) == 0 < front.hypervolume(np.full((1, 2), middle), above)


def test_rankings_flip_with_the_reference_point():
    wide, middle = np.array([[0.1, 1.0], [1.0, 0.1]]), np.array([[0.6, 0.6]])
    found = sensitivity({"wide": wide, "middle": middle}, np.zeros(2))
    assert found.flips == (("wide", "middle"),)
    assert found.volumes["wide"][0] > found.volumes["middle"][0]
    assert found.volumes["wide"][-1] < found.volumes["middle"][-1]
    assert sensitivity({"good": middle, "bad": middle * 0.5}, np.zeros(2)).flips == ()
