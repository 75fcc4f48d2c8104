"""A leaderboard's rules as one frozen value, read from `leaderboards/NAME/board.toml`: what is run, what counts, what ranks.

A board has divisions. A division is one track (front or single), its tasks, its methods and the one metric that sorts it; the
tracks are never mixed in one order. Records lie at records/TASK/METHOD/seed-N.json. Leaves out any number: see
`morlbench.leaderboard`.
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, ClassVar, get_args

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from morlbench.configure import parse_budget, parse_seeds, text_of
from morlbench.errors import BadInput, first_fault, unknown
from morlbench.method import Track
from morlbench.metric import FAMILIES, Evidence, MetricFamily

FILE, RECORDS, REMOVALS, LEVELS = "board.toml", "records", "removals.jsonl", "levels.json"
RECORD = re.compile(r"seed-\d{1,9}\.json")
NAME = r"[a-z0-9]+(-[a-z0-9]+)*"
ENTRY = NAME + r"""(\+[a-z][a-z0-9-]*=[^\s<>|`"'&+/\\]+)*"""  # names folders and rows of pages
ENOUGH = 5  # seeds below which a ranking is provisional
PROFILE: dict[MetricFamily, str] = {
    "utility": "utility-gain", "pareto": "hypervolume", "training": "training-seconds", "inference": "throughput-ratio",
    "stability": "utility-iqr", "adaptation": "held-out-utility", "scalability": "inference-exponent",
    "explainability": "explanation-fidelity",
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A method as a board lists it: its name and the settings that differ from its defaults, as in `morlbench sweep`."""

    text: str

    @cached_property
    def name(self) -> str:
        """The method's name without settings."""
        return self.text.partition("+")[0]

    @cached_property
    def settings(self) -> dict[str, str]:
        """The settings given, as text by field name."""
        pairs = (part.partition("=") for part in self.text.split("+")[1:])
        return {key.replace("-", "_"): value for key, _, value in pairs}

    def fits(self, run: Evidence) -> bool:
        """Say whether a run is of this method with these settings; settings not given may be anything."""
        mine = run.method.settings
        return run.method.name == self.name and all(key in mine and text_of(mine[key]) == value for key, value in self.settings.items())


@dataclass(frozen=True)
class Division:
    """One order of methods. `anchors` are the metric's value of the base and of a perfect policy; None: taken from the records."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    name: str
    title: str
    track: Track
    metric: str
    tasks: tuple[str, ...]
    methods: tuple[str, ...]
    anchors: tuple[float, float] | None = None
    controls: dict[str, str] = field(default_factory=dict)  # a method's own control, compared with it
    unranked: dict[str, str] = field(default_factory=dict)  # shown without a rank, and why
    profile: dict[MetricFamily, str] = field(default_factory=dict)  # where it differs from the board's


@dataclass(frozen=True)
class _File:
    """The TOML file, field for field."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    title: str
    base: str
    budget: str
    seeds: str
    tasks: dict[str, Annotated[int, Field(ge=1, lt=10**6)]]
    division: tuple[Division, ...]
    profile: dict[MetricFamily, str] = field(default_factory=dict)
    cost: str = "training-seconds"


@dataclass(frozen=True)
class Board:
    """What counts on a board: these tasks at these versions, on this base, with this budget and these seeds."""

    name: str
    folder: Path
    title: str
    base: str  # a base's name, or its whole identity to pin its weights
    budget: int
    seeds: tuple[int, ...]
    tasks: dict[str, int]  # name -> version
    divisions: tuple[Division, ...]
    profile: dict[MetricFamily, str]  # the one metric that stands for each of the eight families
    cost: str  # the metric on the horizontal axis of quality against cost

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """Every method of every division, once, in the order of the file."""
        return tuple(Entry(text) for text in dict.fromkeys(text for division in self.divisions for text in division.methods))

    @property
    def records(self) -> Path:
        """The folder of the records."""
        return self.folder / RECORDS

    @property
    def provisional(self) -> bool:
        """Whether there are too few seeds for a ranking to stand."""
        return len(self.seeds) < ENOUGH

    def path(self, task: str, entry: str, seed: int) -> Path:
        """Return where a record belongs (its JSON)."""
        return self.records / task / entry / f"seed-{seed}.json"

    def wanted(self) -> tuple[tuple[str, str, int], ...]:
        """Return every (task, method, seed) that a complete board has, each once."""
        cells = dict.fromkeys((task, method) for division in self.divisions for task in division.tasks for method in division.methods)
        return tuple((task, method, seed) for task, method in cells for seed in self.seeds)

    def entry(self, run: Evidence) -> str:
        """Return the entry this run belongs to, the most specific one; '' if the board lists none."""
        fitting = [entry for entry in self.entries if entry.fits(run)]
        return max(fitting, key=lambda entry: len(entry.settings)).text if fitting else ""

    def refuses(self, run: Evidence) -> str:
        """Return why this run does not count on the board; '' if it does."""
        task = run.task
        if task.name not in self.tasks:
            return f"task {task.name[:80]!r} is not on the board"
        if task.version != self.tasks[task.name]:
            return f"task {task.name} is of version {task.version}; the board counts version {self.tasks[task.name]}"
        if not self.entry(run):
            return f"method {run.method.name[:80]!r} with these settings is not on the board"
        if not re.fullmatch(rf"{re.escape(self.base)}(-[0-9a-f]+)?", run.base):  # by its name, or with the hash of its weights
            return f"base {run.base[:80]!r} is not {self.base}"
        if run.budget != self.budget:
            return f"budget {run.budget} is not {self.budget}"
        return "" if run.seed in self.seeds else f"seed {run.seed} is not one of {', '.join(map(str, self.seeds))}"


def roots() -> tuple[Path, ...]:
    """Return the folders that hold boards: the `leaderboards` of this installation."""
    spec = find_spec("morlbench.leaderboards")
    return tuple(map(Path, spec.submodule_search_locations or ())) if spec else ()


def names() -> tuple[str, ...]:
    """Return the name of every board, sorted."""
    return tuple(sorted(file.parent.name for root in roots() for file in root.glob(f"*/{FILE}")))


def find(name: str) -> Board:
    """Return the board of that name, or of that folder; raise BadInput with the nearest name if there is none."""
    for folder in (*(root / name for root in roots()), Path(name)):
        if (folder / FILE).is_file():
            return load(folder)
    raise BadInput(unknown("board", name, names()))


def load(folder: Path) -> Board:
    """Read FOLDER/board.toml, or raise BadInput naming the file, the field and what is wrong."""
    path = folder / FILE
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise BadInput(f"{path}: not valid TOML ({error})") from None
    try:
        file = TypeAdapter(_File).validate_python(raw)
    except ValidationError as error:
        raise BadInput(f"{path}: {first_fault(error)}") from None
    board = Board(
        folder.resolve().name, folder, file.title, file.base, parse_budget(file.budget), parse_seeds(file.seeds), file.tasks,
        file.division, PROFILE | file.profile, file.cost,
    )  # fmt: skip
    if fault := _fault(board):
        raise BadInput(f"{path}: {fault}")
    return board


def _fault(board: Board) -> str:
    """Return what contradicts itself on a board; '' if nothing does."""
    names = [division.name for division in board.divisions]
    if not names or len(set(names)) < len(names):
        return f"expected divisions, each with a name of its own; found {', '.join(names) or 'none'}"
    if told := _unfit(board):
        return told
    for division in board.divisions:
        where = f"division {division.name!r}"
        for word, given, known in (
            ("task", division.tasks, board.tasks),
            ("control", division.controls.values(), division.methods),
            ("controlled method", division.controls, division.methods),
            ("unranked method", division.unranked, division.methods),
        ):
            if odd := [one for one in given if one not in known]:
                return f"{where}: {unknown(word, odd[0], known)}"
        for word, words in (("task", division.tasks), ("method", division.methods)):
            if not words or _twice(words):
                return f"{where}: expected {word}s, each once; found {', '.join(words) or 'none'}"
    if len(board.profile) != len(FAMILIES):
        return f"profile: expected a metric for each of {', '.join(get_args(MetricFamily))}"
    return ""


def _unfit(board: Board) -> str:
    """Return which name could not name a file or a row, or which sentence is not one line; '' for none."""
    methods = [method for division in board.divisions for method in division.methods]
    for word, names, pattern in (
        ("division", [division.name for division in board.divisions], NAME), ("task", board.tasks, NAME), ("method", methods, ENTRY),
    ):  # fmt: skip
        if odd := [name for name in names if not re.fullmatch(pattern, name)]:
            return f"{word} {odd[0][:60]!r} is no name in kebab-case{', with settings as +key=value' if word == 'method' else ''}"
    reasons = [reason for division in board.divisions for reason in division.unranked.values()]
    for text in (board.title, *(division.title for division in board.divisions), *reasons):
        if not text.strip() or re.search(r"[\x00-\x1f]", text):
            return f"the text {text[:60]!r} is not one line of words"
    return ""


def _twice(words: Sequence[str]) -> bool:
    return len(set(words)) < len(words)
