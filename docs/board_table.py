"""Write the table of README.md from a board: `python docs/board_table.py`, after `morlbench rank exact`.

Every ranked method of the front track, with each task's value of the ranking metric. Leaves out variants (`method+setting=value`)
and everything else of the board, which is leaderboards/exact/README.md.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

from morlbench.marks import put

ROOT = Path(__file__).parents[1]
DIVISION, METRIC = "front", "optimality-gap"
MARKS = "<!-- table: python docs/board_table.py -->", "<!-- end of table -->"
Row = dict[str, str]


def main() -> None:
    """Replace what stands between README's marks."""
    put(ROOT / "README.md", MARKS, table(read(ROOT / "leaderboards/exact/table.csv")))


def read(path: Path) -> list[Row]:
    """Return the rows of a board's table.csv that belong to the division, are ranked and no variant."""
    with path.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["division"] == DIVISION and row["rank"] and "+" not in row["method"]]


def table(rows: Sequence[Row]) -> str:
    """Return the markdown: rank and its interval, method, family, score, the metric of each task."""
    shown = [row for row in rows if row["metric"] == "score"]
    tasks = list(dict.fromkeys(row["task"] for row in rows if row["metric"] == METRIC))
    gaps = {(row["method"], row["task"]): f"{float(row['value']):.3f}" for row in rows if row["metric"] == METRIC}
    head = f"| rank | method | family | score | {' | '.join(task.removeprefix('exact-') for task in tasks)} |"
    lines = [head, "|---|---|---|---:|" + "---:|" * len(tasks)]
    for row in shown:
        score = f"{float(row['value']):.3f} ({float(row['low']):.3f} to {float(row['high']):.3f})"
        rank = row["rank"] if row["rank_low"] == row["rank_high"] else f"{row['rank']} ({row['rank_low']} to {row['rank_high']})"
        cells = [rank, row["method"], row["family"], score, *(gaps[row["method"], task] for task in tasks)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
