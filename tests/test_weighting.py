"""Gradient weightings against closed forms, TorchJD and general-purpose solvers."""

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torchjd.aggregation import MGDAWeighting

from morlbench import registry
from morlbench.errors import BadInput, MorlbenchError
from morlbench.lm import weighting
from morlbench.lm.weighting import anchored, cagrad, mgda, pcgrad, projected

SEEDS = range(8)


def gradients(seed: int, k: int, size: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(k, size)) * np.random.default_rng(seed + 1).uniform(0.1, 5, (k, 1))


def shortest_by_quadratic_program(gram: np.ndarray) -> float:
    """Squared length of the shortest vector in the hull, by a general solver from many starts."""
    k = len(gram)
    sums_to_one = {"type": "eq", "fun": lambda w: w.sum() - 1}
    starts = [np.full(k, 1 / k), *np.eye(k)]
    return min(
        minimize(lambda w: w @ gram @ w, s, bounds=[(0, 1)] * k, constraints=sums_to_one, options={"ftol": 1e-15}).fun for s in starts
    )


def closed_form(first: np.ndarray, second: np.ndarray) -> float:
    difference = first - second
    return 0.5 if not difference.any() else float(np.clip((second - first) @ second / (difference @ difference), 0, 1))


@pytest.mark.parametrize("seed", SEEDS)
def test_mgda_of_two_raw_gradients_is_the_closed_form(seed):
    j = gradients(seed, 2)
    alpha = closed_form(*j)
    assert mgda(j @ j.T, normalise=False) == pytest.approx([alpha, 1 - alpha], abs=1e-9)


@pytest.mark.parametrize("k", [2, 3])
def test_mgda_of_equal_gradients_moves_along_them_and_favours_none(k):
    j = np.tile([1.0, 2.0], (k, 1))
    assert closed_form(*j[:2]) == 0.5
    for weights in (mgda(j @ j.T, normalise=False), mgda(j @ j.T)):
        assert weights == pytest.approx([1 / k] * k)
        assert weights @ j == pytest.approx([1, 2])


def test_mgda_of_parallel_gradients_does_not_depend_on_the_order_of_the_objectives():
    j = np.outer([1.0, 5.0], [1.0, 2.0])
    assert mgda(j @ j.T) @ j == pytest.approx(mgda(j[::-1] @ j[::-1].T) @ j[::-1])
    assert mgda(j @ j.T) * [1, 5] == pytest.approx([5 / 6, 5 / 6])  # equal shares of the unit gradients
    assert mgda(j @ j.T, normalise=False) == pytest.approx([1, 0])  # the shortest is the shorter one
    with_third = np.vstack([j, [2.0, -1.0]])
    weights = mgda(with_third @ with_third.T)
    order = [2, 0, 1]
    assert mgda(with_third[order] @ with_third[order].T) == pytest.approx(weights[order])


@pytest.mark.parametrize(("seed", "k"), itertools.product(range(4), (2, 3, 5)))
def test_mgda_is_as_short_as_a_quadratic_program_finds_and_torchjd_agrees(seed, k):
    j = gradients(seed, k, size=4)  # at k = 5 the gradients are dependent
    gram = j @ j.T
    weights = mgda(gram, normalise=False)
    length = weights @ gram @ weights
    scale = np.diag(gram).max()
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    assert length == pytest.approx(shortest_by_quadratic_program(gram), abs=1e-7 * scale)
    theirs = MGDAWeighting(epsilon=1e-9, max_iters=2_000)(torch.from_numpy(gram)).numpy()
    assert theirs @ gram @ theirs == pytest.approx(length, abs=1e-4 * scale)
    assert (gram @ weights >= -1e-9 * scale).all()  # no objective is harmed
    assert gram.mean() > length + 1e-3 * scale  # plain averaging is not as short


def test_mgda_of_opposed_gradients_stands_still_and_of_vanished_ones_ignores_them():
    j = np.array([[1.0, 0.0], [-3.0, 0.0]])
    assert mgda(j @ j.T) @ j == pytest.approx([0, 0], abs=1e-9)
    assert mgda(j @ j.T, normalise=False) == pytest.approx([0.75, 0.25])
    j = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    assert mgda(j @ j.T) == pytest.approx([0.5, 0, 0.5])
    assert MGDAWeighting()(torch.from_numpy(j @ j.T)).numpy() @ j == pytest.approx([0, 0], abs=0.02)  # the trap
    assert mgda(np.zeros((3, 3))) == pytest.approx([1 / 3] * 3)


def test_normalised_mgda_does_not_care_how_long_a_gradient_is():
    j = gradients(0, 3)
    longer = j * np.array([[1.0], [50.0], [1.0]])
    step, same = mgda(j @ j.T) @ j, mgda(longer @ longer.T) @ longer
    assert step / np.linalg.norm(step) == pytest.approx(same / np.linalg.norm(same))
    raw, changed = mgda(j @ j.T, normalise=False) @ j, mgda(longer @ longer.T, normalise=False) @ longer
    assert np.abs(raw / np.linalg.norm(raw) - changed / np.linalg.norm(changed)).max() > 0.01


def test_anchored_experts_of_two_unit_gradients_are_a_constant_mixture():
    for angle in (0.3, 1.2, 2.0):
        j = np.array([[1.0, 0.0], [np.cos(angle), np.sin(angle)]])
        assert anchored(j @ j.T, 0) == pytest.approx([0.6, 0.4])
        assert anchored(j @ j.T, 1) == pytest.approx([0.4, 0.6])


@pytest.mark.parametrize("seed", SEEDS)
def test_anchored_weight_is_the_best_of_a_grid_above_the_floor(seed):
    j = gradients(seed, 3)
    j /= np.linalg.norm(j, axis=1, keepdims=True)
    weights = anchored(j @ j.T, 1, 0.5)
    grid = np.array([(a, b, 1 - a - b) for a in np.linspace(0, 1, 101) for b in np.linspace(0, 1, 101) if a + b <= 1 and b >= 0.5])
    assert weights[1] >= 0.5 - 1e-12
    assert np.linalg.norm(weights @ j) <= np.linalg.norm(grid @ j, axis=1).min() + 1e-9
    assert anchored(j @ j.T, 1, 0.0) == pytest.approx(mgda(j @ j.T))


def test_projection_of_two_gradients_is_the_rotation_to_the_edge_of_the_cone():
    own, other = np.array([2.0, 0.0]), 5 * np.array([np.cos(2.5), np.sin(2.5)])  # 143 degrees apart
    j = np.array([own, other])
    d = projected(j @ j.T, 0, 0.3) @ j
    angle = 2.5 - np.arccos(-0.3)  # the nearest direction at arccos(-.3) from `other`
    assert d == pytest.approx(2 * np.cos(angle) * np.array([np.cos(angle), np.sin(angle)]))
    half_space = own - (own @ other) / (other @ other) * other
    assert projected(j @ j.T, 0, 0.0) @ j == pytest.approx(half_space)


@pytest.mark.parametrize(("seed", "k", "epsilon"), itertools.product(range(3), (2, 3, 4), (0.0, 0.1, 0.3)))
def test_projection_is_feasible_and_no_sampled_feasible_step_is_nearer(seed, k, epsilon):
    j = gradients(seed, k, size=5)
    j[1:] -= 2 * np.linalg.norm(j[1:], axis=1, keepdims=True) * j[0] / np.linalg.norm(j[0])  # conflict with the expert
    weights = projected(j @ j.T, 0, epsilon)
    lengths = np.linalg.norm(j, axis=1)

    def feasible(steps: np.ndarray, slack: float) -> np.ndarray:
        bound = -(epsilon + slack) * lengths[1:] * np.linalg.norm(steps, axis=-1, keepdims=True)
        return (steps @ j[1:].T >= bound).all(-1)

    d = weights @ j
    assert feasible(d, 1e-7)
    assert not feasible(j[0], 1e-7)  # the plain expert would break the rule here
    assert weights.min() >= 0
    rng = np.random.default_rng(9)
    near = d + rng.normal(size=(4000, 5)) * np.linalg.norm(j[0]) * rng.choice([0.001, 0.01, 0.1, 1], (4000, 1))
    near = near[feasible(near, 0)]
    assert len(near) > 50
    assert np.linalg.norm(near - j[0], axis=1).min() >= np.linalg.norm(d - j[0]) - 1e-9


def test_projection_without_conflict_or_limit_is_the_plain_expert():
    j = np.array([[1.0, 0.0, 0.0], [-0.2, 1.0, 0.0], [0.0, 0.0, 0.0]])
    assert projected(j @ j.T, 0, 0.3).tolist() == [1, 0, 0]
    j = np.array([[1.0, 0.0], [-1.0, 0.1]])
    assert projected(j @ j.T, 0, np.inf).tolist() == [1, 0]
    assert projected(j @ j.T, 0, 0.3)[1] > 0
    assert projected(np.zeros((2, 2)), 1, 0.0).tolist() == [0, 1]


def test_projection_waits_when_gradients_are_exactly_opposed():
    j = np.array([[1.0, 0.0], [-2.0, 0.0]])
    assert projected(j @ j.T, 0, 0.3).tolist() == [0, 0]


def test_projection_handles_duplicate_gradients():
    j = np.array([[1.0, 0.0], [-1.0, 1.0], [-1.0, 1.0]])
    pair = np.array([[1.0, 0.0], [-1.0, 1.0]])
    assert projected(j @ j.T, 0, 0.1) @ j == pytest.approx(projected(pair @ pair.T, 0, 0.1) @ pair)


def test_pcgrad_sums_and_strips_conflicts():
    j = np.array([[1.0, 0.5], [0.2, 1.0]])
    assert pcgrad(j @ j.T, seed=0).tolist() == [1, 1]  # no conflict: the sum, not the mean
    a, b = np.array([1.0, 0.0]), np.array([-1.0, 1.0])
    j = np.array([a, b])
    expected = (a - (a @ b) / (b @ b) * b) + (b - (b @ a) / (a @ a) * a)
    assert pcgrad(j @ j.T, seed=0) @ j == pytest.approx(expected)


def test_pcgrad_draws_its_order_from_the_seed_or_the_step_alone():
    j = gradients(3, 3, size=3)
    j[1], j[2] = j[1] - 3 * j[0], j[2] - 2 * j[1] - j[0]
    gram = j @ j.T
    state = torch.random.get_rng_state()
    drawn = {tuple(pcgrad(gram, seed=seed).round(9)) for seed in range(20)}
    assert torch.equal(state, torch.random.get_rng_state())
    assert len(drawn) > 1
    assert pcgrad(gram, seed=4).tolist() == pcgrad(gram, seed=4).tolist()
    steps = {tuple((pcgrad(gram + noise) @ j).round(3)) for noise in 1e-9 * np.arange(20)}
    assert len(steps) > 1  # without one, the order is drawn anew at each step
    assert pcgrad(gram).tolist() == pcgrad(gram).tolist()
    by_hand = set()
    for orders in itertools.product(itertools.permutations(range(3)), repeat=3):
        total = np.zeros(3)
        for i, order in enumerate(orders):
            own = j[i].copy()
            for other in order:
                if other != i and own @ j[other] < 0:
                    own -= own @ j[other] / (j[other] @ j[other]) * j[other]
            total += own
        by_hand.add(tuple(total.round(6)))
    assert {tuple((np.array(w) @ j).round(6)) for w in drawn} <= by_hand


@pytest.mark.parametrize(("seed", "k"), itertools.product(range(3), (2, 3)))
def test_cagrad_has_the_best_worst_improvement_in_its_ball(seed, k):
    j = gradients(seed, k, size=3)
    mean = j.mean(0)
    d = cagrad(j @ j.T, 0.5) @ j
    radius = 0.5 * np.linalg.norm(mean)
    assert np.linalg.norm(d - mean) == pytest.approx(radius)
    sphere = np.random.default_rng(0).normal(size=(20_000, 3))
    rivals = mean + radius * sphere / np.linalg.norm(sphere, axis=1, keepdims=True)
    assert (d @ j.T).min() >= (rivals @ j.T).min(1).max() - 1e-7 * np.abs(j).max() ** 2


@pytest.mark.parametrize("length", [0.0, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 2e-6, 9e-6])
def test_cagrad_moves_on_where_an_objectives_gradient_has_vanished_or_nearly(length):
    assert cagrad(np.diag([4.0, 4 * length**2]), 0.5) == pytest.approx([1.5, 0])  # g_0 + .5 ||g_0|| g / ||g|| of the one that is left


def test_a_rule_that_weighs_otherwise_raises_its_methods_version_and_its_revision_together():
    assert {name: registry.load("methods", name).version for name in weighting.REVISIONS} == weighting.REVISIONS


def test_cagrad_leaves_a_vanished_gradient_out_and_a_short_one_in():
    short = cagrad(np.diag([1.0, 1.1e-5**2]), 0.5)
    assert (short > 0).all()
    j = np.array([[1.0, 0.2], [-0.3, 1.0]])
    among = np.zeros((3, 3))
    among[np.ix_([0, 2], [0, 2])] = j @ j.T
    assert cagrad(among, 0.5)[[0, 2]] == pytest.approx(cagrad(j @ j.T, 0.5), abs=1e-6)
    assert cagrad(among, 0.5)[1] == 0


def test_cagrad_at_zero_radius_is_the_mean_and_waits_at_stationary_points():
    j = gradients(1, 3)
    assert cagrad(j @ j.T, 0) == pytest.approx([1 / 3] * 3)
    opposed = np.array([[1.0, 0.0], [-2.0, 0.0]])
    assert cagrad(opposed @ opposed.T, 2.0).tolist() == [0, 0]
    assert cagrad(opposed @ opposed.T, 0.5) @ opposed == pytest.approx([-0.25, 0])  # mean -.5, moved by .25 towards the harmed


@pytest.mark.parametrize("c", [0.1, 0.5, 0.9, 1.0, 2.0])
def test_cagrad_stays_in_its_ball_where_two_of_three_cancel(c):
    j = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    mean, step = j.mean(0), cagrad(j @ j.T, c) @ j
    assert np.linalg.norm(step - mean) <= c * np.linalg.norm(mean) + 1e-9
    assert (j @ step).min() == pytest.approx(0, abs=1e-9)  # more is not to be had: the first two gain from opposite steps


def test_tensors_are_read_as_arrays():
    j = gradients(0, 2)
    assert mgda(torch.from_numpy(j @ j.T).float()) == pytest.approx(mgda(j @ j.T), abs=1e-5)


def test_bad_gramians_are_refused_in_a_sentence():
    with pytest.raises(BadInput, match="shape"):
        mgda(np.zeros((2, 3)))
    with pytest.raises(MorlbenchError, match="diverged"):
        mgda(np.full((2, 2), np.nan))
    with pytest.raises(BadInput, match="epsilon"):
        projected(np.eye(2), 0, -0.1)
    with pytest.raises(BadInput, match="epsilon"):
        projected(np.eye(2), 0, np.nan)
    with pytest.raises(BadInput, match="from 0 to 1"):
        projected(np.eye(2), 2, 0.1)
