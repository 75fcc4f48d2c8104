"""Who may import whom, and what listing may load. Every rule is shown to reject a planted violation."""

import ast
import json
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("methods", "tasks", "metrics", "leaderboards")
TORCH = {"torch", "transformers", "trl", "peft", "torchjd", "accelerate"}
HEAVY = {"torch", "transformers", "pandas", "matplotlib", "numpy", "pyarrow", "scipy", "moocore", "pymoo", "pydantic"}


@dataclass(frozen=True)
class Import:
    """One import statement: the file, the module it names in full, and its line."""

    path: Path
    module: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line} imports {self.module}"


def module_of(path: Path, root: Path) -> str:
    """Return the installed name of a file: methods/a/b.py is morlbench.methods.a.b."""
    parts = path.relative_to(root).with_suffix("").parts
    parts = parts if parts[0] == "morlbench" else ("morlbench", *parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, root: Path) -> Iterator[Import]:
    """Yield every module a file imports, lazily or not; `from a import b` names both a and a.b."""
    package = module_of(path, root) if path.name == "__init__.py" else module_of(path, root).rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(path, alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            up = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*up, *([node.module] if node.module else [])])
            for alias in node.names:
                yield Import(path, f"{module}.{alias.name}", node.lineno)


def sources(root: Path, *folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((root / folder).rglob("*.py"))


def under(module: str, parents: set[str]) -> bool:
    return any(module == parent or module.startswith(f"{parent}.") for parent in parents)


def core_that_imports_plugins(root: Path) -> list[Import]:
    """morlbench/ imports nothing from the four roots."""
    roots = {f"morlbench.{kind}" for kind in KINDS}
    return [found for path in sources(root, "morlbench") for found in imports(path, root) if under(found.module, roots)]


def plugins_that_import_sideways(root: Path) -> list[Import]:
    """A plugin imports from the four roots only what is its own."""
    wrong = []
    roots = {f"morlbench.{kind}" for kind in KINDS} | set(KINDS)
    for kind in KINDS:
        for path in sources(root, kind):
            own = ".".join(module_of(path, root).split(".")[:3])
            wrong += [found for found in imports(path, root) if under(found.module, roots) and not under(found.module, {own})]
    return wrong


def torch_outside_its_place(root: Path) -> list[Import]:
    """Only morlbench/lm imports torch and its kin; so may methods and tasks, which build on it; metrics and boards may not."""
    free = [path for path in sources(root, "morlbench", "metrics", "leaderboards") if not path.is_relative_to(root / "morlbench" / "lm")]
    return [found for path in free for found in imports(path, root) if under(found.module, TORCH) and not _names_logging(found)]


def metrics_that_see_models(root: Path) -> list[Import]:
    """A metric is computed from records: it imports neither morlbench.lm, a bench that trains, nor the run."""
    live = {"morlbench.lm", "morlbench.run", "morlbench.probe", "morlbench.launch"}
    return [found for path in sources(root, "metrics") for found in imports(path, root) if under(found.module, live)]


def _names_logging(found: Import) -> bool:
    """console.py turns transformers' own log off; that is all it may import."""
    return found.path.name == "console.py" and found.module == "transformers.utils.logging"


RULES = [core_that_imports_plugins, plugins_that_import_sideways, torch_outside_its_place, metrics_that_see_models]

PLANTED = [
    (core_that_imports_plugins, "morlbench/run.py", "from morlbench.methods.mod import Mod"),
    (core_that_imports_plugins, "morlbench/run.py", "def f():\n    import morlbench.tasks.fluency"),
    (core_that_imports_plugins, "morlbench/lm/train.py", "from ..metrics import hypervolume"),
    (plugins_that_import_sideways, "methods/a/__init__.py", "from morlbench.methods.b import B"),
    (plugins_that_import_sideways, "methods/a/__init__.py", "from ..b import B"),
    (plugins_that_import_sideways, "methods/a/gate.py", "from morlbench.tasks import toy"),
    (plugins_that_import_sideways, "methods/a/gate.py", "from tasks.toy import Toy"),
    (plugins_that_import_sideways, "metrics/a.py", "from morlbench.metrics.b import B"),
    (plugins_that_import_sideways, "leaderboards/a/__init__.py", "import morlbench.methods.b"),
    (torch_outside_its_place, "morlbench/score.py", "def f():\n    import torch"),
    (torch_outside_its_place, "morlbench/console.py", "from transformers import AutoModel"),
    (torch_outside_its_place, "metrics/a.py", "from torch import nn"),
    (metrics_that_see_models, "metrics/a.py", "from morlbench.lm.base import Base"),
]

ALLOWED = [
    (
        "methods/a/__init__.py",
        "from .gate import Gate\nfrom morlbench.methods.a.gate import Gate\nimport torch\nfrom morlbench.lm import train",
    ),
    ("methods/a/sub/deep.py", "from ..gate import Gate"),
    ("tasks/t/__init__.py", "from . import rewards\nfrom morlbench.task import Task"),
    ("metrics/a.py", "from morlbench import front\nfrom morlbench.metric import Metric"),
    ("morlbench/lm/train.py", "import torch\nfrom morlbench.bench import Bench"),
    ("morlbench/registry.py", "import importlib\nx = 'morlbench.methods.mod'"),
]


def plant(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(f"{text}\n", encoding="utf-8")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_arrows_hold(rule) -> None:
    assert [str(found) for found in rule(ROOT)] == []


@pytest.mark.parametrize(("rule", "path", "text"), PLANTED, ids=[f"{r.__name__}-{i}" for i, (r, _, _) in enumerate(PLANTED)])
def test_a_planted_violation_is_found(rule, path: str, text: str, tmp_path: Path) -> None:
    plant(tmp_path, path, text)
    assert len(rule(tmp_path)) >= 1


def test_what_is_allowed_passes_every_rule(tmp_path: Path) -> None:
    for path, text in ALLOWED:
        plant(tmp_path, path, text)
    assert [str(found) for rule in RULES for found in rule(tmp_path)] == []


def loaded_by(*words: str) -> set[str]:
    """Return the top-level modules, and plugins, that `morlbench WORDS` has loaded when it is done."""
    code = f"""
import json, sys
from morlbench import cli, console
code = console.guarded(lambda: cli.app({list(words)!r})) if {bool(words)} else 0
print("\\n" + json.dumps([code, sorted(sys.modules)]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 0, done.stderr
    plugins = {name for name in modules if any(name.startswith(f"morlbench.{kind}.") for kind in KINDS)}
    return {name.partition(".")[0] for name in modules} | plugins


def too_much(loaded: set[str]) -> set[str]:
    return {name for name in loaded if name in HEAVY or "." in name}


def test_the_map_names_every_module() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    modules = [path.stem for folder in ("", "lm") for path in (ROOT / "morlbench" / folder).glob("*.py") if path.stem != "__init__"]
    assert len(modules) > 90
    assert [name for name in modules if not re.search(rf"\b{name}\b", page)] == []


@pytest.mark.parametrize("words", [(), ("list", "methods"), ("list", "metrics", "--json"), ("list", "bases"), ("run", "--help")])
def test_the_command_line_loads_nothing_heavy_and_no_plugin(words: tuple[str, ...]) -> None:
    assert too_much(loaded_by(*words)) == set()


def test_a_command_that_loads_a_plugin_is_noticed() -> None:
    found = too_much(loaded_by("check", "metric", "cardinality"))
    assert {"numpy", "morlbench.metrics.cardinality"} <= found


def test_listing_takes_under_four_tenths_of_a_second_of_computing() -> None:
    def seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "morlbench.cli", "list", "methods"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert any(seconds() < 0.4 for _ in range(10))  # the best of ten: work beside it takes the caches away
