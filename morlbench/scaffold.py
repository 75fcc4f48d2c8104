"""`morlbench new`: write a small plugin that runs and passes `morlbench check`, as a place to start from.

A method or task is a folder with its code and its card, a metric one file. Nothing that exists is overwritten, and a folder
appears whole or not at all.
"""

import keyword
import re
import tempfile
from pathlib import Path

from morlbench import console, registry
from morlbench.errors import BadInput
from morlbench.registry import Kind

TEMPLATES = Path(__file__).parent / "templates"
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def command(kind: Kind, name: str, into: Path | None) -> None:
    """Write the plugin and say what to do next."""
    path = write(kind, name, into or checkout(kind))
    one = kind.removesuffix("s")
    console.say(f"wrote {path}")
    if into is None:
        console.say(f"next: edit it, then `morlbench check {one} {name}`")
        return
    module = f"YOUR_PACKAGE.{module_name(name)}:{class_name(name)}"
    console.say(f'next: add the entry point [project.entry-points."morlbench.{kind}"] {name} = "{module}" to your pyproject.toml,')
    console.say(f"install your package, edit the plugin, then `morlbench check {one} {name}`")


def write(kind: Kind, name: str, root: Path) -> Path:
    """Write a new plugin under `root` and return its folder (a metric's file); raise BadInput for a bad or taken name."""
    _check_name(kind, name)
    if not root.is_dir():
        raise BadInput(f"{root} is no folder")
    target = root / (f"{module_name(name)}.py" if kind == "metrics" else module_name(name))
    if target.exists():
        raise BadInput(f"{target} exists already; choose another name")
    with tempfile.TemporaryDirectory(prefix=".new-", dir=root) as scratch:
        made = Path(scratch) / target.name
        if kind == "metrics":
            made.write_text(_filled(kind, "metric.py", name), encoding="utf-8")
        else:
            made.mkdir()
            for file in ("__init__.py", "README.md"):
                (made / file).write_text(_filled(kind, file, name), encoding="utf-8")
        made.rename(target)
    return target


def checkout(kind: Kind) -> Path:
    """Return the folder of that kind in the checkout morlbench is installed from, or raise BadInput."""
    root = Path(__file__).resolve().parent.parent
    if (root / "pyproject.toml").is_file() and (root / kind / "__init__.py").is_file():
        return root / kind
    raise BadInput("morlbench is not installed from a checkout; name the folder of your own package with --into")


def module_name(name: str) -> str:
    """Return 'my_method' for 'my-method'."""
    return name.replace("-", "_")


def class_name(name: str) -> str:
    """Return 'MyMethod' for 'my-method'."""
    return "".join(word.capitalize() for word in name.split("-"))


def _check_name(kind: Kind, name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > 50:
        better = re.sub(r"[^a-z0-9]+", "-", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()).strip("-").lstrip("0123456789-")[:50]
        raise BadInput(f"name {name!r} is not kebab-case{f'; try {better!r}' if better else ', such as my-name'}")
    if name in registry.names(kind):
        raise BadInput(f"{kind.removesuffix('s')} {name!r} exists already; choose another name")
    if keyword.iskeyword(name):
        raise BadInput(f"name {name!r} is a Python keyword; choose another name")


def _filled(kind: Kind, file: str, name: str) -> str:
    from jinja2 import Environment, StrictUndefined

    text = (TEMPLATES / kind / f"{file}.jinja").read_text(encoding="utf-8")
    page = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False).from_string(text)
    return page.render(name=name, title=name.replace("-", " ").capitalize(), cls=class_name(name))
