"""The command line from the outside: exit codes, one sentence per mistake, JSON alone on stdout, nothing half-written."""

import errno
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest
from honest import HonestMethod

from morlbench import cli, console, launch, record, registry, scaffold
from morlbench.configure import build, changed, configure, parse_budget, parse_seeds, variant
from morlbench.errors import BadInput
from morlbench.registry import Kind

NOT_A_NUMBER = '''"""A task whose scorer fails."""
from morlbench.check.toy import Toy

class NotANumber(Toy):
    """Score everything NaN."""
    name = "not-a-number"

    def score(self, prompts, responses):
        return super().score(prompts, responses) * float("nan")
'''
RUN = ("run", "--method", "base", "--task", "exact-competing")


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one line of complaint on stderr."""
        lines = [line for line in self.err.splitlines() if line.startswith("morlbench: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0].removeprefix("morlbench: ")


Command = Callable[..., Result]


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Return a function that runs one command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*words: object) -> Result:
        capfd.readouterr()
        code = console.guarded(lambda: cli.app([str(word) for word in words]))
        out, err = capfd.readouterr()
        return Result(code, out, err)

    return call


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one real run."""
    out = tmp_path_factory.mktemp("kept")
    assert console.guarded(lambda: cli.app([*RUN, "--out", str(out)])) == 0
    return out


def visible(folder: Path) -> list[str]:
    """Return the names of the files under a folder, locks aside."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")


# run


def test_a_run_writes_record_and_plots_and_prints_a_table(kept: Path) -> None:
    folder = kept / "exact-competing" / "base"
    assert visible(folder) == ["front.png", "front.svg", "seed-0.json", "seed-0.parquet"]
    assert record.load(folder / "seed-0.json").evidence.method.name == "base"


def test_an_equal_record_is_reused_and_fresh_runs_again(kept: Path, command: Command) -> None:
    path = kept / "exact-competing" / "base" / "seed-0.json"
    before = path.stat().st_mtime_ns
    again = command(*RUN, "--out", kept)
    assert again.code == 0
    assert "1 of 1 reused" in again.out
    assert path.stat().st_mtime_ns == before
    old = record.without_costs(path)
    assert command(*RUN, "--out", kept, "--fresh").code == 0
    assert path.stat().st_mtime_ns > before
    assert record.without_costs(path) == old


def test_a_record_of_other_settings_is_not_reused(kept: Path) -> None:
    base = launch.plan(launch.Request("base", "exact-competing", out=kept))
    other = launch.plan(launch.Request("base", "exact-competing", preference="1,0", out=kept))
    assert base.folder != other.folder
    keys = [launch.expected_key(base, "exact-0", 0), launch.expected_key(base, "exact-0", 1), launch.expected_key(base, "exact-1", 0)]
    assert len({*keys, launch.expected_key(other, "exact-0", 0)}) == 4


def test_json_is_alone_on_stdout_and_equals_the_score_of_the_record(kept: Path, command: Command) -> None:
    ran = command(*RUN, "--out", kept, "--json")
    scored = command("score", kept, "--json")
    answer = json.loads(ran.out)
    assert set(answer) == {"records", "plots", "scores"}
    assert answer["scores"] == json.loads(scored.out)
    assert "base on exact-competing" in ran.err
    assert all(Path(path).is_file() for path in answer["records"] + answer["plots"])


def test_score_and_plot_read_stored_records(kept: Path, command: Command, tmp_path: Path) -> None:
    assert "hypervolume" in command("score", kept / "exact-competing" / "base" / "seed-0.json").out
    assert command("plot", kept, "--out", tmp_path / "figure").code == 0
    assert (tmp_path / "figure.png").stat().st_size > 1000
    assert (tmp_path / "figure.svg").read_text().lstrip().startswith("<?xml")


def test_ctrl_c_leaves_no_broken_file(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("morlbench.table.write", interrupted)
    result = command(*RUN, "--out", tmp_path)
    assert result.code == 130
    assert "interrupted" in result.sentence
    assert visible(tmp_path) == []


def test_a_full_disk_is_one_sentence_and_leaves_no_broken_file(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(probes: object, path: Path) -> None:
        path.write_bytes(b"half a fi")
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("morlbench.table.write", full)
    result = command(*RUN, "--out", tmp_path)
    assert result.code == 1
    assert "the disk is full" in result.sentence
    assert visible(tmp_path) == []


# bad arguments


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--method", "rewarded-soup"), "did you mean 'rewarded-soups'"),
        (("--task", "exact-compeeting"), "did you mean 'exact-competing'"),
        (("--base", "nono"), "did you mean 'nano'"),
        (("--base", "nano"), "takes only the base 'exact'"),
        (("--base", "no/such/folder"), "could not be read"),
        (("--budget", "quik"), "expected one of smoke, quick, standard, full"),
        (("--budget", "0"), "too small"),
        (("--budget", "10", "--method", "rewarded-soups"), "too small"),
        (("--seeds", "4..0"), "must count upwards"),
        (("--seeds", "x"), "is not a seed"),
        (("--seeds", ""), "is not a seed"),
        (("--seed", "1", "--seeds", "0..1"), "not both"),
        (("--preference", ".7,.4"), "sum to 1"),
        (("--preference", "-.5,1.5"), "non-negative"),
        (("--preference", "nan,1"), "not finite"),
        (("--preference", "a,b"), "not a list of numbers"),
        (("--preference", "1"), "has 1 weights; the task has 2"),
        (("--set", "rank=8"), "has no settings"),
        (("--method", "rewarded-soups", "--set", "rnak=8"), "did you mean 'rank'"),
        (("--method", "rewarded-soups", "--set", "rank=0"), "setting 'rank': input should be greater than or equal to 1"),
        (("--method", "rewarded-soups", "--set", "rank=many"), "given 'many'"),
        (("--method", "rewarded-soups", "--set", "rate=nan"), "setting 'rate'"),
        (("--method", "rewarded-soups", "--set", "rank"), "not of the form key=value"),
        (("--method", "rewarded-soups", "--set", "rank=1", "--set", "rank=2"), "twice"),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, tuple) else "",
)
def test_a_bad_argument_is_one_sentence_and_code_2(words: tuple[str, ...], sentence: str, command: Command, tmp_path: Path) -> None:
    asked = dict(zip(RUN[1::2], RUN[2::2], strict=True))
    for option in ("--method", "--task"):
        if option in words:
            asked.pop(option)
    result = command("run", *(word for pair in asked.items() for word in pair), *words, "--out", tmp_path / "out")
    assert sentence in result.sentence
    assert result.code == 2
    assert not list(tmp_path.iterdir())


def test_an_output_folder_that_is_a_file_is_refused_before_any_work(command: Command, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    result = command(*RUN, "--out", tmp_path / "taken")
    assert (result.code, (tmp_path / "taken").read_text()) == (2, "mine")
    assert "is a file" in result.sentence


@pytest.mark.parametrize("words", [("list",), ("run", "--metod", "base"), ("run",), ("check", "method"), ("nothing",)])
def test_what_typer_refuses_is_code_2_without_a_traceback(words: tuple[str, ...], command: Command) -> None:
    result = command(*words)
    assert result.code == 2
    assert "Error:" in result.err
    assert "Traceback" not in result.err


def test_a_scorer_that_returns_nan_is_one_sentence(command: Command, plugin_roots: dict[Kind, Path]) -> None:
    (plugin_roots["tasks"] / "not_a_number.py").write_text(NOT_A_NUMBER)
    registry.forget()
    result = command("run", "--method", "base", "--task", "not-a-number")
    assert result.code == 1
    assert "'not-a-number' returned nan for 'echo'" in result.sentence


# records that cannot be used


def spoil(path: Path, how: str) -> None:
    text = path.read_text()
    edits = {
        "truncated": text[: len(text) // 2],
        "newer": text.replace('"schema": 1', '"schema": 99'),
        "edited": text.replace('"seed": 0', '"seed": 3'),
    }
    path.write_text(edits[how])


@pytest.mark.parametrize(("how", "sentence"), [("truncated", "not valid JSON"), ("newer", "'schema' is 99"), ("edited", "it was edited")])
def test_a_record_that_cannot_be_used_is_one_sentence(how: str, sentence: str, kept: Path, command: Command, tmp_path: Path) -> None:
    for path in (kept / "exact-competing" / "base").glob("seed-0.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    spoil(tmp_path / "seed-0.json", how)
    for words in (("score", tmp_path), ("score", tmp_path / "seed-0.json", "--json"), ("plot", tmp_path)):
        result = command(*words)
        assert (result.code, result.out) == (1, "")
        assert sentence in result.sentence


def test_a_broken_record_beside_a_good_one_does_not_hide_it(kept: Path, command: Command, tmp_path: Path) -> None:
    for path in (kept / "exact-competing" / "base").glob("seed-0.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
        (tmp_path / path.name.replace("0", "1")).write_bytes(path.read_bytes())
    spoil(tmp_path / "seed-1.json", "truncated")
    result = command("score", tmp_path)
    assert result.code == 1
    assert "seed-1.json" in result.sentence
    assert "hypervolume" in result.out


def test_a_missing_record_is_one_sentence(command: Command, tmp_path: Path) -> None:
    assert "no such file" in command("score", tmp_path / "nothing.json").sentence
    assert "holds no record" in command("score", tmp_path).sentence
    (tmp_path / "notes.md").write_text("no record")
    assert "notes.md: is no record; expected a file named seed-N.json" in command("score", tmp_path / "notes.md").sentence


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("list", "method"), "unknown kind 'method'; did you mean 'methods'?"),
        (("check", "thing", "mod"), "unknown kind 'thing'; known: method, task, metric"),
        (("new", "tasks", "x"), "unknown kind 'tasks'; did you mean 'task'?"),
    ],
)
def test_an_unknown_kind_of_plugin_is_one_sentence(words: tuple[str, ...], sentence: str, command: Command) -> None:
    result = command(*words)
    assert result.code == 2
    assert sentence in result.sentence


def test_a_preference_of_mistyped_numbers_is_seen_before_anything_is_imported(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "load", lambda *_: pytest.fail("a method was loaded"))
    for words in (("--preference", ".7,.7"), ("--preference", ".7,a"), ("--budget", "0"), ("--seeds", "x")):
        assert command("run", "--method", "mod", "--task", "exact-competing", *words).code == 2


# list, check, new


def test_the_version_is_the_installed_packages(command: Command) -> None:
    assert command("--version").out == f"morlbench {metadata.version('morlbench')}\n"


@pytest.mark.parametrize(("given", "found"), [({}, "1"), ({"THP_MEM_ALLOC_ENABLE": "0"}, "0")])
def test_large_tensors_get_large_pages_unless_the_user_says_otherwise(
    given: dict[str, str], found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {name: value for name, value in os.environ.items() if name != "THP_MEM_ALLOC_ENABLE"}
    monkeypatch.setattr(os, "environ", kept | given)
    monkeypatch.setattr(sys, "argv", ["morlbench", "--version"])
    with pytest.raises(SystemExit):
        cli.main()
    assert os.environ["THP_MEM_ALLOC_ENABLE"] == found


def test_lists_are_the_same_as_text_and_as_json(command: Command) -> None:
    for kind in ("methods", "tasks", "metrics", "bases"):
        rows = json.loads(command("list", kind, "--json").out)
        text = command("list", kind).out
        assert rows
        assert all(set(row) == {"name", "summary"} and row["summary"] for row in rows)
        assert all(f"{row['name']} " in text and row["summary"] in text for row in rows)


def test_check_says_which_promise_is_broken_and_fails(command: Command, plugin_roots: dict[Kind, Path]) -> None:
    path = scaffold.write("metrics", "my-number", plugin_roots["metrics"])
    registry.forget()
    good = command("check", "metric", "my-number")
    assert (good.code, good.out.splitlines()[-1]) == (0, "my-number keeps its 8 promises")
    path.write_text(path.read_text().replace("my-number", "your-number").replace("MyNumber", "Second"))
    (plugin_roots["metrics"] / "other_number.py").write_text(path.read_text())
    registry.forget()
    bad = command("check", "metric", "other-number", "--json")
    answer = json.loads(bad.out)
    assert (bad.code, answer["kept"]) == (1, False)
    assert [p["promise"] for p in answer["promises"] if not p["kept"]] == ["declares what it is"]
    assert command("check", "metric", "no-number").code == 2


@pytest.mark.parametrize("kind", ["method", "task", "metric"])
def test_what_new_writes_passes_its_check(kind: str, command: Command, plugin_roots: dict[Kind, Path]) -> None:
    root = plugin_roots[cli._KINDS[kind]]
    made = command("new", kind, f"brand-new-{kind}", "--into", root)
    assert made.code == 0
    assert f"brand_new_{kind}" in made.out
    registry.forget()
    checked = command("check", kind, f"brand-new-{kind}")
    assert checked.code == 0, checked.out


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("My_Method", "try 'my-method'"),
        ("myMethod", "try 'my-method'"),
        ("9lives", "try 'lives'"),
        ("--", "kebab-case, such as"),
        ("../up", "try 'up'"),
        ("base", "exists already"),
        ("import", "Python keyword"),
        ("a" * 51, "kebab-case"),
    ],
)
def test_a_bad_name_for_a_new_plugin_is_refused(name: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=sentence):
        scaffold.write("methods", name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_new_never_overwrites(tmp_path: Path) -> None:
    scaffold.write("methods", "once", tmp_path)
    with pytest.raises(BadInput, match="exists already"):
        scaffold.write("methods", "once", tmp_path)
    with pytest.raises(BadInput, match="is no folder"):
        scaffold.write("methods", "once", tmp_path / "nowhere")


# words to values


def test_a_variant_is_named_after_what_differs_from_the_defaults() -> None:
    assert changed(configure(HonestMethod)) == {}
    assert changed(configure(HonestMethod, ["share=0.5"])) == {}
    assert variant("honest", changed(configure(HonestMethod, ["share=.25"]))) == "honest+share=0.25"
    assert variant("m", {"a_b": (1, 2), "c": True}) == "m+a-b=1,2+c=True"


def test_values_that_differ_get_folders_that_differ_and_short_ones_keep_their_names() -> None:
    def folder(preference: str, rate: str) -> str:
        settings = (f"rate={rate}",)
        return launch.plan(launch.Request("linear-scalarization", "exact-competing", preference=preference, settings=settings)).folder.name

    assert folder(".7,.3", "1e-3") == "linear-scalarization+rate=0.001+preference=0.7,0.3"
    assert folder(".7,.3", "0.0012345671") != folder(".7,.3", "0.0012345674")
    assert folder("0.3333333,0.6666667", "1e-3") != folder("0.33333333,0.66666667", "1e-3")
    assert variant("m", {"rate": 0.0012345671}) == "m+rate=0.0012345671"
    assert variant("m", {"preference": (1.0, 0.0)}) == "m+preference=1,0"


def test_a_variant_that_no_file_name_can_hold_is_told_apart_by_a_hash() -> None:
    one, two = variant("m", {"base": "../a b"}), variant("m", {"base": "../a:b"})
    assert one != two
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-+=~") and len(name) < 120 for name in (one, two))
    assert len(variant("m", {"x": "y" * 500})) < 120


def test_budgets_and_seeds_are_read() -> None:
    assert (parse_budget("smoke"), parse_budget("4_096"), parse_budget("512")) == (256, 4096, 512)
    assert parse_budget("4,096") == 4096
    for several in ("256,4096", "1,2", "40,96", ",256"):
        with pytest.raises(BadInput, match="unknown budget"):
            parse_budget(several)
    assert (parse_seeds("0..3"), parse_seeds("5"), parse_seeds("1,4..5")) == ((0, 1, 2, 3), (5,), (1, 4, 5))
    with pytest.raises(BadInput, match="is not a seed"):
        parse_seeds("")


def test_settings_built_from_values_are_checked_alike() -> None:
    assert build(HonestMethod, {"share": 1}) == HonestMethod(share=1.0)
    with pytest.raises(BadInput, match=r"'share'.*bounds: >= 0.*<= 1.*given 2"):
        build(HonestMethod, {"share": 2})
    with pytest.raises(BadInput, match="did you mean 'share'"):
        build(HonestMethod, {"shar": 2})


def test_settings_that_only_fit_together_are_judged_together() -> None:
    gate = registry.load("methods", "moe-cmab")
    made = configure(gate, ["tune_share=.2", "expert_share=.6", "tuned=5"])
    assert changed(made) == {"expert_share": 0.6, "tune_share": 0.2, "tuned": 5}
    with pytest.raises(BadInput, match="leave the gate nothing"):
        configure(gate, ["tune_share=.2"])
