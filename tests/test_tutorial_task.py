"""The page docs/tutorials/task.md, followed: its files are written and its task checked; the slow part measures and runs it.

The commands of steps 6 and 7 run with the least effort (`--draws 2 --responses 0`, `--budget smoke`), the others as they stand.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from morlbench import cli, console, registry
from morlbench.check import check, frozen
from morlbench.lm import facts
from morlbench.registry import Kind
from morlbench.relation import read

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "tutorials" / "task.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"`tasks/brief_vs_warm/([\w.]+)`:\n\n```\w+\n(.*?)```", PAGE, re.DOTALL))
COMMANDS = re.findall(r"^(?:morlbench|python -m) .*$", PAGE, re.MULTILINE)


def fresh() -> None:
    """Have the task's files read again."""
    sys.modules.pop("morlbench.tasks.brief_vs_warm", None)
    registry.forget()


@pytest.fixture
def folder(plugin_roots: dict[Kind, Path]) -> Path:
    made = plugin_roots["tasks"] / "brief_vs_warm"
    made.mkdir()
    for name, text in FILES.items():
        (made / name).write_text(text, encoding="utf-8")
    subprocess.run([sys.executable, made / "data.py"], check=True)
    fresh()  # another test's copy may have been read
    return made


def test_the_page_has_every_file_and_command_of_the_walk() -> None:
    assert set(FILES) == {"__init__.py", "data.py", "examples.jsonl", "README.md"}
    assert [command.split()[:3] for command in COMMANDS] == [
        ["morlbench", "check", "task"],
        ["python", "-m", "morlbench.lm.facts"],
        ["morlbench", "run", "--method"],
    ]


def test_the_task_of_the_page_keeps_every_promise_and_scores_as_the_page_says(folder: Path) -> None:
    assert [f"{v.promise}: {v.failure}" for v in check("tasks", "brief-vs-warm") if not v.kept] == []
    task = registry.load("tasks", "brief-vs-warm")()
    assert [len(task.prompts(split)) for split in ("train", "dev", "adapt", "test")] == [616, 100, 60, 100]
    assert registry.summary("tasks", "brief-vs-warm") == "Everyday questions, answered briefly or warmly."
    one, two = (json.loads(line) for line in FILES["examples.jsonl"].splitlines())
    scores = task.score((one["prompt"],) * 2, (one["good"], two["good"]))
    assert np.diff(scores[:, 0]) < 0 < np.diff(scores[:, 1])


def test_a_task_that_shares_a_topic_breaks_the_promise_the_page_names(folder: Path) -> None:
    lines = (folder / "prompts.jsonl").read_text(encoding="utf-8").splitlines()
    first = next(i for i, line in enumerate(lines) if '"dev"' in line)
    lines[first] = lines[first].replace('"dev"', '"test"')
    (folder / "prompts.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    broken = {v.promise for v in check("tasks", "brief-vs-warm") if not v.kept}
    assert "splits share no topic" in broken


def step(number: int, *more: str) -> list[str]:
    """Return the words of the page's command of steps 5 to 7 after the program's name, with more of them."""
    return COMMANDS[number - 5].split()[1:] + list(more)


@pytest.mark.slow
def test_the_page_from_the_check_over_measuring_to_a_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Steps 5 to 7; then another decoding under the same version is refused."""
    monkeypatch.chdir(tmp_path)
    assert console.guarded(lambda: cli.app(step(5))) == 0
    monkeypatch.setattr(facts, "freeze", lambda name: (fresh(), frozen.main([name])))  # its own process would not see this folder
    monkeypatch.setattr(sys, "argv", step(6, "--draws", "2", "--responses", "0")[1:])
    facts.main()
    card, held = ((folder / name).read_text(encoding="utf-8") for name in ("README.md", "facts.json"))
    assert "| warmth | **all** |" in card
    assert "; measured: " in card
    fresh()
    measured = read(json.loads(held)["relation"])
    broken = set() if "competing" in measured.supported else {"relation is what was measured"}
    assert {v.promise for v in check("tasks", "brief-vs-warm") if not v.kept} == broken
    capsys.readouterr()
    assert console.guarded(lambda: cli.app(step(7, "--budget", "smoke"))) == 0
    assert "rewarded-soups on brief-vs-warm" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "runs").rglob("seed-*.json")] == ["seed-0.json"]
    changed = (folder / "__init__.py").read_text(encoding="utf-8").replace("max_tokens=40", "max_tokens=30")
    (folder / "__init__.py").write_text(changed, encoding="utf-8")
    fresh()
    assert {v.promise for v in check("tasks", "brief-vs-warm") if not v.kept} == broken | {"content is that of its version"}
