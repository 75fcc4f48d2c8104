"""The closed forms are theorems: checked against brute force, and by what must not change."""

import numpy as np
import pytest
from scipy.optimize import minimize

from morlbench import closed_form, front
from morlbench.closed_form import Problem
from morlbench.errors import BadInput, MorlbenchError
from morlbench.lm.exact import estimate
from morlbench.preference import lattice


def problem(seed: int = 0, n: int = 3, c: int = 12, k: int = 2, beta: float = 0.2) -> Problem:
    rng = np.random.default_rng(seed)
    return Problem(np.log(rng.dirichlet(np.ones(c), n)), rng.random((n, c, k)), beta)


def best_by_search(given: Problem, preference: np.ndarray) -> float:
    """The largest J(w) of any tabular policy, by L-BFGS on softmax logits with the gradient written out."""
    n, c, _ = given.rewards.shape

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        logits = flat.reshape(n, c)
        log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        p = np.exp(log_p)
        gain = given.rewards @ preference - given.beta * (log_p - given.log_base)
        value = (p * gain).sum(1, keepdims=True)
        return -float(value.mean()), -(p * (gain - value)).reshape(-1) / n

    return -float(minimize(loss, np.zeros(n * c), jac=True, method="L-BFGS-B", options={"maxiter": 3000, "ftol": 1e-14, "gtol": 1e-9}).fun)


@pytest.mark.parametrize("beta", [0.05, 0.5])
@pytest.mark.parametrize("weight", [0.0, 0.35, 1.0])
def test_the_closed_form_equals_brute_force_optimisation_of_a_tabular_policy(beta, weight):
    given, w = problem(beta=beta), np.array([weight, 1 - weight])
    assert closed_form.optimal_values(given, w[None])[0] == pytest.approx(best_by_search(given, w), abs=1e-4)


def test_the_value_of_the_optimal_policy_is_beta_log_z():
    given, w = problem(), np.array([0.3, 0.7])
    by_hand = np.mean([0.2 * np.log(np.sum(np.exp(b) * np.exp(r @ w / 0.2))) for b, r in zip(given.log_base, given.rewards, strict=True)])
    found = closed_form.values(given, closed_form.optimal_policy(given, w)[None])
    assert found.at(w[None])[0] == pytest.approx(by_hand, abs=1e-12)
    assert closed_form.optimal_values(given, w[None])[0] == pytest.approx(by_hand, abs=1e-12)
    assert closed_form.optimal(given, w[None]).rewards == pytest.approx(found.rewards)
    assert closed_form.optimal(given, w[None]).kl == pytest.approx(found.kl)


def test_no_policy_exceeds_the_optimum_nor_the_true_fronts_regularised_hypervolume():
    given = problem()
    rng = np.random.default_rng(1)
    tables = np.log(np.concatenate([rng.dirichlet(np.full(12, a), (200, 3)) for a in (0.1, 1.0, 10.0)]) + 1e-300)
    near = np.stack([closed_form.optimal_policy(given, w) for w in rng.dirichlet([1, 1], 50)])
    near = near + rng.normal(size=near.shape) * 0.02
    near -= np.log(np.exp(near).sum(2, keepdims=True))
    found = closed_form.values(given, np.concatenate([tables, near]))
    for w in lattice(2):
        assert (found.returns @ w).max() <= closed_form.optimal_values(given, w[None])[0] + 1e-12
    true = closed_form.front(given)
    floor = np.minimum(true.min(0), 0.0) - 0.1
    assert front.hypervolume(found.returns, floor) <= front.hypervolume(true, floor)


def test_doubled_logits_exceed_the_true_fronts_hypervolume_in_rewards_but_not_in_returns():
    given = problem(c=40)
    doubled = []
    for w in closed_form.dense_grid(2)[::10]:
        log_p = 2 * closed_form.optimal_policy(given, w) - given.log_base  # the tilt doubled
        doubled.append(log_p - np.log(np.exp(log_p).sum(1, keepdims=True)))
    found, best = closed_form.values(given, np.stack(doubled)), closed_form.optimal(given, closed_form.dense_grid(2))
    floor = np.zeros(2)
    assert front.hypervolume(found.rewards, floor) > front.hypervolume(best.rewards, floor) + 0.01
    floor = found.returns.min(0) - 0.1
    assert front.hypervolume(found.returns, floor) < front.hypervolume(best.returns, floor)


def test_permuting_objectives_permutes_the_front():
    given = problem(k=3)
    order = [2, 0, 1]
    turned = Problem(given.log_base, given.rewards[..., order], given.beta)
    w = lattice(3)
    assert closed_form.optimal(turned, w[:, order]).returns == pytest.approx(closed_form.optimal(given, w).returns[:, order])
    assert not np.allclose(closed_form.optimal(turned, w).returns, closed_form.optimal(given, w).returns)


def test_shifting_rewards_shifts_the_front_and_leaves_the_policies():
    given = problem()
    shift = np.array([0.3, -0.1])
    moved = Problem(given.log_base, given.rewards + shift, given.beta)
    assert closed_form.front(moved) == pytest.approx(closed_form.front(given) + shift)
    w = np.array([0.2, 0.8])
    assert closed_form.optimal_policy(moved, w) == pytest.approx(closed_form.optimal_policy(given, w))


def test_compressing_answers_of_equal_reward_changes_no_optimum():
    given = problem(c=60)
    coarse = Problem(given.log_base, given.rewards.round(1), given.beta)
    small = closed_form.compress(coarse)
    assert small.rewards.shape[1] < 60
    for attribute in ("rewards", "kl"):
        assert getattr(closed_form.optimal(small, lattice(2)), attribute) == pytest.approx(
            getattr(closed_form.optimal(coarse, lattice(2)), attribute), abs=1e-12
        )


def test_the_sampled_interval_holds_the_exact_value_95_times_in_100():
    given, w, rng = problem(n=6, c=30), np.array([0.5, 0.5]), np.random.default_rng(5)
    policy = closed_form.optimal_policy(given, np.array([0.9, 0.1]))
    exact = closed_form.values(given, policy[None]).at(w[None])[0]
    payoff = given.rewards @ w - given.beta * (policy - given.log_base)  # (n, c)
    runs, draws = 2_000, 16
    uniform = rng.random((runs, 6, draws))
    chosen = (uniform[..., None] > np.exp(policy).cumsum(1)[:, None]).sum(-1)  # (runs, n, d)
    values = payoff[np.arange(6)[:, None], chosen]
    found = estimate(values, np.zeros((*values.shape, 2)), np.zeros_like(values))
    covered = np.abs(found.value - exact) <= found.margin
    assert covered.mean() == pytest.approx(0.95, abs=0.015)
    assert (np.abs(found.value - exact) <= found.margin / 2).mean() < 0.8  # a halved interval would be caught


def test_next_words_multiply_to_the_sequence_and_mixing_one_expert_returns_it():
    rng = np.random.default_rng(2)
    table = np.log(rng.dirichlet(np.ones(27), (2, 4)))  # 2 experts, 4 prompts, 3 words, 3 long
    steps = closed_form.next_words(table, 3, 3)
    whole = np.zeros((2, 4, 1))
    for step in steps:
        assert np.exp(step).sum(-1) == pytest.approx(np.ones(step.shape[:-1]))
        whole = (whole[..., None] + step).reshape(2, 4, -1)
    assert whole == pytest.approx(table)
    for level in ("logits", "probabilities"):
        assert closed_form.mix(table, np.tile([0.0, 1.0], (4, 1)), 3, 3, level) == pytest.approx(table[1])
        assert np.exp(closed_form.mix(table, np.tile([0.4, 0.6], (4, 1)), 3, 3, level)).sum(1) == pytest.approx(np.ones(4))


def test_the_headroom_of_any_gate_is_zero_for_a_linear_utility_with_kl_in_it():
    given = problem(n=8, c=30, beta=0.05)
    arms = lattice(2)
    policies = np.stack([closed_form.optimal_policy(given, a) for a in arms])  # sequence-level mixtures of ideal experts
    shares = np.exp(policies)
    for w in arms:
        per_prompt = (shares * (given.rewards @ w - given.beta * (policies - given.log_base))).sum(2)  # (arms, n)
        assert per_prompt.max(0).mean() - per_prompt.mean(1).max() == pytest.approx(0, abs=1e-12)
    without_kl = (shares * (given.rewards @ arms[5])).sum(2)
    assert without_kl.max(0).mean() - without_kl.mean(1).max() > 1e-4  # outside the theorem there is some


def test_dense_grids_lie_on_the_simplex_and_hold_the_corners():
    for k, least in ((2, 1_001), (3, 5_000), (5, 5_000), (10, 5_000)):
        grid = closed_form.dense_grid(k)
        assert len(grid) >= least
        assert grid.sum(1) == pytest.approx(np.ones(len(grid)))
        assert grid.min() >= 0
        for corner in np.eye(k):
            assert np.abs(grid - corner).sum(1).min() < 1e-12


def test_nan_and_wrong_sums_are_refused_and_distributions_pass():
    rows = np.log(np.full((3, 4), 0.25))
    closed_form.check_distribution(rows, str)
    for fault, words in ((np.nan, "hold NaN after 'row 1'"), (0.0, r"sum to 1.75, not 1 after 'row 1'")):
        broken = rows.copy()
        broken[1, 2] = fault
        with pytest.raises(MorlbenchError, match=words):
            closed_form.check_distribution(broken, lambda row: f"row {row}")


def test_size_limits_name_the_size_and_the_nearest_choice():
    closed_form.check_size(8, 5, 100_000)
    with pytest.raises(
        BadInput, match="1,000,000 answers per prompt; the limit of exact evaluation is 100,000, so at 10 words use at most 5"
    ):
        closed_form.check_size(10, 6, 100_000)
