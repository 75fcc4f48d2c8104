"""Records to numbers: stored and live agree, groups and labels are right, faults are sentences, tables are readable."""

import json
from dataclasses import replace

import numpy as np
import pytest
from evidence import build, record
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from morlbench import score, stats
from morlbench.errors import BadRecord
from morlbench.metric import FAMILIES
from morlbench.record import RunRecord, load
from morlbench.summary import render


def printed(frame, width=130):
    console = Console(width=width, record=True, highlight=False, file=None)
    with console.capture() as caught:
        console.print(render(frame))
    return caught.get()


def unrounded(run: RunRecord) -> RunRecord:
    """As a live run holds it: full precision, which the parquet does not keep."""
    rng = np.random.default_rng(0)
    probes = tuple(replace(p, rewards=np.clip(p.rewards + rng.uniform(-1e-9, 1e-9, p.rewards.shape), 0, 1)) for p in run.evidence.probes)
    return replace(run, evidence=replace(run.evidence, probes=probes))


@pytest.mark.parametrize("k", [2, 3])
def test_stored_records_score_exactly_like_the_live_run(tmp_path, k):
    live = unrounded(record(k=k, prompts=30, utilities=True, exact=True, gold=True, reference_front=True))
    live.save(tmp_path / "seed-0")
    stored = load(tmp_path / "seed-0.json")
    assert score.to_json(score.score([stored])) == score.to_json(score.score([live]))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 99), k=st.integers(2, 4), prompts=st.integers(2, 12), draws=st.integers(1, 2),
    explain=st.sampled_from(["faithful", "none"]), gold=st.booleans(), track=st.sampled_from(["front", "single"]),
)  # fmt: skip
def test_whatever_a_run_holds_its_stored_record_scores_alike(tmp_path, seed, **world):
    live = unrounded(record(seed=seed, **world))
    live.save(tmp_path / "seed-0")
    assert score.to_json(score.score([load(tmp_path / "seed-0.json")])) == score.to_json(score.score([live]))


def test_the_frame_is_tidy_and_a_missing_value_has_its_reason():
    frame = score.score([record(prompts=20)])
    assert tuple(frame.columns) == score.COLUMNS
    assert set(frame["family"]) == {*FAMILIES, "flag"}
    missing = frame[frame["value"].isna()]
    assert len(missing) > 0
    assert (missing["reason"].str.len() > 10).all()
    whole = frame[frame["low"].notna()]
    assert (whole["low"] <= whole["value"] + 1e-12).all()
    assert (whole["value"] <= whole["high"] + 1e-12).all()
    assert all(isinstance(seed, int) for seed in frame["seed"].dropna())


def test_headline_families_of_one_run_all_have_a_row_in_the_table():
    text = printed(score.score([record(prompts=20)]))
    for title in ("overall utility", "Pareto-optimality", "training efficiency", "stability", "scalability", "explainability"):
        assert title in text
    assert "needs at least 2 seeds; given 1" in text
    assert "↑" in text
    assert "↓" in text


def test_seeds_are_joined_by_a_t_interval():
    records = [record(seed=s, prompts=20, seed_spread=0.05) for s in range(4)]
    joined = score.across_seeds(score.score(records))
    row = joined[(joined["metric"] == "utility")].iloc[0]
    each = score.score(records)
    expected = stats.seed_interval(each[each["metric"] == "utility"]["value"].to_numpy(dtype=float))
    assert (row["value"], row["low"], row["high"]) == pytest.approx((expected.value, expected.low, expected.high))
    assert "seeds 0 to 3" in printed(each)


def test_a_seed_without_a_value_leaves_the_mean_missing():
    records = [record(seed=0, prompts=20), record(seed=1, prompts=20, explain="none")]
    joined = score.across_seeds(score.score(records))
    row = joined[joined["metric"] == "explanation-fidelity"].iloc[0]
    assert np.isnan(row["value"])
    assert "states no weights" in row["reason"]


def test_a_remark_that_all_seeds_share_stays_beside_their_mean():
    joined = score.across_seeds(score.score([record(seed=s, k=11, prompts=4, adapt=False) for s in range(2)]))
    row = joined[joined["metric"] == "hypervolume"].iloc[0]
    assert np.isfinite(row["value"])
    assert row["reason"].startswith("approximate")


def test_metrics_over_seeds_budgets_and_tasks_look_at_their_groups():
    records = [record(seed=s, prompts=15) for s in range(3)]
    records += [record(task=f"exact-scale-{k}", k=k, prompts=8, exact=True, adapt=False) for k in (2, 3, 5)]
    frame = score.score(records)
    spread = frame[(frame["metric"] == "hypervolume-iqr") & (frame["task"] == "synthetic")]
    assert len(spread) == 1
    assert spread["value"].notna().all()
    growth = frame[frame["metric"] == "inference-exponent"]
    assert growth["task"].tolist() == [score.ANY]
    assert growth["value"].iloc[0] == pytest.approx(1)


def test_variants_of_a_method_are_told_apart_by_what_differs():
    def variant(rank, method="planted"):
        run = record(method=method, prompts=10)
        return replace(run, evidence=replace(run.evidence, method=replace(run.evidence.method, settings={"rank": rank, "steps": 3})))

    frame = score.score([variant(4), variant(8), variant(8, "other")])
    assert set(frame["method"]) == {"planted (rank=4)", "planted (rank=8)", "other"}


def test_many_methods_stand_side_by_side():
    frame = score.score([record(method=f"method-{i}", prompts=10) for i in range(7)])
    text = printed(frame)
    assert all(f"method-{i}" in text for i in range(7))
    assert "±" in text


def test_json_has_null_for_what_is_missing_and_nothing_else_odd():
    rows = json.loads(score.to_json(score.score([record(prompts=10)])))
    assert set(rows[0]) == set(score.COLUMNS)
    assert any(row["value"] is None and row["reason"] for row in rows)


def test_a_duplicate_record_counts_once_and_a_rival_is_refused():
    one = record(prompts=10)
    again = replace(one, evidence=replace(one.evidence, costs=replace(one.evidence.costs, wall_seconds=99.0)))
    assert len(score.score([one, again])) == len(score.score([one]))
    rival = replace(one, evidence=replace(build(prompts=10, gain=0.1)))
    with pytest.raises(BadRecord, match=r"two records claim to be planted on synthetic.*differ"):
        score.score([one, rival])


@pytest.mark.parametrize("name", ["kl", "nll", "gold"])
def test_equal_answers_of_another_kl_likelihood_or_gold_are_rivals_in_either_order(name):
    one = record(prompts=10)
    shapes = {"gold": one.evidence.probes[0].rewards.shape}

    def told(value):
        probes = tuple(replace(p, **{name: np.full(shapes.get(name, p.rewards.shape[:3]), value)}) for p in one.evidence.probes[:1])
        return replace(one, evidence=replace(one.evidence, probes=(*probes, *one.evidence.probes[1:])))

    assert len(score.score([told(0.5), told(0.5 + 1e-6)])) == len(score.score([told(0.5)]))  # another processor's last bits
    for pair in ((told(0.5), told(0.0)), (told(0.0), told(0.5))):
        with pytest.raises(BadRecord, match="answers or values differ"):
            score.score(pair)


def test_mixed_task_versions_are_refused_by_name():
    one = record(prompts=10)
    two = replace(one, evidence=replace(one.evidence, seed=1, task=replace(one.evidence.task, version=2)))
    with pytest.raises(BadRecord, match=r"task.version.*synthetic are of versions 1 and 2"):
        score.score([one, two])


def test_gather_keeps_what_is_good_and_names_what_is_not(tmp_path):
    for seed in range(3):
        record(seed=seed, prompts=10).save(tmp_path / f"seed-{seed}")
    parquet = tmp_path / "seed-1.parquet"
    parquet.write_bytes(parquet.read_bytes()[:-50])
    rival = tmp_path / "copy" / "seed-0"
    record(seed=0, prompts=10, gain=0.1).save(rival)
    record(seed=2, prompts=10).save(tmp_path / "same" / "seed-2")
    records, faults = score.gather([tmp_path])
    assert sorted(r.evidence.seed for r in records) == [0, 2]
    assert len(faults) == 2
    assert any("seed-1.parquet" in fault and "hash" in fault for fault in faults)
    assert any("'key'" in fault and "copy" in fault for fault in faults)


def test_raised_flags_are_shown_with_their_threshold():
    text = printed(score.score([record(prompts=60, kl=9.0)]))
    assert "kl-overspent" in text
    assert "threshold 0" in text
    assert "no failure signature raised" in printed(score.score([record(prompts=60)]))


def test_a_flag_over_seeds_shows_the_worst_and_how_many_raise_it():
    joined = score.across_seeds(score.score([record(seed=seed, prompts=60, kl=9.0 if seed else 1.0) for seed in range(3)]))
    row = joined[joined["metric"] == "kl-overspent"].iloc[0]
    assert row["reason"].startswith("raised: ")
    assert row["reason"].endswith("in 2 of 3 seeds")
    assert row["value"] > 0


def test_a_flag_that_one_seed_lacks_stays_raised_and_is_missing_where_none_raises_it():
    for others, shown in ((9.0, "in 2 of 3 seeds, 1 without a value"), (1.0, "no draws")):
        frame = score.score([record(seed=seed, prompts=60, kl=others) for seed in range(3)])
        lacking = (frame["metric"] == "kl-overspent") & (frame["seed"] == 1)
        frame.loc[lacking, ["value", "reason"]] = [np.nan, "no draws"]
        row = score.across_seeds(frame).query("metric == 'kl-overspent'").iloc[0]
        assert row["reason"].endswith(shown)
        assert np.isnan(row["value"]) == (others == 1.0)
        assert ("kl-overspent" in printed(frame)) == (others == 9.0)


def test_an_empty_frame_says_so():
    assert "no records" in printed(score.score([]))


def preferring(run: RunRecord, *preference: float) -> RunRecord:
    return replace(run, evidence=replace(run.evidence, task=replace(run.evidence.task, preference=preference)))


def test_what_a_task_fetched_tells_its_records_apart():
    old, new = record(prompts=8), record(prompts=8)
    new = replace(new, evidence=replace(new.evidence, task=replace(new.evidence.task, sources=(("org/model", "c2"),))))
    assert score.labels([run.evidence for run in (old, new)]) == ["planted (sources=)", "planted (sources=org/model c2)"]
    assert score.labels([new.evidence, new.evidence]) == ["planted", "planted"]
    bundled = replace(old.evidence, task=replace(old.evidence.task, name="another"))
    assert score.labels([bundled, new.evidence]) == ["planted", "planted"]  # one method on two tasks


def test_runs_for_two_users_are_two_rows_and_tasks_with_other_users_are_one_method():
    two = [preferring(record(prompts=8), 0.8, 0.2), preferring(record(prompts=8), 0.3, 0.7)]
    assert score.labels([run.evidence for run in two]) == ["planted (preference=0.8,0.2)", "planted (preference=0.3,0.7)"]
    apart = [record(prompts=8, track="single"), preferring(record(prompts=8, task="other", track="single"), 0.8, 0.2)]
    assert score.labels([run.evidence for run in apart]) == ["planted", "planted"]
