"""What a version of a task froze: a hash of its prompts and facts, and the scores of a few fixed answers.

`frozen.json` in a task's folder says what a version number means. `freeze` writes it; the promise compares. A hash covers what
is exact; scores are compared within a tolerance, since the last digits of a float depend on the machine. The prompts asked are
spread over the test split, so that every kind of prompt is among them; `asked` holds their places. `told` holds the answers of
examples.jsonl, which say what each objective is about where answers made of prompts mostly score 0. Run
`python -m morlbench.check.frozen TASK ...` after raising a version (or while no result of it was ever published); the command that makes
a version's reference front does so too.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from morlbench import console, registry
from morlbench.errors import BadInput, MorlbenchError
from morlbench.preference import Array
from morlbench.store import key_of, write_bytes
from morlbench.task import SPLITS, Task, Texts

FILE, EXAMPLES = "frozen.json", "examples.jsonl"
TOLERANCE = 0.01
ROWS = 8  # test prompts whose fixed answers are scored


def content(task: Task) -> str:
    """Return the hash of prompts and facts: whatever is exact and decides what a record of the task means."""
    how = task.decoding
    facts: dict[str, object] = {
        "objectives": [(o.name, o.low, o.high, o.higher_is_better) for o in task.objectives], "relation": task.relation,
        "base": task.base,
        "decoding": (how.max_tokens, how.min_tokens, how.temperature), "beta": task.beta,
        "preference": task.preference, "draws": task.draws,
        "reference_point": task.reference_point, "utilities": [(u.name, u.thresholds) for u in task.utilities], "kl_budget": task.kl_budget,
    }  # fmt: skip
    if task.front.points:  # left out where there is none, so that what was frozen before there were any still holds
        facts |= {"front": task.front.points, "front_kl": task.front.kl}
    return key_of(facts=facts, prompts={split: task.prompts(split) for split in SPLITS})


def snapshot(task: Task, folder: Path | None = None) -> dict[str, object]:
    """Return what frozen.json holds of the task as it is, with the examples of its folder if it has some."""
    asked = spread(len(task.prompts("test")))
    held: dict[str, object] = {"version": task.version, "content": content(task), "asked": asked, "scores": _short(scores(task, asked))}
    examples = folder / EXAMPLES if folder else None
    if examples and examples.is_file():
        rows = [json.loads(line) for line in examples.read_text(encoding="utf-8").splitlines()]
        told = [(row["prompt"], row[which]) for row in rows for which in ("good", "poor")]
        held["told"] = [[*pair, row] for pair, row in zip(told, _short(_score(task, told)), strict=True)]
    return held


def spread(count: int) -> list[int]:
    """Return at most ROWS places of `count` that lie evenly from the first to the last."""
    return sorted({int(place) for place in np.linspace(0, count - 1, ROWS)})


def scores(task: Task, asked: Sequence[int]) -> Array:
    """Return the scores (n, k) of fixed answers to the test prompts at these places."""
    prompts, answers = fixed_answers(task, asked)
    return task.score(prompts, answers)


def fixed_answers(task: Task, places: Sequence[int]) -> tuple[Texts, Texts]:
    """Return test prompts with answers made of them: as they are, turned round, and inside a fixed sentence."""
    tests = task.prompts("test")
    asked = [tests[place] for place in places if place < len(tests)]
    kinds = (
        lambda p: p,
        lambda p: " ".join(p.split()[::-1]),
        lambda p: f"I am glad you ask, and the answer to {p.lower().rstrip('.?')} is to take small steps.",
    )
    return tuple(p for p in asked for _ in kinds), tuple(kind(p) for p in asked for kind in kinds)


def difference(task: Task, folder: Path) -> str:
    """Return how the task differs from what its version froze, '' where it does not; a folder without the file froze nothing."""
    path = folder / FILE
    if not path.is_file():
        return ""
    held = json.loads(path.read_text(encoding="utf-8"))
    again = "raise `version`, then run `python -m morlbench.check.frozen " + task.name + "`"
    if held["version"] != task.version:
        again = f"run `python -m morlbench.check.frozen {task.name}`"
        return f"{FILE} is of version {held['version']}, the task of version {task.version}; {again}"
    if held["content"] != content(task):
        return f"prompts or facts are not those that version {task.version} froze; {again}"
    if "asked" not in held:
        return f"{FILE} does not say which prompts it scored; {again}"
    now, then = scores(task, held["asked"]), np.array(held["scores"])
    if now.shape != then.shape or not np.abs(now - then).max() <= TOLERANCE:
        return f"the scorers rate fixed answers otherwise than version {task.version} did; {again}"
    told = held.get("told", [])
    rated = _score(task, [(prompt, answer) for prompt, answer, _ in told]) if told else ()
    for (_, answer, row), found in zip(told, rated, strict=True):
        if not np.abs(found - row).max() <= TOLERANCE:
            return f"the scorers rate the answer {answer[:60]!r} otherwise than version {task.version} did; {again}"
    return ""


def _score(task: Task, pairs: Sequence[tuple[str, str]]) -> Array:
    """Return the scores (n, k) of pairs of prompt and answer."""
    return task.score(tuple(prompt for prompt, _ in pairs), tuple(answer for _, answer in pairs))


def _short(values: Array) -> list[list[float]]:
    """Return the rows of values (n, k) with four digits."""
    return [[round(float(x), 4) for x in row] for row in values]


def freeze(name: str) -> None:
    """Write a task's frozen.json in a process of its own, so that files just written are read."""
    if subprocess.run([sys.executable, "-m", "morlbench.check.frozen", name], check=False).returncode:
        raise MorlbenchError(f"{FILE} of task {name!r} could not be written; run `python -m morlbench.check.frozen {name}`")


def main(names: list[str]) -> None:
    """Write frozen.json of every task named."""
    for name in names:
        task, folder = registry.load("tasks", name)(), registry.folder("tasks", name)
        if folder is None:
            raise BadInput(f"task {name!r} is a single file; a folder is needed to hold {FILE}")
        write_bytes(folder / FILE, (json.dumps(snapshot(task, folder), indent=1) + "\n").encode())


if __name__ == "__main__":
    sys.exit(console.guarded(lambda: main(sys.argv[1:])))
