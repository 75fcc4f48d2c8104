"""Bad evidence is answered by a sentence that names the file and the field, and costs nothing but itself."""

import re
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from evidence import build, record
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import compute, parquet

from morlbench import console, flags, front, registry, score
from morlbench.cli import app
from morlbench.errors import BadRecord, MorlbenchError
from morlbench.metric import Evidence, NoValue, Probe
from morlbench.record import RunRecord, load

OTHERS = ["base", "held-out", "adapt", "told", "utility", "without-0", "without-1"]  # the probes beside 'front'


def changed(run: RunRecord, **arrays: np.ndarray) -> RunRecord:
    """The record with these arrays of its 'front' probe put in place."""
    probes = tuple(replace(p, **arrays) if p.name == "front" else p for p in run.evidence.probes)  # type: ignore[arg-type]
    return replace(run, evidence=replace(run.evidence, probes=probes))


def part(probe: Probe, preferences: int, prompts: int) -> dict[str, object]:
    """The first preferences and prompts of a probe, as changes to it."""
    each = {name: getattr(probe, name) for name in ("rewards", "kl", "weights", "nll", "gold")}
    cut = {name: None if x is None else x[:preferences, :prompts] for name, x in each.items()}
    return {**cut, "preferences": probe.preferences[:preferences], "prompts": probe.prompts[:prompts],
            "responses": probe.responses[: preferences * prompts * probe.rewards.shape[2]]}  # fmt: skip


def holed(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array[1, 2] = np.nan
    return array


@pytest.mark.parametrize(
    ("field", "column"), [("rewards", "'r_1', column 'r_2'"), ("weights", "'w_1', column 'w_2'"), ("kl", "'kl'"), ("nll", "'nll'")]
)
def test_a_value_that_is_not_finite_is_named_by_file_probe_and_column(field: str, column: str, tmp_path: Path) -> None:
    run = record(prompts=6)
    changed(run, **{field: holed(getattr(run.evidence.probe("front"), field))}).save(tmp_path / "seed-0")
    with pytest.raises(BadRecord) as caught:
        load(tmp_path / "seed-0.json")
    assert str(caught.value).startswith(f"{tmp_path / 'seed-0.parquet'}: probe 'front'")
    assert str(caught.value).endswith(f"column {column}")


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_a_setting_that_is_not_finite_is_a_sentence_with_the_file(word: str, tmp_path: Path) -> None:
    path = tmp_path / "seed-0.json"
    record(prompts=6).save(path)
    told = path.read_text()
    path.write_text(told.replace('"settings":{"rank":8}', f'"settings":{{"rank":{word}}}'))
    assert path.read_text() != told
    with pytest.raises(BadRecord, match=rf"{re.escape(str(path))}: its parts do not fit together \(.*not JSON compliant"):
        load(path)


@pytest.mark.parametrize("gone", ["front", "base", "without-1", "every"])
def test_a_probe_whose_rows_are_gone_is_named_wherever_it_stands(gone: str, tmp_path: Path) -> None:
    run = record(prompts=6)
    path = tmp_path / "seed-0.parquet"
    run.save(path)
    names = [probe.name for probe in run.evidence.probes]
    rows = parquet.read_table(path)
    kept = rows.slice(0, 0) if gone == "every" else rows.filter(compute.not_equal(rows["probe"], gone))
    parquet.write_table(kept, path)
    facts = path.with_suffix(".json")
    told = re.sub(r'"answers_sha256": "[0-9a-f]+"', f'"answers_sha256": "{sha256(path.read_bytes()).hexdigest()}"', facts.read_text())
    facts.write_text(told)
    with pytest.raises(BadRecord, match=rf"probe '{names[0] if gone == 'every' else gone}' has 0 rows; expected \d+ x \d x "):
        load(facts)


@pytest.mark.parametrize(("preferences", "prompts"), [(0, 6), (11, 0)])
def test_an_empty_front_is_refused_at_the_door_and_a_dash_inside(preferences: int, prompts: int, tmp_path: Path) -> None:
    run = record(prompts=6)
    empty = changed(run, **part(run.evidence.probe("front"), preferences, prompts))  # type: ignore[arg-type]
    empty.save(tmp_path / "seed-0")
    with pytest.raises(BadRecord, match=rf"seed-0.parquet: probe 'front' is empty: {preferences} preferences, {prompts} prompts"):
        load(tmp_path / "seed-0.json")
    frame = score.score([empty])
    assert frame[frame["metric"] == "hypervolume"]["reason"].item() == "the record's 'front' probe is empty"


def test_a_front_of_one_point_has_a_volume_no_gaps_and_no_extent() -> None:
    point = np.array([[0.5, 0.6]])
    assert front.hypervolume(point, np.full(2, 0.1)) == pytest.approx(0.4 * 0.5)
    assert (front.sparsity(point), front.spacing(point), front.extent(point)) == (0, 0, 0)
    assert front.nondominated(point).tolist() == point.tolist()
    run = record(prompts=6, reference_front=True)
    one = changed(run, **part(run.evidence.probe("front"), 1, 6))  # type: ignore[arg-type]
    frame = score.score([one]).set_index("metric")
    assert frame.loc["cardinality", "value"] == 1
    assert np.isfinite(frame.loc[["hypervolume", "igd-plus", "epsilon", "eum", "mul", "r2"], "value"].to_numpy(dtype=float)).all()


def test_a_front_wholly_below_the_reference_point_has_no_volume_and_no_fault() -> None:
    run = record(prompts=6)
    frame = score.score([changed(run, rewards=np.zeros_like(run.evidence.probe("front").rewards))]).set_index("metric")
    for name in ("hypervolume", "hypervolume-crossfit", "hypervolume-within-kl", "relative-hypervolume"):
        assert frame.loc[name, "value"] == 0, name


@settings(max_examples=25, deadline=None)
@given(
    preferences=st.sampled_from([1, 2, 11]), prompts=st.integers(1, 3), level=st.sampled_from([0.0, 0.5, 1.0]),
    noise=st.sampled_from([0.0, 0.3]), gone=st.sets(st.sampled_from(OTHERS)),
)  # fmt: skip
def test_no_evidence_however_poor_makes_scoring_fail(preferences: int, prompts: int, level: float, noise: float, gone: set[str]) -> None:
    run = record(prompts=3, utilities=True, gold=True, reference_front=True)
    poor = changed(run, **part(run.evidence.probe("front"), preferences, prompts))  # type: ignore[arg-type]
    shape = poor.evidence.probe("front").rewards.shape
    poor = changed(poor, rewards=np.clip(level + np.random.default_rng(0).normal(0, noise, shape), 0, 1))
    probes = tuple(p for p in poor.evidence.probes if p.name not in gone)
    frame = score.score([replace(poor, evidence=replace(poor.evidence, probes=probes))])
    missing = frame["value"].isna()
    assert (frame["reason"][missing].str.len() > 10).all()
    assert not frame["reason"].str.contains("failed: ").any()  # every metric knows why it has no value


def test_a_metric_that_raises_costs_its_own_value_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(registry.load("metrics", "extent")):  # type: ignore[misc]
        def __call__(self, runs: object) -> float:
            raise IndexError("out of\nreach")

    whole = score.score([record(prompts=6)])
    every = tuple(Broken() if metric.name == "extent" else metric for metric in score.metrics())
    monkeypatch.setattr(score, "metrics", lambda: every)
    frame = score.score([record(prompts=6)])
    assert frame[frame["metric"] == "extent"]["reason"].item() == "the metric failed: IndexError: out of reach"
    rest = frame["metric"] != "extent"
    assert score.to_json(frame[rest]) == score.to_json(whole[rest])


def of_version(version: int, seed: int) -> RunRecord:
    run = record(prompts=6, seed=seed)
    return replace(run, evidence=replace(run.evidence, task=replace(run.evidence.task, version=version)))


def test_of_mixed_task_versions_the_newest_are_scored_and_the_older_files_are_named(tmp_path: Path) -> None:
    for seed, version in enumerate((1, 2, 2)):
        of_version(version, seed).save(tmp_path / f"seed-{seed}")
    records, faults = score.gather([tmp_path])
    assert sorted(r.evidence.seed for r in records) == [1, 2]
    assert faults == [
        f"{tmp_path / 'seed-0.json'}: field 'task.version' is 1, and other records of synthetic are of version 2; score them apart"
    ]
    assert len(score.score(records)) > 0
    with pytest.raises(BadRecord, match=r"field 'task.version'"):  # whoever brings them past the door is told too
        score.score([of_version(1, 0), of_version(2, 1)])


def test_records_of_a_method_and_a_task_nobody_installed_are_scored_all_the_same(tmp_path: Path) -> None:
    run = record(method="not-here", task="nor-there", prompts=6)
    run.save(tmp_path / "seed-0")
    with pytest.raises(MorlbenchError, match="not-here"):
        registry.load("methods", "not-here")
    here, there = score.score([load(tmp_path / "seed-0.json")]), score.score([run])
    assert score.to_json(here) == score.to_json(there)


def test_the_command_scores_what_is_good_names_what_is_not_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(3):
        record(seed=seed, prompts=6).save(tmp_path / f"seed-{seed}")
    parquet = tmp_path / "seed-1.parquet"
    parquet.write_bytes(parquet.read_bytes()[:-50])
    assert console.guarded(lambda: app(["score", str(tmp_path), "--json"])) == console.FAILED
    said = capsys.readouterr()
    assert f"{parquet}: its hash is not the one in seed-1.json; it is truncated or was edited" in " ".join(said.err.split())
    assert '"seed": 0' in said.out
    assert '"seed": 2' in said.out
    assert '"seed": 1' not in said.out


def test_flags_of_an_empty_record_are_dashes() -> None:
    bare: Evidence = replace(build(prompts=6), probes=())
    for flag in flags.RUN:
        if flag is not flags.slow_inference:
            with pytest.raises(NoValue):
                flag([bare])


def test_rows_in_another_order_are_refused_since_every_mean_would_move(tmp_path: Path) -> None:
    record(prompts=6).save(tmp_path / "seed-0")
    path, answers = tmp_path / "seed-0.json", tmp_path / "seed-0.parquet"
    rows = parquet.read_table(answers)
    parquet.write_table(rows.sort_by([("index", "ascending"), ("prompt", "ascending"), ("preference", "ascending")]), answers)
    told = path.read_text()
    held = re.search(r'"answers_sha256": "([0-9a-f]+)"', told)
    assert held is not None
    path.write_text(told.replace(held[1], sha256(answers.read_bytes()).hexdigest()))
    with pytest.raises(BadRecord, match="not in the order in which they were written"):
        load(path)


def test_a_preference_of_another_width_is_refused_with_its_probe(tmp_path: Path) -> None:
    run = record(prompts=6)
    front_ = run.evidence.probe("front")
    wide = np.pad(front_.preferences, ((0, 0), (0, 1)))
    changed(run, preferences=wide).save(tmp_path / "seed-0")
    with pytest.raises(BadRecord, match=r"preferences of probe 'front'.* has 3 numbers in a row; the task has 2 objectives"):
        load(tmp_path / "seed-0.json")


def test_a_flag_that_fails_costs_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_runs: object) -> flags.Flag:
        raise ValueError("no such axis")

    before = score.score([record(prompts=6)])
    monkeypatch.setattr(flags, "RUN", (broken, *flags.RUN[1:]))
    after = score.score([record(prompts=6)])
    assert len(after) == len(before)
    assert after["reason"].str.contains("the flag failed: ValueError: no such axis").sum() == 1
