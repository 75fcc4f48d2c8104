"""The posterior over a hidden preference against numerical integration and simulated users."""

import numpy as np
import pytest
from scipy.stats import multivariate_t, norm, t

from morlbench import latent
from morlbench.errors import BadInput, MorlbenchError
from morlbench.latent import Posterior, simplex_grid
from morlbench.preference import Utility

RNG = np.random.default_rng(0)


def rated(w: np.ndarray, n: int, *, noise: float = 0.1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    rewards = rng.uniform(0.1, 0.9, (n, len(w)))
    return rewards, 0.2 + 0.7 * rewards @ w + noise * rng.standard_normal(n)


def thumbed(w: np.ndarray, n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rewards, ratings = rated(w, n, seed=seed)
    return rewards, (ratings > np.median(ratings)).astype(float)


def test_no_feedback_means_no_opinion():
    assert Posterior.start(2).mean == pytest.approx([0.5, 0.5])
    assert Posterior.start(3).mean == pytest.approx([1 / 3] * 3, abs=0.02)
    assert len(simplex_grid(5)) == 2_000
    assert simplex_grid(5).sum(1) == pytest.approx(np.ones(2_000))


def test_rating_evidence_is_the_students_t_of_the_conjugate_regression_with_a_positive_slope():
    rewards, values = rated(np.array([0.3, 0.7]), 8)
    utilities = rewards @ simplex_grid(2)[::10].T  # (8, 11)
    evidence = latent._rating_evidence(utilities, values)
    prior = np.diag([latent.OFFSET, latent.SLOPE_SPREAD]) ** 2 / latent.NOISE**2
    slow = []
    for x in utilities.T:
        design, centre = np.column_stack([np.ones(8), x]), np.array([0, latent.SLOPE])
        scale = latent.NOISE**2 / 2 * (np.eye(8) + design @ prior @ design.T)  # beta / alpha with alpha = 2, beta = NOISE²
        untruncated = multivariate_t.logpdf(values, design @ centre, scale, df=4)
        spread = np.linalg.inv(np.linalg.inv(prior) + design.T @ design)
        mean = spread @ (np.linalg.inv(prior) @ centre + design.T @ values)
        residual = values - design @ centre
        beta = latent.NOISE**2 + residual @ np.linalg.solve(np.eye(8) + design @ prior @ design.T, residual) / 2
        slow.append(untruncated + np.log(t.sf(0, 12, mean[1], np.sqrt(beta / 6 * spread[1, 1]))))
    assert evidence - evidence.max() == pytest.approx(np.array(slow) - max(slow), abs=1e-8)


def test_thumb_evidence_agrees_with_numerical_integration():
    rewards, thumbs = thumbed(np.array([0.8, 0.2]), 30)
    utilities = rewards @ simplex_grid(2)[[10, 50, 80]].T
    evidence = latent._thumb_evidence(utilities, thumbs)
    slow = []
    for x in utilities.T:
        x = x - x.mean()

        a, b = np.meshgrid(np.linspace(-4, 4, 161), np.linspace(0, 50, 401), indexing="ij")
        logits = a[..., None] + b[..., None] * x
        fit = np.exp((thumbs * logits - np.logaddexp(0, logits)).sum(-1))
        density = fit * norm.pdf(a, 0, latent.THUMB_OFFSET) * norm.pdf(b, latent.THUMB_SLOPE, latent.THUMB_SPREAD)
        slow.append(np.log(density.sum()))
    assert evidence - evidence[0] == pytest.approx(np.array(slow) - slow[0], abs=0.25)


@pytest.mark.parametrize("w", [(0.0, 1.0), (0.3, 0.7), (0.9, 0.1)])
def test_twenty_ratings_find_a_preference_between_two_objectives(w):
    found = [Posterior.start(2).update(*rated(np.array(w), 20, seed=s), "rating").mean for s in range(10)]
    assert np.abs(np.array(found)[:, 0] - w[0]).mean() < 0.12


def test_fifty_thumbs_find_a_preference_between_three_objectives():
    w = np.array([0.6, 0.3, 0.1])
    found = [Posterior.start(3).update(*thumbed(w, 50, seed=s), "thumb").mean for s in range(5)]
    assert np.abs(np.array(found) - w).sum(1).mean() < 0.3
    shuffled = []
    for s in range(5):
        rewards, thumbs = thumbed(w, 50, seed=s)
        shuffled.append(Posterior.start(3).update(rewards, np.random.default_rng(s).permutation(thumbs), "thumb").mean)
    assert np.abs(np.array(shuffled) - w).sum(1).mean() > 0.35


def test_more_feedback_narrows_the_belief_and_order_does_not_matter():
    rewards, ratings = rated(np.array([0.4, 0.6]), 30)
    whole = Posterior.start(2).update(rewards, ratings, "rating")
    few = Posterior.start(2).update(rewards[:5], ratings[:5], "rating")
    backwards = Posterior.start(2).update(rewards[::-1][:10], ratings[::-1][:10], "rating").update(rewards[:20], ratings[:20], "rating")
    assert whole.spread[0] < few.spread[0] < Posterior.start(2).spread[0]
    assert backwards.probabilities == pytest.approx(whole.probabilities, rel=1e-6)
    assert few.probabilities.sum() == pytest.approx(1)


def test_a_positive_slope_is_assumed():
    """Ratings that fall with the first reward mean the second is wanted, not that the user is perverse."""
    first = np.linspace(0, 1, 20)
    rewards = np.column_stack([first, 1 - first])
    assert Posterior.start(2).update(rewards, 1 - first, "rating").mean[1] > 0.7
    assert Posterior.start(2).update(rewards, first, "rating").mean[0] > 0.7


def test_nonlinear_utilities_are_averaged_over_the_belief():
    utility = Utility("chebyshev")
    posterior = Posterior.start(2).update(*rated(np.array([0.4, 0.6]), 5), "rating")
    r = np.array([[0.2, 0.9], [0.5, 0.5]])
    slow = [sum(p * float(utility(x, w)) for p, w in zip(posterior.probabilities, posterior.grid, strict=True)) for x in r]
    assert posterior.expected(r, utility) == pytest.approx(slow)
    assert np.abs(posterior.expected(r, utility) - utility(r, posterior.mean)).max() > 1e-4  # not the utility of the mean
    assert posterior.expected(r) == pytest.approx(r @ posterior.mean)


def test_a_nonlinear_user_is_found_when_the_family_is_declared():
    utility, w = Utility("chebyshev"), np.array([0.3, 0.7])
    rewards, _ = rated(w, 40)
    ratings = 0.6 + 0.8 * utility(rewards, w) + 0.05 * np.random.default_rng(1).standard_normal(40)
    assert Posterior.start(2).update(rewards, ratings, "rating", utility).mean[0] == pytest.approx(0.3, abs=0.1)


def test_extreme_feedback_stays_finite():
    same = np.full((10, 2), 0.5)
    assert Posterior.start(2).update(same, np.ones(10), "rating").mean == pytest.approx([0.5, 0.5])
    assert Posterior.start(2).update(same, np.ones(10), "thumb").mean == pytest.approx([0.5, 0.5])
    clear = RNG.random((500, 2))
    assert np.isfinite(Posterior.start(2).update(clear, (clear[:, 0] > 0.5).astype(float), "thumb").mean).all()
    assert Posterior.start(2).update(clear, clear[:, 0], "rating").mean[0] > 0.98


def test_bad_feedback_is_refused_in_a_sentence():
    start = Posterior.start(2)
    with pytest.raises(MorlbenchError, match=r"expected \(n, 2\)"):
        start.update(np.zeros((3, 3)), np.zeros(3), "rating")
    with pytest.raises(BadInput, match="not finite"):
        start.update(np.zeros((1, 2)), np.array([np.nan]), "rating")
    with pytest.raises(BadInput, match="neither 0 nor 1"):
        start.update(np.zeros((1, 2)), np.array([0.5]), "thumb")
    with pytest.raises(MorlbenchError, match="finite"):
        start.update(np.full((1, 2), np.nan), np.array([0.5]), "rating")
    with pytest.raises(BadInput, match="nothing to infer"):
        Posterior.start(1)
