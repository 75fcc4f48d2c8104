"""Where answers can be enumerated, every metric that has a sum over all answers uses it, and no sample's noise is left."""

from dataclasses import replace

import numpy as np
import pytest
from evidence import build

from morlbench import closed_form, crossfit, flags, growth, registry, stability
from morlbench.closed_form import Problem
from morlbench.digest import measure
from morlbench.metric import Evidence, NoValue
from morlbench.preference import Array, lattice
from morlbench.task import Exact

NOISELESS = (
    "hypervolume", "hypervolume-crossfit", "hypervolume-charged", "hypervolume-within-kl", "relative-hypervolume", "extent", "r2",
    "utility", "utility-charged", "utility-gain", "wins-over-base", "stated-utility", "kl-to-base", "eum", "selection-regret", "mul",
)  # fmt: skip


def value(name: str, *runs: Evidence) -> float:
    return float(registry.load("metrics", name)()(runs))


def sampled(run: Evidence) -> Evidence:
    return replace(run, exact=None)


@pytest.fixture(scope="module")
def world() -> Problem:
    rng = np.random.default_rng(0)
    return Problem(np.log(rng.dirichlet(np.ones(40), 6)), rng.random((6, 40, 2)), 0.1)


def solved(problem: Problem, **changes: Array) -> Evidence:
    """A run of the best policies of `problem`, its answers those of some other world."""
    w = lattice(2)
    best = closed_form.optimal(problem, w)
    base = w @ closed_form.values(problem, problem.log_base[None]).returns[0]
    parts = {"returns": best.returns, "rewards": best.rewards, "kl": best.kl, "value": (best.returns * w).sum(1)} | changes
    run = build(exact=True, reference_front=True)
    return replace(run, exact=Exact(w, optimum=closed_form.optimal_values(problem, w), base=base, front=best.returns, **parts))


@pytest.mark.parametrize("name", NOISELESS)
def test_equal_policies_have_one_value_whatever_they_happened_to_answer(name):
    runs = [build(exact=True, seed=seed, noise=0.3, prompts=40, reference_front=True) for seed in range(4)]
    assert np.ptp([value(name, run) for run in runs]) < 1e-12
    if name != "wins-over-base":  # all are won
        assert np.ptp([value(name, sampled(run)) for run in runs]) > 1e-4
    assert registry.load("metrics", name)().interval(runs[:1]) is None


@pytest.mark.parametrize("name", ["hypervolume-iqr", "utility-iqr", "seed-dispersion"])
def test_a_frozen_policy_has_no_spread_between_seeds(name):
    runs = [build(exact=True, seed=seed, noise=0.3, prompts=12) for seed in range(5)]
    assert value(name, *runs) == pytest.approx(0, abs=1e-12)
    assert value(name, *map(sampled, runs)) > 1e-3
    assert flags.seed_spread(runs).value == pytest.approx(0, abs=1e-12)
    assert stability.attainment_deviation(runs) == pytest.approx(0, abs=1e-12)


def test_values_are_those_of_the_sums(world):
    run, w = solved(world), lattice(2)
    assert run.exact is not None
    assert value("utility", run) == pytest.approx((run.exact.rewards * w).sum(1).mean())
    assert value("kl-to-base", run) == pytest.approx(run.exact.kl.mean())
    base = closed_form.values(world, world.log_base[None]).rewards[0]
    assert value("utility-gain", run) == pytest.approx(((run.exact.rewards - base) * w).sum(1).mean())
    assert value("utility-charged", replace(run, task=replace(run.task, beta=world.beta))) == pytest.approx(run.exact.optimum.mean())
    facts = replace(run.task, reference_point=tuple(base - 0.1))
    volume = value("hypervolume", replace(run, task=facts))
    assert growth.relative_hypervolume(replace(run, task=facts)) == pytest.approx(np.sqrt(volume / 0.01))


def test_the_best_policies_have_no_regret_no_dent_and_no_loss_though_their_rewards_alone_have(world):
    run, w = solved(world), lattice(2)
    assert run.exact is not None
    assert value("selection-regret", run) == pytest.approx(0, abs=1e-9)
    assert value("mul", run) == pytest.approx(0, abs=1e-9)
    assert not flags.middle_collapse([run]).raised
    assert not flags.kl_overspent([run]).raised
    swapped = solved(world, returns=run.exact.returns[::-1], rewards=run.exact.rewards[::-1], value=(run.exact.returns[::-1] * w).sum(1))
    assert value("selection-regret", swapped) > 0.05
    dent = run.exact.returns - np.where(np.abs(w[:, :1] - 0.5) < 0.01, 0.2, 0)
    assert flags.middle_collapse([solved(world, returns=dent)]).raised
    assert flags.kl_overspent([solved(world, value=run.exact.base - 0.01)]).value == pytest.approx(0.01)


def test_a_single_policy_keeps_what_its_one_exact_row_tells():
    run = build(track="single", family="single-policy", exact=True)
    assert run.exact is not None
    w = lattice(2)
    assert value("utility", run) == pytest.approx((run.exact.rewards[0] * w).sum(1).mean())
    assert value("stated-utility", run) == pytest.approx(run.exact.rewards[0].mean())
    paid = run.exact.rewards[0] - run.task.beta * run.exact.kl[0]
    assert value("utility-charged", run) == pytest.approx((paid * w).sum(1).mean())
    assert value("selection-regret", run) == pytest.approx(0, abs=1e-12)
    assert value("utility-gain", run) == pytest.approx(value("utility-gain", sampled(run)))  # the base is known at one preference only


def test_a_front_is_held_against_single_policies_by_exact_values():
    single = build(method="linear-scalarization", family="single-policy", track="single", exact=True, noise=0.3)
    front = build(exact=True, noise=0.3)
    assert front.exact is not None
    assert flags.below_single([front], [single]).value == pytest.approx(0, abs=1e-12)
    worse = replace(front, exact=replace(front.exact, value=front.exact.value - 0.021))
    assert flags.below_single([worse], [single]).raised
    assert not flags.below_single([replace(front, exact=replace(front.exact, value=front.exact.value - 0.019))], [single]).raised


def test_growth_of_the_volume_has_a_value_where_a_sampled_base_lies_below_the_reference():
    runs = [build(k=k, exact=True, task=f"exact-scale-{k}") for k in (2, 3, 5)]
    low = [replace(run, probes=tuple(replace(p, rewards=p.rewards * 0.1) if p.name == "base" else p for p in run.probes)) for run in runs]
    assert np.isfinite(value("hypervolume-exponent", *low))
    with pytest.raises(NoValue, match="does not exceed"):
        value("hypervolume-exponent", *map(sampled, low))


def test_the_largest_of_noisy_means_is_read_on_the_other_half():
    rng = np.random.default_rng(0)
    fitted, plain = [], []
    for _ in range(300):
        values = rng.normal(0, 1, (9, 40))
        fitted.append(crossfit.largest_mean(values, np.arange(40)))
        plain.append(values.mean(1).max())
    error = np.std(fitted) / np.sqrt(300)
    assert abs(np.mean(fitted)) < 3 * error
    assert np.mean(plain) > 10 * error
    known = np.repeat(np.arange(9.0)[:, None], 40, 1)
    assert crossfit.largest_mean(known, np.arange(40)) == pytest.approx(8)


def test_what_is_not_exact_stays_sampled():
    run = build(exact=True, noise=0.3)
    assert measure(registry.load("metrics", "held-out-utility")(), [run]).value == value("held-out-utility", sampled(run))
