"""The family of text tasks: declared data in one thin folder, shared scorers, measured facts written by one command.

A task of the family names its measures (`rewards/catalogue.py`), its decoding and its relation; its folder holds prompts.jsonl
(written by data.py), facts.json and the card's measured part (written by `python -m morlbench.lm.facts TASK
--write`) and, once one is frozen, front.json (`python -m morlbench.lm.reference TASK --write`). Loading a task reads small files
and no model. Leaves out any other source of prompts or scorers: override `prompts` or `score` for that.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np

from morlbench import reference
from morlbench.errors import BadInput
from morlbench.lm.rewards.catalogue import Measure
from morlbench.preference import LINEAR, Array, Utility
from morlbench.task import Split, Task, Texts

DIGITS = 4  # of a reward: hides the last bits of float sums, which depend on what else was in the batch


@dataclass(frozen=True)
class Facts:
    """What was measured with the base and frozen with the version: k numbers each, and the experts' median KL in nats."""

    reference_point: tuple[float, ...]
    thresholds: tuple[float, ...]
    kl_budget: float | None

    @property
    def utilities(self) -> tuple[Utility, ...]:
        """Return the utilities of a text task: linear, Chebyshev, soft threshold at the medians of the base's answers."""
        return LINEAR, Utility("chebyshev"), Utility("soft-threshold", self.thresholds)


class TextTask(Task):
    """A task on the bundled base whose prompts are in its folder and whose scorers are shared; see the module."""

    measures: ClassVar[tuple[Measure, ...]]
    folder: ClassVar[Path]

    def __init_subclass__(cls) -> None:
        """Complete a class with measures by what they and its folder hold; what it says itself stays.

        Raises BadInput where its folder or version is missing.
        """
        super().__init_subclass__()
        if not hasattr(cls, "measures") or not vars(cls).keys() & {"measures", "version", "folder"}:
            return
        if lacking := [name for name in ("version", "folder") if not hasattr(cls, name)]:
            raise BadInput(f"{cls.__module__}.{cls.__name__} declares measures and no {' and no '.join(lacking)}")
        k = len(cls.measures)
        facts = read_facts(cls.folder, k)
        completed = {
            "objectives": tuple(measure.objective for measure in cls.measures),
            "reference_point": facts.reference_point,
            "utilities": facts.utilities,
            "kl_budget": facts.kl_budget,
            "front": reference.read(cls.folder, cls.version, k),
        }
        for name, value in completed.items():
            if name not in vars(cls):
                setattr(cls, name, value)

    def prompts(self, split: Split) -> Texts:
        """Return the split's prompts, in the order of prompts.jsonl."""
        return read_prompts(self.folder)[split]

    def score(self, prompts: Texts, responses: Texts) -> Array:
        """Return rewards (n, k) in [0, 1], one column per measure."""
        if not responses:
            return np.zeros((0, self.k))
        columns = [o.scale(m.score(prompts, responses)) for o, m in zip(self.objectives, self.measures, strict=True)]
        return np.asarray(np.stack(columns, axis=1).round(DIGITS))

    def gold(self, prompts: Texts, responses: Texts) -> Array:
        """Return the second scorers' rewards (n, k) in [0, 1]."""
        if not responses:
            return np.zeros((0, self.k))
        return np.asarray(np.stack([measure.gold(prompts, responses) for measure in self.measures], axis=1).round(DIGITS))


@cache
def read_prompts(folder: Path) -> dict[Split, Texts]:
    """Return every split's prompts of a folder's prompts.jsonl."""
    found: dict[Split, list[str]] = {"train": [], "dev": [], "adapt": [], "test": []}
    for line in (folder / "prompts.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found[row["split"]].append(row["prompt"])
    return {split: tuple(prompts) for split, prompts in found.items()}


def read_facts(folder: Path, k: int) -> Facts:
    """Return a folder's facts.json, or for a task not measured yet a reference point of 0 and thresholds of .5.

    Raises BadInput where the file has another number of objectives than the task.
    """
    path = folder / "facts.json"
    if not path.is_file():
        return Facts((0.0,) * k, (0.5,) * k, None)
    read = json.loads(path.read_text(encoding="utf-8"))
    found = Facts(tuple(read["reference_point"]), tuple(read["thresholds"]), read["kl_budget"])
    if len(found.reference_point) != k or len(found.thresholds) != k:
        raise BadInput(
            f"{path} holds {len(found.reference_point)} objectives, the task {k}: run `python -m morlbench.lm.facts TASK --write`"
        )
    return found
