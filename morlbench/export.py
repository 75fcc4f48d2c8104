"""A board for other people's tools: the tidy frame as csv and parquet, and four common exchange formats' tables.

- frame.csv, frame.parquet: every metric of every counted run (`morlbench.score`), and standings.csv, the board's own table.
- every-eval-ever/METHOD.json: one file per method in the Every Eval Ever schema, version 0.2.2
  (github.com/evaleval/every_eval_ever, every_eval_ever/schemas/eval.schema.json).
- eval-results/DIVISION/METHOD.yaml: the Hugging Face Hub's evaluation results, a list of dataset, task, value and notes
  (huggingface.co/docs/hub/eval-results; github.com/huggingface/hub-docs, eval_results.yaml). A result is known by its data set and
  task there, and divisions measure one task by several metrics, so the division is part of the task's name and has files of its own.
  A data set's revision would be a commit of the Hub; there is none, and the task's version stands in the notes.
- table.tex: a LaTeX table per division, for the booktabs package.

The same records give the same bytes, so there is no date; the two formats' time stamps hold 0, which their schemas allow. A method
is no model on the Hub: the identifiers are this project's own names. Leaves out uploading anything.
"""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

import morlbench
from morlbench import board_page, score
from morlbench.board import Board
from morlbench.digest import metric
from morlbench.gather import counted
from morlbench.leaderboard import Ranking, Standings
from morlbench.standing import Standing
from morlbench.stats import LEVEL, seed_interval
from morlbench.summary import number, scored

SCHEMA = "0.2.2"
SPECIAL = {"&": r"\&", "%": r"\%", "_": r"\_", "#": r"\#", "$": r"\$", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}",
           "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}  # fmt: skip
Json = dict[str, object]


def exports(ranking: Ranking) -> dict[str, bytes]:
    """Return every export by its path below the chosen folder."""
    board = ranking.board
    files = _frame(board) | {"standings.csv": board_page.to_csv(ranking).encode(), "table.tex": latex(ranking).encode()}
    for entry in ranking.digests:
        files[f"every-eval-ever/{entry}.json"] = (json.dumps(every_eval_ever(ranking, entry), indent=1, allow_nan=False) + "\n").encode()
    for standings in ranking.standings:
        for row in standings.shown:
            files[f"eval-results/{standings.division.name}/{row.method}.yaml"] = eval_results(row, standings, board).encode()
    return files


def _frame(board: Board) -> dict[str, bytes]:
    """Return the tidy frame of all counted records as csv and parquet; nothing where there is no record."""
    records = counted(board)
    if not records:
        return {}
    frame = score.score(records)
    for name in ("budget", "seed"):
        frame[name] = frame[name].astype("Int64")
    parquet = io.BytesIO()
    frame.to_parquet(parquet, index=False, compression="zstd")
    return {"frame.csv": frame.to_csv(index=False, lineterminator="\n").encode(), "frame.parquet": parquet.getvalue()}


def every_eval_ever(ranking: Ranking, entry: str) -> Json:
    """Return one method's results as an Every Eval Ever document."""
    board, found = ranking.board, ranking.digests[entry]
    base = next(iter(found.tasks.values())).base
    details = {"family": found.family, "track": found.track, "version": str(found.version), "settings": found.settings, "base": base}
    return {
        "schema_version": SCHEMA,
        "evaluation_id": f"morlbench-{board.name}/{entry}/0",
        "retrieved_timestamp": "0",
        "source_metadata": {
            "source_name": f"morlbench leaderboard {board.name}", "source_type": "evaluation_run",
            "source_organization_name": "morlbench", "evaluator_relationship": "other",
        },
        "eval_library": {"name": "morlbench", "version": morlbench.__version__},
        "model_info": {"name": f"{entry} on {base}", "id": f"morlbench/{entry}", "additional_details": details},
        "evaluation_results": [
            result for standings in ranking.standings for row in standings.rows if row.method == entry
            for result in _results(row, standings, board)
        ],
    }  # fmt: skip


def _results(row: Standing, standings: Standings, board: Board) -> list[Json]:
    """Return a result per task that has every seed."""
    division, m = standings.division, metric(standings.division.metric)
    results: list[Json] = []
    for cell in row.cells:
        if cell.missing:
            continue
        values = np.array(cell.values)
        found = seed_interval(values)
        uncertainty: Json = {"num_samples": len(values)}
        if len(values) > 1:
            limits = {"lower": found.low, "upper": found.high, "confidence_level": LEVEL, "method": "t over seeds"}
            uncertainty |= {"standard_deviation": float(values.std(ddof=1)), "confidence_interval": limits}
        version = board.tasks[cell.task]
        results.append({
            "evaluation_result_id": f"{division.name}/{cell.task}/{m.name}",
            "evaluation_name": cell.task,
            "source_data": {"dataset_name": cell.task, "source_type": "other", "source_id": cell.task, "source_version": str(version)},
            "metric_config": {
                "evaluation_description": " ".join((type(m).__doc__ or "").split("\n\n")[0].split()), "metric_id": f"morlbench.{m.name}",
                "metric_name": m.name, "metric_unit": m.unit, "lower_is_better": not m.higher_is_better,
            },
            "score_details": {
                "score": found.value, "uncertainty": uncertainty,
                "details": {"division": division.name, "budget": str(board.budget), "seeds": ",".join(map(str, board.seeds))},
            },
        })  # fmt: skip
    return results


def eval_results(row: Standing, standings: Standings, board: Board) -> str:
    """Return one method's results in a division as the Hub's YAML; names are quoted as JSON strings, which YAML reads alike."""
    division, lines = standings.division, list[str]()
    for cell in (cell for cell in row.cells if not cell.missing):
        notes = f"{division.metric}, version {board.tasks[cell.task]} of the task, mean of {len(cell.values)} seeds"
        lines += [
            "- dataset:", f"    id: {json.dumps(f'morlbench/{board.name}')}", f"    task_id: {json.dumps(f'{division.name}_{cell.task}')}",
            f"  value: {float(np.mean(cell.values)):.6g}", f"  notes: {json.dumps(notes)}",
        ]  # fmt: skip
    return "\n".join(lines) + "\n" if lines else "[]\n"


def latex(ranking: Ranking) -> str:
    """Return a booktabs table per division: tie group, rank interval, score with its interval, the metric on each task."""
    return "\n".join(_latex(standings, ranking.board) for standings in ranking.standings)


def _latex(standings: Standings, board: Board) -> str:
    division = standings.division
    head = ["group", "rank", "method", "score", *map(escaped, division.tasks)]
    better = "larger" if metric(division.metric).higher_is_better else "smaller"
    caption = (
        f"{division.title}. Score: larger is better. Tasks: {division.metric}, {better} is better, mean of {len(board.seeds)} seeds. "
        "Brackets: 95% intervals over seeds; of ranks, the ranks in 95% of resamplings of the seeds."
    )
    lines = [
        r"\begin{table}", r"\centering", rf"\begin{{tabular}}{{rrlr{'r' * len(division.tasks)}}}", r"\toprule",
        " & ".join(head) + r" \\", r"\midrule",
    ]  # fmt: skip
    for before, row in zip((None, *standings.shown), standings.shown, strict=False):
        if before is not None and before.group != row.group:
            lines.append(r"\midrule")
        lines.append(" & ".join(_latex_cells(row)) + r" \\")
    end = [r"\bottomrule", r"\end{tabular}", rf"\caption{{{escaped(caption)}}}", rf"\label{{tab:{division.name}}}", r"\end{table}", ""]
    return "\n".join([*lines, *end])


def _latex_cells(row: Standing) -> Sequence[str]:
    rank = f"{row.rank.value:g} [{row.rank.low:g}, {row.rank.high:g}]" if row.rank else "--"
    cells = ["--" if cell.missing else number(float(np.mean(cell.values))) for cell in row.cells]
    return [str(row.group or "--"), rank, escaped(row.method), scored(row.score) if row.score else "--", *cells]


def escaped(text: str, special: Mapping[str, str] = SPECIAL) -> str:
    """Return text as LaTeX prints it.

    >>> escaped("50% of a_b")
    '50\\\\% of a\\\\_b'
    """
    return "".join(special.get(letter, letter) for letter in text)


def write(ranking: Ranking, folder: Path) -> list[Path]:
    """Write every export below the folder, in one with the board's name, and return the paths."""
    from morlbench.store import write_bytes

    paths = []
    for name, data in exports(ranking).items():
        path = folder / ranking.board.name / name
        write_bytes(path, data)
        paths.append(path)
    return paths
