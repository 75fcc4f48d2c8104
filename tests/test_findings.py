"""The tables of findings that are quick to make again are what their scripts make of the committed records."""

import runpy
from pathlib import Path

from morlbench import board

FINDINGS = Path(__file__).parents[1] / "docs/findings"


def test_the_compromise_is_held_against_the_boards_records():
    script = runpy.run_path(str(FINDINGS / "compromise.py"))
    page = (FINDINGS / "compromise.md").read_text(encoding="utf-8")
    for task, rows in script["read"](board.load(script["BOARD"])).items():
        assert script["table"](task, rows) in page
        assert {"linear-scalarization", "mod", "base"} < set(rows)
        assert "best-of-n" not in rows
        assert not any("+" in name for name in rows)


def test_an_answer_to_all_alike_gains_nothing_by_the_preference():
    script = runpy.run_path(str(FINDINGS / "compromise.py"))
    row = script["read"](board.load(script["BOARD"]))[script["TASKS"][0]]["linear-scalarization"]
    assert abs(row.served - row.alike).max() < 1e-9
