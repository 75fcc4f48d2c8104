"""The page docs/tutorials/method.md, followed: its files are written, its method checked and run on the smallest budget."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from morlbench import cli, console, record, registry
from morlbench.check import check
from morlbench.configure import configure
from morlbench.errors import BadInput
from morlbench.preference import LINEAR
from morlbench.registry import Kind

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "tutorials" / "method.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"`methods/sharpened_soups/([\w.]+)`:\n\n```\w+\n(.*?)```", PAGE, re.DOTALL))
COMMANDS = re.findall(r"^morlbench .*$", PAGE, re.MULTILINE)


@pytest.fixture
def folder(plugin_roots: dict[Kind, Path]) -> Path:
    made = plugin_roots["methods"] / "sharpened_soups"
    made.mkdir()
    for name, text in FILES.items():
        (made / name).write_text(text, encoding="utf-8")
    sys.modules.pop("morlbench.methods.sharpened_soups", None)
    registry.forget()
    return made


def test_the_page_has_every_file_and_command_of_the_walk() -> None:
    assert set(FILES) == {"__init__.py", "README.md"}
    assert [command.split()[1] for command in COMMANDS] == ["new", "check", "run", "sweep", "score"]


def test_the_method_of_the_page_keeps_every_promise_and_mixes_as_the_page_says(folder: Path) -> None:
    assert [f"{v.promise}: {v.failure}" for v in check("methods", "sharpened-soups") if not v.kept] == []
    cls = registry.load("methods", "sharpened-soups")
    gate = sys.modules[cls.__module__]._gate
    np.testing.assert_allclose(gate(2.0, ("x",), np.array([[0.7, 0.3]]), LINEAR), [[0.49 / 0.58, 0.09 / 0.58]])
    with pytest.raises(BadInput, match="sharpness"):
        configure(cls, ["sharpness=.5"])


def test_the_first_run_of_the_page_makes_a_record_with_its_setting(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["morlbench", *COMMANDS[2].split()[1:]])
    assert console.guarded(cli.app) == console.DONE
    (path,) = (tmp_path / "runs").rglob("seed-0.json")
    assert record.load(path).evidence.method.settings["sharpness"] == 3.0
