"""Tasks on public data sets and reward models of the Hugging Face hub, for machines with a GPU and a network (or a cache).

A task names its sources; each is looked for as a local copy (`$MORLBENCH_HUB/ORG/NAME`), in the hub's cache, then on the hub,
before any work, and what is missing is said in one sentence. So is what will not work: an option without sense, a device that is not
there, a copy on this machine of which the tokenizer, a tensor or a row cannot be read. A source whose revision is a name such as
`main` is resolved to a commit when it is loaded. The commits, and the number format that models score in (it moves rewards), are part
of the task's key and of a record's, so that nothing is shared between two of them, and are written to the store's `hub/TASK.json`. How
models are loaded is in the environment (`morlbench.lm.rewards.loading`). No code of a repository is ever run, and nothing of a data set is
part of this project. Leaves out dialogues of several turns: a prompt is one message.
"""

import json
import re
from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import ClassVar

import numpy as np

from morlbench import console
from morlbench.errors import BadInput
from morlbench.lm.hub_source import Found, Source, advice, find, first_row, here, identity, rows, unread
from morlbench.lm.rewards.judge import Judge, fault, load_judge
from morlbench.lm.rewards.loading import load_options
from morlbench.preference import Array
from morlbench.seeds import derive
from morlbench.store import default_root, key_of, write_bytes
from morlbench.task import Split, Task, Texts

DIGITS = 4
SIZES: dict[Split, int] = {"train": 2_000, "dev": 100, "adapt": 60, "test": 100}


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
        lost = {source: place for source in self._sources() if isinstance(place := find(source), str)}
        if not lost:
            return ""
        names, (first, why) = ", ".join(source.repo for source in lost), next(iter(lost.items()))
        return (
            f"task {self.name!r} needs {names} from the Hugging Face hub, and neither the hub ({why.strip().splitlines()[0]}) nor this "
            f"machine gave it; run it with a network, or for each {advice(first)}"
        )

    def _unfit(self) -> str:
        """Return what will not work of the options or of the copies on this machine; the rest is read when it is fetched."""
        try:
            load_options()
            with console.quiet_libraries():
                for source, judge in self.judges:
                    folder = here(self._at(source), source)
                    if folder and (lack := _fault(folder, judge)):
                        raise BadInput(f"{lack}; {advice(source)}")
                if here(place := self._at(self.data), self.data):
                    for part in ("train", "test"):
                        self._prompt(first_row(place, self.data, part))
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
        """The name, the version and a hash of the commits that were found and the number format: others reward otherwise."""
        return f"{super().key}+{key_of(sources=self.sources)[:12]}"

    @property
    def sources(self) -> dict[str, str]:
        """The commit of every source, or what a local copy holds, and the number format that models score in: it moves rewards."""
        found = {source.repo: identity(self._at(source)) for source in self._sources()}
        return found | {"number format": str(load_options().dtype).removeprefix("torch.")}

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
            raise unread(self.data, f"a row is not what {self.name!r} expects: {why}; it has {', '.join(map(str, row))}") from None


@cache
def _fault(folder: str, judge: Judge) -> str:
    return fault(folder, judge)


def _alike(prompt: str) -> str:
    """Return what two prompts share that differ in case, spaces and punctuation alone."""
    return " ".join(re.findall(r"\w+", prompt.lower()))
