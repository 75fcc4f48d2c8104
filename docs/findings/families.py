"""Write the table and figure of families.md from records alone: `python docs/findings/families.py`.

Three stated preferences of `exact-competing` at `standard`: what a method falls short of the best policy there, J*(w) - J(w), in
thousandths of regularised value, and the pooled gap over the front. A single-policy method has one record per preference: the
task's own lies on the board, the other two beside this script. A front method has all three in one record.
"""

import csv
import io
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from morlbench import record, stats
from morlbench.dots import Dot, dots
from morlbench.errors import MorlbenchError
from morlbench.metric import Evidence
from morlbench.store import write_bytes

HERE = Path(__file__).parent
BOARD = HERE.parents[1] / "leaderboards/exact/records/exact-competing"
PREFERENCES = ((0.2, 0.8), (0.5, 0.5), (0.8, 0.2))
CONTROLS = ("base", "random-weights", "shuffled-preference", "single-best-expert", "best-of-n")
FAMILIES = ("single-policy", "multi-policy", "meta-policy", "control")
OPEN, CLOSE = "<!-- tables: python docs/findings/families.py -->", "<!-- end -->"


@dataclass(frozen=True)
class Row:
    """One method: shortfalls at the preferences (seeds,) where it was trained or asked, and gaps over the front (seeds,)."""

    name: str
    family: str
    shortfalls: dict[tuple[float, ...], list[float]]
    gaps: list[float]


def main() -> None:
    """Write families/table.csv, the figure, and the tables between the page's marks."""
    rows = sorted(read(), key=lambda row: (FAMILIES.index(row.family), _order(row)))
    write_bytes(HERE / "families/table.csv", table(rows).encode())
    wanted = [row for row in rows if row.family != "control" and len(row.shortfalls) == 3 and _order(row) < 100 and _plain(row)]
    found = [
        Dot(f"w = ({w[0]:g}, {w[1]:g})", row.name, interval.value, interval.low, interval.high)
        for w in PREFERENCES
        for row in wanted
        if w in row.shortfalls
        for interval in [stats.seed_interval(np.array(row.shortfalls[w]))]
    ]
    dots(
        found,
        HERE / "families/shortfall",
        title="exact-competing at three stated preferences",
        unit="J* - J in thousandths, smaller is better",
    )
    page = HERE / "families.md"
    before, opened, rest = page.read_text(encoding="utf-8").partition(OPEN)
    _, closed, after = rest.partition(CLOSE)
    if not (opened and closed):
        raise MorlbenchError(f"{page}: expected the marks {OPEN} and {CLOSE}")
    write_bytes(page, f"{before}{OPEN}\n{markdown(rows)}\n{CLOSE}{after}".encode())


def read() -> list[Row]:
    """Return a row for each method with records."""
    runs: dict[str, list[Evidence]] = defaultdict(list)
    for path in record.find([BOARD, *HERE.glob("families/w=*")]):
        runs[_name(path)].append(record.load(path, texts=False).evidence)
    return [_row(name, found) for name, found in runs.items()]


def _name(path: Path) -> str:
    """Return the method with its settings; its budget and preference are the table's."""
    return "+".join(part for part in path.parent.name.split("+") if not part.startswith(("budget=", "preference=")))


def _row(name: str, runs: list[Evidence]) -> Row:
    shortfalls: dict[tuple[float, ...], list[float]] = defaultdict(list)
    gaps = []
    for run in runs:
        if run.exact is None:
            continue
        for asked, value, optimum in zip(run.exact.preferences, run.exact.value, run.exact.optimum, strict=True):
            for w in PREFERENCES:
                if np.abs(asked - w).max() < 1e-6:
                    shortfalls[w].append(1000 * float(optimum - value))
        if run.method.track == "front":
            gaps.append(run.exact.gap)
    return Row(name, "control" if name in CONTROLS else runs[0].method.family, dict(shortfalls), gaps)


def _plain(row: Row) -> bool:
    """Say whether a method has its own settings; the levels of `combine` stand in aggregation.md."""
    return "+" not in row.name and row.name != "combine"


def _order(row: Row) -> float:
    return float(np.mean([np.mean(values) for values in row.shortfalls.values()])) if row.shortfalls else np.inf


def markdown(rows: list[Row]) -> str:
    """Return one table for each family."""
    parts = []
    for family in FAMILIES:
        lines = [
            f"**{family}**",
            "",
            "| method | " + " | ".join(f"J* - J at ({w[0]:g}, {w[1]:g})" for w in PREFERENCES) + " | pooled gap | seeds |",
        ]
        lines.append("|---|---:|---:|---:|---:|---:|")
        for row in (row for row in rows if row.family == family and row.shortfalls):
            cells = [_shown(row.shortfalls.get(w, []), 1) for w in PREFERENCES]
            count = sorted({len(values) for values in row.shortfalls.values()})
            lines.append(f"| {row.name} | {' | '.join(cells)} | {_shown(row.gaps, 3)} | {', '.join(map(str, count))} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _shown(values: list[float], digits: int) -> str:
    if not values:
        return "–"
    interval = stats.seed_interval(np.array(values))
    limits = f" [{interval.low:.{digits}f}, {interval.high:.{digits}f}]" if len(values) > 1 else ""
    return f"{interval.value:.{digits}f}{limits}"


def table(rows: list[Row]) -> str:
    """Return every number of the page as csv."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["family", "method", "preference", "thousandths", "seeds"])
    for row in rows:
        for w, values in sorted(row.shortfalls.items()):
            writer.writerow([row.family, row.name, w[0], f"{np.mean(values):.4g}", len(values)])
    return text.getvalue()


if __name__ == "__main__":
    main()
