"""A clean environment that holds a wheel of the tracked files: what a user gets from `pip install`, made without a network."""

import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OFFLINE = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "-q"]


@dataclass(frozen=True)
class Installed:
    """A wheel and the environment it is installed in, outside the repository."""

    wheel: Path
    venv: Path

    def run(self, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run the installed `morlbench` from another folder."""
        return subprocess.run([str(self.venv / "bin" / "morlbench"), *words], cwd=cwd, capture_output=True, text=True, check=False)

    def python(self, code: str, *, cwd: Path) -> str:
        done = subprocess.run([str(self.venv / "bin" / "python"), "-c", code], cwd=cwd, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def install(self, source: Path) -> None:
        """Install a folder or wheel into the environment."""
        pip = [sys.executable, "-m", "pip", "--python", str(self.venv / "bin" / "python"), "install", *OFFLINE]
        subprocess.run([*pip, str(source)], check=True, capture_output=True, text=True)


def tracked() -> list[str]:
    """Return the repository's tracked files that exist."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout: there is nothing to compare the wheel with")
    return [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def copy_tracked(target: Path) -> None:
    """Copy the tracked files alone: nothing untracked can slip into the wheel."""
    for name in tracked():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes((ROOT / name).read_bytes())


def build_wheel(source: Path, target: Path) -> Path:
    """Build a folder's wheel with the setuptools at hand."""
    command = [sys.executable, "-m", "pip", "wheel", str(source), *OFFLINE, "-w", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next(target.glob("*.whl"))


def clean_venv(target: Path) -> Path:
    """Make an environment that sees this one's libraries but not its editable install of morlbench."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(target)], check=True)
    site = next((target / "lib").glob("python*")) / "site-packages"
    (site / "libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")  # its own .pth files stay unread
    return target


def make(folder: Path) -> Installed:
    """Build the wheel and install it."""
    copy_tracked(folder / "source")
    wheel = build_wheel(folder / "source", folder / "wheel")
    made = Installed(wheel, clean_venv(folder / "venv"))
    made.install(wheel)
    return made
