"""Plugins are found by folder or entry point, listed without importing them, and unknown names get the nearest."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from honest import HonestMethod

from morlbench import registry
from morlbench.errors import BadInput
from morlbench.registry import Kind

METRIC = '''"""Loud: a metric that would print if it were imported."""
raise RuntimeError("imported")
'''


@pytest.fixture
def entry(monkeypatch: pytest.MonkeyPatch, plugin_roots: dict[Kind, Path]) -> object:
    """Return a function that registers entry points of one kind."""

    def register(kind: Kind, **entries: str) -> None:
        found = [EntryPoint(name, value, f"morlbench.{kind}") for name, value in entries.items()]
        monkeypatch.setattr(registry, "entry_points", lambda group: found if group == f"morlbench.{kind}" else [])
        registry.forget()

    return register


def test_a_folder_and_a_file_are_found_under_their_kebab_name(plugin_roots: dict[Kind, Path]) -> None:
    (plugin_roots["methods"] / "two_words").mkdir()
    (plugin_roots["methods"] / "two_words" / "__init__.py").write_text('"""Two words: first line.\n\nMore."""\n')
    (plugin_roots["metrics"] / "loud_number.py").write_text(METRIC)
    assert "two-words" in registry.names("methods")
    assert registry.summary("methods", "two-words") == "Two words: first line."
    assert registry.folder("methods", "two-words") == plugin_roots["methods"] / "two_words"
    assert registry.summary("metrics", "loud-number") == "Loud: a metric that would print if it were imported."
    assert registry.folder("metrics", "loud-number") is None


@pytest.mark.parametrize("hidden", ["_private.py", ".cache.py", "notes.txt", "README.md"])
def test_what_is_no_plugin_is_not_listed(hidden: str, plugin_roots: dict[Kind, Path]) -> None:
    before = registry.names("metrics")
    (plugin_roots["metrics"] / hidden).write_text("")
    (plugin_roots["metrics"] / "data_only").mkdir()
    registry.forget()
    assert registry.names("metrics") == before


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('"""Plain."""\n', "Plain."),
        ('"""\nSecond line.\n"""\n', "Second line."),
        ("'''Other quotes.'''\n", "Other quotes."),
        ('# comment\n"""After a comment."""\n', "After a comment."),
        ('r"""Raw \\d."""\n', "Raw \\d."),
        ('"""With "quotes" inside."""\n', 'With "quotes" inside.'),
        ("x = 1\n", ""),
        ("def broken(:\n", "(its source cannot be read)"),
    ],
)
def test_a_summary_is_the_first_line_of_the_docstring(text: str, line: str, plugin_roots: dict[Kind, Path]) -> None:
    (plugin_roots["metrics"] / "odd_one.py").write_text(text)
    assert registry.summary("metrics", "odd-one") == line


def test_an_unknown_name_answers_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="unknown method 'rewarded-soup'; did you mean 'rewarded-soups'"):
        registry.load("methods", "rewarded-soup")
    with pytest.raises(BadInput, match="did you mean 'rewarded-soups'"):
        registry.load("methods", "Rewarded_Soups")
    with pytest.raises(BadInput, match=r"known: .*rewarded-soups"):
        registry.summary("methods", "qqqq")


@pytest.mark.parametrize("body", ["x = 1\n", "from honest import HonestMethod\n"])
def test_a_plugin_that_defines_no_class_of_its_own_is_refused(body: str, plugin_roots: dict[Kind, Path]) -> None:
    name = f"hollow_{len(body)}"
    (plugin_roots["methods"] / f"{name}.py").write_text(body)
    with pytest.raises(BadInput, match="must define exactly one Method; it defines 0"):
        registry.load("methods", name.replace("_", "-"))


def test_an_entry_point_is_listed_without_being_imported_and_loaded_by_name(entry, tmp_path, monkeypatch) -> None:
    package = tmp_path / "outside_loud" / "inner"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (package / "__init__.py").write_text('"""Inner: far away."""\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    entry("methods", honest="honest:HonestMethod", loud="outside_loud.inner:Loud")
    assert {"honest", "loud"} <= set(registry.names("methods"))
    assert registry.summary("methods", "loud") == "Inner: far away."
    assert registry.folder("methods", "loud") == package
    assert "outside_loud" not in sys.modules
    assert registry.load("methods", "honest") is HonestMethod


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("no_such_module_at_all:X", "cannot be loaded: No module named"),
        ("honest:NoSuchClass", "cannot be loaded: module 'honest' has no attribute"),
        ("honest:HonestTask", "must name a Method class"),
        ("honest:METHOD_CARD", "must name a Method class"),
    ],
)
def test_a_broken_entry_point_is_one_sentence(value: str, sentence: str, entry) -> None:
    entry("methods", wrong=value)
    with pytest.raises(BadInput, match=sentence):
        registry.load("methods", "wrong")


def test_a_name_taken_twice_is_refused(entry) -> None:
    entry("methods", base="honest:HonestMethod")
    with pytest.raises(BadInput, match="method 'base' exists twice"):
        registry.load("methods", "base")
