"""The ridge regression against independent implementations on the same stream, and the rules of exploration."""

import numpy as np
import pytest

from morlbench.bandit import Explorer, Network, Ridge
from morlbench.errors import BadInput, MorlbenchError

D, K, N = 6, 3, 200


def stream(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(N, D))
    truth = rng.normal(size=(D, K))
    return features, features @ truth + 0.1 * rng.normal(size=(N, K)), truth


def fed(prior: np.ndarray, features: np.ndarray, rewards: np.ndarray, batch: int = 7) -> Ridge:
    ridge = Ridge.empty(prior, rewards.shape[1])
    for start in range(0, len(rewards), batch):
        ridge = ridge.update(features[start : start + batch], rewards[start : start + batch])
    return ridge


def test_coefficients_equal_rank_one_updates_of_the_inverse_on_the_same_stream():
    features, rewards, _ = stream()
    prior = np.linspace(0.1, 3, D)
    inverse, moment = np.diag(1 / prior), np.zeros((D, K))
    for phi, r in zip(features, rewards, strict=True):  # Sherman and Morrison, one row at a time
        inverse = inverse - np.outer(inverse @ phi, phi @ inverse) / (1 + phi @ inverse @ phi)
        moment = moment + np.outer(phi, r)
    ridge = fed(prior, features, rewards)
    assert ridge.coefficients(rewards) == pytest.approx(inverse @ moment, abs=1e-8)
    assert ridge.width(features[:5]) == pytest.approx(np.sqrt([phi @ inverse @ phi for phi in features[:5]]), abs=1e-8)


def test_coefficients_equal_least_squares_on_rows_that_stand_for_the_prior():
    features, rewards, truth = stream(1)
    prior = np.linspace(0.1, 3, D)
    augmented = np.vstack([features, np.diag(np.sqrt(prior))])
    slow = np.linalg.lstsq(augmented, np.vstack([rewards, np.zeros((D, K))]), rcond=None)[0]
    ridge = fed(prior, features, rewards)
    assert ridge.coefficients(rewards) == pytest.approx(slow, abs=1e-8)
    assert np.abs(ridge.coefficients(rewards) - truth).max() < 0.1
    shuffled = np.random.default_rng(0).permutation(rewards)
    assert np.abs(ridge.coefficients(shuffled) - truth).max() > 0.3


def test_any_label_of_the_log_is_regressed_without_new_data():
    features, rewards, _ = stream(2)
    ridge = fed(np.ones(D), features, rewards)
    label = rewards.min(1)
    assert ridge.coefficients(label) == pytest.approx(np.linalg.solve(np.eye(D) + features.T @ features, features.T @ label))


def test_noise_is_what_the_regression_leaves():
    features, rewards, _ = stream(3)
    assert fed(np.full(D, 0.01), features, rewards).noise(rewards) == pytest.approx([0.1] * K, rel=0.2)
    assert Ridge.empty(np.ones(D), K).noise(np.zeros((0, 1))) == pytest.approx([0.25])


def test_samples_have_the_covariance_of_the_posterior():
    features, rewards, _ = stream(4)
    ridge = fed(np.ones(D), features[:10], rewards[:10])
    drawn = ridge.sample(np.random.default_rng(0), 100_000)
    assert np.cov(drawn.T) == pytest.approx(ridge.covariance, abs=0.02)


def arms_and_bandit() -> tuple[np.ndarray, np.ndarray, Ridge]:
    """Two arms with equal means, of which only the first was ever tried."""
    ridge = Ridge.empty(np.ones(2), 1).update(np.tile([1.0, 0.0], (50, 1)), np.zeros((50, 1)))
    return np.zeros((400, 2)), np.broadcast_to(np.eye(2), (400, 2, 2)), ridge


@pytest.mark.parametrize(("rule", "least", "most"), [("linucb", 1, 1), ("thompson", 0.4, 0.6), ("uniform", 0.4, 0.6)])
def test_rules_differ_in_how_often_they_try_the_unknown_arm(rule, least, most):
    means, features, ridge = arms_and_bandit()
    chosen = Explorer(rule).choose(means, features, ridge, np.full(400, 0.2), np.random.default_rng(0))
    assert least <= chosen.mean() <= most


def learnt() -> tuple[np.ndarray, np.ndarray, Ridge]:
    """Two arms of means 1 and 0, each tried 50 times: their coefficients have variance 1/51 times that of the noise."""
    ridge = Ridge.empty(np.ones(2), 1).update(np.repeat(np.eye(2), 50, 0), np.repeat([[1.0], [0.0]], 50, 0))
    return np.tile([1.0, 0.0], (4_000, 1)), np.broadcast_to(np.eye(2), (4_000, 2, 2)), ridge


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 0.4, 1.0])
def test_epsilon_greedy_departs_from_the_best_arm_at_its_rate_whatever_the_noise(epsilon):
    means, features, ridge = learnt()
    chosen = Explorer("epsilon-greedy", epsilon=epsilon).choose(means, features, ridge, np.full(4_000, 50.0), np.random.default_rng(0))
    assert chosen.mean() == pytest.approx(epsilon / 2, abs=0.025 if epsilon else 0)


@pytest.mark.parametrize(("noise", "chance"), [(0.5, 0.0), (5.0, 0.1562), (50.0, 0.4598)])  # Phi(-sqrt(51 / 2) / noise)
def test_thompson_tries_the_worse_arm_as_often_as_it_may_be_the_better_one(noise, chance):
    chosen = Explorer("thompson").choose(*learnt(), np.full(4_000, noise), np.random.default_rng(0))
    assert chosen.mean() == pytest.approx(chance, abs=0.025 if chance else 1e-3)


def test_thompson_judges_a_rows_arms_by_one_sample():
    _, _, ridge = learnt()
    means, twins = np.tile([0.01, 0.0], (400, 1)), np.ones((400, 2, 2))  # whatever is sampled, both arms gain the same
    assert Explorer("thompson").choose(means, twins, ridge, np.full(400, 9.0), np.random.default_rng(0)).max() == 0


@pytest.mark.parametrize(("alpha", "noise", "arm"), [(0.0, 9.0, 0), (2.3, 0.5, 0), (2.35, 0.5, 1), (1.16, 1.0, 0), (1.17, 1.0, 1)])
def test_linucb_tries_the_unknown_arm_where_its_bonus_outweighs_its_lower_mean(alpha, noise, arm):
    _, features, ridge = arms_and_bandit()  # widths 1 / sqrt(51) and 1: a lead of 1 is made up where alpha noise .86 > 1
    chosen = Explorer("linucb", alpha).choose(np.tile([1.0, 0.0], (400, 1)), features, ridge, np.full(400, noise), np.random.default_rng(0))
    assert set(chosen) == {arm}


def test_a_network_learns_what_a_line_cannot():
    rng = np.random.default_rng(0)
    inputs = rng.uniform(-1, 1, (300, 2))
    targets = np.abs(inputs).sum(1, keepdims=True)
    line = np.hstack([inputs, np.ones((300, 1))])
    unexplained = (targets - line @ np.linalg.lstsq(line, targets, rcond=None)[0]).var()
    network = Network.start(2, 32, seed=0).fit(inputs, targets, steps=300)
    ridge = Ridge.empty(np.full(33, 0.01), 1).update(network.features(inputs), targets)
    fresh = rng.uniform(-1, 1, (300, 2))
    error = network.features(fresh) @ ridge.coefficients(targets) - np.abs(fresh).sum(1, keepdims=True)
    assert error.var() < 0.1 * unexplained
    assert network.features(inputs[:1]) == pytest.approx(Network.start(2, 32, seed=0).fit(inputs, targets, steps=300).features(inputs[:1]))


def test_bad_streams_and_settings_are_refused_in_a_sentence():
    ridge = Ridge.empty(np.ones(2), 2)
    with pytest.raises(MorlbenchError, match="not all finite"):
        ridge.update(np.zeros((1, 2)), np.array([[np.nan, 0.0]]))
    with pytest.raises(MorlbenchError, match=r"features of shape \(1, 3\); expected \(1, 2\)"):
        ridge.update(np.zeros((1, 3)), np.zeros((1, 2)))
    with pytest.raises(BadInput, match="precision"):
        Ridge.empty(np.array([0.0, 1.0]), 2)
    with pytest.raises(BadInput, match=r"linucb, thompson"):
        Explorer("ucb")
    with pytest.raises(BadInput, match="alpha"):
        Explorer(alpha=-1)
    with pytest.raises(BadInput, match="epsilon"):
        Explorer(epsilon=1.5)
