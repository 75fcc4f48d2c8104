"""Boards on disk: their rules, what is generated from their records, that it can be rebuilt and checked, and exports."""

import csv
import io
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from evidence import record

from morlbench import (
    board,
    board_cells,
    board_figures,
    board_fronts,
    board_page,
    board_relation,
    cli,
    console,
    export,
    gather,
    history,
    legend,
    publish,
    registry,
    score,
)
from morlbench.board import Board
from morlbench.digest import Value
from morlbench.errors import BadInput, MorlbenchError
from morlbench.leaderboard import Ranking
from morlbench.plot import STYLE
from morlbench.record import load

RULES = """
title = "Planted"
base = "nano"
budget = "quick"
seeds = "0..1"
[tasks]
pair = 1
triple = 1
[[division]]
name = "front"
title = "Front track"
track = "front"
metric = "optimality-gap"
anchors = [1.0, 0.0]
tasks = ["pair", "triple"]
methods = ["mod", "moe-cmab", "base", "absent"]
[division.controls]
moe-cmab = "mod"
"""
GAINS = {"mod": 0.3, "moe-cmab": 0.35, "base": 0.0}


@dataclass(frozen=True)
class Built:
    """A board's folder, its ranking and its generated files, made once."""

    board: Board
    ranking: Ranking
    files: dict[Path, bytes]


def fill(folder: Path) -> Board:
    folder.mkdir(parents=True)
    (folder / "board.toml").write_text(RULES)
    for method, gain in GAINS.items():
        for task, k in (("pair", 2), ("triple", 3)):
            for seed in (0, 1):
                made = record(method=method, gain=gain, task=task, k=k, seed=seed, prompts=6, exact=True, adapt=method == "moe-cmab")
                made.save(folder / "records" / task / method / f"seed-{seed}.json")
    return board.load(folder)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    made = fill(tmp_path_factory.mktemp("boards") / "planted")
    ranking = gather.rank_folder(made)
    files = publish.build(ranking)
    publish.write(made, files)
    return Built(made, ranking, files)


@pytest.fixture
def copy(built: Built, tmp_path: Path) -> Board:
    shutil.copytree(built.board.folder, tmp_path / "planted")
    return board.load(tmp_path / "planted")


def moved(built: Built, to: Board) -> dict[Path, bytes]:
    """The generated files as they would lie in another folder."""
    return {to.folder / path.relative_to(built.board.folder): data for path, data in built.files.items()}


def code(*words: object) -> int:
    return console.guarded(lambda: cli.app([str(word) for word in words]))


def test_the_committed_boards_are_whole_and_every_unknown_name_is_answered_with_the_nearest():
    assert {"exact", "text"} <= set(board.names())
    methods = set(registry.names("methods"))
    for name in board.names():
        found = board.find(name)
        assert {d.track for d in found.divisions} == {"front", "single"}
        assert found.provisional is (name == "text")  # three seeds, as its rules say
        assert {entry.name for entry in found.entries} <= methods
    with pytest.raises(BadInput, match="did you mean 'exact'"):
        board.find("exakt")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('track = "front"', 'track = "both"', "field 'division.0.track'"),
        ('title = "Planted"', 'titel = "Planted"', "field 'title'"),
        ('tasks = ["pair", "triple"]', 'tasks = ["pear"]', "unknown task 'pear'; did you mean 'pair'"),
        ('moe-cmab = "mod"', 'moe-cmab = "mob"', "unknown control 'mob'"),
        ('methods = ["mod", ', 'methods = ["mod", "mod", ', "each once"),
        ("[[division]]", "[[division", "not valid TOML"),
        ('seeds = "0..1"', 'seeds = "1..0"', "must count upwards"),
        ('name = "front"', 'name = "../../escaped"', "division '../../escaped' is no name"),
        ('methods = ["mod", ', 'methods = ["x<img src=x>", "mod", ', "method 'x<img src=x>' is no name"),
        ('methods = ["mod", ', 'methods = ["mod+level=a/b", "mod", ', "is no name in kebab-case, with settings"),
        ("pair = 1", '"pa ir" = 1', "task 'pa ir' is no name"),
        ('title = "Front track"', 'title = "Front\\ntrack"', "is not one line of words"),
        ("[division.controls]", '[division.unranked]\nmod = " "\n[division.controls]', "is not one line of words"),
    ],
)
def test_a_board_that_contradicts_itself_is_refused_in_a_sentence(tmp_path, old, new, sentence):
    assert old in RULES
    (tmp_path / "board.toml").write_text(RULES.replace(old, new))
    with pytest.raises(BadInput, match="^(?s:.*)" + sentence.replace("[", r"\[")):
        board.load(tmp_path)


def test_a_folder_name_from_a_sweep_belongs_to_its_entry():
    assert gather.parts("mod+rate=0.001+budget=standard+base=x") == gather.parts("mod+rate=0.001")
    assert gather.parts("mod+rate=0.001") != gather.parts("mod")


def test_a_setting_that_six_digits_do_not_say_fits_the_entry_that_writes_it_out_alone():
    def fits(text, rate):
        run = record(prompts=2, adapt=False).evidence
        return board.Entry(text).fits(replace(run, method=replace(run.method, settings={"rate": rate})))

    assert fits("planted+rate=0.0012345671", 0.0012345671)
    assert not fits("planted+rate=0.0012345671", 0.0012345674)
    assert fits("planted+rate=0.001", 0.001)


def test_deleting_everything_generated_and_rebuilding_gives_the_same_bytes(copy, built):
    for path in moved(built, copy):
        path.unlink()
    again = publish.build(gather.rank_folder(copy))
    publish.write(copy, again)
    assert again == moved(built, copy)
    assert publish.stale(copy, again) == []
    assert all(path.read_bytes() == data for path, data in moved(built, copy).items())


def test_a_second_process_writes_the_same_bytes(built):
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "morlbench.cli", "rank", str(built.board.folder), "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_byte_edited_a_figure_missing_and_a_figure_too_many_are_each_named(copy, built):
    files = moved(built, copy)
    assert publish.stale(copy, files) == []
    table = copy.folder / "table.csv"
    raw = bytearray(table.read_bytes())
    raw[len(raw) // 2] ^= 1
    table.write_bytes(raw)
    (copy.folder / "plots" / "cost.svg").unlink()
    (copy.folder / "plots" / "old.png").write_bytes(b"")
    assert publish.stale(copy, files) == [
        f"{copy.folder / 'plots' / 'cost.svg'}: missing",
        f"{table}: differs from what the records give",
        f"{copy.folder / 'plots' / 'old.png'}: no longer made from the records",
    ]
    publish.write(copy, files)
    assert publish.stale(copy, files) == []


def test_check_exits_1_after_a_one_byte_edit_and_writes_nothing(copy, capfd, monkeypatch):
    monkeypatch.setattr(publish, "figures", lambda ranking: {})
    publish.write(copy, publish.build(gather.rank_folder(copy)))
    assert code("rank", copy.folder, "--check") == 0
    page = copy.folder / "README.md"
    edited = page.read_text().replace("moe-cmab", "moe-cmaB", 1)
    page.write_text(edited)
    assert code("rank", copy.folder, "--check") == 1
    assert "README.md: differs from what the records give" in capfd.readouterr().err
    assert page.read_text() == edited
    assert code("rank", copy.folder) == 0
    assert code("rank", copy.folder, "--check") == 0


def test_words_by_hand_outside_the_markers_stay_and_missing_markers_are_an_error(copy, built, monkeypatch):
    monkeypatch.setattr(publish, "figures", lambda ranking: {})
    page = copy.folder / "README.md"
    page.write_text("By hand, above.\n" + page.read_text() + "By hand, below.\n")
    again = publish.build(replace(built.ranking, board=copy), page=True)[page].decode()
    assert again.startswith("By hand, above.\n")
    assert again.endswith("By hand, below.\n")
    page.write_text("nothing")
    with pytest.raises(MorlbenchError, match="expected the marks"):
        publish.build(replace(built.ranking, board=copy))


def test_the_page_shows_ties_intervals_missing_cells_the_metric_and_the_detectable_difference(built):
    page = built.files[built.board.folder / "README.md"].decode()
    for words in (
        "Score: `optimality-gap` (smaller is better) rescaled so that the base scores 0",
        "tie group", "No record here yet: absent.",
        "12 of 16 runs of this division have a record", "plots/cells-front.svg", "minimum detectable difference", "Provisional: 2 seeds",
        "12 of 16 runs have a record", "| **moe-cmab** |", "explainability:",
        "plots/fronts-triple.svg", legend.SCORE, legend.BRACKETS, legend.TIES, legend.COUNTED, legend.SECONDS,
        "<details><summary>Profile over the eight families</summary>\n\n", "<details><summary>Differences in score</summary>\n\n",
    ):  # fmt: skip
        assert words in page
    assert page.count("<details>") == page.count("\n\n</details>")
    assert "| absent |" not in page


def test_an_unfinished_board_shows_what_is_there_and_ranks_nobody(copy):
    for seed in (0, 1):
        for path in (copy.records / "triple").glob(f"*/seed-{seed}.*"):
            if path.parent.name != "mod" or seed:
                path.unlink()
    ranking = gather.rank_folder(copy)
    files = {path.relative_to(copy.folder).as_posix(): data for path, data in publish.build(ranking).items()}
    page = files["README.md"].decode()
    rows = {line.split(" | ")[2].strip("*"): line for line in page.splitlines() if line.startswith("| – |")}
    assert set(rows) == {"mod", "moe-cmab", "base"}
    assert "(1 of 2 seeds) |" in rows["mod"]
    assert "| missing |" in rows["moe-cmab"]
    for words in (
        "7 of 16 runs of this division have a record. No record here yet: absent.", "- mod: triple: no record of seed 1\n",
        "- moe-cmab, base: triple: no record\n", "no method has every cell", "plots/cells-front.svg", "plots/fronts-triple.svg",
    ):  # fmt: skip
        assert words in page
    table = list(csv.DictReader(io.StringIO(files["table.csv"].decode())))
    half = next(r for r in table if (r["method"], r["task"], r["metric"]) == ("mod", "triple", "optimality-gap"))
    assert (half["seeds"], half["reason"]) == ("1", "1 of 2 seeds")
    assert [r["metric"] for r in table if r["method"] == "absent"] == ["score"]
    assert not any("ranks-" in name or "profile-" in name for name in files)


def test_a_board_without_any_record_is_a_page_that_says_so(tmp_path):
    (tmp_path / "board.toml").write_text(RULES)
    files = publish.build(gather.rank_folder(board.load(tmp_path)))
    page = files[tmp_path / "README.md"].decode()
    assert "0 of 16 runs of this division have a record. No record here yet: mod, moe-cmab, base, absent." in page
    assert {path.name for path in files} == {"README.md", "table.csv"}


def test_the_table_holds_the_scores_and_every_metric_by_task(built):
    rows = list(csv.DictReader(io.StringIO(built.files[built.board.folder / "table.csv"].decode())))
    scores = {r["method"]: r for r in rows if r["metric"] == "score"}
    standing = next(r for r in built.ranking.standings[0].rows if r.method == "mod")
    assert float(scores["mod"]["value"]) == pytest.approx(standing.score.value, rel=1e-5)
    assert scores["absent"]["reason"] == "pair: no record (and 1 of 2 tasks more)"
    gaps = [r for r in rows if r["metric"] == "optimality-gap" and r["method"] == "mod"]
    expected = [load(p).evidence.exact.gap for p in sorted((built.board.records / "pair" / "mod").glob("*.json"))]
    assert float(gaps[0]["value"]) == pytest.approx(np.mean(expected), rel=1e-5)


def test_a_mark_is_hollow_where_a_record_has_no_value_and_the_legend_says_so(copy):
    from matplotlib.colors import to_rgba

    path = copy.records / "pair" / "mod" / "seed-1.json"
    found = load(path)
    replace(found, evidence=replace(found.evidence, exact=None)).save(path)
    ranking = gather.rank_folder(copy)
    row = next(row for row in ranking.standings[0].rows if row.method == "mod")
    assert row.cells[0].records == 2
    figure = board_cells.cells(ranking.standings[0], ranking.marks)
    panel = next(ax for ax in figure.axes if ax.get_title() == "pair")
    hollow = [line for line in panel.lines if len(line.get_xdata()) == 1 and to_rgba(line.get_markerfacecolor()) == (1, 1, 1, 1)]
    assert len(hollow) == 1
    assert any("hollow: some seeds have no value;" in text.get_text() for text in figure.texts)


def test_the_title_of_cells_lies_within_the_figure(built):
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    standings = built.ranking.standings[0]
    long = replace(standings.division, title="Single track, fluency against helpfulness: one stated preference, known before training")
    with matplotlib.rc_context(STYLE):
        figure = board_cells.cells(replace(standings, division=long), built.ranking.marks)
        renderer = FigureCanvasAgg(figure).get_renderer()
        boxes = [text.get_window_extent(renderer) for text in figure.texts]
        panels = [ax.get_tightbbox(renderer) for ax in figure.axes]
    assert all(box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1 for box in boxes)
    assert not [1 for box in boxes for panel in panels if box.overlaps(panel)]


def test_a_division_whose_name_ends_as_another_does_shows_its_own_figures_alone(copy):
    rules = (copy.folder / "board.toml").read_text()
    first = rules[rules.index("[[division]]") :]
    other = first.replace('"front"', '"early-front"', 1).replace("Front track", "Early")
    (copy.folder / "board.toml").write_text(f"{rules}\n{other}")
    plots = [f"plots/{kind}-{name}.svg" for kind in ("ranks", "cells", "profile") for name in ("front", "early-front")]
    page = board_page.markdown(gather.rank_folder(board.load(copy.folder)), [*plots, "plots/cost.svg"])
    parts = {part.partition("\n")[0]: part for part in page.split("## ")}
    assert all(page.count(f"({plot})") == 1 for plot in plots)
    assert all(f"({plot})" in parts["Early" if "early" in plot else "Front track"] for plot in plots)
    assert parts["Figures"].count("](") == 1


def test_no_figure_has_a_date_and_every_kind_is_there(built):
    names = {path.name for path in built.files if path.suffix == ".svg"}
    divisions = ("ranks-front", "cells-front", "profile-front")
    shared = ("cost", "adaptation", "sensitivity", "relation", "fronts-pair", "fronts-triple")
    assert names == {f"{name}.svg" for name in divisions + shared}
    for path, data in built.files.items():
        if path.suffix == ".svg":
            assert b"<dc:date>" not in data
        if path.suffix == ".png":
            assert b"tEXt" not in data
            assert b"tIME" not in data


def test_a_record_that_is_broken_foreign_misplaced_or_removed_is_named_and_takes_no_other_with_it(copy):
    records = copy.records
    (records / "pair" / "mod" / "seed-1.parquet").write_bytes(b"no")
    (records / "pair" / "mix").mkdir()
    shutil.copy(records / "pair" / "base" / "seed-0.json", records / "pair" / "mix" / "seed-0.json")
    for ending in ("json", "parquet"):
        shutil.copy(records / "pair" / "base" / f"seed-0.{ending}", records / "pair" / "moe-cmab" / f"seed-7.{ending}")
    gone = load(records / "triple" / "base" / "seed-1.json")
    removal = history.Removal("records/triple/base/seed-1.json", gone.key, "2026-01-02", "its author withdrew it")
    history.remove(copy.folder, removal)
    found = gather.rank_folder(copy)
    text = "\n".join(found.left_out)
    for words in (
        "pair/mod/seed-1.parquet: its hash is not the one", "records/pair/mix: 1 records of a method that is not on the board",
        "records/pair/moe-cmab/seed-7.json: it holds base on pair", "seed-1.json: removed on 2026-01-02: its author withdrew it",
    ):  # fmt: skip
        assert words in text
    assert len(found.left_out) == 4
    rows = {row.method: row for row in found.standings[0].rows}
    assert rows["moe-cmab"].group == 1
    assert rows["mod"].unranked == "pair: no record of seed 1"
    assert rows["base"].unranked == "triple: no record of seed 1"


def test_what_a_record_says_of_itself_never_ends_or_marks_up_the_page(copy, monkeypatch):
    monkeypatch.setattr(publish, "figures", lambda ranking: {})
    odd = f"| a\n{publish.CLOSE}\n# Planted <img src=x>"
    for seed in (0, 1):
        for method, task in (("mod", "pair"), ("moe-cmab", "triple")):
            path = copy.records / task / method / f"seed-{seed}.json"
            found = load(path)
            run = found.evidence
            facts = {"task": replace(run.task, name=odd)} if seed and task == "pair" else {"method": replace(run.method, family=odd)}
            replace(found, evidence=replace(run, **facts)).save(path)
    for _ in range(2):
        files = publish.build(gather.rank_folder(copy))
        publish.write(copy, files)
    page = (copy.folder / "README.md").read_text(encoding="utf-8")
    assert publish.stale(copy, publish.build(gather.rank_folder(copy))) == []
    assert page.count(publish.CLOSE) == 1
    assert "\n# Planted" not in page
    assert "<img" not in page
    assert "| &#124; a &lt;!-- end --&gt; # Planted &lt;img src=x&gt; |" in page
    assert r"task '&#124; a\n&lt;!-- end --&gt;\n# Planted &lt;img src=x&gt;' is not on the board" in page


def test_a_record_named_after_another_seed_and_one_without_a_front_are_named_and_take_no_other_with_them(copy):
    home = copy.records / "pair" / "mod"
    for ending in ("json", "parquet"):
        shutil.copy(home / f"seed-0.{ending}", home / f"seed-7.{ending}")
        (home / f"seed-0.{ending}").unlink()
    bare = load(copy.records / "pair" / "base" / "seed-1.json")
    probes = tuple(probe for probe in bare.evidence.probes if probe.name != "front")
    replace(bare, evidence=replace(bare.evidence, probes=probes)).save(copy.records / "pair" / "base" / "seed-1.json")
    found = gather.rank_folder(copy)
    assert found.left_out == ("records/pair/base/seed-1.json: it holds no 'front' probe", "records/pair/mod/seed-7.json: it holds seed 0")
    rows = {row.method: row for row in found.standings[0].rows}
    assert rows["moe-cmab"].group == 1
    assert (rows["mod"].unranked, rows["base"].unranked) == ("pair: no record of seed 0", "pair: no record of seed 1")


def test_a_record_that_asked_other_questions_than_its_other_seeds_is_named_and_takes_no_other_with_it(copy):
    path = copy.records / "pair" / "mod" / "seed-1.json"
    found = load(path)
    front = found.evidence.probe("front")
    fewer = replace(front, rewards=front.rewards[:, :5], prompts=front.prompts[:5], kl=None, weights=None, nll=None, gold=None)
    per = len(front.responses) // (len(front.preferences) * len(front.prompts))
    fewer = replace(fewer, responses=front.responses[: len(front.preferences) * 5 * per])
    probes = tuple(fewer if probe is front else probe for probe in found.evidence.probes)
    shutil.copy(path, path.with_name("seed-2.json"))  # a third of the usual kind, so that the odd one is the odd one
    shutil.copy(path.with_suffix(".parquet"), path.with_name("seed-2.parquet"))
    usual = load(path.with_name("seed-2.json"))
    replace(usual, evidence=replace(usual.evidence, seed=2)).save(path.with_name("seed-2"))
    replace(found, evidence=replace(found.evidence, probes=probes)).save(path.with_suffix(""))
    (copy.folder / "board.toml").write_text(RULES.replace('"0..1"', '"0..2"'))
    ranked = gather.rank_folder(board.load(copy.folder))
    assert ranked.left_out == ("records/pair/mod/seed-1.json: it holds other questions than other records of mod on its task",)
    assert len(ranked.digests["mod"].runs["pair"]) == 2
    path.with_name("seed-2.json").unlink()
    assert [line for line in gather.rank_folder(board.load(copy.folder)).left_out if "other questions" in line] == [
        f"records/pair/mod/seed-{seed}.json: it holds other questions than other records of mod on its task" for seed in (0, 1)
    ]  # of two kinds neither is the usual one


def test_of_one_key_in_two_folders_of_a_method_the_first_counts_and_the_other_is_named(copy, built):
    shutil.copytree(copy.records / "pair" / "mod", copy.records / "pair" / "mod+budget=quick")
    found = gather.rank_folder(copy)
    assert repr(found.standings) == repr(built.ranking.standings)
    assert all("mod+budget=quick" in sentence and "one of the two must go" in sentence for sentence in found.left_out)
    assert found.left_out


def test_a_record_with_a_utility_that_cannot_be_is_left_out_alone(copy):
    path = copy.records / "pair" / "mod" / "seed-0.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"utility":{"name":"linear"', '"utility":{"name":"hard-threshold"', 1), encoding="utf-8")
    assert path.read_text(encoding="utf-8") != text
    found = gather.rank_folder(copy)
    assert len(found.left_out) == 1
    assert "threshold per objective" in found.left_out[0]


def test_a_granted_level_is_shown_until_its_record_changes(copy):
    paths = [path for path in sorted(copy.records.rglob("seed-*.json")) if path.parent.name == "mod"]
    grants = {path.relative_to(copy.folder).as_posix(): history.Grant("rescored", history.digest(path)) for path in paths}
    history.write_grants(copy.folder, grants)
    level = {row.method: row.level for row in gather.rank_folder(copy).standings[0].rows}
    assert (level["mod"], level["base"], level["absent"]) == ("rescored", "reported", "")


def test_several_processes_rank_as_one(copy, built):
    found = gather.rank_folder(copy, jobs=2)
    assert repr(found.standings) == repr(built.ranking.standings)


def test_where_the_system_does_not_say_which_processors_are_ours_many_records_rank_all_the_same(copy, built, monkeypatch):
    monkeypatch.setattr(gather, "MANY", 1)
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert repr(gather.rank_folder(copy).standings) == repr(built.ranking.standings)


def test_plotting_a_board_names_what_does_not_count_and_fails_unless_it_was_taken_off(copy, monkeypatch, capfd):
    monkeypatch.setattr(publish, "figures", lambda ranking: {"cost.svg": b"new"})
    gone = load(copy.records / "triple" / "base" / "seed-1.json")
    history.remove(copy.folder, history.Removal("records/triple/base/seed-1.json", gone.key, "2026-01-02", "its author withdrew it"))
    assert code("plot", copy.folder) == 0
    assert "seed-1.json: removed on 2026-01-02" in capfd.readouterr().err
    (copy.records / "pair" / "mod" / "seed-1.parquet").write_bytes(b"no")
    assert code("plot", copy.folder) == 1
    said = capfd.readouterr()
    assert "pair/mod/seed-1.parquet: its hash is not the one" in said.err
    assert "cost.svg" in said.out


def test_plotting_a_board_writes_its_figures_alone(copy, built, monkeypatch, capfd):
    monkeypatch.setattr(publish, "figures", lambda ranking: {"cost.svg": b"new"})
    before = (copy.folder / "table.csv").read_bytes()
    (copy.folder / "table.csv").write_bytes(before + b"edited")
    assert code("plot", copy.folder) == 0
    assert (copy.folder / "plots" / "cost.svg").read_bytes() == b"new"
    assert (copy.folder / "table.csv").read_bytes() == before + b"edited"


def test_a_staircase_is_the_best_second_value_among_points_as_far_right():
    points, x = np.array([[1.0, 3.0], [2.0, 1.0], [1.5, 0.5]]), np.array([0.5, 1.2, 1.9, 2.5])
    assert board_fronts.staircase(points, x) == pytest.approx([3, 1, 1, np.nan], nan_ok=True)


def scene(*means: np.ndarray) -> board_fronts.Scene:
    """Fronts of these mean points, a true front from (0, 1) to (1, 0) and the base at (.4, .4)."""
    asked = np.array([[w, 1 - w] for w in np.linspace(0, 1, len(means[0]))])
    curves = tuple(board_fronts.Curve(f"m{i}", "mod", (mean - 0.01, mean + 0.01), asked) for i, mean in enumerate(means))
    front = np.array([[0.0, 1.0], [0.7, 0.7], [1.0, 0.0]])
    return board_fronts.Scene("a", curves, front, np.array([0.4, 0.4]), ("one", "two"), "true front")


def test_two_bad_methods_of_many_do_not_squeeze_the_others_into_a_corner():
    good = [np.array([[0.1, 0.9], [0.6, 0.6], [0.9, 0.1]]) * (1 - i / 100) for i in range(10)]
    low, top = board_fronts.limits(scene(*good))
    assert low == pytest.approx([-0.06, -0.06])  # the front's span of 1 with its margin
    assert top == pytest.approx([1.06, 1.06])
    far = [np.array([[-5.0, 0.5], [-4.0, -3.0], [0.5, -9.0]]), np.array([[9.0, 0.5], [0.5, 0.6], [0.2, 0.7]])]
    low, top = board_fronts.limits(scene(*good, *far))
    assert low == pytest.approx([-0.36, -0.36])  # and room for .3 of the span
    assert top == pytest.approx([1.36, 1.06])
    near = board_fronts.limits(scene(*good, np.array([[-0.2, 0.5], [0.5, 0.4], [0.6, 0.2]])))[0]
    assert near == pytest.approx([-0.27, -0.06])  # with the seed at -.21


def test_what_an_axis_does_not_reach_has_a_triangle_at_the_edge_and_the_title_says_so(built, monkeypatch):
    whole = board_fronts.scene(built.ranking, "pair")
    good = [replace(whole.curves[0], label=f"m{i}") for i in range(8)]
    bad = replace(good[0], label="bad", points=tuple(points - [9.0, 0.0] for points in good[0].points))
    for curves, marks in ((good, set()), ([*good, bad], {"<"})):
        monkeypatch.setattr(board_fronts, "scene", lambda ranking, task, some=tuple(curves): replace(whole, curves=some))
        figure = board_fronts.figure(built.ranking, "pair")
        assert any("triangle: beyond the edge" in text.get_text() for text in figure.texts) is bool(marks)
        panel = next(ax for ax in figure.axes if ax.get_title(loc="left") + ax.get_title() == curves[-1].label)
        edge = [line for line in panel.lines if line.get_marker() in ("<", ">", "^", "v")]
        assert {line.get_marker() for line in edge} == marks
        assert all(line.get_xdata()[0] == pytest.approx(panel.get_xlim()[0]) for line in edge)


def test_of_many_objectives_the_cost_figure_shows_the_volume_per_objective_relative_to_the_base(built, monkeypatch):
    monkeypatch.setattr(board_figures, "ROOTED", 3)
    panels = {title.partition("\n")[0]: (title, ax) for ax in board_figures.cost(built.ranking).axes if (title := named(ax))}
    title, panel = panels["triple"]
    assert title == "triple\n(hypervolume / the base's) ^ (1 / 3)"
    wanted = registry.load("metrics", "relative-hypervolume")()
    runs = [load(path).evidence for path in sorted((built.board.records / "triple" / "mod").glob("*.json"))]
    drawn = next(line for line in panel.lines if line.get_label() == "mod")
    assert drawn.get_ydata()[0] == pytest.approx(np.mean([wanted([run]) for run in runs]), abs=1e-6)
    assert panels["pair"][0] == "pair"


def named(ax) -> str:
    """An axes' title, wherever the style puts it."""
    return ax.get_title(loc="left") or ax.get_title()


def test_titles_of_panels_side_by_side_do_not_run_into_each_other(built):
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    ranking = built.ranking
    long = {task: f"{task}-of-thoroughness-vs-brevity" for task in ranking.tasks}
    digests = {m: replace(d, runs={long[task]: runs for task, runs in d.runs.items()}) for m, d in ranking.digests.items()}
    renamed = replace(ranking, digests=digests, tasks={long[task]: told for task, told in ranking.tasks.items()})
    with matplotlib.rc_context(STYLE):
        figure = board_figures.reference_points(renamed)
        renderer = FigureCanvasAgg(figure).get_renderer()
        boxes = [ax._left_title.get_window_extent(renderer) for ax in figure.axes if named(ax)]
    assert len(boxes) == 2
    assert boxes[0].x1 < boxes[1].x0
    assert boxes[1].x1 < figure.bbox.x1


def test_the_loss_of_the_ideal_point_is_the_share_of_gains_that_the_compromise_gives_up():
    points = np.array([[1.0, 0.0], [0.6, 0.6], [0.0, 1.0]])
    assert board_relation.loss_of_ideal(points, np.array([0.2, 0.2])) == pytest.approx((2 - 1.2) / (2 - 0.4))
    assert board_relation.loss_of_ideal(np.array([[1.0, 1.0]]), np.zeros(2)) == 0
    assert np.isnan(board_relation.loss_of_ideal(np.zeros((1, 2)), np.zeros(2)))


def test_a_point_far_beyond_the_kl_budget_does_not_make_one_policy_serve_all(built):
    told, mod = built.ranking.tasks["pair"], built.ranking.digests["mod"]
    some = mod.runs["pair"][0]
    base, means = np.array([0.2, 0.2]), np.array([[1.0, 0.0], [0.6, 0.6], [0.0, 1.0]])
    near = replace(some, means=means, base=base, values={**some.values, "kl-to-base": Value(4.0)})
    far = replace(near, means=np.array([[1.0, 1.0]]), values={**some.values, "kl-to-base": Value(15.0)})

    def loss(budget, *runs):
        facts = replace(told.facts, kl_budget=budget, front=())
        planted = replace(built.ranking, tasks={"pair": replace(told, facts=facts, front=np.zeros((0, 2)))})
        return board_relation.measured(replace(planted, digests={"mod": replace(mod, runs={"pair": runs})}), "pair")

    assert loss(None, near, far)[1] == 0
    assert loss(5.0, near, far)[1] == loss(5.0, near)[1] == pytest.approx(0.5)
    assert loss(5.0, far) is None


def test_where_many_methods_share_a_panel_the_first_have_names_and_the_others_are_grey(built, monkeypatch):
    monkeypatch.setattr(board_figures, "FEW", 1)
    assert board_figures.leading(built.ranking) == {"moe-cmab", "base"}
    for figure in (board_figures.cost(built.ranking), board_figures.reference_points(built.ranking)):
        assert {text.get_text() for text in figure.legends[0].get_texts()} == {"moe-cmab", "base"}
        for ax in filter(named, figure.axes):
            assert sum(line.get_color() == board_fronts.GREY for line in ax.lines) == 1  # mod
        assert any("grey: the other methods" in text.get_text() for text in figure.texts)


def test_axes_say_which_way_is_better_and_adaptation_why_a_method_has_no_curve(built):
    ranking = built.ranking
    for figure in (board_figures.cost(ranking), board_figures.adaptation(ranking), board_figures.reference_points(ranking)):
        assert figure.get_supylabel().endswith("(higher is better) →")
    assert any("have no `observe`" in text.get_text() for text in board_figures.adaptation(ranking).texts)


def test_the_exported_frame_is_that_of_the_records(built):
    files = export.exports(built.ranking)
    records = [load(path) for path in sorted(built.board.records.rglob("seed-*.json"))]
    expected = score.score(records)
    parquet, text = pd.read_parquet(io.BytesIO(files["frame.parquet"])), pd.read_csv(io.BytesIO(files["frame.csv"]))
    assert len(parquet) == len(text) == len(expected)
    key = ["task", "method", "metric", "seed"]
    for found in (parquet, text):
        mine, theirs = (f.assign(seed=f["seed"].fillna(-1).astype(int)).set_index(key)["value"].sort_index() for f in (found, expected))
        assert np.allclose(mine.to_numpy(float), theirs.to_numpy(float), equal_nan=True)
    assert json.loads(files["every-eval-ever/mod.json"]) == export.every_eval_ever(built.ranking, "mod")


def test_an_every_eval_ever_document_has_what_its_schema_requires(built):
    document = export.every_eval_ever(built.ranking, "mod")
    json.dumps(document, allow_nan=False)
    required = {
        "schema_version",
        "evaluation_id",
        "retrieved_timestamp",
        "source_metadata",
        "model_info",
        "eval_library",
        "evaluation_results",
    }
    assert set(document) == required  # additionalProperties is false
    assert document["source_metadata"]["source_type"] == "evaluation_run"
    assert all(isinstance(value, str) for value in document["model_info"]["additional_details"].values())
    results = document["evaluation_results"]
    assert [r["evaluation_name"] for r in results] == ["pair", "triple"]
    for result in results:
        assert {"evaluation_name", "source_data", "metric_config", "score_details"} <= set(result)
        assert result["metric_config"]["lower_is_better"] is True
        assert set(result["source_data"]) == {"dataset_name", "source_type", "source_id", "source_version"}
        assert all(isinstance(value, str) for value in result["score_details"]["details"].values())


def test_the_hubs_yaml_parses_to_the_same_values(built):
    entries = yaml.safe_load(export.exports(built.ranking)["eval-results/front/mod.yaml"])
    cells = next(row for row in built.ranking.standings[0].rows if row.method == "mod").cells
    assert [entry["dataset"] for entry in entries] == [
        {"id": "morlbench/planted", "task_id": f"front_{task}"} for task in ("pair", "triple")
    ]
    assert [entry["value"] for entry in entries] == pytest.approx([np.mean(cell.values) for cell in cells], rel=1e-5)
    assert entries[0]["notes"] == "optimality-gap, version 1 of the task, mean of 2 seeds"


def test_no_two_results_of_a_method_have_the_name_of_one_data_set_and_task_on_the_hub(copy):
    rules = (copy.folder / "board.toml").read_text()
    first = rules[rules.index("[[division]]") :]
    other = first.replace('"front"', '"volume"', 1).replace("optimality-gap", "hypervolume").replace("anchors = [1.0, 0.0]\n", "")
    (copy.folder / "board.toml").write_text(f"{rules}\n{other}")
    files = export.exports(gather.rank_folder(board.load(copy.folder)))
    mine = {name: yaml.safe_load(data) for name, data in files.items() if name.startswith("eval-results/") and name.endswith("/mod.yaml")}
    assert set(mine) == {"eval-results/front/mod.yaml", "eval-results/volume/mod.yaml"}
    places = [(entry["dataset"]["id"], entry["dataset"]["task_id"]) for entries in mine.values() for entry in entries]
    assert len(set(places)) == len(places) == 4
    for entry in (entry for entries in mine.values() for entry in entries):
        assert set(entry) == {"dataset", "value", "notes"}  # what the format knows; a revision would be a commit of the Hub
        assert set(entry["dataset"]) == {"id", "task_id"}


def test_exports_of_two_boards_in_one_folder_do_not_mix(built, tmp_path):
    other = replace(built.ranking, board=replace(built.ranking.board, name="another"))
    first, second = (set(export.write(ranking, tmp_path)) for ranking in (built.ranking, other))
    assert not first & second
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == first | second


def test_a_latex_table_says_which_way_is_better_and_what_brackets_are(built):
    caption = next(line for line in export.latex(built.ranking).splitlines() if line.startswith(r"\caption"))
    assert "Score: larger is better. Tasks: optimality-gap, smaller is better, mean of 2 seeds." in caption
    assert r"of ranks, the ranks in 95\% of resamplings of the seeds" in caption


def test_latex_escapes_what_would_be_a_command(built):
    assert export.escaped("50% of a_b & {c}") == r"50\% of a\_b \& \{c\}"
    table = export.latex(built.ranking)
    assert table.count(r"\toprule") == table.count(r"\end{table}") == 1
    assert "absent" not in table  # as in the board's own table: a method without a record has no row
