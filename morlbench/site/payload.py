"""The data files of a board's pages: JSON in a call that a page opened from a folder can load, small ones first.

board.js holds what the table's slider and the fronts need; rewards-TASK.js every answer's rewards, loaded when a utility is not
linear; answers-TASK.js the answers that can be read.
"""

import json
from collections.abc import Mapping, Sequence

import numpy as np

from morlbench.digest import TaskDigest
from morlbench.leaderboard import Ranking
from morlbench.panels import colour
from morlbench.site.pack import MethodPack, Sample, TaskPack, View, stepped, text_of, thinned, whole
from morlbench.site.rerank import drawn
from morlbench.standing import Standing

Json = dict[str, object]


def payloads(ranking: Ranking, packs: Mapping[str, TaskPack]) -> dict[str, bytes]:
    """Return every data file of a board by its name."""
    files = {"board": board_of(ranking, packs)}
    for name, pack in packs.items():
        files[f"rewards-{name}"] = rewards_of(pack)
        files[f"answers-{name}"] = answers_of(pack)
    return {f"{name}.js": _wrapped(name, data) for name, data in files.items()}


def board_of(ranking: Ranking, packs: Mapping[str, TaskPack]) -> Json:
    """Return what the pages of a board share: divisions, draws, and every method's mean rewards and KL per seed."""
    counts, times = drawn(len(ranking.board.seeds))
    divisions = [
        {
            "name": s.division.name, "title": s.division.title, "view": s.division.track,
            "tasks": [task for task in s.division.tasks if task in packs],
            "methods": [row.method for row in s.shown], "absent": list(s.absent),
            "unranked": {row.method: why for row in s.shown if (why := barred(row))},
        }
        for s in ranking.standings
    ]  # fmt: skip
    return {
        "name": ranking.board.name, "seeds": list(ranking.board.seeds), "draws": {"counts": counts.tolist(), "times": times.tolist()},
        "divisions": divisions, "tasks": {name: _task(pack, ranking) for name, pack in packs.items()},
        "colours": {entry: colour(entry) for entry in ranking.digests}, "marks": ranking.marks,
    }  # fmt: skip


def barred(row: Standing) -> str:
    """Return why a method is not ranked whatever records it has; '' where only records lack, which differs from task to task."""
    lacking = tuple(f"{cell.task}: " for cell in row.cells if cell.missing)
    return "" if row.unranked.startswith(lacking) else row.unranked


def _task(pack: TaskPack, ranking: Ranking) -> Json:
    facts = pack.told.facts
    name, points = reference(pack.told)
    return {
        "name": pack.name, "objectives": list(facts.objectives), "beta": facts.beta, "exact": pack.exact,
        "preference": list(facts.preference), "asked": pack.asked.tolist(), "thresholds": list(pack.thresholds),
        "steps": stepped(np.array(pack.thresholds)).tolist(),
        "base": _plain(pack.base), "base_seeds": len(pack.base_answers), "front": {"name": name, "points": points},
        "methods": {entry: _method(method, ranking) for entry, method in pack.methods.items()},
    }  # fmt: skip


def reference(told: TaskDigest) -> tuple[str, list[object]]:
    """Return the name and the points of the front that a figure shows; only two objectives have a line."""
    if len(told.facts.objectives) != 2:
        return "", []
    if len(told.front):
        return "true front", _plain(thinned(told.front).round(5))
    return ("reference front", _plain(thinned(np.array(told.facts.front)))) if told.facts.front else ("", [])


def _method(method: MethodPack, ranking: Ranking) -> Json:
    views: Json = {view: _view(found) for view, found in method.views.items()}
    complete = [view for view in method.views if whole(method, view, ranking.board)]
    return views | {"whole": complete, "responses": round(method.spent.responses), "seconds": round(method.spent.seconds, 1)}


def _view(view: View) -> Json:
    return {"seeds": list(view.seeds), "means": _plain(view.means), "kl": _plain(view.kl)}


def rewards_of(pack: TaskPack) -> Json:
    """Return every answer's rewards as base64 of bytes (s, p, n, k) by method and view, and the base's (s, n, k)."""
    methods = {entry: {view: text_of(found.answers) for view, found in m.views.items()} for entry, m in pack.methods.items()}
    return {"base": text_of(pack.base_answers), "methods": methods}


def answers_of(pack: TaskPack) -> Json:
    """Return the answers that can be read, of each method's first seed: by view, asked preference and prompt."""
    prompts = [{"number": i, "text": pack.prompts[i] if i < len(pack.prompts) else ""} for i in pack.shown]
    methods = {entry: {view: [_samples(row) for row in rows] for view, rows in m.samples.items()} for entry, m in pack.methods.items()}
    return {"prompts": prompts, "base": _samples(pack.base_samples), "methods": methods}


def _samples(samples: Sequence[Sample]) -> list[object]:
    return [[s.text, list(s.rewards), s.kl if np.isfinite(s.kl) else None] for s in samples]


def _plain(values: np.ndarray) -> list[object]:
    """Return nested lists with null for what is not finite."""
    plain = values.astype(object)
    plain[~np.isfinite(values)] = None
    found: list[object] = plain.tolist()
    return found


def _wrapped(name: str, data: Json) -> bytes:
    """Return a data file: one statement around JSON in plain ASCII."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return f"morlbench.receive({json.dumps(name)},{text});\n".encode("ascii")
