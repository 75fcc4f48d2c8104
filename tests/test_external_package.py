"""A package outside the repository brings a method, a task and a metric by entry points alone."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest
from installed import OFFLINE, ROOT

Command = Callable[..., subprocess.CompletedProcess[str]]
PLUGINS = [("method", "mimic"), ("task", "rhyme"), ("metric", "even-handedness")]


@pytest.fixture(scope="module")
def morlbench(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Install the package by pip into a folder of its own, and return a command that sees it."""
    folder = tmp_path_factory.mktemp("outside")
    shutil.copytree(ROOT / "tests" / "outside_package", folder / "source")  # pip builds in place
    install = [sys.executable, "-m", "pip", "install", *OFFLINE, "--target", str(folder / "site"), str(folder / "source")]
    subprocess.run(install, check=True, capture_output=True, text=True)
    surroundings = {**os.environ, "PYTHONPATH": str(folder / "site"), "MORLBENCH_HOME": str(folder / "home")}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "morlbench.cli", *words]
        return subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True, check=False)

    return run


@pytest.mark.parametrize(("kind", "name"), PLUGINS)
def test_it_appears_in_the_list_with_its_summary(kind: str, name: str, morlbench: Command) -> None:
    listed = {row["name"]: row["summary"] for row in json.loads(morlbench("list", f"{kind}s", "--json").stdout)}
    assert listed[name].lower().startswith(f"{name}: ")


@pytest.mark.parametrize(("kind", "name"), PLUGINS)
def test_it_passes_the_check(kind: str, name: str, morlbench: Command) -> None:
    done = morlbench("check", kind, name)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_runs_and_its_metric_scores_the_run(morlbench: Command) -> None:
    done = morlbench("run", "--method", "mimic", "--task", "rhyme", "--set", "tries=2", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["records"] == ["runs/rhyme/mimic+tries=2/seed-0.json"]
    values = {row["metric"]: row["value"] for row in answer["scores"]}
    assert 0 <= values["even-handedness"] <= 1
    assert values["responses-scored"] == 32


def test_without_it_the_names_are_unknown() -> None:
    done = subprocess.run([sys.executable, "-m", "morlbench.cli", "check", "method", "mimic"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "unknown method 'mimic'" in done.stderr
