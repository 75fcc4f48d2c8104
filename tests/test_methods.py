"""Facts of single methods that can fail; what all methods promise is tested by `morlbench check`."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from queue import Queue

import numpy as np
import pytest
import torch
from honest import CannedBase
from huggingface_hub.utils import send_telemetry

from morlbench import registry
from morlbench.bandit import Explorer
from morlbench.bench import Bench
from morlbench.check.toy import Toy
from morlbench.errors import BadInput
from morlbench.exp3 import DynaOpt, Exp3, Nudged, between_quantiles
from morlbench.lm import weighting
from morlbench.lm.adapter import Adapter
from morlbench.lm.average import ETA
from morlbench.lm.base import Base, load_base
from morlbench.lm.dynamic import Moving, Pace, pace
from morlbench.lm.family import best_value, check_policies, nearest, serve_one, spread
from morlbench.lm.policy import single_policy
from morlbench.lm.train import Plan, Recipe, steered
from morlbench.lm.trained import Settings
from morlbench.method import Method
from morlbench.methods.best_of_n import BestOfN, best
from morlbench.methods.contextual_dynaopt import Contextual, ContextualDynaOpt
from morlbench.methods.emorl import Emorl, on_simplex
from morlbench.methods.emorl.search import Point, best_cell, grid, search
from morlbench.methods.gdpo import Decoupled
from morlbench.methods.hypervolume_guided import Guide, factor
from morlbench.methods.markov_weighting import MarkovWeighting, Trends, trend
from morlbench.methods.meta_morl import MetaMorl, toward
from morlbench.methods.modpo import Modpo
from morlbench.methods.optimistic_linear_support import OptimisticLinearSupport
from morlbench.methods.optimistic_linear_support.support import corners, next_preference
from morlbench.methods.pgmorl import Pgmorl
from morlbench.methods.pgmorl.predict import Trainings, choose, predicted
from morlbench.methods.preference_sweep import PreferenceSweep
from morlbench.methods.random_weights import drawn
from morlbench.methods.single_best_expert import chosen
from morlbench.preference import LINEAR, Array, Utility, lattice
from morlbench.scalarise import group_scaled, toward_influence
from morlbench.store import Store

SMALL = Settings(batch=16, group=4)
REWARDS = np.random.default_rng(0).random((16, 2))


@pytest.fixture(scope="module")
def base() -> Base:
    return load_base("exact")


# --- what every training keeps to ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["linear-scalarization", "conditioned-policy", "modpo", "rewards-in-context"])  # all trainers
def test_no_training_reports_its_use_to_the_hub(name: str, base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.delenv("CI", raising=False)  # TRL is silent there
    monkeypatch.setattr("huggingface_hub.utils._telemetry._start_telemetry_thread", lambda: asked.append(name))
    monkeypatch.setattr("huggingface_hub.utils._telemetry._TELEMETRY_QUEUE", Queue())
    registry.load("methods", name)().train(Bench(Toy(), base, 256, Store(tmp_path)), seed=0)
    assert not asked
    send_telemetry("a report that was not held back")
    assert asked == [name]


# --- scalars -------------------------------------------------------------------------------------------------------------


def test_chebyshev_scalarises_each_response_and_not_their_mean() -> None:
    rewards = np.array([[1.0, 0.0], [0.0, 1.0]])
    found = Recipe((0.5, 0.5), utility="chebyshev").scalar(rewards)
    assert found.tolist() == pytest.approx([-0.5 + 0.05 * 0.5] * 2)  # of the mean it would be -.25 + .025
    assert found.mean() != pytest.approx(-0.25 + 0.025)


def test_gdpo_is_invariant_to_rescaling_one_objective_and_a_plain_sum_is_not() -> None:
    stretched = REWARDS * [3.0, 1.0]
    steer = Decoupled((0.5, 0.5), 4)
    assert steer.scalar(stretched) == pytest.approx(steer.scalar(REWARDS))
    assert not np.allclose(Recipe((0.5, 0.5)).scalar(stretched), 3 * Recipe((0.5, 0.5)).scalar(REWARDS))


def test_gdpo_normalises_each_group_by_hand() -> None:
    found = group_scaled(np.array([[0.0], [1.0], [5.0], [5.0]]), 2)[:, 0]
    assert found.tolist() == pytest.approx([-math.sqrt(0.5), math.sqrt(0.5), 0.0, 0.0])  # a constant group says nothing


def test_gdpo_heeds_its_weights() -> None:
    assert Decoupled((1.0, 0.0), 4).scalar(REWARDS) == pytest.approx(group_scaled(REWARDS, 4)[:, 0])


@pytest.mark.parametrize("rule", ["mgda", "pcgrad", "cagrad"])
def test_doubling_all_rewards_doubles_the_step_of_a_gradient_method(rule: str) -> None:
    """Gradients double, so weights on them must not change: their step then doubles."""
    jacobian = np.random.default_rng(1).normal(size=(3, 5))
    recipe = Recipe((1 / 3,) * 3, gradients=rule)  # type: ignore[arg-type]
    once, twice = recipe.mix(jacobian @ jacobian.T), recipe.mix(4 * jacobian @ jacobian.T)
    assert once is not None
    assert twice == pytest.approx(once, abs=1e-5)


def test_pcgrad_sums_and_cagrad_averages_gradients_that_do_not_conflict() -> None:
    gram = np.array([[1.0, 0.2], [0.2, 1.0]])
    assert Recipe((0.5, 0.5), gradients="pcgrad").mix(gram) == pytest.approx([1, 1])
    assert weighting.cagrad(gram, 0.0) == pytest.approx([0.5, 0.5])


# --- weights that move ---------------------------------------------------------------------------------------------------


def test_influence_raises_the_objective_that_helps_all() -> None:
    gram = np.array([[4.0, 1.0], [1.0, 1.0]])  # influences 5 and 2, mean squared gradient 2.5
    found = toward_influence(np.array([0.5, 0.5]), gram, 0.1)
    assert found[0] / found[1] == pytest.approx(math.exp(0.1 * (5 - 2) / 2.5))


def test_equal_influence_and_vanished_gradients_move_nothing() -> None:
    start = np.array([0.3, 0.7])
    for gram in (np.eye(2), np.zeros((2, 2))):
        assert toward_influence(start, gram, 1.0) == pytest.approx(start)


def test_exp3_probabilities_by_hand() -> None:
    bandit = Exp3.start(3, 0.07).update(1, 1.0)
    grown = math.exp(0.07 * 1 / (1 / 3) / 3)  # reward over its probability, times gamma over the arms
    share = grown / (grown + 2)
    assert bandit.probabilities[1] == pytest.approx(0.93 * share + 0.07 / 3)
    assert bandit.probabilities.sum() == pytest.approx(1)


def exp3_after(pay: Callable[[int, np.random.Generator], float], *, rounds: int = 400) -> Array:
    """Return the mean probabilities (3,) of twenty bandits that were paid so."""
    found = []
    for seed in range(20):
        rng, bandit = np.random.default_rng(seed), Exp3.start(3)
        for _ in range(rounds):
            arm = bandit.draw(rng)
            bandit = bandit.update(arm, pay(arm, rng))
        found.append(bandit.probabilities)
    return np.asarray(np.mean(found, 0))


def test_exp3_finds_the_arm_that_pays_and_none_when_the_same_pay_is_shuffled_among_arms() -> None:
    assert exp3_after(lambda arm, rng: float(arm == 2))[2] > 0.8
    assert exp3_after(lambda arm, rng: float(rng.integers(3) == 2)) == pytest.approx([1 / 3] * 3, abs=0.15)
    assert exp3_after(lambda arm, rng: float(rng.random() < 0.4 + 0.4 * (arm == 0)))[0] > 0.5  # what is paid is noise around its mean


def test_a_nudge_raises_one_weight_and_the_last_arm_none() -> None:
    weights = Nudged((0.5, 0.5))
    assert weights.nudge(2) == pytest.approx([0.5, 0.5])
    assert weights.nudge(0)[0] == pytest.approx(math.exp(0.07) / (math.exp(0.07) + 1))  # 1 / p = 2, two objectives


def test_nudges_start_at_the_preference() -> None:
    assert Nudged((0.8, 0.2)).weights == pytest.approx([0.8, 0.2])


def planted(rescaled: bool, rounds: int = 60) -> Exp3:
    """Return DynaOpt's bandit where raising objective 0 gains .02 of dev utility and everything else nothing."""
    controller = DynaOpt((0.5, 0.5), rescaled=rescaled, seed=0)
    dev, before = np.full(2, 0.2), np.full(2, 0.5)
    for _ in range(rounds):
        now = controller(dev)
        dev = dev + (0.02 if now[0] / now[1] > before[0] / before[1] else 0.0)
        before = now
    return controller.bandit


def test_dynaopt_stays_near_uniform_as_published_and_learns_when_rescaled() -> None:
    published, rescaled = planted(False), planted(True)
    assert published.probabilities[0] == pytest.approx(1 / 3, abs=0.02)
    assert rescaled.probabilities[0] > 0.4
    assert rescaled.probabilities.argmax() == 0


def test_the_quantile_scale_is_clipped_and_starts_in_the_middle() -> None:
    history = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]  # quantiles 1 and 4
    assert [between_quantiles(history, v) for v in (0.0, 2.5, 9.0)] == pytest.approx([0, 0.5, 1])
    assert between_quantiles([], 3.0) == between_quantiles([1.0, 1.0], 3.0) == 0.5


def raised_well(seed: int, *, shuffled: bool) -> float:
    """Return how often contextual DynaOpt raises what pays, in late rounds: the objective that weighs less at the time.

    Shuffled, the same pay comes whatever is raised.
    """
    controller, rng = Contextual((0.5, 0.5), Explorer("linucb", 0.1), seed=seed), np.random.default_rng((seed, 1))
    dev, before, found = np.full(2, 0.2), np.full(2, 0.5), list[bool]()
    for _ in range(200):
        now = controller(dev)
        found.append(bool(now[0] > before[0]) if before[0] < 0.5 else bool(now[1] > before[1]))
        paid = rng.random() < 0.5 if shuffled else found[-1]
        dev, before = dev + (0.05 if paid else -0.05), now
    return float(np.mean(found[100:]))


def test_contextual_dynaopt_learns_which_arm_pays_in_which_context_and_not_from_shuffled_pay() -> None:
    learnt, chance = (np.mean([raised_well(seed, shuffled=shuffled) for seed in range(30)]) for shuffled in (False, True))
    assert learnt > 0.8
    assert chance < 0.6
    controller = Contextual((0.5, 0.5), Explorer(), seed=0)
    assert np.count_nonzero(controller.features(np.zeros(2)), axis=1).max() <= 5  # one arm's block each


def ends(seed: int, preference: tuple[float, float]) -> float:
    """Return the last weight of the first objective when dev rewards rise alike whatever is raised: shipped settings, a run's looks."""
    controller, rng = (
        Contextual(preference, Explorer("linucb", ContextualDynaOpt().exploration), seed=seed),
        np.random.default_rng((seed, 1)),
    )
    for look in range(64):
        w = controller(0.3 + 0.3 * (1 - np.exp(-look)) + rng.normal(0, 0.015, 2))
    return float(w[0])


def test_contextual_dynaopt_favours_no_objective_for_being_listed_first() -> None:
    found = np.array([ends(seed, (0.5, 0.5)) for seed in range(60)])
    assert 15 <= (found > 0.5).sum() <= 45  # half of 60 within four standard errors; all 60 before ties were drawn from
    assert found.mean() == pytest.approx(0.5, abs=0.1)
    first, second = (np.mean([ends(seed, w) for seed in range(60)]) for w in ((0.8, 0.2), (0.2, 0.8)))
    assert first == pytest.approx(1 - second, abs=0.1)


def test_markov_weighting_reads_trends_and_learns_from_one_change_by_hand() -> None:
    assert trend(np.array([0.5, -0.5, 0.005]), 0.01) == (1, -1, 0)
    controller = Trends((0.5, 0.5), MarkovWeighting(epsilon=0.0), seed=0)
    controller(np.array([0.2, 0.2]))
    controller(np.array([0.4, 0.2]))
    assert sorted(controller.table[(0, 0)]) == pytest.approx([0, 0, 0.3 * 0.1])  # learning times w · change


def test_the_hypervolume_factor_by_hand() -> None:
    reference, first, inside = np.array([0.2, 0.2]), np.array([0.6, 0.7]), np.array([0.3, 0.3])
    assert factor([reference, first]) == pytest.approx(0.5 + 1.5 * math.tanh(0.4 * 0.5))
    assert factor([reference, first, inside]) == pytest.approx(0.5)  # a dominated point adds nothing


def test_the_hypervolume_factor_scales_the_reward_and_doubling_rewards_changes_it() -> None:
    guide = Guide((0.5, 0.5))
    assert guide(np.array([0.1, 0.1])) == pytest.approx([0.5, 0.5])
    once = guide(np.array([0.3, 0.3]))
    doubled = Guide((0.5, 0.5))
    doubled(np.array([0.2, 0.2]))
    assert doubled(np.array([0.6, 0.6])).sum() > once.sum() > 0.5


def test_a_moving_steer_follows_the_weights_it_is_given_last() -> None:
    steer = Moving(np.array([1.0, 0.0]))
    before = steer.scalar(REWARDS)
    steer.weights = np.array([0.0, 2.0])
    assert before == pytest.approx(REWARDS[:, 0])
    assert steer.scalar(REWARDS) == pytest.approx(2 * REWARDS[:, 1])


@pytest.mark.parametrize("budget", [96, 256, 1_000, 4_096, 32_768])
def test_a_pace_fits_its_budget_and_one_more_step_would_not(budget: int) -> None:
    found = pace(budget, 64)
    assert found.cost(64) <= budget < Pace(found.steps + 1, found.every, found.answers).cost(64)
    assert found.looks == 1 + len([s for s in range(1, found.steps) if s % found.every == 0])


def test_looks_inside_training_are_charged_and_are_not_training_responses(base: Base, tmp_path: Path) -> None:
    bench, seen = Bench(Toy(), base, 64, Store(tmp_path)), []

    def after(step: int, read: object) -> None:
        assert isinstance(read(), Adapter)  # type: ignore[operator]
        prompts = bench.prompts("dev")[:8]
        bench.score(prompts, prompts)
        seen.append(step)

    steered(bench, Moving(np.array([0.5, 0.5])), "looking", Plan(SMALL, 40, 0, after=after), aside=16)
    (line,) = bench.ledger
    assert seen == [1, 2]
    assert (line.cost.responses, line.cost.steps) == (2 * 16 + 2 * 8, 2)


def test_a_look_reads_the_weights_as_they_are_and_what_is_served_is_their_mean(base: Base, tmp_path: Path) -> None:
    seen: list[Adapter] = []
    plan = Plan(SMALL, 48, 0, after=lambda step, read: seen.append(read()))
    served = steered(Bench(Toy(), base, 64, Store(tmp_path)), Moving(np.array([0.5, 0.5])), "looking", plan)
    shares = [0.0] * 3
    for step in range(1, 4):
        shares = [(1 - (ETA + 1) / (step + ETA)) * share for share in shares]
        shares[step - 1] += (ETA + 1) / (step + ETA)
    for name, (down, up) in served.factors.items():
        for place, mean in enumerate((down, up)):
            now = torch.stack([adapter.factors[name][place] for adapter in seen])
            torch.testing.assert_close(mean, torch.einsum("s...,s->...", now, torch.tensor(shares)), rtol=1e-4, atol=1e-6)
    assert any(not torch.allclose(up, seen[-1].factors[name][1], atol=1e-5) for name, (_, up) in served.factors.items())


def test_a_steered_training_below_one_batch_is_bad_input(base: Base, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="at least one batch of 16"):
        steered(Bench(Toy(), base, 8, Store(tmp_path)), Moving(np.ones(2)), "tiny", Plan(SMALL, 8, 0))


# --- search and controls -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("corner", [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)])
def test_the_emorl_search_finds_the_best_corner(corner: Point) -> None:
    log = search(lambda p: -np.full(2, np.abs(np.subtract(p, corner)).sum()), np.array([[0.5, 0.5]]), 5)
    assert max(log, key=lambda p: log[p].sum()) == corner


def test_the_emorl_search_closes_in_by_halves() -> None:
    target = np.array([0.3, 0.85])
    errors = []
    for levels in (1, 3, 6):
        log = search(lambda p: -np.full(2, np.abs(p - target).sum()), np.array([[0.5, 0.5]]), levels)
        errors.append(min(np.abs(np.subtract(p, target)).max() for p in log))
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] <= 1 / 2**6


def test_the_emorl_search_pays_for_a_point_once_and_stops_with_the_budget() -> None:
    asked: list[Point] = []

    def measure(point: Point) -> Array | None:
        asked.append(point)
        return np.array(point) if len(asked) <= 12 else None

    log = search(measure, np.eye(2), 5)
    assert len(log) == 12
    assert len(set(asked)) == len(asked)


def test_the_best_cell_by_hand() -> None:
    box = np.array([[0.0, 1.0], [0.0, 1.0]])
    log = {point: np.array([point[0], 1 - point[1]]) for point in grid(box)}
    assert best_cell(box, log, np.array([0.5, 0.5])).tolist() == [[0.5, 1.0], [0.0, 0.5]]
    assert best_cell(box, log, np.array([0.0, 1.0])).tolist() == [[0.0, 0.5], [0.0, 0.5]]


def test_zero_weights_stand_for_the_uniform_mixture() -> None:
    assert on_simplex((0.0, 0.0)) == (0.5, 0.5)
    assert on_simplex((0.5, 1.0)) == pytest.approx((1 / 3, 2 / 3))


def test_emorl_refuses_a_budget_that_cannot_pay_its_first_grid(canned_base: CannedBase, store: Store) -> None:
    bench = Bench(Toy(), canned_base, 100, store)
    with pytest.raises(BadInput, match="first grid has 9 mixtures"):
        Emorl().train(bench, seed=0)
    assert not bench.ledger


def test_best_of_n_picks_the_best_candidate_by_the_utility_asked() -> None:
    rewards = np.array([[1.0, 0.0], [0.6, 0.6], [0.0, 1.0], [0.2, 0.2], [0.1, 0.9], [0.5, 0.4]])
    preferences = np.array([[1.0, 0.0], [0.5, 0.5]])
    assert best(rewards, preferences, LINEAR) == [0, 4]
    assert best(rewards, preferences, Utility("chebyshev")) == [0, 5]


def test_best_of_n_scores_while_serving_and_beats_one_sample(base: Base, tmp_path: Path) -> None:
    task = Toy()
    bench = Bench(task, base, 256, Store(tmp_path))
    prompts, w = task.prompts("test"), np.tile([1.0, 0.0], (12, 1))
    policies = [BestOfN(n=n).train(bench, seed=0) for n in (1, 8)]
    assert not bench.serving
    bench.serve()
    gains = [task.score(prompts, policy.respond(prompts, w, seed=3).texts)[:, 0].mean() for policy in policies]
    assert gains[1] > gains[0]
    assert [(line.kind, line.cost.responses) for line in bench.ledger] == [("inference", 12), ("inference", 96)]


def test_the_single_best_expert_is_the_best_at_each_preference() -> None:
    means = np.array([[0.9, 0.1], [0.2, 0.8]])
    assert chosen(means, np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])).tolist() == [[1, 0], [0, 1], [1, 0]]


def test_random_weights_depend_on_the_preference_and_the_seed_alone() -> None:
    w = np.array([0.3, 0.7])
    assert drawn(0, w).tolist() == drawn(0, w).tolist()
    assert drawn(0, w).sum() == pytest.approx(1)
    assert len({tuple(drawn(s, v)) for s in (0, 1) for v in (w, w[::-1])}) == 4


# --- families of policies ------------------------------------------------------------------------------------------------


def test_each_preference_is_served_by_the_nearest_policy_and_by_the_best_value() -> None:
    asked = np.array([[0.9, 0.1], [0.45, 0.55], [0.0, 1.0]])
    assert nearest(np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]), asked).tolist() == [0, 1, 2]
    assert best_value(np.array([[0.9, 0.0], [0.6, 0.6]]), asked).tolist() == [0, 1, 1]


@pytest.mark.parametrize(("k", "count"), [(2, 2), (2, 4), (3, 3), (3, 7), (5, 8)])
def test_spread_preferences_lie_on_the_lattice_with_vertices_first(k: int, count: int) -> None:
    found = spread(k, count)
    assert found.shape == (count, k)
    assert len(np.unique(found, axis=0)) == count
    assert (found.max(1) == 1).sum() == min(count, k)
    assert all(np.abs(lattice(k) - w).sum(1).min() < 1e-9 for w in found)


def test_more_policies_than_the_lattice_has_are_refused_where_they_were_asked_for() -> None:
    for name in ("preference-sweep", "modpo"):
        usual = registry.load("methods", name).__dataclass_fields__["policies"].default.default
        for policies in (usual, 11, 2):
            check_policies(policies, usual, 2)
        with pytest.raises(BadInput, match="policies=12 is more than the 11 preferences"):
            check_policies(12, usual, 2)


@pytest.mark.parametrize("method", [PreferenceSweep(policies=12), Modpo(policies=12)])
def test_a_method_refuses_them_before_it_trains(method: Method, canned_base: CannedBase, store: Store) -> None:
    with pytest.raises(BadInput, match="policies=12"):
        method.train(Bench(Toy(), canned_base, 4096, store), seed=0)


def test_a_family_serves_each_row_by_its_own_member(base: Base, tmp_path: Path) -> None:
    bench = Bench(Toy(), base, 64, Store(tmp_path))
    hasty = Settings(rate=0.1, batch=16, group=4)
    members = [steered(bench, Recipe(w, settings=hasty), str(w), Plan(hasty, 32, 0)) for w in ((1.0, 0.0), (0.0, 1.0))]
    family = serve_one(bench, members, lambda w: w.argmax(1))
    prompts, rows = Toy().prompts("test"), np.eye(2)[[0, 1] * 6]
    together = family.respond(prompts, rows, seed=1).texts
    alone = [single_policy(base, bench.decoding, one).respond(prompts, rows, seed=1).texts for one in members]
    assert together == tuple(alone[i % 2][i] for i in range(12))
    assert alone[0] != alone[1]


def test_corner_weights_by_hand() -> None:
    values = np.array([[1.0, 0.0], [0.8, 0.7], [0.0, 1.0]])  # planes meet where .2 w = .7 (1 - w) and .8 w = .3 (1 - w)
    assert corners(values) == pytest.approx(np.array([[0, 1], [3 / 11, 8 / 11], [7 / 9, 2 / 9], [1, 0]]), abs=1e-6)


def test_a_dominated_policy_makes_no_corner() -> None:
    values = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert corners(np.vstack([values, [0.3, 0.3]])) == pytest.approx(corners(values))


def test_corners_in_three_objectives_lie_on_the_surface_and_hold_its_centre() -> None:
    found = corners(np.eye(3))
    assert np.abs(found - 1 / 3).sum(1).min() < 1e-6
    assert len(found) == 7  # three vertices, three edges' middles, the centre


def test_the_next_preference_is_where_the_bound_is_farthest_above_the_surface() -> None:
    tried, values = np.eye(2), np.array([[0.8, 0.1], [0.1, 0.6]])
    preference, gap = next_preference(tried, values)
    w = 5 / 12  # .8 w + .1 (1 - w) = .1 w + .6 (1 - w)
    assert preference == pytest.approx([w, 1 - w])
    assert gap == pytest.approx((w * 0.8 + (1 - w) * 0.6) - (w * 0.8 + (1 - w) * 0.1))


def test_optimistic_linear_support_stops_when_one_policy_is_best_everywhere() -> None:
    _, gap = next_preference(np.eye(2), np.array([[0.9, 0.9], [0.9, 0.9]]))
    assert gap <= 1e-9


def grown(count: int) -> Trainings:
    """Return trainings from one start whose gain in each objective is .2 times its weight."""
    log, rng = Trainings.none(2), np.random.default_rng(0)
    for first in rng.random(count):
        w = np.array([first, 1 - first])
        log = log.add(np.full(2, 0.3), w, 0.3 + 0.2 * w)
    return log


def test_predictions_follow_the_weight_they_train_on() -> None:
    weights = np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]])
    found = predicted(grown(12), np.full(2, 0.3), weights)
    assert found == pytest.approx(0.3 + 0.2 * weights, abs=0.03)


def test_predictions_believe_the_trainings_that_started_nearby() -> None:
    """Trainings from (.2, .2) gain .1 in both objectives, those from (.7, .7) lose as much, whatever their weight."""
    log = Trainings.none(2)
    for start, gain in ((0.2, 0.1), (0.7, -0.1)):
        for first in np.linspace(0, 1, 6):
            log = log.add(np.full(2, start), np.array([first, 1 - first]), np.full(2, start + gain))
    weights = np.array([[0.1, 0.9], [0.5, 0.5], [0.9, 0.1]])
    for start, gain in ((0.2, 0.1), (0.25, 0.1), (0.7, -0.1), (0.65, -0.1)):
        assert predicted(log, np.full(2, start), weights) == pytest.approx(np.full((3, 2), start + gain), abs=0.02)


def test_the_pairs_chosen_extend_the_front_in_different_places() -> None:
    weights = np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]])
    pairs = choose(grown(12), np.full((1, 2), 0.3), weights, np.zeros(2), 3)
    assert len({place for _, place in pairs}) == 3
    dominated = np.array([[0.3, 0.3], [0.05, 0.05]])
    assert all(i == 0 for i, _ in choose(grown(12), dominated, weights, np.zeros(2), 2))


def test_no_pair_is_trained_twice() -> None:
    weights, values = np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]), np.array([[0.3, 0.3], [0.05, 0.05]])
    wanted = partial(choose, grown(12), values, weights, np.zeros(2))
    first = wanted(2)
    assert wanted(2) == first
    assert not set(wanted(4, first)) & set(first)
    assert sorted(wanted(6, first) + first) == [(i, j) for i in range(2) for j in range(3)]


def test_an_evolution_remembers_which_pairs_it_has_trained(canned_base: CannedBase, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is trained: every policy measures alike, so that a forgetful evolution would choose the same pairs again."""
    chosen: list[tuple[int, int]] = []

    def recorded(*arguments: object) -> list[tuple[int, int]]:
        pairs: list[tuple[int, int]] = choose(*arguments)  # type: ignore[arg-type]
        chosen.extend(pairs)
        return pairs

    for name in ("expert", "steered", "base_policy", "serve_one"):
        monkeypatch.setattr(f"morlbench.methods.pgmorl.{name}", lambda *_, **__: None)
    for name in ("dev_mean", "returns"):
        monkeypatch.setattr(f"morlbench.methods.pgmorl.{name}", lambda *_, **__: np.full(2, 0.5))
    monkeypatch.setattr("morlbench.methods.pgmorl.choose", recorded)
    Pgmorl(population=2, generations=4).train(Bench(Toy(), canned_base, 740, store), seed=0)
    assert len(chosen) == len(set(chosen)) == 8


@pytest.mark.parametrize("method", [PreferenceSweep(), OptimisticLinearSupport(), Pgmorl(), MetaMorl()])
def test_a_family_refuses_a_budget_that_cannot_train_it(method: Method, canned_base: CannedBase, store: Store) -> None:
    bench = Bench(Toy(), canned_base, 100, store)
    with pytest.raises(BadInput, match="too small"):
        method.train(bench, seed=0)
    assert not bench.ledger


def test_a_reptile_step_goes_part_of_the_way_and_from_the_base_shrinks_the_update() -> None:
    start = Adapter({"m": (torch.zeros(1, 2), torch.ones(2, 1))}, torch.zeros(2, 2))
    end = Adapter({"m": (torch.ones(1, 2), torch.full((2, 1), 3.0))}, torch.ones(2, 2))
    moved = toward(start, end, 0.25)
    assert moved.factors["m"][0].tolist() == [[0.25, 0.25]]
    assert moved.factors["m"][1].flatten().tolist() == [1.5, 1.5]
    assert moved.readout is not None
    assert float(moved.readout.mean()) == 0.25
    a, b = toward(None, end, 0.25).factors["m"]
    assert (b @ a).tolist() == (0.25 * end.factors["m"][1] @ end.factors["m"][0]).tolist()


def test_a_meta_policy_counts_once_however_often_it_is_trained(base: Base, tmp_path: Path) -> None:
    bench = Bench(Toy(), base, 256, Store(tmp_path))
    found = MetaMorl(inner=64)._learn(bench, SMALL, 64, 0)
    assert len(bench.ledger) == 1
    twice = Bench(Toy(), base, 256, Store(tmp_path))
    MetaMorl(inner=64)._learn(twice, SMALL, 192, 0)
    assert len(twice.ledger) == 3
    assert bench.trainable_parameters == twice.trainable_parameters == found.parameters
