"""A stranger's walk through docs/submitting.md, and every place where it stops with one sentence."""

import json
import os
import re
import resource
import shlex
import subprocess
from pathlib import Path
from typing import cast

import pytest
import yaml

from morlbench import board as boards
from morlbench import cli, console, history, registry, scaffold, submit
from morlbench.errors import BadInput, MorlbenchError
from morlbench.launch import Training
from morlbench.registry import Kind
from morlbench.verify.command import examine

ROOT = Path(__file__).resolve().parent.parent
RULES = """
title = "A tiny board"
base = "exact"
budget = "smoke"
seeds = "0..1"
[tasks]
exact-competing = {version}
[[division]]
name = "front"
title = "Front"
track = "front"
metric = "optimality-gap"
tasks = ["exact-competing"]
methods = ["base", "mine"]
"""
METHOD = '''"""Answer with the base: a stand-in for a stranger's method."""

from typing import ClassVar

from morlbench.bench import Bench
from morlbench.lm.policy import base_policy
from morlbench.method import Family, Method, Policy, Track, settings


@settings
class Mine(Method):
    """Answer with the base."""

    name: ClassVar[str] = "mine"
    version: ClassVar[int] = 1
    family: ClassVar[Family] = "control"
    track: ClassVar[Track] = "front"

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend nothing."""
        return base_policy(bench.base, bench.decoding)
'''


def git(root: Path, *words: str) -> str:
    identity = ("-c", "user.name=A Stranger", "-c", "user.email=stranger@example.org")
    return subprocess.run(["git", "-C", root, *identity, *words], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def clone(tmp_path: Path, plugin_roots: dict[Kind, Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a git clone with a board and a method of its own."""
    folder = tmp_path / "leaderboards" / "tiny"
    folder.mkdir(parents=True)
    version = registry.load("tasks", "exact-competing").version
    (folder / "board.toml").write_text(RULES.format(version=version), encoding="utf-8")
    mine = plugin_roots["methods"] / "mine"
    mine.mkdir()
    (mine / "__init__.py").write_text(METHOD, encoding="utf-8")
    card = (ROOT / "methods" / "base" / "README.md").read_text(encoding="utf-8")
    (mine / "README.md").write_text(card, encoding="utf-8")
    registry.forget()
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "leaderboards")
    git(tmp_path, "commit", "-qm", "A board")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_submission_runs_gathers_verifies_and_prints_steps_that_work(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["submit", "mine", "--board", str(clone / "leaderboards" / "tiny"), "--jobs", "0"]
    assert console.guarded(lambda: cli.app(words)) == 0
    told = capsys.readouterr().out
    assert "2 runs" in told
    assert "after the merge a maintainer runs `morlbench rank tiny`" in " ".join(told.split())
    steps = [line.strip() for line in told.splitlines() if line.startswith("  git ")]
    for step in steps:
        if "push" not in step:
            git(clone, *shlex.split(step)[1:])
    kept = set(git(clone, "show", "--name-only", "--format=", "HEAD").split())
    records = {f"leaderboards/tiny/records/exact-competing/mine/seed-{seed}.{end}" for seed in (0, 1) for end in ("json", "parquet")}
    assert kept == records | {"methods/mine/__init__.py", "methods/mine/README.md"}
    assert examine([clone / "leaderboards"]).sound
    assert console.guarded(lambda: cli.app(words)) == 0
    assert "runs of" not in capsys.readouterr().out
    task = clone / "leaderboards/tiny/records/exact-competing"
    (task / "mine").rename(task / "mine+budget=smoke")  # as a sweep would have named it
    assert console.guarded(lambda: cli.app(words)) == 0
    assert "runs of" not in capsys.readouterr().out
    assert not (task / "mine").exists()


def test_what_is_missing_is_said_in_one_sentence(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = str(clone / "leaderboards" / "tiny")

    def refused(method: str = "mine", board: str = tiny) -> str:
        with pytest.raises(MorlbenchError) as caught:
            submit.command(method, board, jobs=0, out=clone / "runs")
        return str(caught.value)

    assert "did you mean" in refused(method="mode")
    assert "unknown board" in refused(board="nowhere")
    assert "not listed on board tiny" in refused(method="mod")
    assert "lies outside" in refused(method="base")
    card = clone / "methods" / "mine" / "README.md"
    text = card.read_text(encoding="utf-8")
    card.unlink()
    assert "has no card" in refused()
    card.write_text("nothing", encoding="utf-8")
    assert "breaks the promise" in refused()
    card.write_text(text, encoding="utf-8")
    monkeypatch.setattr(submit, "keeps_promises", lambda entry: None)
    monkeypatch.setattr(submit, "run", lambda *words, **named: None)
    assert "is missing" in refused()


def test_a_board_outside_a_clone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no git clone"):
        submit.repository(tmp_path / "leaderboards" / "tiny")


@pytest.mark.parametrize(
    ("listed", "spelt"), [("penalty=false", "penalty=False"), ("epsilon=.0", "epsilon=0"), ("epsilon=0.0", "epsilon=0")]
)
def test_an_entry_that_no_record_would_fit_is_refused_before_anything_runs(listed: str, spelt: str, tmp_path: Path) -> None:
    version = registry.load("tasks", "exact-competing").version
    for name in (f"moe-cmab+{listed}", f"moe-cmab+{spelt}", f"moe-cmab+rank=8+{spelt}"):
        (tmp_path / "board.toml").write_text(RULES.format(version=version).replace('"mine"', f'"{name}"'), encoding="utf-8")
        board = boards.load(tmp_path)
        if name.endswith(spelt):
            assert submit.listed(name, board).text == name
        else:
            with pytest.raises(BadInput, match=re.escape(f"spell {listed} as {spelt}")):
                submit.listed(name, board)


def test_a_record_of_another_version_is_not_overwritten(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = boards.load(clone / "leaderboards" / "tiny")
    entry, maker = submit.listed("mine", tiny), Training()
    submit.run(entry, tiny, submit.lacking(entry, tiny, maker), jobs=0, out=clone / "runs")
    submit.gather(entry, tiny, submit.lacking(entry, tiny, maker), clone / "runs", maker)
    assert submit.lacking(entry, tiny, maker) == []
    monkeypatch.setattr(registry.load("methods", "mine"), "version", 2)
    with pytest.raises(MorlbenchError, match=r"of another version of mine; delete it .*removals\.jsonl"):
        submit.lacking(entry, tiny, maker)
    for path in submit.files(entry, tiny):
        key = json.loads(path.read_text(encoding="utf-8"))["key"]
        history.remove(tiny.folder, history.Removal(path.relative_to(tiny.folder).as_posix(), key, "2026-01-31", "its method was mended"))
    cells = submit.lacking(entry, tiny, maker)
    assert len(cells) == 2
    submit.run(entry, tiny, cells, jobs=0, out=clone / "runs2")
    submit.gather(entry, tiny, cells, clone / "runs2", maker)
    assert submit.lacking(entry, tiny, maker) == []
    submit.verified(entry, tiny)
    given = submit.steps(entry, tiny, Path("methods/mine"), clone)
    assert "  git switch -c submit-mine-2-tiny" in given  # another branch than that of version 1
    added = next(line for line in given if "git add" in line)
    git(clone, *shlex.split(added)[1:])
    names = {Path(name) for name in git(clone, "diff", "--cached", "--name-only").split()}
    assert {name.parent.name for name in names if name.suffix == ".parquet"} == {"mine", "mine+budget=smoke"}
    assert "removals.jsonl" in {name.name for name in names}
    gone, new = ({path for path in submit.files(entry, tiny) if ("+" in path.parent.name) is part} for part in (False, True))
    for path in gone:
        path.write_text("{}", encoding="utf-8")
    submit.verified(entry, tiny)  # what was taken off may be the very record that is refused
    next(iter(new)).write_text("{}", encoding="utf-8")
    with pytest.raises(MorlbenchError, match="holds no schema"):
        submit.verified(entry, tiny)


def test_a_copy_that_the_disk_does_not_hold_leaves_no_part_of_itself_on_the_board(clone: Path) -> None:
    tiny = boards.load(clone / "leaderboards" / "tiny")
    entry, maker = submit.listed("mine", tiny), Training()
    cells = submit.lacking(entry, tiny, maker)[:1]
    submit.run(entry, tiny, cells, jobs=0, out=clone / "runs")
    source = next((clone / "runs").rglob("seed-0.parquet"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (source.stat().st_size // 2, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            submit.gather(entry, tiny, cells, clone / "runs", maker)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not [path for path in tiny.records.rglob("*") if path.is_file()]
    submit.gather(entry, tiny, cells, clone / "runs", maker)
    assert tiny.path("exact-competing", "mine", 0).with_suffix(".parquet").read_bytes() == source.read_bytes()


def test_a_forged_record_stops_a_submission(clone: Path) -> None:
    tiny = boards.load(clone / "leaderboards" / "tiny")
    entry = submit.listed("mine", tiny)
    for seed in tiny.seeds:
        path = tiny.path("exact-competing", "mine", seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"schema": 1}', encoding="utf-8")
    with pytest.raises(MorlbenchError, match="cannot be read"):
        submit.verified(entry, tiny)


# the page and the workflow


def commands(page: str) -> list[list[str]]:
    """Return every morlbench command of a page's shell blocks."""
    blocks = re.findall(r"```\n(.*?)```", page, re.DOTALL)
    return [shlex.split(line)[1:] for block in blocks for line in map(str.strip, block.splitlines()) if line.startswith("morlbench ")]


def test_every_command_of_the_page_exists_with_its_options() -> None:
    import typer.main

    found = commands((ROOT / "docs" / "submitting.md").read_text(encoding="utf-8"))
    assert {words[0] for words in found} == {"new", "check", "submit", "verify"}
    group = typer.main.get_command(cli.app)
    for words in found:
        command = cast("typer.core.TyperGroup", group).commands[words[0]]
        command.make_context(words[0], words[1:])


def test_the_boards_of_the_page_exist() -> None:
    page = (ROOT / "docs" / "submitting.md").read_text(encoding="utf-8")
    for name in re.findall(r"--board (\S+)|leaderboards/(\w+)/levels", page):
        assert (next(filter(None, name))) in boards.names()


@pytest.mark.slow
def test_the_walk_of_the_page_works_with_the_method_that_new_writes(clone: Path) -> None:
    scaffold.command("methods", "my-method", clone / "methods")
    registry.forget()
    rules = clone / "leaderboards" / "tiny" / "board.toml"
    rules.write_text(rules.read_text(encoding="utf-8").replace('"mine"', '"my-method"'), encoding="utf-8")
    assert console.guarded(lambda: cli.app(["check", "method", "my-method"])) == 0
    assert console.guarded(lambda: cli.app(["submit", "my-method", "--board", str(rules.parent), "--jobs", "0"])) == 0
    assert console.guarded(lambda: cli.app(["verify", str(rules.parent), "--rerun", "1", "--write"])) == 0


def test_the_workflow_holds_no_secret_and_runs_only_trusted_code() -> None:
    text = (ROOT / ".github" / "workflows" / "submission.yml").read_text(encoding="utf-8")
    flow = yaml.safe_load(text)
    assert "secrets" not in text.replace("No secret", "")
    assert set(flow[True]) == {"pull_request"}  # YAML reads `on` as true
    assert flow["permissions"] == {"contents": "read"}
    (job,) = flow["jobs"].values()
    target, *scripts = (step for step in job["steps"] if "run" in step)
    assert target["run"].startswith('echo "sha=$(git rev-parse ')  # asks git alone
    assert all(step["working-directory"] == "trusted" for step in scripts)
    assert all("${{" not in step["run"] for step in (target, *scripts))  # nothing of the pull request reaches a shell
    outs = [step["with"] for step in job["steps"] if "checkout" in step.get("uses", "")]
    assert all(out["persist-credentials"] is False for out in outs)
    assert [out["path"] for out in outs] == ["submitted", "trusted"]
    words = shlex.split(scripts[-1]["run"])
    assert words == ["morlbench", "verify", "../submitted/leaderboards", "--against", "leaderboards"]


def test_a_pull_request_is_held_against_the_main_branch_that_it_was_merged_with(clone: Path, tmp_path: Path) -> None:
    def add(name: str) -> str:
        (clone / name).write_text(name, encoding="utf-8")
        git(clone, "add", name)
        git(clone, "commit", "-qm", name)
        return git(clone, "rev-parse", "HEAD").strip()

    opened = git(clone, "rev-parse", "HEAD").strip()
    git(clone, "switch", "-qc", "submission")
    add("theirs")
    git(clone, "switch", "-q", "main")
    moved = add("merged-since")
    git(clone, "switch", "-q", "--detach", "main")
    git(clone, "merge", "-q", "--no-ff", "-m", "What refs/pull/N/merge holds", "submission")

    flow = yaml.safe_load((ROOT / ".github" / "workflows" / "submission.yml").read_text(encoding="utf-8"))
    steps = flow["jobs"]["verify"]["steps"]
    theirs, ours = (next(step for step in steps if step.get("with", {}).get("path") == path) for path in ("submitted", "trusted"))
    step = next(step for step in steps if step.get("id") == "target")
    assert steps.index(theirs) < steps.index(step) < steps.index(ours)
    assert theirs["with"]["fetch-depth"] == 2
    assert ours["with"]["ref"] == "${{ steps.target.outputs.sha }}"
    told = tmp_path / "told"
    subprocess.run(["bash", "-ec", step["run"]], cwd=clone, env={**os.environ, "GITHUB_OUTPUT": str(told)}, check=True)
    assert told.read_text(encoding="utf-8") == f"sha={moved}\n"
    assert moved != opened


def test_the_main_branch_asks_whether_the_boards_are_what_their_records_give() -> None:
    flow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    step = next(step for step in flow["jobs"]["test"]["steps"] if step.get("run") == "make boards")
    assert step["if"] == "github.event_name == 'push'"  # a submission leaves ranking to the maintainers
    rule = re.search(r"^boards:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)[1]
    assert re.findall(r"morlbench rank (\S+) --check", rule) == list(boards.names())
