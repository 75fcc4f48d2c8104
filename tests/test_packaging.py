"""What the wheel holds, and that what it holds works from anywhere."""

import json
import re
import tomllib
import zipfile
from pathlib import Path

import pytest
from installed import ROOT, Installed, build_wheel, copy_tracked, make, tracked

ROOTS = ("morlbench", "methods", "tasks", "metrics", "leaderboards")
LEFT_OUT = re.compile(r"leaderboards/[^/]+/(records|plots)/|\.gitkeep$|\.gitignore$")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return make(tmp_path_factory.mktemp("packaging"))


def expected_in_wheel() -> set[str]:
    """Return the names a wheel must have: every tracked file of the five roots, but the boards' records and plots."""
    return {
        name if name.startswith("morlbench/") else f"morlbench/{name}"
        for name in tracked()
        if name.partition("/")[0] in ROOTS and "/" in name and not LEFT_OUT.search(name)
    }


def in_wheel(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_the_wheel_holds_every_tracked_file_and_nothing_else(installed: Installed) -> None:
    held, expected = in_wheel(installed.wheel), expected_in_wheel()
    assert sorted(held - expected) == []
    assert sorted(expected - held) == []


def test_a_file_whose_ending_is_not_in_the_list_is_missed_by_the_wheel(tmp_path: Path) -> None:
    copy_tracked(tmp_path / "source")
    (tmp_path / "source" / "methods" / "notes.xyz").write_text("left behind")
    (tmp_path / "source" / "methods" / "notes.jsonl").write_text("{}")
    held = in_wheel(build_wheel(tmp_path / "source", tmp_path / "wheel"))
    assert "morlbench/methods/notes.jsonl" in held
    assert "morlbench/methods/notes.xyz" not in held


def test_no_generic_name_reaches_site_packages(installed: Installed) -> None:
    assert {name.partition("/")[0] for name in in_wheel(installed.wheel)} == {"morlbench"}


def test_the_wheel_carries_licence_and_command(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as archive:
        names = archive.namelist()
        entry = archive.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert "morlbench = morlbench.cli:main" in entry


def test_an_install_in_a_clean_environment_lists_from_another_folder(installed: Installed, tmp_path: Path) -> None:
    where = installed.python("import morlbench; print(morlbench.__file__)", cwd=tmp_path)
    assert Path(where).is_relative_to(installed.venv)
    done = installed.run("list", "methods", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    listed = {row["name"] for row in json.loads(done.stdout)}
    assert "rewarded-soups" in listed
    assert listed == {p.parent.name.replace("_", "-") for p in (ROOT / "methods").glob("[!_.]*/__init__.py") if _is_tracked(p)}


def test_the_bundled_templates_and_weights_are_found_where_the_wheel_puts_them(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    done = installed.run("new", "metric", "my-number", "--into", "mine", cwd=tmp_path)
    assert (done.returncode, (tmp_path / "mine" / "my_number.py").is_file()) == (0, True), done.stderr
    outside = installed.run("new", "metric", "my-number", cwd=tmp_path)
    assert outside.returncode == 2
    assert "--into" in outside.stderr


def test_the_version_is_said_once(installed: Installed, tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "version" not in project
    code = "import importlib.metadata as m, morlbench; print(m.version('morlbench') == morlbench.__version__)"
    assert installed.python(code, cwd=tmp_path) == "True"


def test_every_pin_satisfies_its_requirement() -> None:
    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [Requirement(text) for text in (*project["dependencies"], *project["optional-dependencies"]["dev"])]
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    assert pins["torch"] == "2.13.0"
    loose = [str(r) for r in wanted if r.name in pins and not r.specifier.contains(pins[r.name])]
    assert loose == []


def _is_tracked(path: Path) -> bool:
    return str(path.relative_to(ROOT)) in tracked()
