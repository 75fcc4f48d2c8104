"""Find plugins by name without importing them: folders and files of the three roots, and entry points of other packages.

A plugin *is* its folder (`methods/moe_cmab/` is `moe-cmab`; a metric is one file). `names` lists, `load` imports one, an
unknown name answers with the nearest. Listing loads nothing heavy, not even numpy: contracts are imported by `load`.
Leaves out bases, which are not plugins: see `morlbench.lm.base`.
"""

import ast
import importlib
import inspect
import re
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, overload

from morlbench.errors import BadInput, unknown

if TYPE_CHECKING:
    from morlbench.method import Method
    from morlbench.metric import Metric
    from morlbench.task import Task

Kind = Literal["methods", "tasks", "metrics"]
_PLAIN = re.compile(r'"""([^"\\\n]+)("""|\n)')  # a file that opens with an ordinary docstring: its first line


@cache
def names(kind: Kind) -> tuple[str, ...]:
    """Return every name of that kind in alphabetical order, importing no plugin."""
    return tuple(sorted({*_folders(kind), *_entries(kind)}))


@overload
def load(kind: Literal["methods"], name: str) -> "type[Method]": ...
@overload
def load(kind: Literal["tasks"], name: str) -> "type[Task]": ...
@overload
def load(kind: Literal["metrics"], name: str) -> "type[Metric]": ...
def load(kind: Kind, name: str) -> "type[Method] | type[Task] | type[Metric]":
    """Import one plugin and return its class; raise BadInput for an unknown name, a clash or a plugin without a class."""
    folder, entry = _folders(kind).get(name), _entries(kind).get(name)
    if folder and entry:
        raise BadInput(f"{kind.removesuffix('s')} {name!r} exists twice: in {folder} and as entry point {entry.value!r}; uninstall one")
    if folder:
        return _only_class(f"morlbench.{kind}.{name.replace('-', '_')}", kind)
    if entry:
        return _entry_class(entry, kind)
    raise BadInput(unknown(kind.removesuffix("s"), name, names(kind)))


def source(kind: Kind, name: str) -> Path | None:
    """Return the plugin's source file, found without importing anything; None where it cannot be found."""
    if path := _folders(kind).get(name):
        return path
    if entry := _entries(kind).get(name):
        return _module_file(entry.value.partition(":")[0])
    raise BadInput(unknown(kind.removesuffix("s"), name, names(kind)))


def folder(kind: Kind, name: str) -> Path | None:
    """Return the folder that travels with the plugin (its card, its data); None where it is a single file."""
    path = source(kind, name)
    return path.parent if path and path.name == "__init__.py" else None


def summary(kind: Kind, name: str) -> str:
    """Return the first line of the plugin's module docstring, read from the source text; empty if there is none."""
    path = source(kind, name)
    if path is None:
        return ""
    try:
        text = path.read_text(encoding="utf-8")
        plain = _PLAIN.match(text)  # most files; parsing the rest would make listing slow
        return plain[1] if plain else (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    except (OSError, ValueError, SyntaxError):
        return "(its source cannot be read)"


def forget() -> None:
    """Look again at folders and entry points, for a process in which they changed."""
    for cached in (names, _folders, _entries):
        cached.cache_clear()


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
def _entries(kind: Kind) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=f"morlbench.{kind}")}


def _module_file(module: str) -> Path | None:
    """Return where `module` would be read from; only the top-level package is asked for, so that no parent is imported."""
    top, *rest = module.split(".")
    spec = find_spec(top)
    if spec is None or spec.origin is None:
        return None
    if not rest:
        return Path(spec.origin)
    stem = Path(spec.origin).parent.joinpath(*rest)
    return next((path for path in (stem / "__init__.py", stem.with_suffix(".py")) if path.is_file()), None)


def _contract(kind: Kind) -> type:
    from morlbench.method import Method
    from morlbench.metric import Metric
    from morlbench.task import Task

    contracts: dict[Kind, type] = {"methods": Method, "tasks": Task, "metrics": Metric}
    return contracts[kind]


def _entry_class(entry: EntryPoint, kind: Kind) -> "type[Method] | type[Task] | type[Metric]":
    contract = _contract(kind)
    try:
        found = entry.load()
    except (ImportError, AttributeError) as error:
        raise BadInput(f"entry point {entry.name!r} = {entry.value!r} cannot be loaded: {error}") from error
    if not (inspect.isclass(found) and issubclass(found, contract)):
        raise BadInput(f"entry point {entry.name!r} must name a {contract.__name__} class; it names {found!r}")
    return cast("type[Method] | type[Task] | type[Metric]", found)


def _only_class(module_name: str, kind: Kind) -> "type[Method] | type[Task] | type[Metric]":
    contract = _contract(kind)
    module = importlib.import_module(module_name)
    own = {
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, contract)
        and f"{value.__module__}.".startswith(f"{module_name}.")
        and not inspect.isabstract(value)
    }
    if len(own) != 1:
        raise BadInput(f"{module_name} must define exactly one {contract.__name__}; it defines {len(own)}")
    return cast("type[Method] | type[Task] | type[Metric]", own.pop())
