"""Write the tables of README.md from the boards: `python docs/board_table.py`, after `morlbench rank exact` and `rank text`.

Every ranked method of one division of a board, its score and a few values. Leaves out variants (`method+setting=value`) and
everything else of the boards, which is leaderboards/BOARD/README.md.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from morlbench.marks import put

ROOT = Path(__file__).parents[1]
Row = dict[str, str]


@dataclass(frozen=True)
class Table:
    """One table of README.md: a division of a board; a column holds one metric of one task."""

    board: str
    division: str
    score: str  # its column's head
    columns: dict[str, tuple[str, str]]  # head to task and metric

    @property
    def marks(self) -> tuple[str, str]:
        """Between which lines of README.md it stands."""
        return f"<!-- {self.board} table: python docs/board_table.py -->", f"<!-- end of {self.board} table -->"


GAPS = ("competing", "correlated", "independent", "flat", "order", "contextual", "contextual-null")
TEXT = "fluency-vs-helpfulness"
TABLES = (
    Table("exact", "front", "score", {task: (f"exact-{task}", "optimality-gap") for task in GAPS}),
    Table("text", "fluency", "utility less KL, over the base", {
        "utility over the base": (TEXT, "utility-gain"), "KL, nats": (TEXT, "kl-to-base"), "hypervolume": (TEXT, "hypervolume"),
        "throughput of the base": (TEXT, "throughput-ratio"),
    }),
)  # fmt: skip


def main() -> None:
    """Replace what stands between README's marks."""
    for table in TABLES:
        put(ROOT / "README.md", table.marks, markdown(table, read(ROOT / f"leaderboards/{table.board}/table.csv", table.division)))


def read(path: Path, division: str) -> list[Row]:
    """Return the rows of a board's table.csv that belong to the division, are ranked and no variant."""
    with path.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["division"] == division and row["rank"] and "+" not in row["method"]]


def markdown(table: Table, rows: Sequence[Row]) -> str:
    """Return the table: rank and its interval, method, family, score, and its columns, – where there is no value."""
    found = {(row["method"], row["task"], row["metric"]): row["value"] for row in rows}
    head = f"| rank | method | family | {table.score} | {' | '.join(table.columns)} |"
    lines = [head, "|---|---|---|---:|" + "---:|" * len(table.columns)]
    for row in (row for row in rows if row["metric"] == "score"):
        value, low, high = (f"{round(float(row[name]), 3) + 0:.3f}" for name in ("value", "low", "high"))  # + 0: no -0.000
        score = f"{value} ({low} to {high})"
        rank = row["rank"] if row["rank_low"] == row["rank_high"] else f"{row['rank']} ({row['rank_low']} to {row['rank_high']})"
        values = [found.get((row["method"], *column), "") for column in table.columns.values()]
        cells = [rank, row["method"], row["family"], score, *(f"{float(value):.3f}" if value else "–" for value in values)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
