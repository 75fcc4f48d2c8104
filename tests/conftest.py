"""Fixtures shared by tests: a store, a base and a task that need no torch, and plugin roots that a test may add to."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from honest import CannedBase

import morlbench.methods
import morlbench.metrics
import morlbench.tasks
from morlbench import registry
from morlbench.check.toy import Toy
from morlbench.registry import Kind
from morlbench.store import Store


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or fills the user's own store; tests of one session share one."""
    monkeypatch.setenv("MORLBENCH_HOME", str(tmp_path_factory.getbasetemp() / "home"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def canned_base() -> CannedBase:
    return CannedBase()


@pytest.fixture
def toy() -> Toy:
    return Toy()


@pytest.fixture
def plugin_roots(tmp_path: Path) -> Iterator[dict[Kind, Path]]:
    """Three empty folders, searched for plugins like the package's own."""
    packages = {"methods": morlbench.methods, "tasks": morlbench.tasks, "metrics": morlbench.metrics}
    roots: dict[Kind, Path] = {}
    for kind, package in packages.items():
        roots[kind] = tmp_path / kind
        roots[kind].mkdir()
        package.__path__.append(str(roots[kind]))
    registry.forget()
    yield roots
    for package in packages.values():
        package.__path__.pop()
    registry.forget()
