"""README's tables are the boards', and nothing else."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPT = runpy.run_path(str(ROOT / "docs/board_table.py"))


def test_the_tables_are_what_the_boards_give():
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [table.board for table in SCRIPT["TABLES"]] == ["exact", "text"]
    for table in SCRIPT["TABLES"]:
        rows = SCRIPT["read"](ROOT / f"leaderboards/{table.board}/table.csv", table.division)
        start, end = table.marks
        assert f"{start}\n{SCRIPT['markdown'](table, rows)}\n{end}" in page


def test_a_row_holds_the_rank_with_its_limits_the_score_and_each_task(tmp_path):
    head = "division,group,rank,rank_low,rank_high,method,version,family,track,level,task,metric,value,low,high,seeds,reason\n"
    rows = [
        "front,1,1,1,2,good,1,meta-policy,front,rescored,*,score,0.9501,0.94,0.96,5,",
        "front,1,1,1,2,good,1,meta-policy,front,rescored,exact-a,optimality-gap,0.0499,0.04,0.06,5,",
        "front,1,2,2,2,good+x=1,1,meta-policy,front,rescored,*,score,0.9,0.9,0.9,5,",
        "front,2,3,3,3,base,1,control,front,rescored,*,score,0,0,0,5,",
        "front,2,3,3,3,base,1,control,front,rescored,exact-a,optimality-gap,1,1,1,5,",
        "front,,,,,unranked,1,control,front,rescored,*,score,,,,0,why",
        "single,1,1,1,1,other,1,meta-policy,single,rescored,*,score,0.9,0.9,0.9,5,",
    ]
    path = tmp_path / "table.csv"
    path.write_text(head + "\n".join(rows), encoding="utf-8")
    table = SCRIPT["Table"]("exact", "front", "score", {"a": ("exact-a", "optimality-gap"), "b": ("exact-b", "optimality-gap")})
    assert SCRIPT["markdown"](table, SCRIPT["read"](path, "front")).splitlines() == [
        "| rank | method | family | score | a | b |",
        "|---|---|---|---:|---:|---:|",
        "| 1 (1 to 2) | good | meta-policy | 0.950 (0.940 to 0.960) | 0.050 | – |",
        "| 3 | base | control | 0.000 (0.000 to 0.000) | 1.000 | – |",
    ]
