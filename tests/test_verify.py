"""Files from strangers, a board's history, records compared with one another, repeated runs: what is refused and what is not."""

import base64
import json
import os
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from evidence import build
from forge import Forgery, better_base_answers, linked, seeded

from morlbench import board as boards
from morlbench import gather, history, protocol, record, registry
from morlbench.bench import BUDGETS, Cost, Line, Quiet, Watch
from morlbench.errors import BadInput, BadRecord
from morlbench.facts import facts
from morlbench.history import Grant, Removal
from morlbench.launch import Plan
from morlbench.lm.base import load_base
from morlbench.metric import Evidence
from morlbench.record import Provenance, RunRecord
from morlbench.run import run
from morlbench.store import Store
from morlbench.verify import Fault, Findings, Refused, Verdict, command, identity, place, rerun, together
from morlbench.verify.checkout import Checkout
from morlbench.verify.command import Outcome
from morlbench.verify.drift import Drift, drift
from morlbench.verify.files import check_safetensors, parse_json, parse_toml, read_bytes, walk
from morlbench.verify.opening import _claims
from morlbench.verify.quarantine import Quarantine, judge
from morlbench.verify.rescore import Rescored
from morlbench.verify.together import _shared
from morlbench.verify.verifier import Verifier

BOARD = """
title = "A tiny board"
base = "exact"
budget = "smoke"
seeds = "0..1"
[tasks]
exact-competing = {version}
[[division]]
name = "front"
title = "Front"
track = "front"
metric = "optimality-gap"
tasks = ["exact-competing"]
methods = ["base"]
"""
DAY = "2026-01-31"


def make(seed: int, method: str = "base") -> RunRecord:
    """Run a method, by default one that trains nothing: milliseconds."""
    task = registry.load("tasks", "exact-competing")()
    with TemporaryDirectory() as folder:
        return run(registry.load("methods", method)(), task, load_base("exact"), BUDGETS["smoke"], seed=seed, store=Store(Path(folder)))


@pytest.fixture(scope="module")
def runs() -> dict[int, RunRecord]:
    return {seed: make(seed) for seed in range(3)}


@pytest.fixture(scope="module")
def mixture() -> Evidence:
    """Return a run of a mixture of experts: seconds."""
    return make(0, "mod").evidence


@pytest.fixture
def board(tmp_path: Path, runs: dict[int, RunRecord]) -> Path:
    """Return the folder of a board with two true records."""
    folder = tmp_path / "leaderboards" / "tiny"
    for seed in (0, 1):
        runs[seed].save(folder / "records" / "exact-competing" / "base" / f"seed-{seed}")
    version = registry.load("tasks", "exact-competing").version
    (folder / "board.toml").write_text(BOARD.format(version=version), encoding="utf-8")
    return folder


def first(folder: Path, seed: int = 0) -> Path:
    return folder / "records" / "exact-competing" / "base" / f"seed-{seed}.json"


def codes(outcome: command.Outcome) -> set[str]:
    return {fault.code for verdict in outcome.verdicts for fault in verdict.faults}


def copied(folder: Path, to: Path) -> Path:
    for path in folder.rglob("*"):
        if path.is_file():
            target = to / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return to


# files


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1, "a": 2}', "'a' is given twice"), ('{"a": NaN}', "NaN"), ('{"a": -Infinity}', "Infinity"), ('{"a": 1e999}', "not finite"),
        ("[" * 13 + "]" * 13, "nested"), ("[" * 200_000, "nested"), ('{"a": ', "not valid"), ('{"a": ' + "9" * 5000 + "}", "not valid"),
    ],
)  # fmt: skip
def test_json_is_refused_where_python_is_lenient(text: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        parse_json(text.encode(), Path("x.json"))


def test_json_within_the_limits_is_read_as_it_is() -> None:
    assert parse_json(b'{"a": [1, 2.5, "[[[[[[[[[[[[[[[[[[", true, null]}', Path("x")) == {"a": [1, 2.5, "[" * 18, True, None]}
    with pytest.raises(Refused):
        parse_json(b'{"a": "\xff"}', Path("x"))


def test_toml_is_bounded_too() -> None:
    assert parse_toml(b"a = [1]", Path("x")) == {"a": [1]}
    for raw in (b"a = " + b"[" * 20 + b"]" * 20, b"a = 1\na = 2", b"\xff"):
        with pytest.raises(Refused):
            parse_toml(raw, Path("x"))


def test_links_devices_floods_and_odd_names_are_refused(tmp_path: Path) -> None:
    plain = tmp_path / "a" / "plain"
    plain.parent.mkdir()
    plain.write_bytes(b"12345")
    assert list(walk(tmp_path)) == [plain]
    assert read_bytes(plain, 5) == b"12345"
    with pytest.raises(Refused, match="limit"):
        read_bytes(plain, 4)
    for make_odd in (lambda path: path.symlink_to(plain), lambda path: path.symlink_to("/"), os.mkfifo):
        odd = tmp_path / "odd"
        make_odd(odd)
        with pytest.raises(Refused):
            list(walk(tmp_path))
        with pytest.raises(Refused):
            read_bytes(odd, 10)
        odd.unlink()
    for name in ("..json", "a b", "a\nb", "-rf"):
        (tmp_path / name).touch()
        with pytest.raises(Refused, match="name"):
            list(walk(tmp_path))
        (tmp_path / name).unlink()


def test_folders_in_one_another_are_refused_before_the_walk_runs_out_of_stack(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a"] * 20)
    deep.mkdir(parents=True)
    (deep / "file").touch()
    assert list(walk(tmp_path)) == [deep / "file"]
    (deep / "a").mkdir()
    with pytest.raises(Refused, match="nested more than 20 deep"):
        list(walk(tmp_path))


def test_a_parquet_given_alone_is_a_record_or_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "answers.parquet").touch()
    (verdict,) = command.examine([tmp_path / "answers.parquet"]).verdicts
    assert verdict.reason.endswith("answers.parquet: is no record's file; expected a file named seed-N.parquet")


@pytest.mark.parametrize("suffix", [".json", ".parquet"])
def test_a_record_behind_a_link_is_refused(suffix: str, board: Path) -> None:
    linked(first(board).with_suffix(suffix))
    assert "file" in codes(command.examine([board]))
    with Verifier() as verifier:
        assert verifier.verify(first(board))[0].faults[0].code == "file"


def safetensors(head: object, data: bytes) -> bytes:
    raw = json.dumps(head).encode()
    return struct.pack("<Q", len(raw)) + raw + data


@pytest.mark.parametrize(
    ("raw", "sound"),
    [
        (safetensors({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, bytes(8)), True),
        (safetensors({"__metadata__": {"x": "y"}}, b""), True),
        (safetensors({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, bytes(4)), False),
        (safetensors({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, bytes(9)), False),
        (safetensors({"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, -8]}}, b""), False),
        (safetensors({"a": {"dtype": "pickle", "shape": [2], "data_offsets": [0, 8]}}, bytes(8)), False),
        (struct.pack("<Q", 2**62) + b"{}", False), (b"", False),
    ],
)  # fmt: skip
def test_a_safetensors_header_must_describe_its_bytes(raw: bytes, sound: bool, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(raw)
    if sound:
        return check_safetensors(path)
    with pytest.raises(Refused):
        check_safetensors(path)
    return None


def test_the_reader_that_dies_is_replaced() -> None:
    with Quarantine() as quarantine:
        with pytest.raises(Refused, match="not readable"):
            quarantine.check(b"PAR1", 1, 2, "x")
        child = quarantine._child
        assert child is not None
        child.kill()
        child.wait()
        with pytest.raises(Refused, match="ended the reader"):
            quarantine.check(b"PAR1", 1, 2, "x")
        with pytest.raises(Refused, match="not readable"):
            quarantine.check(b"PAR1", 1, 2, "x")


def retyped(run: RunRecord, name: str, values: pa.Array, folder: Path) -> Path:
    """Write the run with other values, type and all, in one column."""
    run.save(folder / "seed-0")
    forged = Forgery.of(folder / "seed-0.json")
    place_of = forged.rows.schema.names.index(name)
    forged.rows = forged.rows.set_column(place_of, pa.field(name, values.type), values)
    return forged.write(folder)


@pytest.mark.parametrize(
    ("name", "letters", "reason"),
    [
        ("response", 1, "is of type dictionary<values=string, indices=int32, ordered=0>; expected string"),
        ("probe", 201, "column 'probe' holds a word of more than 200 characters"), ("probe", 200, ""), ("utility", 200, ""),
    ],
)  # fmt: skip
def test_words_that_rows_share_are_judged_before_they_are_made_plain(
    name: str, letters: int, reason: str, runs: dict[int, RunRecord], tmp_path: Path
) -> None:
    n = sum(len(probe.responses) for probe in runs[0].evidence.probes)
    values = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array(["a" * letters]))
    raw = retyped(runs[0], name, values, tmp_path).with_suffix(".parquet").read_bytes()
    assert reason in (told := judge(raw, n, 2))
    assert bool(told) == bool(reason)


@pytest.mark.parametrize("texts", [True, False])
@pytest.mark.parametrize("name", ["probe", "index", "response", "r_1", "w_2", "kl"])
def test_a_column_of_another_type_is_a_bad_record_to_every_reader(
    name: str, texts: bool, runs: dict[int, RunRecord], tmp_path: Path
) -> None:
    n = sum(len(probe.responses) for probe in runs[0].evidence.probes)
    for values in (pa.array([["x"]] * n), pa.array([b"x"] * n), pa.array([{"a": 1}] * n)):
        path = retyped(runs[0], name, values, tmp_path)
        with pytest.raises(BadRecord, match=f"seed-0.parquet: column '{name}' is of type"):
            record.load(path, texts=texts)


@pytest.mark.parametrize(
    ("change", "code"),
    [({"draws": int("9" * 4299)}, "schema"), ({"draws": 10**9}, "schema"), ({"preferences": [[0.5, 0.5]] * 1001}, "size"), ({}, "")],
)
def test_what_a_record_claims_is_bounded_before_anything_is_read(change: dict[str, object], code: str) -> None:
    probe = {"preferences": [[0.5, 0.5]] * 1000, "prompts": [0], "draws": 1} | change
    head = {"schema": 1, "task": {"objectives": ["a", "b"]}, "probes": [probe], "answers_sha256": "0"}
    if not code:
        assert _claims(head, Path("x")) == (1000, 2, "0")
        return
    with pytest.raises(Refused) as caught:
        _claims(head, Path("x"))
    assert caught.value.fault.code == code


# boards


def test_true_records_of_a_board_are_rescored_and_its_metrics_computed(board: Path) -> None:
    outcome = command.examine([board])
    assert [verdict.level for verdict in outcome.verdicts] == ["rescored", "rescored"]
    assert outcome.sound
    rows = command.recomputed(list(outcome.records.values()))
    assert {row["value"] for row in rows if row["metric"] == "optimality-gap"} == {1.0}


@pytest.mark.parametrize(
    "place_of", ["exact-competing/mod", "exact-flat/base", "exact-competing/mod+budget=standard", "exact-competing/deep/base"]
)
def test_a_record_at_another_place_than_its_own_is_refused(place_of: str, board: Path, runs: dict[int, RunRecord]) -> None:
    runs[1].save(board / "records" / place_of / "seed-1")
    first(board, 1).unlink()
    first(board, 1).with_suffix(".parquet").unlink()
    assert codes(command.examine([board])) == {"name"}
    assert codes(command.examine([board / "records"])) == {"name"}


def test_a_record_that_the_board_does_not_take_is_refused(board: Path, runs: dict[int, RunRecord]) -> None:
    runs[2].save(first(board, 2))
    assert codes(command.examine([board])) == {"board"}


@pytest.mark.parametrize("name", ["weights.pt", "records/model.pkl", "records/notes.txt", "records/exact-competing/base/seed-7.parquet"])
def test_what_is_no_record_is_refused(name: str, board: Path) -> None:
    (board / name).write_bytes(b"x")
    assert codes(command.examine([board])) == {"file"}


def test_generated_files_locks_and_figures_are_left_alone(board: Path) -> None:
    for name in ("README.md", "table.csv", "records/exact-competing/base/.seed-0.lock", "records/exact-competing/base/front.png"):
        (board / name).write_bytes(b"x")
    assert command.examine([board]).sound


def test_an_empty_folder_is_no_success(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds no record"):
        command.examine([tmp_path])


# history


def test_what_a_board_had_stays_as_it_was(board: Path, tmp_path: Path, runs: dict[int, RunRecord]) -> None:
    old = copied(board, tmp_path / "old")
    assert command.examine([board], against=old).verdicts == ()
    (board / "removals.jsonl").write_text("", encoding="utf-8")
    assert command.examine([board], against=old).sound
    make(5).save(first(board, 0))
    assert codes(command.examine([board], against=old)) == {"history"}
    first(board, 0).unlink()
    first(board, 0).with_suffix(".parquet").unlink()
    assert codes(command.examine([board], against=old)) == {"history"}


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        ('methods = ["base"]', 'methods = ["base", "mod"]', True), ('methods = ["base"]', 'methods = ["mod"]', False),
        ('budget = "smoke"', 'budget = "quick"', False), ('seeds = "0..1"', 'seeds = "0"', False),
        ('metric = "optimality-gap"', 'metric = "utility"', False), ('title = "Front"', 'title = "Best"', False),
        ("[[division]]", "[[division", False),
    ],
)  # fmt: skip
def test_a_submission_may_add_methods_and_change_no_rule(before: str, after: str, allowed: bool, board: Path, tmp_path: Path) -> None:
    old, rules = copied(board, tmp_path / "old"), board / "board.toml"
    rules.write_text(rules.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
    assert command.examine([board], against=old).sound is allowed


def removal(board: Path, seed: int = 0) -> Removal:
    return Removal(f"records/exact-competing/base/seed-{seed}.json", record.load(first(board, seed)).key, DAY, "its rewards were edited")


def test_removals_only_ever_grow_and_removed_records_stay(board: Path, tmp_path: Path) -> None:
    history.remove(board, removal(board))
    assert list(history.removals(board)) == ["records/exact-competing/base/seed-0.json"]
    assert command.examine([board]).sound
    old = copied(board, tmp_path / "old")
    history.remove(board, removal(board, 1))
    assert command.examine([board], against=old).sound
    with pytest.raises(BadRecord, match="removed before"):
        history.remove(board, removal(board, 1))
    path = board / "removals.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("edited", "changed"), encoding="utf-8")
    assert codes(command.examine([board], against=old)) == {"history"}
    first(board).unlink()
    assert "history" in codes(command.examine([board]))


def test_a_list_of_removals_whose_last_line_is_open_is_refused_and_never_glued_to_the_next(board: Path) -> None:
    history.remove(board, removal(board))
    path = board / "removals.jsonl"
    path.write_bytes(path.read_bytes().removesuffix(b"\n"))
    with pytest.raises(Refused, match="add a newline"):
        place._removals(path)
    history.remove(board, removal(board, 1))
    assert len(history.removals(board)) == 2
    place._removals(path)


@pytest.mark.parametrize("end", [b"", b"\n"])
@pytest.mark.parametrize("start", [b"", b"\n", b" \n"])
def test_others_records_are_taken_off_by_no_submission_however_the_list_ended(end: bytes, start: bytes, tmp_path: Path) -> None:
    """The older list may lack its last newline; what was added then begins with one."""
    old, new = tmp_path / "old", tmp_path / "new"
    lines = [
        json.dumps(Removal(f"records/task/other/seed-{seed}.json", "0" * 64, DAY, "its rewards were edited").__dict__).encode()
        for seed in (0, 1)
    ]
    for folder in (old, new):
        folder.mkdir()
        (folder / "removals.jsonl").write_bytes(lines[0] + end)
    (new / "records/task/mine").mkdir(parents=True)
    (new / "records/task/mine/seed-0.json").touch()
    assert place.kept(old, new) == []
    with (new / "removals.jsonl").open("ab") as file:
        file.write((start or (b"" if end else b"\n")) + lines[1] + b"\n")
    (verdict,) = place.kept(old, new)
    assert "says nothing of other methods" in verdict.reason


def test_a_run_is_made_again_under_its_key_once_its_record_was_taken_off(board: Path, runs: dict[int, RunRecord]) -> None:
    again = board / "records/exact-competing/base+budget=smoke"
    runs[0].save(again / "seed-0")
    history.remove(board, removal(board))
    rules = boards.load(board)
    loaded = gather._load("base", gather.folders(rules)[0]["base"], rules, {})
    assert sorted(found.evidence.seed for found in loaded.records.values()) == [0, 1]
    assert loaded.left_out == [f"records/exact-competing/base/seed-0.json: removed on {DAY}: its rewards were edited"]
    assert command.examine([board]).sound


@pytest.mark.parametrize(
    "change",
    [
        {"record": "../../etc/passwd"}, {"record": "records/a/../seed-0.json"}, {"record": "records/a/b/c/seed-0.json"}, {"key": "abc"},
        {"date": "yesterday"}, {"reason": ""}, {"reason": "its line <!-- end --> ends the page"}, {"extra": 1},
    ],
)  # fmt: skip
def test_a_removal_of_another_form_is_refused(change: dict[str, object], board: Path) -> None:
    line = json.dumps({**removal(board).__dict__, **change})
    (board / "removals.jsonl").write_text(line + "\n", encoding="utf-8")
    with pytest.raises(BadRecord, match="line 1"):
        history.removals(board)
    assert codes(command.examine([board])) == {"history"}


# levels


def test_a_level_holds_for_the_file_it_was_granted_for(board: Path, runs: dict[int, RunRecord]) -> None:
    command.keep(command.examine([board]), [board])
    granted = history.grants(board)
    assert [history.level_of(board, first(board, seed), granted) for seed in (0, 1)] == ["rescored", "rescored"]
    runs[2].save(first(board, 1))
    assert history.level_of(board, first(board, 1), granted) == "reported"
    assert history.level_of(board, first(board, 0), {}) == "reported"


def test_a_part_of_a_board_is_granted_alone(board: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = first(board, 0), first(board, 1)
    assert command.widened(board) == [board]
    assert command.widened(one) == [one.parent.resolve()]  # its other seeds are compared with it
    other = board / "records" / "another" / "method" / "seed-0.json"
    kept = Grant("rescored", "0" * 64)
    other.parent.mkdir(parents=True)
    other.write_text("{}", encoding="utf-8")
    history.write_grants(board, {other.relative_to(board).as_posix(): kept})
    assert command.run([one], against=None, again=0, write=True, as_json=False)
    granted = history.grants(board)
    assert [history.level_of(board, path, granted) for path in (one, two)] == ["rescored", "rescored"]
    assert granted[other.relative_to(board).as_posix()] == kept
    doubted = replace(command.examine([board]).verdicts[0], path=one, level="reported")
    command.keep(Outcome((doubted,), {}), [board])
    assert history.level_of(board, one, history.grants(board)) == "reported"  # a doubt that came up later lowers it
    loose = copied(one.parent, tmp_path / "loose")
    monkeypatch.setattr(command, "examine", lambda *_, **__: pytest.fail("verified for hours, then refused"))
    with pytest.raises(BadInput, match=r"holds no board\.toml and lies in no folder that does"):
        command.run([loose], against=None, again=0, write=True, as_json=False)


def test_a_higher_level_is_kept_and_a_refused_record_has_none(board: Path, runs: dict[int, RunRecord]) -> None:
    name = first(board).relative_to(board).as_posix()
    history.write_grants(board, {name: Grant("reproduced", history.digest(first(board)))})
    command.keep(command.examine([board]), [board])
    assert history.grants(board)[name].level == "reproduced"
    runs[2].save(first(board))
    command.keep(command.examine([board]), [board])
    assert list(history.grants(board)) == [first(board, 1).relative_to(board).as_posix()]
    (board / "levels.json").write_text(json.dumps({"../x.json": {"level": "rescored", "sha256": "0" * 64}}), encoding="utf-8")
    with pytest.raises(BadRecord):
        history.grants(board)


# records together


def test_answers_copied_to_another_seed_are_refused(board: Path) -> None:
    forged = Forgery.of(first(board))
    forged.head["seed"], forged.name = 1, "seed-1.json"
    forged.write(first(board).parent)
    assert codes(command.examine([board])) == {"seed"}


@pytest.mark.parametrize(("different", "copied"), [(3, False), (5, False), (6, True), (24, True)])
def test_equal_answers_of_two_seeds_are_a_copy_unless_the_policy_says_hardly_anything_else(
    different: int, copied: bool, runs: dict[int, RunRecord]
) -> None:
    found: together.Found = {}
    for seed in (0, 1):
        run = runs[seed].evidence
        front = run.probe("front")
        assert len(front.prompts) == 24  # a quarter of them is 6
        same = replace(front, responses=tuple(f"word {i % different}" for i in range(len(front.responses))))
        path = Path(f"seed-{seed}.json")
        changed = replace(run, probes=tuple(same if probe.name == "front" else probe for probe in run.probes))
        found[path] = Verdict(path, "rescored"), replace(runs[seed], evidence=changed)
    levels = [verdict.level for verdict in together.together(found).values()]
    assert levels == ["rescored", None if copied else "rescored"]


def test_one_key_has_one_record(board: Path, tmp_path: Path, runs: dict[int, RunRecord]) -> None:
    runs[0].save(tmp_path / "two" / "a" / "seed-0")
    runs[0].save(tmp_path / "two" / "b" / "seed-0")
    outcome = command.examine([tmp_path / "two"])
    assert [verdict.level for verdict in outcome.verdicts] == ["rescored", None]
    assert codes(outcome) == {"key"}


def test_of_two_records_of_one_key_the_newcomer_is_refused_whatever_its_folder_is_called(
    tmp_path: Path, runs: dict[int, RunRecord]
) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    late, early = new / "a" / "seed-0.json", new / "b" / "seed-0.json"
    (old / "b").mkdir(parents=True)
    (old / "b" / "seed-0.json").touch()
    found: together.Found = {path: (Verdict(path, "rescored"), runs[0]) for path in (late, early)}
    standing = command._standing([], found, new, old)
    assert list(standing) == [early, late]
    assert [verdict.level for verdict in together.together(standing).values()] == ["rescored", None]


def test_a_seed_cheaper_than_all_others_stays_reported(tmp_path: Path, runs: dict[int, RunRecord]) -> None:
    for seed, responses in ((0, 128), (1, 128), (2, 64)):
        runs[seed].save(tmp_path / f"seed-{seed}")
        forged = Forgery.of(tmp_path / f"seed-{seed}.json")
        cost = {"responses": responses, "tokens": 4 * responses, "steps": 1, "backward": 1, "seconds": 0.1, "cached": False}
        forged.head["costs"]["lines"].insert(0, {"part": "expert", "kind": "training", "cost": cost})
        forged.write(tmp_path)
    verdicts = command.examine([tmp_path]).verdicts
    assert [verdict.level for verdict in verdicts] == ["rescored", "rescored", "reported"]
    assert "64 responses" in verdicts[2].notes[0]


def test_a_task_or_method_that_is_not_here_leaves_a_record_reported(tmp_path: Path, runs: dict[int, RunRecord]) -> None:
    runs[0].save(tmp_path / "seed-0")
    for word in ("task", "method"):
        forged = Forgery.of(tmp_path / "seed-0.json")
        forged.head[word]["name"] = "of-another-checkout"
        with Verifier() as verifier:
            verdict, _ = verifier.verify(forged.write(_made(tmp_path / word)))
        assert verdict.level == "reported"
        assert "not in this checkout" in verdict.reason


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


# repeated runs


class Again:
    """Makes records as `Training` does, or others by a planted change."""

    def __init__(self, change: object = None) -> None:
        self.change, self.seeds = change, list[int]()

    def warm(self) -> None:
        pass

    def identity(self, base: str) -> str:
        return load_base(base).identity

    def make(self, plan: Plan, seed: int, watch: Watch) -> RunRecord:
        self.seeds.append(seed)
        found = make(seed)
        return replace(found, evidence=self.change(found.evidence)) if callable(self.change) else found


def test_a_repeated_run_that_is_equal_grants_the_whole_group(board: Path) -> None:
    maker = Again()
    outcome = command.examine([board], again=1, maker=maker)
    assert [verdict.level for verdict in outcome.verdicts] == ["reproduced", "reproduced"]
    assert len(maker.seeds) == 1


def test_a_repeat_beside_a_front_that_came_later_is_the_same_run(tmp_path: Path) -> None:
    made = RunRecord(build(), Provenance("", False, "", {}))
    made.save(tmp_path / "seed-0.json")
    fronted = replace(made.evidence, task=replace(made.evidence.task, front=((0.5, 0.5),), front_kl=(1.0,)))
    assert rerun._equal(tmp_path / "seed-0.json", replace(made, evidence=fronted))
    assert not rerun._equal(tmp_path / "seed-0.json", replace(made, evidence=better(fronted)))
    replace(made, evidence=fronted).save(tmp_path / "seed-0.json")
    other = replace(fronted, task=replace(fronted.task, front=((0.6, 0.5),)))
    assert not rerun._equal(tmp_path / "seed-0.json", replace(made, evidence=other))


def better(run: Evidence) -> Evidence:
    return replace(run, probes=tuple(replace(probe, rewards=np.clip(probe.rewards + 0.4, 0, 1)) for probe in run.probes))


def test_a_repeated_run_that_differs_refuses_the_record(board: Path) -> None:
    outcome = command.examine([board], again=1, maker=Again(better))
    assert codes(outcome) == {"rerun"}
    assert sorted(str(verdict.level) for verdict in outcome.verdicts) == ["None", "rescored"]


def test_small_drift_of_floats_is_tolerated_and_counts_are_not() -> None:
    mine = build(seed=0)
    drifted = replace(mine, probes=tuple(replace(p, rewards=np.clip(p.rewards + 0.005, 0, 1)) for p in mine.probes))
    assert rerun.differences(mine, drifted) == []
    lines = tuple(replace(line, cost=replace(line.cost, responses=line.cost.responses // 2)) for line in mine.costs.lines)
    found = rerun.differences(mine, replace(mine, costs=replace(mine.costs, lines=lines)))
    assert any("responses" in fault.sentence for fault in found)


@pytest.mark.parametrize(("nats", "refused"), [(2.0, False), (1.52, False), (1.42, True), (2.66, False), (2.76, True)])
def test_a_mean_kl_may_differ_by_a_quarter_of_the_larger_and_a_fiftieth_of_a_nat(nats: float, refused: bool) -> None:
    """From 2: down to 2 - .25 2 - .02 = 1.48, and up to (2 + .02) / .75 = 2.69."""

    def spending(mean: float) -> Evidence:
        return replace(mine, probes=tuple(replace(p, kl=p.kl * mean / p.kl.mean()) if p.name == "front" else p for p in mine.probes))

    mine = build(seed=0)
    found = [fault.sentence for fault in rerun.differences(spending(2.0), spending(nats))]
    assert found == ([f"the mean KL of probe 'front' is 2.000 nats and was {nats:.3f} when repeated"] if refused else [])


@pytest.mark.parametrize("kind", ["training", "search", "evaluation"])
@pytest.mark.parametrize(("field", "name"), [("responses", "responses"), ("tokens", "tokens"), ("steps", "steps"), ("backward", "passes")])
def test_each_count_of_training_and_search_may_differ_by_a_twentieth_and_no_more(field: str, name: str, kind: str) -> None:
    """960 of 1,000 is within a twentieth and 940 is not; what questions cost is the protocol's."""

    def counting(count: int) -> Evidence:
        known = {"responses": 1000, "tokens": 1000, "steps": 1000, "backward": 1000}
        line = Line("part", kind, Cost(**known | {field: count}))  # type: ignore[arg-type]
        return replace(mine, costs=replace(mine.costs, lines=(line,)))

    mine = build(seed=0)
    for pair in ((1000, 960), (960, 1000)):
        assert rerun.differences(*map(counting, pair)) == []
    for one, other in ((1000, 940), (940, 1000)):
        found = [fault.sentence for fault in rerun.differences(counting(one), counting(other))]
        assert found == ([] if kind == "evaluation" else [f"training counts {one:,} {name} and {other:,} when repeated"])


def test_the_sample_follows_from_the_answers_and_from_a_word_their_author_cannot_know(runs: dict[int, RunRecord]) -> None:
    records = {Path(f"seed-{seed}.json"): found for seed, found in runs.items()}
    assert rerun.sample(dict(reversed(records.items())), 1, "a word") == rerun.sample(records, 1, "a word")
    assert rerun.sample(records, 3, "a word") == sorted(records)
    assert {rerun.sample(records, 1, word)[0] for word in map(str, range(30))} == set(records)  # answers alone decide nothing
    assert Checkout().nonce != Checkout().nonce


def test_two_samples_of_few_answers_leave_a_doubt_and_what_chance_cannot_do_is_refused() -> None:
    mine = build(seed=0)
    probe, k = mine.probes[0], mine.k
    rng = np.random.default_rng(0)

    def few(mean: float) -> Evidence:
        answers = rng.binomial(1, mean, (1, 24, 1, k)).astype(float)  # 24 answers that are right or wrong
        return replace(mine, probes=(replace(probe, preferences=probe.preferences[:1], rewards=answers, prompts=np.arange(24), kl=None),))

    refused, doubted = [], []
    for _ in range(200):
        one, other = few(0.5), few(0.5)
        refused.append(any("mean rewards" in fault.sentence for fault in rerun.differences(one, other)))
        doubted.append(bool(rerun.doubts(one, other)))
    assert not any(refused)
    assert np.mean(doubted) > 0.8  # an honest repeat is not refused, and shows nothing
    assert any("mean rewards" in fault.sentence for fault in rerun.differences(few(0.1), few(0.95)))
    assert rerun.doubts(mine, mine) == []


def test_a_doubt_keeps_a_level_where_it_was(board: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rerun, "repeat", lambda *_: Findings(doubts=["within chance"]))
    outcome = command.examine([board], again=1, maker=Again(better))
    assert {verdict.level for verdict in outcome.verdicts} == {"rescored"}
    assert all("within chance" in verdict.notes for verdict in outcome.verdicts)


def test_a_doubt_about_one_record_is_lifted_by_its_own_repeat_and_not_by_anothers(
    runs: dict[int, RunRecord], verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: together.Found = {Path(f"seed-{seed}.json"): (Verdict(Path(), "rescored"), one) for seed, one in runs.items()}
    verdicts = {path: Verdict(path, "reported" if path.stem == "seed-1" else "rescored") for path in found}
    repeated: list[Path] = []
    monkeypatch.setattr(rerun, "repeat", lambda path, *_: repeated.append(path) or Findings())

    def levels() -> list[str | None]:
        return [verdict.level for _, verdict in sorted(command._repeated(verdicts, found, 1, verifier, Again()).items())]

    assert levels() == ["reproduced"] * 3
    assert len(repeated) == 2  # the doubtful one, and one that its author could not choose
    assert Path("seed-1.json") in repeated
    monkeypatch.setattr(rerun, "sample", lambda *_: [Path("seed-0.json")])
    assert levels() == ["reproduced", "reported", "reproduced"]


def test_a_doubtful_record_takes_no_other_out_of_the_sample(runs: dict[int, RunRecord]) -> None:
    records = {Path(f"seed-{seed}.json"): found for seed, found in runs.items()}
    drawn = [rerun.sample(records, 1, word, [Path("seed-1.json")]) for word in map(str, range(20))]
    assert {tuple(path.stem for path in paths) for paths in drawn} == {("seed-0", "seed-1"), ("seed-1", "seed-2")}


@pytest.mark.parametrize("change", [{"method": {"version": 1}}, {"method": {"name": "nobody"}}, {"task": {"name": "nowhere"}}])
def test_what_cannot_be_repeated_here_is_doubted_and_not_refused(
    change: dict[str, dict[str, Any]], runs: dict[int, RunRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry.load("methods", "base"), "version", 2)
    run = runs[0].evidence
    other = replace(run, **{part: replace(getattr(run, part), **fields) for part, fields in change.items()})
    maker = Again()
    found = rerun.repeat(Path("seed-0.json"), replace(runs[0], evidence=other), Checkout(), maker, Quiet())
    assert (found.faults, maker.seeds) == ([], [])
    assert "so it was not repeated" in found.doubts[0]


def test_repeats_find_nothing_that_was_trained_before(runs: dict[int, RunRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs[0].save(tmp_path / "seed-0")
    stores: list[Path] = []

    def made(*_: object, store: Store, **__: object) -> RunRecord:
        assert list(store.root.iterdir()) == []
        stores.append(store.root)
        return runs[0]

    monkeypatch.setattr("morlbench.run.run", made)
    outcome = command.examine([tmp_path / "seed-0.json"], again=1)
    assert [verdict.level for verdict in outcome.verdicts] == ["reproduced"]
    assert len(stores) == 1
    assert not stores[0].exists()


def otherwise(run: Evidence, count: int) -> Evidence:
    """Return the run with that many of the front's 440 answers replaced, evenly over the lattice, as drift or a forger would."""
    front = run.probe("front")
    places = set(np.linspace(0, len(front.responses) - 1, count).round().astype(int).tolist())
    texts = tuple("ba ba ba ba" if i in places else text for i, text in enumerate(front.responses))
    return replace(run, probes=tuple(replace(p, responses=texts) if p is front else p for p in run.probes))


@pytest.mark.parametrize(
    ("count", "moved", "at", "refused", "doubted"),
    [
        (1, 0.004, [5], False, True), (1, 0.06, [5], True, True), (1, 0.004, range(11), False, True), (1, 0.0001, range(11), False, False),
        (60, 0.0014, range(11), False, False), (60, 0.01, [5], False, True), (400, 0.004, range(11), False, False),
        (400, 0.06, [5], False, True),
    ],
)  # fmt: skip
def test_how_many_answers_differ_bounds_how_far_exact_values_may(
    count: int, moved: float, at: Sequence[int], refused: bool, doubted: bool
) -> None:
    """The policy falls .15 short everywhere, the base by about .3: runs far apart may differ by .04, and one answer is no excuse."""
    mine = build(exact=True, adapt=False)
    value = mine.exact.value.copy()
    value[list(at)] += moved
    forged = replace(otherwise(mine, count), exact=replace(mine.exact, value=value))
    assert [bool(rerun.differences(forged, mine)), bool(rerun.doubts(forged, mine))] == [refused, doubted]


@pytest.mark.parametrize(("nats", "count", "seen"), [(0.4, 1, ""), (0.6, 1, "faults"), (0.6, 400, "doubts")])
def test_an_exact_kl_is_held_to_its_tolerance_at_every_preference(nats: float, count: int, seen: str) -> None:
    """A quarter of 2 nats and .02; the mean over the lattice hardly moves."""
    mine = build(exact=True, adapt=False)
    kl = mine.exact.kl.copy()
    kl[5] -= nats
    found = drift(replace(otherwise(mine, count), exact=replace(mine.exact, kl=kl)), mine)
    assert ["exact KL" in " ".join(told) for told in (found.faults, found.doubts)] == [seen == "faults", seen == "doubts"]


@pytest.mark.parametrize(
    ("share", "count", "seen"), [(1.0, 0, False), (0.999, 0, True), (0.85, 1, True), (0.99, 1, False), (0.85, 400, False)]
)
def test_a_sampled_kl_is_held_to_the_answers_it_is_of(share: float, count: int, seen: bool) -> None:
    """A mean over the lattice may be a quarter lower; where answers agree their KL does too."""
    mine = build(adapt=False)
    run = otherwise(mine, count)
    lower = replace(run, probes=tuple(replace(p, kl=p.kl * share) if p.name == "front" else p for p in run.probes))
    assert rerun.differences(lower, mine) == []
    assert any("the KL of probe 'front' at [" in told and "nats off" in told for told in rerun.doubts(lower, mine)) is seen


@pytest.mark.parametrize(("count", "seen"), [(0, "faults"), (1, "faults"), (400, "doubts")])
@pytest.mark.parametrize("kind", ["one-hot", "half up, half down"])
def test_other_weights_are_seen_where_answers_differ_too(kind: str, count: int, seen: str) -> None:
    mine = build(adapt=False)
    front = mine.probe("front")
    up = front.weights.round() if kind == "one-hot" else front.weights.copy()
    if kind != "one-hot":
        shift = np.where(np.arange(len(front.prompts)) % 2, 1.0, -1.0) * np.minimum(up[..., 0], up[..., 1]) * 0.9  # (p, n)
        up += np.stack([shift, -shift], -1)
    run = otherwise(mine, count)
    found = drift(replace(run, probes=tuple(replace(p, weights=up) if p.name == "front" else p for p in run.probes)), mine)
    assert ["other weights" in " ".join(told) for told in (found.faults, found.doubts)] == [seen == "faults", seen == "doubts"]
    assert drift(otherwise(mine, count), mine) == Drift()


@pytest.mark.parametrize(("field", "name"), [("trainable_parameters", "trainable parameters"), ("passes_per_token", "passes per token")])
def test_what_is_counted_of_the_policy_is_compared_too(field: str, name: str) -> None:
    mine = build(adapt=False)
    speed = mine.costs.speed
    for share, seen in ((0.96, False), (0.9, True)):
        less = (
            replace(mine.costs, trainable_parameters=int(40_000 * share))
            if field == "trainable_parameters"
            else replace(mine.costs, speed=replace(speed, passes_per_token=speed.passes_per_token * share))
        )
        assert [name in fault.sentence for fault in rerun.differences(replace(mine, costs=less), mine)] == [True] * seen


# protocol


def test_the_protocol_names_every_probe_of_a_run(runs: dict[int, RunRecord]) -> None:
    evidence, task = runs[0].evidence, registry.load("tasks", "exact-competing")()
    asked = protocol.fixed(task, "front", evidence.method.utilities, evidence.task.preference)
    assert [question.name for question in asked] == [probe.name for probe in evidence.probes]


@pytest.fixture
def verifier() -> Iterator[Verifier]:
    with Verifier() as one:
        yield one


def test_reward_and_answer_forged_together_in_the_base_are_seen(tmp_path: Path, runs: dict[int, RunRecord], verifier: Verifier) -> None:
    runs[0].save(tmp_path / "seed-0")
    forged = Forgery.of(tmp_path / "seed-0.json")
    better_base_answers(forged, seeded(0, "base"), registry.load("tasks", "exact-competing")())
    verdict, _ = verifier.verify(forged.write(tmp_path))
    assert {fault.code for fault in verdict.faults} == {"seed"}


def test_a_record_on_the_other_kind_of_base_is_refused_before_anything_is_scored(
    tmp_path: Path, runs: dict[int, RunRecord], verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("morlbench.verify.verifier.rescore", lambda *_: pytest.fail("scored answers on a base of another language"))
    verdict, _ = verifier._judge(replace(runs[0], evidence=replace(runs[0].evidence, base="nano-0")), tmp_path / "seed-0.json")
    assert [fault.code for fault in verdict.faults] == ["base"]
    words = registry.load("tasks", "fluency-vs-helpfulness")()
    assert [fault.code for fault in identity.same_base(runs[0].evidence, words)] == ["base"]
    assert identity.same_base(replace(runs[0].evidence, base="nano-0"), words) == []


def test_the_survey_of_a_record_names_its_board(board: Path) -> None:
    found = place.survey(first(board).parent)
    assert found.board_of(first(board)) is not None
    assert found.board_of(board / "elsewhere" / "seed-0.json") is None


# a stranger's tricks


def forged(path: Path, change: Callable[[dict[str, Any]], None], folder: Path) -> Path:
    """Write the record with a change to its JSON to a folder, key and hash made to fit."""
    again = Forgery.of(path)
    change(again.head)
    folder.mkdir(parents=True, exist_ok=True)
    return again.write(folder)


def test_the_reader_imports_nothing_from_the_folder_it_is_started_in(board: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pyarrow", "json", "morlbench"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert command.examine([board]).sound
    assert not (tmp_path / "ran").exists()


def test_json_that_is_slow_to_look_through_is_not(board: Path) -> None:
    with pytest.raises(Refused, match="not valid JSON"):
        parse_json(b'"' + b'\\"' * 300_000, Path("x"))
    many = ", ".join(f'"{i}": 0' for i in range(100_000))
    with pytest.raises(Refused, match="'99999' is given twice"):
        parse_json(f'{{{many}, "99999": 1}}'.encode(), Path("x"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda head: head["probes"][0].update(user=2**40), "do not fit together"),
        (lambda head: head["costs"]["lines"][0]["cost"].update(steps=10**400), "the ledger holds"),
        (lambda head: head.update(schema="\ud800"), r"'\\ud800'"),
        (lambda head: head["probes"][0]["utility"].update(name="hard-threshold", thresholds=[]), "threshold per objective"),
        (lambda head: head["exact"]["rewards"][0].append(0.5), "has 3 numbers in a row"),
        (lambda head: head["exact"].update(front=bomb()), "cut short or holds more than"),
    ],
)
def test_odd_values_are_refused_in_a_sentence_that_names_the_file(
    change: Callable[[dict[str, Any]], None], reason: str, runs: dict[int, RunRecord], tmp_path: Path, verifier: Verifier
) -> None:
    runs[0].save(tmp_path / "seed-0")
    verdict, found = verifier.verify(forged(tmp_path / "seed-0.json", change, tmp_path / "forged"))
    assert found is None
    assert re.search(reason, verdict.reason)
    assert "seed-0" in verdict.reason or "ledger" in verdict.reason


def bomb() -> str:
    return base64.b64encode(zlib.compress(bytes(record.INFLATED + 8))).decode()


def test_a_record_with_ragged_numbers_is_a_bad_record_to_every_reader(runs: dict[int, RunRecord], tmp_path: Path) -> None:
    runs[0].save(tmp_path / "seed-0")
    path = forged(tmp_path / "seed-0.json", lambda head: head["exact"]["rewards"][0].append(0.1), tmp_path / "forged")
    with pytest.raises(BadRecord, match=r"seed-0\.json: field 'exact.rewards' has 3 numbers in a row"):
        record.load(path)


def test_what_a_single_policy_is_ranked_by_is_computed_again(tmp_path: Path, verifier: Verifier) -> None:
    make(0, "linear-scalarization").save(tmp_path / "seed-0")
    assert verifier.verify(tmp_path / "seed-0.json")[0].level == "rescored"
    for field, moved in (("optimum", 0.0), ("base", -1.0)):

        def better(head: dict[str, Any], field: str = field, moved: float = moved) -> None:
            head["exact"][field] = [value + moved for value in head["exact"]["value"]]

        verdict, _ = verifier.verify(forged(tmp_path / "seed-0.json", better, tmp_path / field))
        assert [fault.code for fault in verdict.faults] == ["exact"]
        assert f"'exact.{field}'" in verdict.reason


def test_a_repeated_run_shows_exact_values_and_weights_that_were_touched(mixture: Evidence) -> None:
    mine = mixture
    assert rerun.differences(mine, mine) == []
    exact, front = mine.exact, mine.probe("front")
    cheaper = replace(exact, kl=exact.kl * 0.94, value=exact.value + 0.003)
    assert {"kl", "value"} <= {word for fault in rerun.differences(replace(mine, exact=cheaper), mine) for word in fault.sentence.split()}
    front = mine.probe("front")
    stated = replace(
        mine, probes=tuple(replace(p, weights=np.full((11, len(p.prompts), 2), 0.5)) if p is front else p for p in mine.probes)
    )
    assert any("other weights" in fault.sentence for fault in rerun.differences(stated, mine))


@pytest.mark.parametrize(("share", "found"), [(0.0, False), (0.02, False), (0.5, True), (1.0, True)])
def test_exact_values_of_runs_that_drifted_apart_may_differ_a_little(share: float, found: bool, mixture: Evidence) -> None:
    mine = mixture
    exact, answers = mine.exact, mine.probe("front")
    moved = replace(exact, value=exact.value + share * (exact.optimum - exact.value))
    other = replace(answers, responses=("ba ba ba ba", *answers.responses[1:]))
    drifted = replace(mine, exact=moved, probes=tuple(other if p is answers else p for p in mine.probes))
    assert any("short of the optimum" in fault.sentence for fault in rerun.differences(drifted, mine)) is found


def test_a_copied_seed_that_is_also_cheaper_is_refused_all_the_same(runs: dict[int, RunRecord]) -> None:
    found: together.Found = {}
    for seed, spent in ((0, 128), (1, 128), (2, 64)):
        line = Line("expert", "training", Cost(responses=spent))
        front = runs[0 if seed == 2 else seed].evidence.probe("front")
        run = runs[seed].evidence
        probes = tuple(front if probe.name == "front" else probe for probe in run.probes)
        run = replace(run, probes=probes, costs=replace(run.costs, lines=(line, *run.costs.lines)))
        path = Path(f"seed-{seed}.json")
        found[path] = Verdict(path, "rescored"), replace(runs[seed], evidence=run)
    assert [verdict.level for verdict in together.together(found).values()] == ["rescored", "rescored", None]


def test_a_base_that_is_not_here_leaves_a_record_reported(board: Path, monkeypatch: pytest.MonkeyPatch, verifier: Verifier) -> None:
    path = next(Path("leaderboards/text/records").rglob("rewarded-soups/seed-0.json"))
    monkeypatch.setattr("morlbench.verify.verifier.rescore", lambda run, task, checkout: Rescored(run, []))
    monkeypatch.setattr("morlbench.verify.identity.same_task", lambda run, task: [])  # whatever version the task has come to
    invented = forged(path, lambda head: head.update(base="nano-000000000000"), board / "other")
    verdict, _ = verifier.verify(invented)
    assert (verdict.level, verdict.faults) == ("reported", ())
    assert "not bundled" in verdict.reason


def test_a_submission_grants_itself_no_level(board: Path, tmp_path: Path) -> None:
    old = copied(board, tmp_path / "old")
    command.keep(command.examine([board]), [board])
    assert codes(command.examine([board], against=old)) == {"history"}


def test_a_second_record_of_a_run_is_refused_whatever_its_folder_is_called(board: Path, tmp_path: Path) -> None:
    old = copied(board, tmp_path / "old")
    copied(first(board).parent, first(board).parent.with_name("base+budget=again"))
    outcome = command.examine([board], against=old)
    assert codes(outcome) == {"key"}


def test_records_that_a_board_could_not_pool_are_refused_and_the_earlier_stay(
    board: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = board / "board.toml"
    rules.write_text(rules.read_text(encoding="utf-8").replace('["base"]', '["base", "mod"]'), encoding="utf-8")
    make(0, "mod").save(board / "records/exact-competing/mod/seed-0")
    old = copied(board, tmp_path / "old")
    make(1, "mod").save(board / "records/exact-competing/mod/seed-1")
    assert command.examine([board], against=old).sound
    path = board / "records/exact-competing/mod/seed-1.json"
    forged(path, lambda head: head["method"]["settings"].update(rate=0.123), path.parent)
    outcome = command.examine([board], against=old)
    assert [verdict.path.name for verdict in outcome.verdicts if verdict.level is None] == ["seed-1.json"]
    assert "a board lists that as an entry of its own, mod+rate=0.123" in outcome.verdicts[-1].reason
    cls = registry.load("methods", "mod")
    monkeypatch.setattr(cls, "version", cls.version + 1)  # whose defaults nobody can ask any more
    outcome = command.examine([board], against=old)
    assert [verdict.path.name for verdict in outcome.verdicts if verdict.level is None] == ["seed-1.json"]
    assert "its settings are not those of" in outcome.verdicts[-1].reason


def test_two_seeds_that_share_nearly_all_answers_or_their_exact_rewards_are_one(mixture: Evidence) -> None:
    honest = make(1, "mod")
    assert not _shared(mixture, honest.evidence)
    front = mixture.probe("front")
    changed = replace(front, responses=("other", *front.responses[1:]))
    near = replace(mixture, seed=1, probes=tuple(changed if probe is front else probe for probe in mixture.probes))
    assert "exact rewards" in _shared(mixture, near)
    assert "exact rewards" in _shared(mixture, replace(honest.evidence, exact=mixture.exact))
    words = tuple(f"answer {i}" for i in range(len(front.responses)))
    diverse = [replace(run, exact=None, probes=(replace(run.probe("front"), responses=words),)) for run in (mixture, near)]
    assert "answers are" in _shared(*diverse)
    half = len(words) // 2
    apart = replace(diverse[1], probes=(replace(front, responses=(*words[half:], *words[:half])),))
    assert not _shared(diverse[0], apart)
    alike = [replace(run, probes=(replace(run.probe("front"), responses=("yes",) * len(words)),)) for run in diverse]
    assert not _shared(*alike)  # a collapsed policy


def test_a_front_that_another_compressor_packed_is_the_same_front(tmp_path: Path, mixture: Evidence) -> None:
    RunRecord(mixture, Provenance("", False, "", {})).save(tmp_path / "seed-0")

    def packed(head: dict[str, Any], tail: bytes = b"") -> None:
        points = zlib.decompress(base64.b64decode(head["exact"]["front"]))
        head["exact"]["front"] = base64.b64encode(zlib.compress(points, 1) + tail).decode()

    def with_more(head: dict[str, Any]) -> None:
        packed(head, b"more")

    assert command.examine([forged(tmp_path / "seed-0.json", packed, tmp_path / "again")]).sound
    outcome = command.examine([forged(tmp_path / "seed-0.json", with_more, tmp_path / "more")])
    assert "something follows the points" in outcome.verdicts[0].reason


def test_what_nobody_thought_of_refuses_one_record_and_spares_the_others(board: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = place.on_board

    def on_board(run: Evidence, path: Path, *others: Any) -> list[Fault]:
        return 1 / 0 if run.seed == 1 else known(run, path, *others)  # type: ignore[return-value]

    monkeypatch.setattr(place, "on_board", on_board)
    verdicts = {verdict.path.name: verdict for verdict in command.examine([board]).verdicts}
    assert verdicts["seed-0.json"].level == "rescored"
    assert verdicts["seed-1.json"].level is None
    assert {fault.code for fault in verdicts["seed-1.json"].faults} == {"internal"}
    assert "(ZeroDivisionError" in verdicts["seed-1.json"].reason


def test_costs_of_a_thousand_digits_are_refused_in_a_sentence(board: Path, tmp_path: Path, mixture: Evidence) -> None:
    RunRecord(mixture, Provenance("", False, "", {})).save(tmp_path / "seed-0")

    def vast(head: dict[str, Any]) -> None:
        head["costs"]["lines"][0]["cost"]["responses"] = 10**1000

    outcome = command.examine([forged(tmp_path / "seed-0.json", vast, tmp_path / "vast"), board])
    assert [verdict.level for verdict in outcome.verdicts].count("rescored") == 2
    assert {fault.code for verdict in outcome.verdicts for fault in verdict.faults} == {"ledger"}


def test_a_single_file_is_never_old(board: Path, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    with pytest.raises(BadInput, match="older state of the one folder"):
        command.examine([first(board)], against=tmp_path / "old")


def test_a_variant_does_not_stand_under_the_name_of_the_method_alone(board: Path) -> None:
    rules = board / "board.toml"
    rules.write_text(rules.read_text(encoding="utf-8").replace('["base"]', '["base", "mod", "mod+rate=0.123"]'), encoding="utf-8")
    for folder, rank in (("mod", 4), ("mod+rate=0.123", 8)):
        path = board / "records/exact-competing" / folder / "seed-0.json"
        make(0, "mod").save(path.with_suffix(""))

        def changed(head: dict[str, Any], folder: str = folder, rank: int = rank) -> None:
            head["method"]["settings"].update(rank=rank, **({"rate": 0.123} if "rate" in folder else {}))

        forged(path, changed, path.parent)
    outcome = command.examine([board])
    refused = {verdict.path.parent.name: verdict.reason for verdict in outcome.verdicts if verdict.level is None}
    assert list(refused) == ["mod"]
    assert "its rank=4 is not the default" in refused["mod"]


def test_a_method_of_a_new_version_returns_once_its_old_records_were_taken_off(
    board: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry.load("methods", "base"), "version", 2)  # the board's records are of version 1
    old = copied(board, tmp_path / "old")
    for seed in (0, 1):
        make(seed).save(board / "records/exact-competing/base+budget=smoke" / f"seed-{seed}")
    assert codes(command.examine([board], against=old)) == {"board"}
    for seed in (0, 1):
        history.remove(board, removal(board, seed))
    outcome = command.examine([board], against=old)
    assert outcome.sound
    assert {verdict.path.parent.name for verdict in outcome.verdicts} >= {"base+budget=smoke"}


def test_two_folders_that_are_verified_apart_are_compared_all_the_same(board: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.load("methods", "base"), "version", 2)
    again = first(board).parent.with_name("base+budget=again")
    forged(first(board), lambda head: head["method"].update(version=2), again)
    assert codes(command.examine([first(board).parent, again])) == {"board"}


def test_a_record_that_lies_nowhere_in_particular_stops_no_comparison(
    board: Path, tmp_path: Path, runs: dict[int, RunRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    copied(board.parent, tmp_path / "old")
    monkeypatch.chdir(board.parent.parent)
    runs[1].save(Path("leaderboards") / "seed-1")
    assert {verdict.level for verdict in command.examine([Path("leaderboards")], against=tmp_path / "old").verdicts} == {"rescored"}
    (Path("leaderboards") / "link").symlink_to("seed-1.json")
    assert codes(command.examine([Path("leaderboards")], against=tmp_path / "old")) == {"file"}


@pytest.mark.parametrize(
    ("change", "seen"),
    [({}, set()), ({"version": 99}, {"task"}), ({"beta": 0.0}, {"task"}), ({"reference_point": (-5.0,) * 3}, {"task"}), (None, {"kl"})],
)
def test_of_a_task_that_fetches_is_checked_what_needs_neither_its_prompts_nor_its_scorers(
    change: dict[str, Any] | None,
    seen: set[str],
    tmp_path: Path,
    runs: dict[int, RunRecord],
    verifier: Verifier,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evidence, task = runs[0].evidence, registry.load("tasks", "hh-assistant")()
    monkeypatch.setattr("morlbench.verify.verifier.ledger", lambda *_: [])  # that of another task is no ledger of this one
    lowered = tuple(probe if probe.kl is None else replace(probe, kl=probe.kl - 100) for probe in evidence.probes)
    stated = replace(facts(task, task.preference, ()), **(change or {}))
    run = replace(evidence, task=stated, probes=lowered if change is None else evidence.probes)
    verdict, _ = verifier._judge(replace(runs[0], evidence=run), tmp_path / "seed-0.json")
    assert {fault.code for fault in verdict.faults} == seen
    assert verdict.level == (None if seen else "reported")
    assert seen or "nothing is fetched for a record" in verdict.reason


@pytest.mark.parametrize("name", ["records/__pycache__/x.pkl", "records/exact-competing/__pycache__/y.pyc"])
def test_no_folder_name_hides_a_file(name: str, board: Path) -> None:
    (board / name).parent.mkdir(parents=True)
    (board / name).write_bytes(b"x")
    assert codes(command.examine([board])) == {"file"}


def test_figures_beside_records_are_bounded_and_records_lie_below_their_folder(board: Path, runs: dict[int, RunRecord]) -> None:
    figure = first(board).parent / "front.svg"
    figure.write_bytes(bytes(9 * 1024**2))
    assert codes(command.examine([board])) == {"size"}
    figure.unlink()
    runs[1].save(board / "extra" / "seed-1")
    assert codes(command.examine([board])) == {"name"}


def test_a_removal_names_its_own_records_key(board: Path) -> None:
    other = replace(removal(board), key=removal(board, 1).key)
    (board / "removals.jsonl").write_text(json.dumps(other.__dict__) + "\n", encoding="utf-8")
    assert codes(command.examine([board])) == {"history"}


def test_a_stranger_writes_no_lines_of_the_report(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = "x\nrescored  a line of its own\n::error::hi \x1b[2J"
    forged(first(board), lambda head: head.update(base=odd), first(board).parent)
    assert not command.run([board], against=None, again=0, write=False, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert sorted(line.split()[0] for line in lines[:2]) == ["REFUSED", "rescored"]
    assert len(lines) == 3
    assert "\x1b" not in "".join(lines)


def matched(run: Evidence) -> Evidence:
    """Return the run with each prompt's front answers given to the preferences they serve best: no mean over the probe moves."""
    front = run.probe("front")
    order = np.argsort(front.rewards[..., 0, 0] - front.rewards[..., 0, 1], axis=0)  # (p, n): the lattice rises in the first objective
    rewards = np.take_along_axis(front.rewards, order[:, :, None, None], 0)
    return replace(run, probes=tuple(replace(q, rewards=rewards) if q is front else q for q in run.probes))


def test_answers_moved_between_preferences_do_not_pass_for_drift() -> None:
    mine = build(seed=0, noise=0.2)
    found = rerun.differences(matched(mine), mine)
    assert any("more where they were asked than elsewhere" in fault.sentence for fault in found)
    assert not any("mean rewards" in fault.sentence for fault in found)


def test_a_submission_takes_no_other_methods_record_off_and_a_bare_removal_is_named(board: Path, tmp_path: Path) -> None:
    old = copied(board, tmp_path / "old")
    history.remove(board, removal(board))
    outcome = command.examine([board], against=old)
    assert outcome.sound
    assert any("takes off records/exact-competing/base/seed-0.json" in note for verdict in outcome.verdicts for note in verdict.notes)
    mine = board / "records/exact-competing/mod/seed-0.json"
    mine.parent.mkdir()
    for suffix in (".json", ".parquet"):
        mine.with_suffix(suffix).write_bytes(first(board).with_suffix(suffix).read_bytes())
    refused = command.examine([board], against=old)
    assert any("says nothing of other methods" in fault.sentence for verdict in refused.verdicts for fault in verdict.faults)


def test_a_record_is_taken_off_by_its_path_and_a_reason(board: Path, tmp_path: Path) -> None:
    path = first(board)
    with pytest.raises(BadInput, match="'reason'"):
        history.take_off(path, "short")
    assert not (board / "removals.jsonl").exists()
    history.take_off(path, "its rewards were edited")
    (found,) = history.removals(board).values()
    assert (found.record, found.key) == ("records/exact-competing/base/seed-0.json", record.load(path).key)
    with pytest.raises(BadRecord, match="removed before"):
        history.take_off(path, "its rewards were edited")
    with pytest.raises(BadInput, match="lies on no board"):
        history.take_off(tmp_path / "seed-0.json", "its rewards were edited")


def test_a_removal_that_the_survey_refuses_stays_refused_beside_an_older_state(board: Path, tmp_path: Path) -> None:
    old = copied(board, tmp_path / "old")
    wrong = replace(removal(board), key="0" * 64)
    (board / "removals.jsonl").write_text(json.dumps(wrong.__dict__) + "\n", encoding="utf-8")
    assert not command.examine([board]).sound
    assert not command.examine([board], against=old).sound


def test_draws_that_no_file_holds_are_refused_before_anything_of_that_size_is_made(runs: dict[int, RunRecord], tmp_path: Path) -> None:
    runs[0].save(tmp_path / "seed-0")
    path = forged(tmp_path / "seed-0.json", lambda head: head["probes"][0].update(draws=10**9), tmp_path / "forged")
    with pytest.raises(BadRecord, match="rows; expected"):
        record.load(path)
