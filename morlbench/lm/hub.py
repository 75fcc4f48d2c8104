"""Tasks on public data sets and reward models of the Hugging Face hub, for machines with a GPU and a network (or a cache).

A task names its sources; each is looked for as a local copy (`$MORLBENCH_HUB/ORG/NAME`), in the hub's cache, then on the hub,
before any work, and what is missing is said in one sentence. So is what will not work: an option without sense, a device that is not
there, a copy on this machine of which the tokenizer, a tensor or a row cannot be read. A source whose revision is a name such as
`main` is resolved to a commit when it is loaded; the commits are part of the task's key and of a record's, so that nothing is shared
between two of them, and are written to the store's `hub/TASK.json`. How models are loaded is in the environment:
MORLBENCH_HUB_BATCH, MORLBENCH_HUB_DTYPE, MORLBENCH_HUB_DEVICE. No code of a repository is ever run, and nothing of a data set is
part of this project. Leaves out dialogues of several turns: a prompt is one message.
"""

import hashlib
import json
import os
import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import ClassVar, Literal

import huggingface_hub
import numpy as np
import torch

from morlbench import console
from morlbench.errors import BadInput
from morlbench.lm.rewards.judge import Judge, Load, fault, load_judge
from morlbench.preference import Array
from morlbench.seeds import derive
from morlbench.store import default_root, key_of, write_bytes
from morlbench.task import Split, Task, Texts

PATIENCE = 5.0  # seconds to wait for the hub before saying that it cannot be reached
DIGITS = 4
ENDS = 2**20  # bytes at either end of a file that tell one local copy from another
SIZES: dict[Split, int] = {"train": 2_000, "dev": 100, "adapt": 60, "test": 100}
_COMMIT = re.compile(r"[0-9a-f]{40}")
_WEIGHTS = re.compile(r"\.(?:safetensors|bin)$")
_ROWS = re.compile(r"^(?!(?:dataset_infos?|dataset_dict|config)\.).*\.(?:parquet|arrow|csv|jsonl?)(?:\.(?:gz|bz2|xz|zst))?$")


@dataclass(frozen=True)
class Source:
    """A repository of the hub at a revision: a commit, or a name that is resolved when it is loaded."""

    repo: str
    kind: Literal["model", "dataset"] = "model"
    revision: str = "main"
    subset: str = ""  # folder of a data set that holds several


@dataclass(frozen=True)
class Found:
    """Where a source is: a local folder with no commit, a data set's folder in the hub's cache, or the hub at a commit."""

    path: str
    commit: str


class HubTask(Task):
    """A task whose prompts and scorers come from the hub; subclasses name the sources and read a row of the data set."""

    data: ClassVar[Source]
    judges: ClassVar[tuple[tuple[Source, Judge], ...]]  # one per objective
    base: ClassVar[str] = "smollm2"
    fetches: ClassVar[bool] = True

    @staticmethod
    @abstractmethod
    def prompt_of(row: Mapping[str, object]) -> str:
        """Return the prompt of one row of the data set, '' for a row to leave out."""

    def missing(self) -> str:
        """Return in one sentence what cannot be found or will not work and what to do about it, '' where everything is at hand."""
        return self._lost() or self._unfit()

    def _lost(self) -> str:
        lost = [source for source in self._sources() if isinstance(find(source), str)]
        if not lost:
            return ""
        names = ", ".join(source.repo for source in lost)
        return (
            f"task {self.name!r} needs {names} from the Hugging Face hub, which cannot be reached, and there is no copy here; run it with "
            f"a network, or for each {_get(lost[0])}"
        )

    def _unfit(self) -> str:
        """Return what will not work of the options or of the copies on this machine; the rest is read when it is fetched."""
        try:
            load_options()
            with console.quiet_libraries():
                for source, judge in self.judges:
                    folder = _here(self._at(source), source)
                    if folder and (lack := _fault(folder, judge)):
                        raise BadInput(f"{lack}; {_get(source)}")
                if _here(place := self._at(self.data), self.data):
                    for part in ("train", "test"):
                        self._prompt(_first(place, self.data, part))
        except BadInput as lack:
            return str(lack)
        return ""

    def prompts(self, split: Split) -> Texts:
        """Return the split's prompts: unique, of 8 to 1,200 characters, drawn in one fixed order; test from the data's test rows."""
        return self._splits[split]

    def score(self, prompts: Texts, responses: Texts) -> Array:
        """Return rewards (n, k) in [0, 1] by the reward models."""
        if not responses:
            return np.zeros((0, self.k))
        raw = [judge(prompts, responses) for judge in self._loaded]
        return np.asarray(np.stack([o.scale(column) for o, column in zip(self.objectives, raw, strict=True)], axis=1).round(DIGITS))

    @property
    def key(self) -> str:
        """The name, the version and a hash of the commits that were found: other weights reward otherwise."""
        return f"{super().key}+{key_of(sources=self.sources)[:12]}"

    @property
    def sources(self) -> dict[str, str]:
        """The commit of every source, or what a local copy holds."""
        return {source.repo: _identity(self._at(source)) for source in self._sources()}

    def _sources(self) -> list[Source]:
        return [self.data, *(source for source, _ in self.judges)]

    def _at(self, source: Source) -> Found:
        place = find(source)
        if isinstance(place, str):
            raise BadInput(self._lost())
        return place

    @cached_property
    def _loaded(self) -> list[Callable[[Texts, Texts], Array]]:
        options = load_options()
        write_bytes(default_root() / "hub" / f"{self.name}.json", (json.dumps(self.sources, indent=1) + "\n").encode())
        found = [(self._at(source), judge) for source, judge in self.judges]
        return [load_judge(place.path, place.commit, judge, options) for place, judge in found]

    @cached_property
    def _splits(self) -> dict[Split, Texts]:
        train, test = (self._unique(part) for part in ("train", "test"))
        test = test[: SIZES["test"]]
        tested = set(map(_alike, test))
        rest = [prompt for prompt in train if _alike(prompt) not in tested]
        if len(test) < 1 or len(rest) < 3:
            raise BadInput(f"{self.data.repo} holds {len(rest)} train and {len(test)} test prompts that fit; expected at least 3 and 1")
        dev, adapt = (max(1, min(SIZES[s], len(rest) // 4)) for s in ("dev", "adapt"))
        return {
            "dev": tuple(rest[:dev]), "adapt": tuple(rest[dev : dev + adapt]),
            "train": tuple(rest[dev + adapt :][: SIZES["train"]]), "test": tuple(test),
        }  # fmt: skip

    def _unique(self, part: str) -> list[str]:
        kept: dict[str, str] = {}
        for row in rows(self._at(self.data), self.data, part):
            prompt = self._prompt(row)
            if 8 <= len(prompt) <= 1_200:
                kept.setdefault(_alike(prompt), prompt)
        found = sorted(kept.values())
        return [found[i] for i in np.random.default_rng(derive(0, self.name, part)).permutation(len(found))]

    def _prompt(self, row: Mapping[str, object]) -> str:
        """Return a row's prompt; raise BadInput for a row without the columns that it is made of."""
        try:
            return self.prompt_of(row).strip()
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            why = f"no column {error}" if isinstance(error, KeyError) else str(error)
            raise _unread(self.data, f"a row is not what {self.name!r} expects: {why}; it has {', '.join(map(str, row))}") from None


@cache
def _identity(place: Found) -> str:
    """Return the commit, or for a local copy a hash of its files: names, sizes, first and last megabyte.

    To read gigabytes would take minutes: two copies that differ in the middle of a file alone, where sizes are equal, are not told apart.
    """
    if place.commit:
        return place.commit
    files = sorted(path for path in Path(place.path).rglob("*") if path.is_file())
    return f"local copy {key_of(files=[(str(path.relative_to(place.path)), path.stat().st_size, _ends(path)) for path in files])[:12]}"


def _ends(path: Path) -> str:
    """Return a hash of a file's first and last ENDS bytes: all of a small one."""
    with path.open("rb") as file:
        digest = hashlib.sha256(file.read(ENDS))
        file.seek(max(ENDS, path.stat().st_size - ENDS))
        digest.update(file.read(ENDS))
    return digest.hexdigest()


@cache
def _fault(folder: str, judge: Judge) -> str:
    return fault(folder, judge)


@cache
def _first(place: Found, source: Source, part: str) -> Mapping[str, object]:
    """Return the first row of a data set's part; raise BadInput where there is none."""
    for row in rows(place, source, part):
        return row
    raise _unread(source, f"{part} has no rows")


def _here(place: Found, source: Source) -> str:
    """Return the folder on this machine that holds a source, '' where it has to be fetched."""
    if Path(place.path).is_dir():
        return place.path
    try:
        return _snapshot(source, place.commit, local_files_only=True)
    except (OSError, ValueError):
        return ""


def _alike(prompt: str) -> str:
    """Return what two prompts share that differ in case, spaces and punctuation alone."""
    return " ".join(re.findall(r"\w+", prompt.lower()))


def load_options() -> Load:
    """Return how models are loaded, from the environment; raise BadInput for a word that makes no sense."""
    formats = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    batch, dtype = os.environ.get("MORLBENCH_HUB_BATCH", "16"), os.environ.get("MORLBENCH_HUB_DTYPE", "float32")
    device = os.environ.get("MORLBENCH_HUB_DEVICE", "cuda" if torch.cuda.is_available() else "cpu")
    if not re.fullmatch(r"[0-9]{1,9}", batch) or int(batch) < 1:
        raise BadInput(f"MORLBENCH_HUB_BATCH is {batch!r}; expected a whole number of at least 1, such as 16")
    if dtype not in formats:
        raise BadInput(f"MORLBENCH_HUB_DTYPE is {dtype!r}; expected one of {', '.join(formats)}")
    return Load(int(batch), formats[dtype], _device(device))


def _device(name: str) -> torch.device:
    """Return a device that this machine has; raise BadInput for any other.

    GPUs are counted, not tried: trying would begin a context that no copy of this process could use.
    """
    try:
        device = torch.device(name)
    except RuntimeError:
        raise BadInput(f"MORLBENCH_HUB_DEVICE is {name!r}; expected a device such as cpu, cuda or cuda:1") from None
    try:
        there = (device.index or 0) < torch.cuda.device_count() if device.type == "cuda" else _computes(device)
    except (RuntimeError, AssertionError, ImportError):  # what torch raises depends on what it was built for
        there = False
    if not there:
        raise BadInput(f"MORLBENCH_HUB_DEVICE is {name!r}, which this machine or its build of torch does not have; cpu always works")
    return device


def _computes(device: torch.device) -> bool:
    return float(torch.ones(1, device=device).sum()) == 1


@cache
def find(source: Source) -> Found | str:
    """Return where a source is, or the reason why it cannot be found; looks locally, in the cache, then on the hub."""
    local = os.environ.get("MORLBENCH_HUB")
    if local and _holds(Path(local) / source.repo, source):
        return Found(str(Path(local) / source.repo), "")
    try:
        held = Path(_snapshot(source, source.revision, local_files_only=True))
        if _holds(held, source):
            return Found(str(held) if source.kind == "dataset" else source.repo, held.name)
    except (OSError, ValueError):
        pass  # not in the cache
    try:
        about = huggingface_hub.HfApi().repo_info(source.repo, repo_type=source.kind, revision=source.revision, timeout=PATIENCE)
    except Exception as error:  # the client raises its HTTP library's own errors, which no common class holds
        return f"{type(error).__name__}: {error}"
    return Found(source.repo, str(about.sha)) if about.sha and _COMMIT.fullmatch(about.sha) else "the hub names no commit"


def rows(place: Found, source: Source, part: str) -> Iterable[Mapping[str, object]]:
    """Return the rows of a data set's part; `validation` serves where there is no `test`. Raises BadInput where it cannot be read."""
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    folder = _folder(place, source)
    try:
        found = load_dataset(str(_part(folder, source)))
        held: Iterable[Mapping[str, object]] = found[part if part in found else "validation" if part == "test" else part]
    except (OSError, ValueError, KeyError, RuntimeError, DatasetsError) as error:
        raise _unread(source, str(error) or type(error).__name__) from None
    return held


def _folder(place: Found, source: Source) -> Path:
    """Return the folder of a data set, fetched where only its commit on the hub is known."""
    if Path(place.path).is_dir():
        return Path(place.path)
    try:
        return Path(_snapshot(source, place.commit))
    except Exception as error:  # as in `find`
        raise _unread(source, str(error) or type(error).__name__) from None


def _snapshot(source: Source, revision: str, *, local_files_only: bool = False) -> str:
    wanted = ["README.md", f"{source.subset}/*"] if source.subset else None
    return huggingface_hub.snapshot_download(
        source.repo, repo_type=source.kind, revision=revision, local_files_only=local_files_only, allow_patterns=wanted
    )


def _holds(folder: Path, source: Source) -> bool:
    """Return whether a folder holds what a source is there for: weights of a model, rows of a data set."""
    wanted, part = _ROWS if source.kind == "dataset" else _WEIGHTS, _part(folder, source)
    whole = part != folder or not source.subset  # a copy of one subset has its files at the top: others' folders do not count
    return part.is_dir() and any(wanted.search(path.name) and path.is_file() for path in (part.rglob("*") if whole else part.glob("*")))


def _part(folder: Path, source: Source) -> Path:
    """Return the subset's folder where there is one, else the whole: a local copy may hold one subset alone."""
    return folder / source.subset if (folder / source.subset).is_dir() else folder


def _unread(source: Source, why: str) -> BadInput:
    return BadInput(f"data set {source.repo} could not be read ({why.strip().splitlines()[0]}); {_get(source)}")


def _get(source: Source) -> str:
    """Return how to fetch a source, as the end of a sentence."""
    kind = " --repo-type dataset" if source.kind == "dataset" else ""
    at = "" if source.revision == "main" else f" --revision {source.revision}"
    return f"fetch it once with a network (`hf download {source.repo}{kind}{at}`), or put a copy at $MORLBENCH_HUB/{source.repo}"
