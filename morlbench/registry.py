"""Find plugins by name without importing them: folders and files of the four roots, and entry points of other packages.

A plugin *is* its folder (`methods/moe_cmab/` is `moe-cmab`; a metric is one file). `names` lists, `load` imports one, an
unknown name answers with the nearest. Leaves out bases, which are not plugins: see `morlbench.lm.base`.
"""

import ast
import difflib
import importlib
import inspect
from collections.abc import Iterable
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, cast, overload

from morlbench.errors import BadInput
from morlbench.method import Method
from morlbench.metric import Metric
from morlbench.task import Task

Kind = Literal["methods", "tasks", "metrics"]
_CONTRACTS: dict[Kind, type] = {"methods": Method, "tasks": Task, "metrics": Metric}


@cache
def names(kind: Kind) -> tuple[str, ...]:
    """Return every name of that kind in alphabetical order, importing no plugin."""
    return tuple(sorted({*_folders(kind), *_entries(kind)}))


@overload
def load(kind: Literal["methods"], name: str) -> type[Method]: ...
@overload
def load(kind: Literal["tasks"], name: str) -> type[Task]: ...
@overload
def load(kind: Literal["metrics"], name: str) -> type[Metric]: ...
def load(kind: Kind, name: str) -> type[Method] | type[Task] | type[Metric]:
    """Import one plugin and return its class, or raise BadInput with the nearest name."""
    if name in _folders(kind):
        return _plugin_class(f"morlbench.{kind}.{name.replace('-', '_')}", kind)
    if name in _entries(kind):
        found = entry_points(group=f"morlbench.{kind}")[name].load()
        if not (inspect.isclass(found) and issubclass(found, _CONTRACTS[kind])):
            raise BadInput(f"entry point {name!r} is no {_CONTRACTS[kind].__name__} class but {found!r}")
        return cast("type[Method] | type[Task] | type[Metric]", found)
    raise BadInput(unknown(kind.removesuffix("s"), name, names(kind)))


def summary(kind: Kind, name: str) -> str:
    """Return the first line of the plugin's module docstring, read from the source text."""
    if path := _folders(kind).get(name):
        return _first_line(path)
    module = _entries(kind)[name].partition(":")[0]
    spec = find_spec(module)
    return _first_line(Path(spec.origin)) if spec and spec.origin else ""


def folder(kind: Kind, name: str) -> Path | None:
    """Return the folder a method or task lives in, for its card and data; None for an unknown or an entry point's name."""
    path = _folders(kind).get(name)
    return path.parent if path and path.name == "__init__.py" else path


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Return the sentence that answers an unknown name: the nearest names, or where to see all."""
    known = list(known)
    near = difflib.get_close_matches(name.lower().replace("_", "-"), known, n=3, cutoff=0.5)
    if near:
        return f"unknown {kind} {name!r}; did you mean {' or '.join(repr(n) for n in near)}?"
    return f"unknown {kind} {name!r}; known: {', '.join(known)}"


@cache
def _folders(kind: Kind) -> dict[str, Path]:
    spec = find_spec(f"morlbench.{kind}")
    roots = spec.submodule_search_locations if spec and spec.submodule_search_locations else []
    found: dict[str, Path] = {}
    for root in map(Path, roots):
        for path in root.iterdir():
            if path.name.startswith(("_", ".")):
                continue
            if (path / "__init__.py").is_file():
                found[path.name.replace("_", "-")] = path / "__init__.py"
            elif path.suffix == ".py":
                found[path.stem.replace("_", "-")] = path
    return found


@cache
def _entries(kind: Kind) -> dict[str, str]:
    return {entry.name: entry.value for entry in entry_points(group=f"morlbench.{kind}")}


def _plugin_class(module_name: str, kind: Kind) -> type:
    module = importlib.import_module(module_name)
    contract = _CONTRACTS[kind]
    own = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, contract)
        and value.__module__.startswith(module_name)
        and not inspect.isabstract(value)
    ]
    if len(own) != 1:
        raise BadInput(f"{module_name} must define exactly one {contract.__name__}; it defines {len(own)}")
    return own[0]


def _first_line(path: Path) -> str:
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return doc.partition("\n")[0]
