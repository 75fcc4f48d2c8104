"""A study's page is made from its records alone, byte for byte."""

from pathlib import Path

import numpy as np
import pytest
from evidence import record

from morlbench import study
from morlbench.errors import BadInput, MorlbenchError
from morlbench.sweep import Grid, jobs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for task in ("exact-competing", "exact-correlated"):
        for method in ("mod", "rewarded-soups"):
            for seed in range(3):
                made = record(task=task, method=method, seed=seed, exact=True, gain=0.3 if method == "mod" else 0.2)
                made.save(tmp_path / "exact" / "records" / task / f"{method}+budget=standard" / f"seed-{seed}.json")
    opened = study.OPEN.format(name="aggregation")
    (tmp_path / "aggregation.md").write_text(f"# Question\n{opened}\nold\n{study.CLOSE}\nThe answer.\n", encoding="utf-8")
    return tmp_path


def grids(folder: Path) -> list[Grid]:
    return study.grids(study.find("aggregation"), seeds="0..2", budget="standard", boards=folder)


def test_tables_and_figures_are_written_again_byte_for_byte(folder):
    first = {path: path.read_bytes() for path in study.write(study.find("aggregation"), grids(folder), folder)}
    assert {path.name for path in first} == {"table.csv", "gap.png", "gap.svg", "aggregation.md"}
    assert {path: path.read_bytes() for path in study.write(study.find("aggregation"), grids(folder), folder)} == first


def test_the_page_keeps_its_words_and_shows_the_mean_over_seeds(folder):
    study.write(study.find("aggregation"), grids(folder), folder)
    page = (folder / "aggregation.md").read_text()
    assert page.startswith("# Question\n")
    assert page.endswith("The answer.\n")
    assert "old" not in page
    rows = [line.split(",") for line in (folder / "aggregation" / "table.csv").read_text().splitlines()]
    gaps = {row[1]: float(row[3]) for row in rows if row[0] == "exact-competing" and row[2] == "optimality-gap"}
    assert gaps["mod"] < gaps["rewarded-soups"]
    by_hand = np.mean([record(task="exact-competing", method="mod", seed=s, exact=True, gain=0.3).evidence.exact.gap for s in range(3)])
    assert gaps["mod"] == pytest.approx(by_hand, rel=1e-4)


def test_a_seed_without_a_value_leaves_the_cell_empty_and_says_why(folder):
    (folder / "exact" / "records" / "exact-competing" / "mod+budget=standard" / "seed-1.json").unlink()
    record(task="exact-competing", method="mod", seed=1, exact=False).save(
        folder / "exact" / "records" / "exact-competing" / "mod+budget=standard" / "seed-1.json"
    )
    study.write(study.find("aggregation"), grids(folder), folder)
    line = next(
        r for r in (folder / "aggregation" / "table.csv").read_text().splitlines() if r.startswith("exact-competing,mod,optimality-gap")
    )
    assert line.startswith("exact-competing,mod,optimality-gap,,,,3,")
    assert len(line.rpartition(",")[2]) > 10


def test_a_table_says_how_many_seeds_there_are_whatever_its_metrics_look_at(folder):
    study.write(study.find("aggregation"), grids(folder), folder)
    rows = [line.split(",") for line in (folder / "aggregation" / "table.csv").read_text().splitlines()[1:]]
    assert {row[6] for row in rows if row[2] == "hypervolume-iqr"} == {row[6] for row in rows} == {"3"}
    assert "**exact-competing** (mean [95% interval] over 3 seeds)" in (folder / "aggregation.md").read_text()
    gone = folder / "exact" / "records" / "exact-competing" / "mod+budget=standard"
    for seed in (1, 2):
        (gone / f"seed-{seed}.json").unlink()
    study.write(study.find("aggregation"), grids(folder), folder)
    assert "**exact-competing** (mean [95% interval] over 1 to 3 seeds)" in (folder / "aggregation.md").read_text()


def test_a_page_without_markers_is_refused(folder):
    (folder / "aggregation.md").write_text("# Question\n", encoding="utf-8")
    with pytest.raises(MorlbenchError, match="expected the marks"):
        study.write(study.find("aggregation"), grids(folder), folder)


@pytest.mark.parametrize("name", ["aggregation", "relation"])
def test_every_run_of_a_study_can_be_planned(name, tmp_path):
    one = study.find(name)
    planned = [job for grid in study.grids(one, seeds="0..4", budget="standard", text="quick", boards=tmp_path) for job in jobs(grid)]
    assert len(planned) == 5 * len(one.methods) * len(one.tasks + one.text)


def test_an_unknown_study_is_answered_with_the_nearest():
    with pytest.raises(BadInput, match="did you mean 'aggregation'"):
        study.find("agregation")


def test_variants_are_named_by_their_level():
    assert study.short("combine (level=hidden-pre)") == study.short("combine+level=hidden-pre") == "hidden-pre"
    assert study.short("mod") == "mod"
    assert study.short("combine") == "hidden-pre"  # its default level, which no folder's name repeats


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("mod", "mod"),
        ("mod+budget=standard", "mod"),
        ("combine+level=hidden-1+budget=standard", "hidden-1"),
        ("combine (level=factors)", "factors"),
        ("combine", "hidden-pre"),
        ("protected-experts", "projected 0.3"),
        ("protected-experts+epsilon=0", "projected 0"),
        ("protected-experts (epsilon=0.0, experts=projected)", "projected 0"),
        ("protected-experts (epsilon=0.3, experts=anchored)", "anchored"),
    ],
)
def test_a_variant_is_named_by_what_the_study_varies(label, name):
    assert study.short(label) == name
