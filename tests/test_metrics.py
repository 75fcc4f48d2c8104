"""Every metric: doctests, the right answer in worlds where it is planted, slow twins, and a dash with a reason elsewhere."""

import doctest
import importlib
import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from evidence import World, build, from_rewards, mean_at
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import slow
from scipy.stats import entropy, kendalltau, linregress, spearmanr

from morlbench import adaptation, answers, closed_form, control, explanation, flags, growth, ledger, registry, stability
from morlbench.bench import Cost, Line
from morlbench.example import example
from morlbench.metric import FAMILIES, Evidence, Metric, NoValue, Probe
from morlbench.preference import LINEAR, Utility, lattice

NAMES = registry.names("metrics")


def value(name: str, *runs: Evidence) -> float:
    return registry.load("metrics", name)()(runs)


@pytest.mark.parametrize("name", NAMES)
def test_doctests_hold(name):
    module = importlib.import_module(registry.load("metrics", name).__module__)
    found = doctest.testmod(module)
    assert found.attempted >= 2
    assert found.failed == 0


@pytest.mark.parametrize("name", NAMES)
def test_the_docstring_gives_formula_source_unit_direction_compliance_and_when_the_number_misleads(name):
    metric = registry.load("metrics", name)
    text = " ".join((metric.__doc__ or "").split())
    assert all(word in text for word in ("Source: ", "Unit: ", "Misleads ", ">>> ")), text
    assert "Pareto-compliant" in text
    assert ("not Pareto-compliant" in text) != metric.pareto_compliant
    better = re.search(r"(higher|lower)( is| means|;| )", text[text.index("Unit: ") :])
    assert better is not None
    assert (better[1] == "higher") == metric.higher_is_better


def test_all_eight_families_have_metrics_and_a_headline():
    metrics = [registry.load("metrics", name) for name in NAMES]
    assert {metric.family for metric in metrics} == set(FAMILIES)
    assert {metric.family for metric in metrics if metric.headline} == set(FAMILIES)


def test_compliance_is_declared_where_theory_says_so():
    compliant = {name for name in NAMES if registry.load("metrics", name).pareto_compliant}
    assert {"hypervolume", "igd-plus", "epsilon", "r2", "eum", "mul"} <= compliant
    assert not compliant & {"sparsity", "spacing", "cardinality", "extent", "utility", "kl-to-base"}


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 3), st.integers(0, 10_000))
def test_realised_utilities_equal_their_slow_twins(k, seed):
    run = build(k=k, seed=seed, prompts=6, draws=2, utilities=True)
    front = run.probe("front")
    assert value("utility", run) == pytest.approx(slow.realised_utility(front.rewards, front.preferences, slow.linear))
    twins = {"chebyshev": slow.chebyshev, "soft-threshold": slow.soft_threshold((0.5,) * k)}
    for probe in run.all("utility"):
        expected = slow.realised_utility(probe.rewards, probe.preferences, twins[probe.utility.name])
        assert value(f"utility-{probe.utility.name}", run) == pytest.approx(expected)


def test_hard_threshold_counts_accepted_answers():
    run = build(k=2, prompts=50)
    utility = Utility("hard-threshold", (0.5, 0.5))
    run = replace(run, task=replace(run.task, utilities=(utility,)), probes=tuple(p for p in run.probes if p.name != "utility"))
    few = run.probe("front").rewards[[0, 2, 5, 8, 10], :50]
    expected = slow.realised_utility(few, np.full((5, 2), 0.5), slow.hard_threshold((0.5, 0.5)))
    assert value("utility-hard-threshold", run) == pytest.approx(expected)


def test_a_method_that_cannot_steer_is_scored_at_the_places_the_others_were_asked():
    run = build(k=2, prompts=80)
    probe, utility = answers.under(run, "chebyshev")
    assert utility.name == "chebyshev"
    assert probe.preferences[:, 0].tolist() == [0, 0.2, 0.5, 0.8, 1]
    assert probe.rewards.shape[1] == 50


def test_a_single_policy_is_one_point_measured_at_every_lattice_preference():
    run = build(track="single", family="single-policy", prompts=30)
    mean = run.probe("front").means[0]
    assert value("utility", run) == pytest.approx((lattice(2) @ mean).mean())
    assert value("cardinality", run) == 1
    assert value("selection-regret", run) == pytest.approx(0, abs=1e-12)
    with pytest.raises(NoValue, match="takes no preference"):
        value("control-spearman", run)


def test_gain_over_the_base_is_planted_and_zero_for_the_base_itself():
    world = World(noise=0.02, prompts=200)
    run = build(noise=0.02, prompts=200)
    w = lattice(2)
    expected = (w * (mean_at(world, w) - world.start)).sum(1).mean()
    assert value("utility-gain", run) == pytest.approx(expected, abs=0.01)
    assert value("wins-over-base", run) == 1
    base = run.probe("base")
    same = from_rewards(np.repeat(base.rewards, 11, 0), w, base=base.rewards)
    assert value("utility-gain", same) == 0
    assert value("wins-over-base", same) == 0


def test_base_answers_are_matched_by_prompt_not_by_place():
    run = build(prompts=20)
    held = run.probe("held-out")
    some = replace(held, prompts=np.array([7, 3]), rewards=held.rewards[:, [7, 3]])
    assert np.array_equal(answers.base_for(run, some).rewards[0], run.probe("base").rewards[0, [7, 3]])
    with pytest.raises(NoValue, match="did not answer prompt 99"):
        answers.base_for(run, replace(some, prompts=np.array([7, 99])))


def test_the_interval_of_utility_covers_the_planted_mean():
    true = np.full((1, 2), 0.5)
    covered = 0
    for seed in range(200):
        rewards = true[:, None, None] + np.random.default_rng(seed).normal(0, 0.1, (1, 30, 1, 2))
        low, high = registry.load("metrics", "utility")().interval([from_rewards(rewards, true)])
        covered += low <= 0.5 <= high
    assert 182 <= covered <= 198


def test_every_method_is_evaluated_on_the_same_preferences():
    front, single = build(k=3, prompts=6), build(k=3, prompts=6, track="single", family="single-policy")
    assert np.array_equal(answers.front(front).preferences, answers.front(single).preferences)
    assert np.array_equal(answers.front(single).preferences, lattice(3))
    one = single.probe("front").rewards.mean((0, 1, 2))
    assert value("utility", single) == pytest.approx((lattice(3) @ one).mean())  # at every preference, not at its own


def test_selection_regret_is_the_price_of_swapped_answers():
    run = build(noise=0.02, prompts=100)
    front = run.probe("front")
    swapped = from_rewards(front.rewards[::-1], front.preferences)
    assert value("selection-regret", swapped) > 0.1
    assert abs(value("selection-regret", run)) < 0.01


def test_stated_utility_finds_the_stated_probe_and_else_has_none():
    run = example()
    stated = replace(run.probe("front"), name="stated", preferences=np.array([[0.3, 0.7]]), rewards=np.full((1, 4, 1, 2), 0.9))
    asked = replace(run, task=replace(run.task, preference=(0.3, 0.7)), probes=(*run.probes, stated))
    assert value("stated-utility", asked) == pytest.approx(0.9)
    with pytest.raises(NoValue, match="stated preference"):
        value("stated-utility", replace(asked, probes=run.probes))


def test_stated_utility_pays_for_its_kl_once_it_is_charged():
    run = build(kl=2.0)
    front = run.probe("front")
    assert front.kl is not None
    spent = front.kl[int(np.abs(front.preferences - run.task.preference).sum(1).argmin())].mean()
    assert spent == pytest.approx(2.0, abs=0.1)
    assert value("stated-utility-charged", run) == pytest.approx(value("stated-utility", run) - run.task.beta * spent)
    exact = build(exact=True)
    assert exact.exact is not None
    row = int(np.abs(exact.exact.preferences - 0.5).sum(1).argmin())
    paid = exact.exact.rewards[row].mean() - exact.task.beta * exact.exact.kl[row]
    assert value("stated-utility-charged", exact) == pytest.approx(paid, abs=1e-9)
    unknown = tuple(replace(probe, kl=None) for probe in run.probes)
    with pytest.raises(NoValue, match="KL to the base is unknown"):
        value("stated-utility-charged", replace(run, probes=unknown))


def test_points_beyond_the_kl_budget_do_not_count():
    run = example()
    front = run.probe("front")
    kl = front.kl.copy()
    kl[1] = 2.0
    run = replace(run, probes=tuple(replace(p, kl=kl) if p.name == "front" else p for p in run.probes))
    assert value("hypervolume-within-kl", run) == pytest.approx(0.1 * 0.7 + 0.6 * 0.1)
    with pytest.raises(NoValue, match="KL budget"):
        value("hypervolume-within-kl", replace(run, task=replace(run.task, kl_budget=None)))


def test_reward_bought_with_kl_pays_for_it():
    run = example()  # points (.2, .8), (.6, .6), (.8, .2), beta .1, reference (.1, .1)
    front = run.probe("front")

    def spending(nats: float) -> Evidence:
        return replace(run, probes=tuple(replace(p, kl=np.full_like(front.kl, nats)) if p.name == "front" else p for p in run.probes))

    assert value("hypervolume-charged", spending(0)) == pytest.approx(value("hypervolume", run))
    assert value("hypervolume-charged", spending(0.5)) == pytest.approx(
        0.05 * 0.65 + 0.4 * 0.45 + 0.2 * 0.05
    )  # (.15, .75), (.55, .55), (.75, .15)
    assert value("hypervolume-charged", spending(9)) == 0
    with pytest.raises(NoValue, match="KL"):
        value("hypervolume-charged", replace(run, probes=tuple(replace(p, kl=None) for p in run.probes)))


def test_every_preference_pays_for_its_own_kl():
    run = example()  # utilities .8, .6, .8 at beta .1
    front = run.probe("front")
    nats = np.array([3.0, 0.0, 1.5])

    def paying(kl: np.ndarray | None) -> Evidence:
        return replace(run, probes=tuple(replace(p, kl=kl) if p.name == "front" else p for p in run.probes))

    each = np.broadcast_to(nats[:, None, None], front.kl.shape)
    assert value("utility-charged", paying(each)) == pytest.approx((0.5 + 0.6 + 0.65) / 3)
    assert value("utility-charged", paying(0 * each)) == pytest.approx(value("utility", run))
    low, high = registry.load("metrics", "utility-charged")().interval([paying(each)])
    plain = registry.load("metrics", "utility")().interval([run])
    assert (low, high) == pytest.approx((plain[0] - 0.15, plain[1] - 0.15))
    rewards = front.rewards.mean(3, keepdims=False)  # prompts differ by -.03, -.01, .01, .03 alike in both objectives
    even = (rewards - rewards.mean(1, keepdims=True)) / run.task.beta + 1  # each prompt pays what it earns above the mean, and a nat
    assert value("utility-charged", paying(even)) == pytest.approx((0.8 + 0.6 + 0.8) / 3 - 0.1)
    assert np.ptp(registry.load("metrics", "utility-charged")().interval([paying(even)])) == pytest.approx(0, abs=1e-9)
    with pytest.raises(NoValue, match="KL"):
        value("utility-charged", paying(None))


def test_serving_the_wrong_preference_costs_charged_utility_and_no_hypervolume():
    run = example()
    turned = replace(run, probes=tuple(replace(p, rewards=p.rewards[::-1]) if p.name == "front" else p for p in run.probes))
    assert value("hypervolume-charged", turned) == pytest.approx(value("hypervolume-charged", run))
    assert value("utility-charged", run) == pytest.approx((0.8 + 0.6 + 0.8) / 3 - 0.1)
    assert value("utility-charged", turned) == pytest.approx((0.2 + 0.6 + 0.2) / 3 - 0.1)


def test_no_policy_exceeds_the_true_front_and_the_front_itself_scores_one():
    run = example(exact=True)
    assert 0 < value("regularised-hypervolume", run) < 1
    best = replace(run.exact, returns=run.exact.front, value=run.exact.optimum)
    assert value("regularised-hypervolume", replace(run, exact=best)) == pytest.approx(1)
    assert value("optimality-gap", replace(run, exact=best)) == pytest.approx(0)
    assert value("optimality-gap", replace(run, exact=replace(run.exact, value=run.exact.base))) == pytest.approx(1)


def test_ledger_totals_equal_the_sum_of_their_parts():
    run = build(budget=4096)
    parts = sum(ledger.total(run, "responses", (kind,)) for kind in ("training", "search", "inference", "evaluation"))
    assert parts == sum(line.cost.responses for line in run.costs.lines)
    assert value("responses-scored", run) == 1024 + 1024 + 512
    assert value("longest-part", run) == 12 + 3
    assert value("cache-saved", run) == 12
    more = replace(run.costs, lines=(*run.costs.lines, Line("late", "search", Cost(responses=5))))
    assert value("search-responses", replace(run, costs=more)) == value("search-responses", run) + 5


@pytest.mark.parametrize("k", [2, 3, 5])
def test_control_equals_scipy_and_sees_a_planted_order(k):
    run = build(k=k, prompts=40)
    w, v = run.probe("front").preferences, run.probe("front").means
    assert control.spearman(run) == pytest.approx(min(spearmanr(w[:, i], v[:, i]).statistic for i in range(k)))
    assert control.kendall(run) == pytest.approx(min(kendalltau(w[:, i], v[:, i]).statistic for i in range(k)))
    assert control.spearman(run) > 0.8


def test_a_policy_that_ignores_the_preference_has_no_control():
    blind = from_rewards(np.full((11, 5, 1, 2), 0.5), lattice(2))
    assert (control.spearman(blind), control.kendall(blind), control.dynamic_range(blind), control.violations(blind)) == (0, 0, 0, 0)
    with pytest.raises(NoValue, match="do not move"):
        control.linearity(blind)
    rounded = np.full((11, 5, 1, 2), 0.5) + 1e-16 * np.arange(11)[::-1, None, None, None]
    rounded[::2] += 2e-16  # a sum of floats goes up and down without moving
    still = from_rewards(rounded, lattice(2))
    assert (control.spearman(still), control.kendall(still), control.violations(still)) == (0, 0, 0)
    turned = from_rewards(lattice(2)[:, ::-1][:, None, None], lattice(2))
    assert control.spearman(turned) == pytest.approx(-1)
    assert control.violations(turned) == 1


def test_gains_at_the_corners_tell_the_own_objective_from_the_others():
    w = lattice(2)
    base = np.full((1, 1, 1, 2), 0.4)
    harmful = from_rewards((0.2 + 0.5 * w)[:, None, None], w, base=base)  # .7 on the one asked for, .2 on the other
    assert control.corner_gains(harmful) == pytest.approx((0.3, -0.2))
    harmless = from_rewards(np.maximum(0.2 + 0.5 * w, 0.4)[:, None, None], w, base=base)
    assert control.corner_gains(harmless) == pytest.approx((0.3, 0.0))
    run = build(exact=True, prompts=8)  # where values are exact, so is the base's: its sampled answers may lie elsewhere
    shifted = tuple(replace(p, rewards=p.rewards + 0.1) if p.name == "base" else p for p in run.probes)
    assert control.corner_gains(run) == pytest.approx((World().gain, 0.0), abs=1e-9)
    assert control.corner_gains(replace(run, probes=shifted)) == control.corner_gains(run)
    assert control.corner_gains(replace(run, probes=shifted, exact=None)) != control.corner_gains(replace(run, exact=None))
    middle = from_rewards((0.2 + 0.5 * w[1:-1])[:, None, None], w[1:-1], base=base)
    with pytest.raises(NoValue, match="alone"):
        control.corner_gains(middle)


def test_a_linear_front_is_linear_and_a_jump_is_its_worst_step():
    w = lattice(2)
    straight = from_rewards((0.2 + 0.5 * w)[:, None, None], w)
    assert control.linearity(straight) == pytest.approx(1)
    assert control.worst_step(straight) == pytest.approx(0.1)
    jump = from_rewards(np.where(w > 0.55, 0.9, 0.1)[:, None, None], w)
    assert control.worst_step(jump) > 0.6
    assert control.linearity(jump) < 0.9


def test_control_reads_exact_rewards_where_answers_can_be_listed():
    w = lattice(2)
    noisy = from_rewards(np.random.default_rng(0).random((11, 1, 1, 2)), w)
    assert control.linearity(noisy) < 0.9
    listed = build(exact=True).exact
    assert listed is not None
    assert control.linearity(replace(noisy, exact=replace(listed, preferences=w, rewards=0.2 + 0.5 * w))) == pytest.approx(1)


def test_progress_pools_users_before_dividing():
    run = build(prompts=40, noise=0.0, prompt_spread=0.0)
    steps = dict(adaptation.progress(run))
    assert steps[0] < 0.95
    assert steps[256] == pytest.approx(1, abs=0.01)
    assert all(a <= b + 1e-6 for a, b in pairwise(steps[s] for s in (0, 16, 64, 256)))
    assert adaptation.responses_needed(run) in (0, 16, 64)
    gone = replace(run, probes=tuple(p for p in run.probes if not (p.name == "adapt" and p.step == 64 and p.user == 1)))
    with pytest.raises(NoValue, match="not asked at every checkpoint"):
        adaptation.progress(gone)
    slow_one = replace(run, probes=tuple(p for p in run.probes if not (p.name == "adapt" and p.step > 0)))
    with pytest.raises(NoValue, match="not reached"):
        adaptation.responses_needed(slow_one)


def test_a_policy_without_ratings_and_a_user_never_told_have_no_adaptation():
    with pytest.raises(NoValue, match="cannot learn"):
        adaptation.progress(build(adapt=False))
    run = build()
    with pytest.raises(NoValue, match="never told"):
        adaptation.progress(replace(run, probes=tuple(p for p in run.probes if p.name != "told")))


def test_fidelity_equals_scipy_pair_by_pair():
    run = build(prompts=40)
    front = run.probe("front")
    found = []
    for i in range(2):
        gone = run.probe(f"without-{i}")
        n = len(gone.prompts)
        for p in range(11):
            a, effect = front.weights[p, :n, i], (front.rewards[p, :n, :, i] - gone.rewards[p, ..., i]).mean(1)
            if np.ptp(a) > 1e-6 and np.ptp(effect) > 0:
                found.append(spearmanr(a, effect).statistic)
    assert explanation.fidelity(run) == pytest.approx(np.mean(found))
    assert explanation.fidelity(run) > 0.4


def test_echoing_the_preference_explains_nothing_and_gets_a_dash():
    with pytest.raises(NoValue, match="same for every prompt"):
        explanation.fidelity(build(explain="echo"))
    with pytest.raises(NoValue, match="states no weights"):
        explanation.fidelity(build(explain="none"))


def test_random_explanations_have_no_fidelity():
    run = build(prompts=200)
    front = run.probe("front")
    noise = np.random.default_rng(0).dirichlet(np.ones(2), front.weights.shape[:2])
    shuffled = replace(run, probes=tuple(replace(p, weights=noise) if p.name == "front" else p for p in run.probes))
    assert abs(explanation.fidelity(shuffled)) < 0.08


def test_gate_entropy_is_scipys_over_log_k():
    run = build(k=3)
    weights = run.probe("front").weights
    assert explanation.entropy(run) == pytest.approx(np.mean(entropy(weights, axis=2)) / np.log(3), abs=1e-6)
    uniform = np.full_like(weights, 1 / 3)
    even = replace(run, probes=tuple(replace(p, weights=uniform) if p.name == "front" else p for p in run.probes))
    assert explanation.entropy(even) == pytest.approx(1)


def test_growth_recovers_a_planted_exponent_with_an_interval():
    runs = [build(task=f"exact-scale-{k}", k=k, prompts=8) for k in (2, 3, 5, 10)]
    value_, low, high = growth.exponent(runs, "inference")  # passes per token are planted equal to k
    assert (value_, low, high) == pytest.approx((1, 1, 1))
    told = registry.load("metrics", "inference-exponent")().note(runs)
    assert told == "scored responses per objective: 2,048 (k = 2), 1,365 (k = 3), 819 (k = 5), 410 (k = 10)"
    fewer = [replace(run, budget=256) for run in runs]
    assert registry.load("metrics", "inference-exponent")().note(fewer + runs) == told  # taken over the largest budget all sizes have
    x, y = np.log([2, 3, 5, 10]), np.array([0.1, 0.9, 1.1, 2.0])
    fit = linregress(x, y)
    found = growth.slope(x, y)
    assert found[0] == pytest.approx(fit.slope)
    assert found[2] - found[0] == pytest.approx(4.302652729911275 * fit.stderr)
    strangers = [build(task=f"assistant-{k}", k=k, prompts=4) for k in (5, 10)]  # a smaller family has no part in it
    assert registry.load("metrics", "inference-exponent")().note(strangers + runs) == told
    assert growth.exponent(strangers + runs, "inference") == (value_, low, high)


def test_growth_needs_three_sizes_of_one_family():
    with pytest.raises(NoValue, match="at least 3 sizes; given 2"):
        growth.exponent([build(task=f"exact-scale-{k}", k=k, prompts=4) for k in (2, 3)], "inference")


def test_responses_needed_interpolates_in_log_budget():
    def at(budget, gap):
        run = example(budget=budget, exact=True)
        shift = run.exact.optimum - gap * (run.exact.optimum - run.exact.base)
        return replace(run, exact=replace(run.exact, value=shift))

    assert growth.responses_needed([at(256, 0.5), at(4096, 0.1), at(32768, 0.05)]) == pytest.approx(256 ** (1 - 0.625) * 4096**0.625)
    assert growth.responses_needed([at(256, 0.2)]) == 256
    with pytest.raises(NoValue, match=r"smallest gap is 0\.4"):
        growth.responses_needed([at(256, 0.5), at(4096, 0.4)])
    with pytest.raises(NoValue, match="no budget brought the gap"):
        growth.responses_needed([at(256, np.nan)])
    with pytest.raises(NoValue, match="one task at a time"):
        growth.responses_needed([at(256, 0.5), replace(at(4096, 0.1), task=replace(example().task, name="another"))])


@pytest.mark.parametrize("off", [0.0, 1e-16, -1e-16, 1e-10])
def test_a_base_that_is_the_best_policy_but_for_rounding_leaves_no_gap(off):
    run = example(exact=True)
    spent = replace(run, exact=replace(run.exact, optimum=run.exact.base + off, value=run.exact.base - 0.2))
    assert np.isnan(spent.exact.gap)
    for name in ("optimality-gap", "stated-gap"):
        with pytest.raises(NoValue, match="already the best"):
            registry.load("metrics", name)()([spent])


def test_a_volume_of_zero_has_no_growth(recwarn):
    sizes = [build(k=k, task=f"exact-scale-{k}", prompts=4) for k in (2, 3, 5)]
    low = [replace(run, task=replace(run.task, reference_point=run.probe("base").means[0] - 1e-3)) for run in sizes]
    worse = [replace(run, probes=tuple(replace(p, rewards=p.rewards - (p.name == "front")) for p in run.probes)) for run in low]
    with pytest.raises(NoValue, match="of 2 objectives is 0, which has no logarithm"):
        growth.exponent(worse, "volume")
    assert not recwarn


def test_a_reward_that_never_changes_has_no_correlation(recwarn):
    log_base = np.log(np.full((2, 3), 1 / 3))
    rewards = np.stack([np.ones((2, 3)), np.arange(6).reshape(2, 3) / 6], axis=2)
    found = closed_form.reward_correlation(closed_form.Problem(log_base, rewards, 0.1))
    assert np.isnan(found[0]).all()
    assert found[1, 1] == pytest.approx(1)
    assert not recwarn


def test_the_longest_part_says_how_many_there_are():
    run = build(prompts=4)
    parts = [line for line in run.costs.lines if line.kind == "training"]
    several = replace(run, costs=replace(run.costs, lines=(*parts, *parts)))
    told = registry.load("metrics", "longest-part")().note([several])
    assert told == f"the longest of {2 * len(parts)} parts, as if none waited for another"


def test_rungs_of_other_seeds_and_single_policies_have_no_responses_needed():
    few = [build(exact=True, seed=s, budget=256) for s in range(3)] + [build(exact=True, budget=4096)]
    with pytest.raises(NoValue, match="same seeds"):
        growth.responses_needed(few)
    with pytest.raises(NoValue, match="stated-gap"):
        growth.responses_needed([build(exact=True, track="single", family="single-policy")])
    sizes = [build(k=k, seed=s, task=f"exact-scale-{k}") for k in (2, 3, 5) for s in range(2)]
    assert np.isfinite(growth.exponent(sizes, "inference")[0])
    with pytest.raises(NoValue, match="same seeds"):
        growth.exponent(sizes[:-1], "inference")


def test_a_front_below_the_reference_point_has_no_interval_of_width_0():
    low = build(prompts=20)
    low = replace(low, task=replace(low.task, reference_point=(2.0, 2.0)))
    metric = registry.load("metrics", "hypervolume")()
    assert metric([low]) == 0
    assert metric.interval([low]) is None


def test_growth_of_responses_is_unknown_where_the_smallest_budget_was_enough():
    def ladder(k, needed):
        found = []
        for budget in (256, 4096):
            run = build(task=f"exact-scale-{k}", k=k, prompts=4, budget=budget, exact=True)
            gap = 0.5 if budget < needed else 0.0
            value = run.exact.optimum - gap * (run.exact.optimum - run.exact.base)
            found.append(replace(run, exact=replace(run.exact, value=value)))
        return found

    assert growth.exponent([run for k in (2, 3, 5) for run in ladder(k, 1000)], "responses")[0] == pytest.approx(0, abs=1e-9)
    with pytest.raises(NoValue, match=r"exact-scale-3 has a gap below 0\.25 at the smallest budget"):
        growth.exponent([run for k in (2, 3, 5) for run in ladder(k, 100 if k == 3 else 1000)], "responses")


def test_memory_that_grows_with_the_square_of_the_objectives_has_exponent_two():
    def taking(k):
        run = build(task=f"exact-scale-{k}", k=k, prompts=4)
        return replace(run, costs=replace(run.costs, speed=replace(run.costs.speed, peak_bytes=700 * k**2, base_peak_bytes=100)))

    runs = [taking(k) for k in (2, 3, 5, 10)]
    metric = registry.load("metrics", "memory-exponent")()
    assert (metric(runs), *metric.interval(runs)) == pytest.approx((2, 2, 2))
    assert growth.exponent(runs, "inference")[0] == pytest.approx(1)  # passes grow as k


def test_responses_that_grow_with_the_square_of_the_objectives_have_exponent_two():
    """A gap of .25 is crossed at 100 k² responses: as far between the rungs 256 and 4,096, in logarithms, as .25 is between the gaps."""

    def ladder(k):
        share = np.log(100 * k**2 / 256) / np.log(4096 / 256)
        found = []
        for budget, gap in ((256, 0.25 + 0.2 * share), (4096, 0.25 - 0.2 * (1 - share))):
            run = build(task=f"exact-scale-{k}", k=k, prompts=4, budget=budget, exact=True)
            value = run.exact.optimum - gap * (run.exact.optimum - run.exact.base)
            found.append(replace(run, exact=replace(run.exact, value=value)))
        return found

    runs = [run for k in (2, 3, 5) for run in ladder(k)]
    assert [growth.responses_needed(ladder(k)) for k in (2, 3, 5)] == pytest.approx([400, 900, 2500])
    metric = registry.load("metrics", "responses-exponent")()
    assert (metric(runs), *metric.interval(runs)) == pytest.approx((2, 2, 2))


def test_growth_compares_sizes_at_one_budget():
    runs = [build(task=f"exact-scale-{k}", k=k, prompts=60, gain=0.2) for k in (2, 3, 5)]
    low = build(task="exact-scale-5", k=5, prompts=60, gain=0.02, budget=256)
    assert growth.exponent([*runs, low], "volume") == growth.exponent(runs, "volume")
    with pytest.raises(NoValue, match="different budgets"):
        growth.exponent([*runs[:2], low], "volume")


def test_a_single_policy_answers_for_the_whole_lattice_or_has_no_value_on_exact_tasks():
    single = build(track="single", family="single-policy", exact=True, prompts=8)
    losses = [w @ single.exact.front.T - w @ single.exact.returns[0] for w in lattice(2)]
    assert value("mul", single) == pytest.approx(max(map(max, losses)))
    assert value("mul", single) > 0.05  # as it would be at its own preference alone, up to the price of KL
    for name in ("worst-regret", "optimality-gap", "regularised-hypervolume"):
        with pytest.raises(NoValue, match="one p"):
            value(name, single)
        assert np.isfinite(value(name, build(exact=True, prompts=8)))
    assert np.isfinite(value("stated-gap", single))


def test_attainment_deviation_is_zero_for_equal_fronts_and_the_volume_between_two():
    near, far = np.array([[0.5, 0.5]]), np.array([[0.7, 0.5]])
    runs = [replace(example(points), seed=seed) for seed, points in enumerate((near, far))]
    assert stability.attainment_deviation([runs[0], replace(runs[0], seed=1)]) == 0
    # the Vorob'ev expectation is one of the two boxes: half of the difference of .2 x .4 on average
    assert stability.attainment_deviation(runs) == pytest.approx(0.04, abs=1e-6)


def test_attainment_beyond_three_objectives_has_no_value():
    with pytest.raises(NoValue, match="at most 3 objectives"):
        stability.attainment_deviation([build(k=4), build(k=4, seed=1)])


def test_attainment_surfaces_are_ordered():
    runs = [build(seed=s, prompts=20, seed_spread=0.1) for s in range(4)]
    worst, best = stability.surfaces(runs, (100, 25))
    assert best[:, 0].max() >= worst[:, 0].max()
    assert best[:, 1].max() >= worst[:, 1].max()


def test_seed_dispersion_finds_the_planted_spread():
    runs = [build(seed=s, prompts=100, seed_spread=0.05, noise=0.01, prompt_spread=0.0) for s in range(40)]
    assert stability.seed_dispersion(runs) == pytest.approx(0.05, rel=0.25)
    with pytest.raises(NoValue, match="at least 2 seeds"):
        stability.seed_dispersion(runs[:1])


@pytest.mark.parametrize("name", NAMES)
def test_a_bare_record_gets_a_dash_with_a_reason_or_a_number(name):
    bare = from_rewards(np.full((1, 3, 1, 2), 0.5), np.array([[0.5, 0.5]]))
    try:
        shown = value(name, bare)
    except NoValue as none:
        shown = str(none)
    assert len(shown) > 10 if isinstance(shown, str) else np.isfinite(shown)


def reordered(run: Evidence, objectives: np.ndarray, preferences: np.ndarray, prompts: np.ndarray) -> Evidence:
    """The same evidence with objectives, preferences and prompts in another order."""

    def turn(p):
        rows = preferences if len(p.preferences) == len(preferences) else np.arange(len(p.preferences))
        columns = np.argsort(np.argsort(prompts[prompts < len(p.prompts)]))
        pick = np.ix_(rows, columns)
        name = f"without-{list(objectives).index(int(p.name[-1]))}" if p.name.startswith("without-") else p.name
        each = {x: None if (a := getattr(p, x)) is None else a[pick] for x in ("kl", "nll")}
        full = {x: None if (a := getattr(p, x)) is None else a[pick][..., objectives] for x in ("rewards", "weights", "gold")}
        return replace(p, name=name, preferences=p.preferences[rows][:, objectives], prompts=p.prompts[columns], **each, **full)

    front = tuple(map(tuple, np.array(run.task.front)[:, objectives]))
    task = replace(run.task, reference_point=tuple(np.array(run.task.reference_point)[objectives]), front=front)
    return replace(run, task=task, probes=tuple(map(turn, run.probes)))


@settings(max_examples=6, deadline=None)
@given(st.integers(2, 3), st.integers(0, 1000))
def test_no_metric_depends_on_the_order_of_objectives_preferences_or_prompts(k, seed):
    rng = np.random.default_rng(seed)
    run = build(k=k, seed=seed, prompts=12, reference_front=True, gold=True)
    turned = reordered(run, rng.permutation(k), rng.permutation(len(lattice(k))), rng.permutation(12))
    for name in NAMES:
        metric: Metric = registry.load("metrics", name)()
        if metric.over != "run" or (name.startswith("utility-") and name != "utility-gain"):  # those look at fixed places of the lattice
            continue
        try:
            before = metric([run])
        except NoValue:
            continue
        assert metric([turned]) == pytest.approx(before, rel=1e-6, abs=1e-9), name


def test_flags_are_raised_where_a_fault_is_planted_and_not_elsewhere():
    healthy = build(prompts=100)
    assert not any(flag([healthy]).raised for flag in flags.RUN)
    drunk = replace(healthy, probes=tuple(replace(p, nll=p.nll + 0.6) if p.name == "front" else p for p in healthy.probes))
    assert flags.fluency_loss([drunk]).raised
    assert flags.kl_overspent([build(prompts=100, kl=9.0)]).raised
    slow_speed = replace(healthy.costs.speed, tokens_per_second=40.0)
    assert flags.slow_inference([replace(healthy, costs=replace(healthy.costs, speed=slow_speed))]).raised


def test_a_single_policy_is_held_to_its_own_preference_when_its_kl_is_weighed():
    run = example()  # the base earns (.3, .3)
    own = replace(
        run.probe("front"), preferences=np.array([[1.0, 0.0]]), rewards=np.tile([0.9, 0.0], (1, 4, 1, 1)), kl=np.full((1, 4, 1), 2.0)
    )
    single = replace(run, probes=tuple(own if p.name == "front" else p for p in run.probes))
    assert flags.kl_overspent([single]).value == pytest.approx(0.1 * 2.0 - 0.6, abs=1e-9)  # over the lattice it gains .15 only
    assert not flags.kl_overspent([single]).raised
    assert flags.kl_overspent(
        [replace(single, probes=tuple(replace(p, kl=p.kl * 4) if p.name == "front" else p for p in single.probes))]
    ).raised


def test_a_collapse_in_the_middle_is_flagged_and_a_straight_chord_is_not():
    w = lattice(2)
    noise = np.random.default_rng(0).normal(0, 0.02, (11, 50, 1, 2))
    straight = 0.3 + 0.5 * w[:, None, None] + noise
    assert not flags.middle_collapse([from_rewards(straight, w)]).raised
    blind = np.repeat(straight[:1], 11, 0)
    assert not flags.middle_collapse([from_rewards(blind, w)]).raised
    lucky = np.array([[0.1, 0.101], [1.0, -1.0]])  # below the chord, by prompt: surely in the first row, by chance in the second
    few = np.repeat(1 - np.array([[0, 0], *lucky, [0, 0]])[:, :, None, None], 2, -1)
    found = flags.middle_collapse([from_rewards(few, np.array([[0, 1], [0.25, 0.75], [0.75, 0.25], [1, 0]]))])
    assert found.value < 0
    assert not found.raised
    dented = straight.copy()
    dented[4:7] -= 0.2
    found = flags.middle_collapse([from_rewards(dented, w)])
    assert found.raised
    assert found.value == pytest.approx(0.2, abs=0.02)


def test_a_drop_below_the_single_policy_run_is_flagged():
    single = build(method="linear-scalarization", family="single-policy", track="single", prompts=60)
    good, poor = build(method="good", prompts=60), build(method="poor", gain=0.05, prompts=60)
    assert flags.below_single([poor], [single]).raised
    assert not flags.below_single([good], [single]).raised
    with pytest.raises(NoValue, match="no single-policy run"):
        flags.below_single([poor], [good])


def test_one_lucky_seed_of_a_single_policy_is_not_its_method():
    def single(gain, seed):
        return build(method="linear-scalarization", family="single-policy", track="single", prompts=60, gain=gain, seed=seed)

    ours = [build(method="good", prompts=60, seed=seed) for seed in range(3)]
    lucky = [single(0.42, 0), single(0.25, 1), single(0.25, 2)]  # ours gain .3
    with_luck = flags.below_single(ours[:1], lucky[:1])
    assert with_luck.raised
    whole = flags.below_single(ours, lucky)
    assert not whole.raised
    assert whole.value == pytest.approx(np.mean([flags.below_single([a], [b]).value for a, b in zip(ours, lucky, strict=True)]))
    assert flags.below_single(ours, [single(0.42, seed) for seed in range(3)]).raised


def test_versions_of_a_single_policy_are_not_averaged_and_a_run_without_exact_values_is_compared_by_its_answers():
    def single(gain, version, exact=False):
        made = build(method="linear-scalarization", family="single-policy", track="single", prompts=60, gain=gain, exact=exact)
        return replace(made, method=replace(made.method, version=version))

    ours = [build(method="good", prompts=60)]
    good, poor = single(0.45, 1), single(0.1, 2)
    assert flags.below_single(ours, [good, poor]).value == flags.below_single(ours, [good]).value
    mixed = [
        build(method="good", prompts=60, exact=True, seed=0),
        replace(build(method="good", prompts=60, exact=True, seed=1), exact=None),
    ]
    others = [replace(single(0.45, 1, exact=True), seed=seed) for seed in (0, 1)]
    assert np.isfinite(flags.below_single(mixed, others).value)


def test_a_single_policy_that_pays_more_kl_than_it_earns_is_no_one_to_be_held_against():
    greedy = build(method="greedy", family="single-policy", track="single", gain=0.5, kl=20.0, prompts=60)  # 1 for its KL at beta .05
    good = build(method="good", prompts=60)
    assert not flags.below_single([good], [greedy]).raised
    assert flags.below_single([good], [build(method="kind", family="single-policy", track="single", gain=0.5, prompts=60)]).raised
    unpriced = replace(good, probes=tuple(replace(p, kl=None) for p in good.probes))
    with pytest.raises(NoValue, match="KL"):
        flags.below_single([unpriced], [greedy])
    with pytest.raises(NoValue, match="KL"):
        flags.below_single([greedy], [replace(unpriced, method=replace(greedy.method, name="free"))])


def test_a_signature_is_rarely_raised_by_the_luck_of_few_answers():
    """Utility .01 above the price of its KL, on 50 prompts that differ by .1: a mean of such gains is below 0 in a quarter of draws."""
    w, rng, raised = lattice(2), np.random.default_rng(0), 0
    base = np.full((1, 50, 1, 2), 0.4)
    for _ in range(200):
        gain = 0.06 + rng.normal(0, 0.1, (50, 1, 1))
        run = from_rewards(np.broadcast_to(base + gain, (11, 50, 1, 2)), w, base=base)
        paid = tuple(replace(p, kl=np.full(p.rewards.shape[:3], 1.0)) for p in run.probes)  # .05 at beta .05
        raised += flags.kl_overspent([replace(run, probes=paid)]).raised
    assert raised <= 14  # 2.5% at the edge, of 200, with room
    rise = replace(build(prompts=50), probes=tuple(_surprising(p, rng) for p in build(prompts=50).probes))
    assert flags.fluency_loss([rise]).value > flags.FLUENCY
    assert not flags.fluency_loss([rise]).raised


def _surprising(probe: Probe, rng: np.random.Generator) -> Probe:
    """.55 nats per token above the base's on average, with a spread between prompts that hides by how much."""
    return replace(probe, nll=probe.nll + 0.35 + rng.normal(0, 1, probe.nll.shape)) if probe.name == "front" else probe


def test_the_worst_of_many_noisy_preferences_is_no_collapse():
    w, rng = lattice(2), np.random.default_rng(0)
    straight = [from_rewards(0.3 + 0.5 * w[:, None, None] + rng.normal(0, 0.1, (11, 24, 1, 2)), w) for _ in range(200)]
    values = [flags.middle_collapse([run]).value for run in straight]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(200)  # the largest of nine means would be .03 above 0


def test_a_collapse_counts_the_kl_that_the_corners_spend():
    w = lattice(2)
    rewards = (0.3 + 0.4 * w)[:, None, None].repeat(30, 1)
    rewards[1:-1] -= 0.02
    run = from_rewards(rewards, w)
    kl = np.where((w > 0).all(1), 0.0, 2.0)[:, None, None].repeat(30, 1)  # the corners pay .1 at beta .05
    assert flags.middle_collapse([run]).raised
    paid = replace(run, probes=tuple(replace(p, kl=kl) for p in run.probes))
    assert flags.middle_collapse([paid]).value == pytest.approx(0.02 - 0.1)
    assert not flags.middle_collapse([paid]).raised


def test_spread_between_seeds_is_flagged():
    calm = [build(seed=s, prompts=60) for s in range(4)]
    wild = [build(seed=s, prompts=60, seed_spread=0.15) for s in range(4)]
    assert not flags.seed_spread(calm).raised
    assert flags.seed_spread(wild).raised


def test_per_preference_gains_are_paired_by_prompt():
    run = build(prompts=50, noise=0.01, prompt_spread=0.3)
    found = answers.per_preference(run)
    ours, base = answers.realised(run.probe("front"), LINEAR), answers.realised(answers.base_for(run, run.probe("front")))
    assert found.gain == pytest.approx((ours - base).mean(1))
    assert np.all(found.high - found.low < 0.1)  # the prompts' own spread of .3 has cancelled
    assert found.wins == 11
