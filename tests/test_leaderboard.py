"""Ranking a board: planted orders and ties, missing cells, two tracks, and everything that must not count."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evidence import build, from_rewards, record
from scipy.stats import ttest_rel

from morlbench import comparison, digest
from morlbench.bench import Cost, Line
from morlbench.board import PROFILE, Board, Division
from morlbench.board_page import markdown
from morlbench.errors import BadInput, BadRecord
from morlbench.leaderboard import rank
from morlbench.record import Provenance, RunRecord
from morlbench.summary import number

ASKED = np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]])
SEEDS = (0, 1, 2, 3, 4)


def run(method, level, *, task="a", seed=0, base=0.4, track="front", reference=(), levels=(), **changes):
    """One run whose every reward is `level` (or per preference `levels`), and whose base earns `base` everywhere."""
    p = 1 if track == "single" else 3
    means = np.array(levels or [level] * p)
    rewards = np.broadcast_to(means[:, None, None, None], (p, 6, 1, 2)).copy()
    asked = ASKED[[1]] if track == "single" else ASKED
    made = from_rewards(rewards, asked, base=np.full((1, 6, 1, 2), base))
    facts = replace(made.task, name=task, front=reference, utilities=made.task.utilities[:1], version=changes.pop("version", 1))
    family = "single-policy" if track == "single" else "meta-policy"
    how = replace(made.method, name=method, family=family, track=track, version=changes.pop("method_version", 1))
    made = replace(made, task=facts, method=how, seed=seed, **changes)
    return RunRecord(made, Provenance("", False, "", {}))


def told(record, **facts):
    """The same record, which states other facts of its task."""
    return replace(record, evidence=replace(record.evidence, task=replace(record.evidence.task, **facts)))


def based(record, base):
    """The same record on another base."""
    return replace(record, evidence=replace(record.evidence, base=base))


def free(record):
    """The same record, its policy known to stay at the base."""
    probes = tuple(replace(p, kl=np.zeros(p.rewards.shape[:3])) for p in record.evidence.probes)
    return replace(record, evidence=replace(record.evidence, probes=probes))


def board(methods, *, tasks=("a",), track="front", metric="utility", seeds=SEEDS, **division):
    first = Division("one", "One", track, metric, tuple(tasks), tuple(methods), **division)
    return Board("b", Path("b"), "B", "nano", 4096, tuple(seeds), dict.fromkeys(tasks, 1), (first,), PROFILE, "training-seconds")


def row(ranking, method, division=0):
    return next(r for r in ranking.standings[division].rows if r.method == method)


def every(method, level, **changes):
    return [run(method, level, seed=seed, **changes) for seed in SEEDS]


def planted(gains, *, seeds=SEEDS, tasks=("a", "b"), **changes):
    return [
        record(method=m, gain=g, task=t, seed=s, prompts=40, adapt=False, explain="none", **changes)
        for m, g in gains.items() for t in tasks for s in seeds
    ]  # fmt: skip


def test_a_planted_order_with_a_planted_tie_is_found():
    gains = {"third": 0.15, "first": 0.35, "also-first": 0.35, "last": 0.0}
    found = rank(planted(gains, seed_spread=0.01), board(gains, tasks=("a", "b")))
    groups = {r.method: r.group for r in found.standings[0].rows}
    assert groups == {"first": 1, "also-first": 1, "third": 2, "last": 3}
    assert [r.method for r in found.standings[0].rows][2:] == ["third", "last"]


def test_methods_without_any_difference_are_one_tie_group_with_wide_ranks():
    gains = dict.fromkeys("abcd", 0.2)
    rows = rank(planted(gains, tasks=("a",), seed_spread=0.03), board(gains)).standings[0].rows
    assert {r.group for r in rows} == {1}
    assert max(r.rank.high - r.rank.low for r in rows) >= 2


def test_the_score_is_the_share_of_what_the_reference_front_wins_over_the_base():
    records = every("m", 0.5, reference=((0.9, 0.9),)) + every("n", 0.65, reference=((0.9, 0.9),))
    found = rank(records, board(["m", "n"]))
    assert row(found, "m").score.value == pytest.approx((0.5 - 0.4) / (0.9 - 0.4))
    assert row(found, "n").score.value == pytest.approx(0.5)
    assert found.standings[0].notes == ()


def charged(records, **facts):
    """Runs whose front spends one nat, at beta .05 and the reference point (.1, .1)."""
    return [
        replace(r, evidence=replace(
            r.evidence, task=replace(r.evidence.task, beta=0.05, reference_point=(0.1, 0.1), **facts),
            probes=tuple(replace(p, kl=np.full(p.rewards.shape[:3], float(p.name == "front"))) for p in r.evidence.probes),
        )) for r in records
    ]  # fmt: skip


def test_a_charged_front_chooses_among_its_points_by_what_their_kl_leaves_of_them():
    front, spent = ((0.2, 0.9), (0.54, 0.54), (0.9, 0.2)), (8.0, 0.0, 8.0)
    levels = {"m": 0.5, "n": 0.3}
    records = [r for name, level in levels.items() for r in charged(every(name, level, base=0.2, reference=front), front_kl=spent)]
    found = rank(records, board(["m", "n"], metric="hypervolume-charged"))
    base = 0.1**2
    ideal = 0.44**2  # the middle point, which is free; the corners' gains are less than their 8 nats cost
    assert row(found, "m").score.value == pytest.approx(((0.5 - 0.05 - 0.1) ** 2 - base) / (ideal - base))
    assert row(found, "m").score.value > row(found, "n").score.value


def test_a_front_that_is_no_better_than_the_base_is_no_anchor():
    front = {"reference": ((0.45, 0.45),), "base": 0.4}
    records = charged(every("m", 0.5, **front), front_kl=(9.0,)) + charged(every("n", 0.45, **front), front_kl=(9.0,))
    found = rank(records, board(["m", "n"], metric="hypervolume-charged"))
    assert row(found, "m").score.value == pytest.approx(0.35**2 - 0.3**2)
    assert "the reference front is not better than the base on a, so" in found.standings[0].notes[0]
    assert row(found, "m").score.value > row(found, "n").score.value


@pytest.mark.parametrize("spent", [(), (2.0,), (4.0,)])
def test_a_front_that_is_charged_for_its_kl_is_worth_what_it_spends_leaves_it(spent):
    found = rank(charged(every("m", 0.7, reference=((0.9, 0.9),)), front_kl=spent), board(["m"], metric="hypervolume-charged"))
    ours, base = (0.7 - 0.05 - 0.1) ** 2, 0.3**2
    if spent:
        ideal = (0.9 - 0.05 * spent[0] - 0.1) ** 2
        assert row(found, "m").score.value == pytest.approx((ours - base) / (ideal - base))
    else:  # nobody knows what the front spends, so there is a gain and no share
        assert row(found, "m").score.value == pytest.approx(ours - base)


def test_without_a_reference_front_the_score_is_the_gain_over_the_base_and_the_page_says_so():
    found = rank(every("m", 0.5), board(["m"]))
    assert row(found, "m").score.value == pytest.approx(0.1)
    assert "No task here has a frozen reference front" in found.standings[0].notes[0]


def test_a_gain_is_over_the_base_of_the_same_seed():
    """The base's luck differs from seed to seed, the gain does not; another machine's base is .003 better, for all alike by a third."""
    luck = dict(zip(SEEDS, np.linspace(-0.05, 0.05, len(SEEDS)), strict=True))
    records = [run("m", 0.5 + luck[s], seed=s, base=0.4 + luck[s]) for s in SEEDS]
    records += [run("base", 0.4 + luck[s], seed=s, base=0.4 + luck[s]) for s in SEEDS]
    records += [run("abroad", 0.45 + luck[s], seed=s, base=0.403 + luck[s]) for s in SEEDS]
    found = rank(records, board(["m", "base", "abroad"]))
    for name, gain in (("m", 0.099), ("base", -0.001), ("abroad", 0.049)):
        score = row(found, name).score
        assert (score.low, score.value, score.high) == pytest.approx((gain,) * 3, abs=1e-9)


def test_a_task_that_lacks_its_reference_front_is_named_where_another_has_one():
    records = every("m", 0.5, task="one", reference=((0.9, 0.9),)) + every("m", 0.5, task="two")
    found = rank(records, board(["m"], tasks=("one", "two")))
    assert "with a value of utility for two, so" in found.standings[0].notes[0]
    assert row(found, "m").score.value == pytest.approx(0.1)


def test_a_metric_where_smaller_is_better_ranks_the_smaller_first():
    records = every("far", 0.5) + every("near", 0.5)
    records = [replace(r, evidence=replace(r.evidence, probes=tuple(
        replace(p, kl=np.full(p.rewards.shape[:3], 9.0 if r.evidence.method.name == "far" else 1.0)) for p in r.evidence.probes
    ))) for r in records]  # fmt: skip
    found = rank(records, board(["far", "near"], metric="kl-to-base", anchors=(10.0, 0.0)))
    assert [r.method for r in found.standings[0].rows] == ["near", "far"]
    assert row(found, "near").score.value == pytest.approx(0.9)


def test_over_four_tasks_the_score_is_their_mean_and_over_five_that_of_the_middle_three():
    levels = {"a": 0.45, "b": 0.5, "c": 0.6, "d": 0.99, "e": 0.7}
    records = [run("m", level, task=task, seed=seed) for task, level in levels.items() for seed in SEEDS]
    few = rank([r for r in records if r.evidence.task.name != "e"], board(["m"], tasks="abcd"))
    assert row(few, "m").score.value == pytest.approx((0.05 + 0.1 + 0.2 + 0.59) / 4)
    assert "over the base, mean over 4 tasks." in markdown(few, ())
    found = rank(records, board(["m"], tasks=levels))
    assert row(found, "m").score.value == pytest.approx((0.1 + 0.2 + 0.3) / 3)
    assert "over the base, interquartile mean over 5 tasks." in markdown(found, ())


def test_a_missing_cell_is_named_and_leaves_its_method_unranked_and_others_alone():
    whole = every("m", 0.5) + every("m", 0.6, task="b") + every("n", 0.7) + every("n", 0.7, task="b")
    wanted = board(["m", "n", "never"], tasks=("a", "b"))
    both, lacking = rank(whole, wanted), rank(whole[:-1], wanted)
    assert row(both, "n").group == 1
    assert row(lacking, "n").group is None
    assert row(lacking, "n").unranked == "b: no record of seed 4"
    assert row(lacking, "n").score is None
    assert np.isnan(row(lacking, "n").cells[1].values[4])
    assert row(lacking, "m").score == row(both, "m").score
    assert row(lacking, "m").group == 1
    assert row(lacking, "never").unranked == "a: no record (and 1 of 2 tasks more)"


def test_a_missing_seed_takes_the_profile_value_with_it():
    whole = every("m", 0.5) + every("n", 0.5)
    assert row(rank(whole, board(["m", "n"])), "n").profile[0].value == pytest.approx(0.1)
    facet = row(rank(whole[:-1], board(["m", "n"])), "n").profile[0]
    assert np.isnan(facet.value)
    assert facet.reason == "a: no record"


def test_a_single_policy_is_never_ranked_on_the_front_track():
    records = every("one", 0.9, track="single") + every("many", 0.5)
    found = rank(records, board(["one", "many"]))
    assert row(found, "one").group is None
    assert "single track" in row(found, "one").unranked
    assert row(found, "many").group == 1


@pytest.mark.parametrize(
    ("name", "ks", "told"), [("hypervolume", (2, 3), True), ("hypervolume", (2, 2), False), ("utility-gain", (2, 3), False)]
)
def test_a_mean_of_volumes_in_two_and_three_dimensions_says_that_it_has_no_unit(name, ks, told):
    records = [record(method=m, task=t, k=k, seed=s, adapt=False) for m in "ab" for t, k in zip("xy", ks, strict=True) for s in SEEDS]
    found = rank(records, board("ab", tasks=("x", "y"), metric=name))
    assert any("no common unit" in note for note in found.standings[0].notes) is told


def test_on_the_single_track_a_front_method_counts_only_by_its_answers_at_the_stated_preference():
    records = every("one", 0.6, track="single") + every("many", 0, levels=(0.95, 0.55, 0.95))
    found = rank(records, board(["one", "many"], track="single", metric="stated-utility"))
    assert [r.method for r in found.standings[0].rows] == ["one", "many"]
    assert row(found, "many").score.value == pytest.approx(0.15)


def test_what_the_board_does_not_rank_is_shown_with_its_score_and_reason_even_when_it_is_best():
    records = every("best-of-n", 0.9) + every("m", 0.5)
    found = rank(records, board(["best-of-n", "m"], unranked={"best-of-n": "scores test answers at inference"}))
    assert [r.method for r in found.standings[0].rows] == ["m", "best-of-n"]
    assert row(found, "best-of-n").group is None
    assert row(found, "best-of-n").score.value == pytest.approx(0.5)
    assert all("best-of-n" not in (c.first, c.second) for c in found.standings[0].comparisons)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": 2}, "version 2; the board counts version 1"),
        ({"budget": 256}, "budget 256 is not 4096"),
        ({"base": "smollm2-00"}, "base 'smollm2-00' is not nano"),
        ({"seed": 9}, "seed 9 is not one of 0, 1, 2, 3, 4"),
        ({"base": "nano-large-00"}, "base 'nano-large-00' is not nano"),
        ({"base": "nano-00\n<!-- end -->"}, r"base 'nano-00\n<!-- end -->' is not nano"),
        ({"task": "z"}, "task 'z' is not on the board"),
        ({"task": "z" * 99}, f"task '{'z' * 80}' is not on the board"),
        ({"method": "other"}, "method 'other' with these settings is not on the board"),
        ({"method": "o\n" + "o" * 99}, f"method 'o\\n{'o' * 78}' with these settings is not on the board"),
    ],
)
def test_a_record_of_something_else_is_left_out_with_its_reason(change, reason):
    odd = run("m", 0.99, seed=0)
    evidence = odd.evidence
    task = replace(evidence.task, version=change.get("version", 1), name=change.get("task", "a"))
    method = replace(evidence.method, name=change.get("method", "m"))
    rest = {key: value for key, value in change.items() if key in ("budget", "base", "seed")}
    odd = replace(odd, evidence=replace(evidence, task=task, method=method, **rest))
    found = rank([*every("m", 0.5), odd], board(["m"]))
    assert reason in found.left_out[0]
    assert row(found, "m").score.value == pytest.approx(0.1)


def test_a_removed_record_is_missing_from_then_on():
    records = every("m", 0.5)
    found = rank(records, board(["m"]), removed={records[2].key: "its author withdrew it"})
    assert row(found, "m").unranked == "a: no record of seed 2"
    assert "removed: its author withdrew it" in found.left_out[0]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (lambda: [run("m", 0.6, seed=0)], "two records claim to be m on a, seed 0"),
        (lambda: [run("m", 0.5, seed=5, method_version=2)], "versions 1 and 2"),
        (lambda: every("n", 0.5, reference=((0.9, 0.9),)), "state another front of the task"),
        (lambda: [run("m", 0.5, seed=5, reference=((0.9, 0.9),))], "records of m on a state different facts of the task: front"),
        (lambda: [told(run("m", 0.5, seed=5), preference=(1.0, 0.0))], "records of m on a state different facts of the task: preference"),
        (lambda: [based(run("m", 0.5, seed=5), "nano-2")], "records of m on a are of bases nano and nano-2"),
        (lambda: [based(r, "nano-2") for r in every("n", 0.5)], "of base nano-2"),
    ],
)
def test_what_cannot_stand_on_one_board_is_refused(more, sentence):
    with pytest.raises(BadRecord, match=sentence):
        rank([*every("m", 0.5), *more()], board(["m", "n"], seeds=(*SEEDS, 5)))


@pytest.mark.parametrize("odd", [{"metric": "utility-worst"}, {"metric": "inference-exponent"}])
def test_a_metric_that_is_not_of_one_run_ranks_nothing(odd):
    with pytest.raises(BadInput, match=f"{odd['metric']}' is over"):
        rank(every("m", 0.5), board(["m"], **odd))


def test_a_record_with_an_impossible_speed_costs_a_sign_and_no_ranking(monkeypatch):
    def breaks(_runs):
        raise ZeroDivisionError

    monkeypatch.setattr(digest.flags, "RUN", (*digest.flags.RUN, breaks))
    records = planted({"m": 0.3}, tasks=("a",))
    costs = records[0].evidence.costs
    never = replace(records[0].evidence, costs=replace(costs, speed=replace(costs.speed, tokens_per_second=0.0)))
    found = rank([replace(records[0], evidence=never), *records[1:]], board(["m"]))
    assert row(found, "m").score.value == pytest.approx(rank(records, board(["m"])).standings[0].rows[0].score.value)


def test_comparisons_are_paired_t_tests_with_the_leader_and_controls_corrected_by_holm():
    gains = {"a1": 0.3, "a2": 0.28, "a3": 0.2}
    found = rank(planted(gains, tasks=("a",), seed_spread=0.02), board(gains, controls={"a2": "a3"})).standings[0]
    scores = {r.method: np.array(r.per_seed) for r in found.rows}
    best = found.rows[0].method
    pairs = [(best, m) for m in gains if m != best] + ([("a2", "a3")] if best != "a2" else [])
    p = [ttest_rel(scores[a], scores[b]).pvalue for a, b in pairs]
    order, running, expected = np.argsort(p), 0.0, dict[tuple[str, str], float]()
    for step, place in enumerate(order):
        running = max(running, min(1.0, p[place] * (len(p) - step)))
        expected[pairs[place]] = running
    assert {(c.first, c.second): pytest.approx(c.adjusted) for c in found.comparisons} == expected
    assert found.detectable > 0


def test_one_wild_method_does_not_change_what_difference_the_board_can_show():
    calm = {f"m{i}": 0.3 - 0.01 * i for i in range(4)}
    few, many = (tuple(gains) for gains in (calm, {**calm, "wild": 0.1}))
    records = planted(calm, tasks=("a",), seed_spread=0.02)
    wild = planted({"wild": 0.1}, tasks=("a",), seed_spread=0.5)
    before, after = (rank(some, board(names)).standings[0] for some, names in ((records, few), ([*records, *wild], many)))
    assert after.rows[0].method == before.rows[0].method
    assert after.detectable < 2 * before.detectable


def test_the_draws_are_those_behind_the_rank_intervals():
    gains = {"a1": 0.22, "a2": 0.2, "a3": 0.2}
    found = rank(planted(gains, tasks=("a",), seed_spread=0.03), board(gains)).standings[0]
    scores = np.array([r.per_seed for r in found.rows])
    means = scores[:, np.array(found.draws)].mean(2)  # (methods, b)
    ranks = 1 + (means[None] > means[:, None] + 1e-12).sum(1)  # no two means are equal here
    for mine, r in zip(ranks, found.rows, strict=True):
        assert np.sort(mine)[[49, 1950]].tolist() == [r.rank.low, r.rank.high]  # of 2000, .025 * 1999 = 49.975 rounded outwards


def test_every_family_has_a_facet_and_the_better_method_the_better_rank():
    gains = {"good": 0.3, "bad": 0.1}
    found = rank(planted(gains, tasks=("a", "b")), board(gains, tasks=("a", "b")))
    good, bad = row(found, "good"), row(found, "bad")
    assert [f.family for f in good.profile] == list(PROFILE)
    facets = {f.family: (f, g) for f, g in zip(good.profile, bad.profile, strict=True)}
    for family in ("utility", "pareto"):
        assert (facets[family][0].rank, facets[family][1].rank) == (1, 2)
    assert facets["training"][0].rank == facets["training"][1].rank == 1.5  # equal costs
    assert np.isnan(facets["explainability"][0].value)


def test_a_control_is_shown_in_a_family_but_never_wins_it():
    records = planted({"good": 0.2, "bad": 0.1}) + planted({"control": 0.3}, family="control") + planted({"helped": 0.4})
    found = rank(records, board(["good", "bad", "control", "helped"], tasks=("a", "b"), unranked={"helped": "scores test answers"}))
    facets = {name: row(found, name).profile[0] for name in ("good", "bad", "control", "helped")}
    assert all(np.isfinite(facet.value) for facet in facets.values())
    assert (facets["good"].rank, facets["bad"].rank) == (1, 2)
    assert np.isnan([facets["control"].rank, facets["helped"].rank]).all()
    page = markdown(found, ())
    assert "controls are shown without one" in page
    assert f"| control | {number(facets['control'].value)} |" in page


def test_who_is_alone_in_a_family_beats_nobody():
    found = rank(planted({"only": 0.2}) + planted({"control": 0.1}, family="control"), board(["only", "control"], tasks=("a", "b")))
    assert np.isfinite(row(found, "only").profile[0].value)
    assert np.isnan(row(found, "only").profile[0].rank)


def test_who_scores_test_answers_while_serving_them_has_no_rank_whatever_the_board_says():
    line = Line("serving", "inference", Cost(responses=8))
    peeking = [replace(r, evidence=replace(r.evidence, costs=replace(r.evidence.costs, lines=(line,)))) for r in every("b", 0.9)]
    found = rank(peeking + every("m", 0.5), board(["b", "m"]))
    assert [r.method for r in found.standings[0].rows] == ["m", "b"]
    assert (row(found, "b").group, row(found, "b").unranked) == (None, "scores test answers at inference")
    assert all(np.isnan(facet.rank) for facet in row(found, "b").profile)  # nor does it win a family


def test_a_growth_without_one_of_its_sizes_is_no_growth():
    tasks = tuple(f"scale-{k}" for k in (2, 3, 5))
    records = [record(method=m, task=t, k=int(t[6:]), seed=s, adapt=False, explain="none") for m in "ab" for t in tasks for s in (0, 1)]
    rules = board("ab", tasks=tasks, seeds=(0, 1), profile={"scalability": "memory-exponent"})
    place = next(i for i, facet in enumerate(row(rank(records, rules), "a").profile) if facet.metric == "memory-exponent")
    assert np.isfinite(row(rank(records, rules), "a").profile[place].value)
    fewer = [r for r in records if (r.evidence.method.name, r.evidence.task.name, r.evidence.seed) != ("a", "scale-5", 1)]
    facet = row(rank(fewer, rules), "a").profile[place]
    assert np.isnan(facet.value)
    assert "scale-5 lacks a record" in facet.reason
    assert np.isfinite(row(rank(fewer, rules), "b").profile[place].value)


def test_the_references_answers_are_held_against_the_base_on_every_prompt():
    run = build(prompts=30, prompt_spread=0.2, reference_front=True)
    base = run.probe("base").rewards[0].mean(1)  # (n, k)
    asked = run.probe("front").preferences
    wanted = (asked @ np.array(run.task.front).T).max(1).mean() - (base @ asked.T).mean()
    assert digest._ideal(digest.metric("utility-gain"), replace(run, task=replace(run.task, front_kl=()))) == pytest.approx(wanted)


def test_a_division_may_read_a_family_by_another_metric():
    found = rank(every("m", 0.5), board(["m"], profile={"utility": "stated-utility"}))
    assert row(found, "m").profile[0].metric == "stated-utility"


def test_the_level_of_a_row_is_the_lowest_of_its_records():
    records = every("m", 0.5)
    levels = {r.key: "rescored" for r in records}
    assert row(rank(records, board(["m"]), levels=levels), "m").level == "rescored"
    assert row(rank(records, board(["m"]), levels=levels | {records[3].key: "reported"}), "m").level == "reported"
    assert row(rank(records, board(["m"])), "m").level == "reported"


def test_a_raised_signature_says_on_how_many_tasks():
    records = [free(r) for r in every("m", 0.5) + every("m", 0.5, task="b") + every("one", 0.9, track="single")]
    found = rank(records, board(["m", "one"], tasks=("a", "b")))
    assert "below-single 1/2" in row(found, "m").flags


def test_a_signature_of_few_seeds_and_a_task_without_records_are_not_counted():
    records = every("m", 0.5) + every("m", 0.5, task="b")

    def overspent(record, seeds):
        probes = tuple(replace(p, kl=np.full(p.rewards.shape[:3], 20.0)) if p.name == "front" else p for p in record.evidence.probes)
        return replace(record, evidence=replace(record.evidence, probes=probes)) if record.evidence.seed in seeds else record

    for seeds, shown in (((0, 1), ()), ((0, 1, 2), ("kl-overspent 2/2",))):
        found = rank([overspent(r, seeds) for r in records], board(["m"], tasks=("a", "b", "c")))
        assert tuple(flag for flag in row(found, "m").flags if flag.startswith("kl")) == shown


def test_a_board_without_records_shows_every_method_as_missing():
    found = rank([], board(["m", "n"]))
    assert [r.unranked for r in found.standings[0].rows] == ["a: no record"] * 2
    assert np.isnan(found.standings[0].detectable)


def test_fewer_than_five_seeds_are_provisional():
    records = [r for r in every("m", 0.5) if r.evidence.seed < 3]
    assert "Provisional: 3 seeds" in rank(records, board(["m"], seeds=(0, 1, 2))).standings[0].notes[0]


def test_settings_named_on_the_board_tell_variants_apart():
    def variant(rate, level):
        made = every("m", level)
        return [replace(r, evidence=replace(r.evidence, method=replace(r.evidence.method, settings={"rate": rate}))) for r in made]

    found = rank([*variant(None, 0.5), *variant(0.001, 0.6)], board(["m", "m+rate=0.001"]))
    assert row(found, "m").score.value == pytest.approx(0.1)
    assert row(found, "m+rate=0.001").score.value == pytest.approx(0.2)
    with pytest.raises(BadRecord, match="different settings"):
        rank([*variant(None, 0.5), *variant(0.001, 0.6)], board(["m"], seeds=SEEDS))


def costing(method, seconds, tokens):
    """Runs of one method whose training takes so long and whose answers come so fast."""
    changed = []
    for r in planted({method: 0.2}, tasks=("a",)):
        costs = r.evidence.costs
        line = Line("expert", "training", Cost(responses=64, seconds=seconds))
        changed.append(replace(r, evidence=replace(r.evidence, costs=replace(
            costs, lines=(line,), speed=replace(costs.speed, tokens_per_second=tokens)
        ))))  # fmt: skip
    return changed


def test_in_a_family_where_less_is_better_the_smaller_value_has_the_better_rank():
    """The quick one trains in a third of the time and serves at a third of the speed: it wins one family and loses the other."""
    found = rank(costing("quick", 10.0, 30.0) + costing("slow", 30.0, 90.0), board(["quick", "slow"]))
    quick, slow = ({f.family: f for f in row(found, name).profile} for name in ("quick", "slow"))
    assert (quick["training"].value, slow["training"].value) == (10, 30)
    assert (quick["training"].rank, slow["training"].rank) == (1, 2)
    assert quick["inference"].value < slow["inference"].value
    assert (quick["inference"].rank, slow["inference"].rank) == (2, 1)


def test_the_difference_a_board_can_show_allows_for_every_comparison_it_makes():
    gains = {"a1": 0.35, "a2": 0.3, "a3": 0.2, "a4": 0.1}
    found = rank(planted(gains, tasks=("a",), seed_spread=0.03), board(gains, controls={"a3": "a4"})).standings[0]
    scores = {r.method: np.array(r.per_seed) for r in found.rows}
    best = found.rows[0].method
    apart = np.array([scores[best] - mine for name, mine in scores.items() if name != best])
    assert len(found.comparisons) == 4  # three with the leader, and one method with its control

    def detectable(comparisons):
        return comparison.minimum_detectable(comparison.median_spread(apart), len(SEEDS), comparisons=comparisons)

    assert found.detectable == pytest.approx(detectable(4))
    assert found.detectable > 1.3 * detectable(1)
