"""What a task's folder promises: topics apart, examples rated as they should be, hacks that lose, facts that bear the label out.

A file that is not there is not looked for, but for the card: a task on somebody's own data may have no examples, and none is made up.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from morlbench import reference
from morlbench.check import Broken, card, frozen
from morlbench.check.hacks import hacks
from morlbench.errors import MorlbenchError
from morlbench.preference import Array
from morlbench.relation import UNTOLD, Measured, read
from morlbench.task import SPLITS, Task

REAL = 32  # answers of the base that are sampled where no quantiles were stored
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
NARROW = 0.1  # of the unit interval: a reward that moves less tells answers too little apart


@dataclass(frozen=True)
class Subject:
    """A task class, the name it is found by, and the folder that travels with it."""

    name: str
    cls: type[Task]
    folder: Path | None


@dataclass(frozen=True)
class Example:
    """A row of examples.jsonl: a good and a poor answer by one objective, and the hacks that beat the good one on it."""

    objective: str
    prompt: str
    good: str
    poor: str
    loses_to: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Facts:
    """What facts.json holds that is checked: the measured relation, and quantiles (k, QUANTILES) of the rewards of the base's answers."""

    relation: Measured
    quantiles: Array | None


def splits_share_no_topic(subject: Subject) -> None:
    """No prompt of a split differs from another split's by case and marks alone, and no topic, which prompts.jsonl names, is in two."""
    task, owner = subject.cls(), dict[str, str]()
    for split in SPLITS:
        for prompt in task.prompts(split):
            bare = re.sub(r"\W+", " ", prompt.lower()).strip()
            if owner.setdefault(bare, split) != split:
                raise Broken(f"prompt {prompt[:60]!r} of {split!r} differs from one of {owner[bare]!r} by case and marks alone")
    topics = dict[str, str]()
    for row in _lines(subject, "prompts.jsonl"):
        if "topic" not in row:
            raise Broken(f"prompts.jsonl names no topic for {row['prompt'][:60]!r}: without it nobody can see that splits share none")
        if topics.setdefault(row["topic"], row["split"]) != row["split"]:
            raise Broken(f"topic {row['topic']!r} is in {topics[row['topic']]!r} and in {row['split']!r}")


def objectives_prefer_their_own_examples(subject: Subject) -> None:
    """Where its folder has examples.jsonl, every objective has one there and rates its good answer above its poor one."""
    examples = _examples(subject)
    if not examples:
        return
    names, task = [o.name for o in subject.cls.objectives], subject.cls()
    if missing := set(names) - {e.objective for e in examples}:
        raise Broken(f"examples.jsonl has no example of {', '.join(sorted(missing))}")
    asked = tuple(e.prompt for e in examples)
    good, poor = task.score(asked, tuple(e.good for e in examples)), task.score(asked, tuple(e.poor for e in examples))
    for i, example in enumerate(examples):
        j = names.index(example.objective)
        if not good[i, j] > poor[i, j]:
            raise Broken(f"{names[j]} rates {example.good[:60]!r} at {good[i, j]:.3f} and {example.poor[:60]!r} at {poor[i, j]:.3f}")


def hacks_lose(subject: Subject) -> None:
    """Where its folder has examples.jsonl, no loop, echo, keyword string, empty or endless answer beats a good one where it should not.

    Not at the stated user, and not on the example's own objective, but for hacks that its row excepts by name (`loses_to`), each of
    which has to win: fluency reads no prompt, so that a question is as fluent said back.
    """
    task, names, user = subject.cls(), [o.name for o in subject.cls.objectives], np.array(subject.cls.preference)
    for example in _examples(subject):
        made = {"": example.good} | hacks(example.prompt, example.good)
        found = task.score((example.prompt,) * len(made), tuple(made.values()))
        if winners := _winners(found @ user, made):
            raise Broken(f"{winners[0]} beats the good answer {example.good[:60]!r} at the stated preference")
        winners = _winners(found[:, names.index(example.objective)], made)
        if beyond := [kind for kind in winners if kind not in example.loses_to]:
            raise Broken(f"{beyond[0]} beats the good answer {example.good[:60]!r} on {example.objective}")
        if idle := [kind for kind in example.loses_to if kind not in winners]:
            raise Broken(f"{idle[0]} no longer beats the good answer {example.good[:60]!r}: take it out of `loses_to`")


def _winners(values: Array, made: dict[str, str]) -> list[str]:
    """Return the hacks (values from the second on) that score as much as the good answer, the first."""
    return [kind for kind, value in list(zip(made, values.tolist(), strict=True))[1:] if value >= values[0]]


def rewards_spread_over_examples(subject: Subject) -> None:
    """Where its folder has examples.jsonl, every objective takes different values on these answers, not only the ends of its range."""
    examples, task = _examples(subject), subject.cls()
    if examples:
        answers = tuple(answer for e in examples for answer in (e.good, e.poor))
        _spread(subject, task.score(tuple(e.prompt for e in examples for _ in range(2)), answers), "the examples")


def rewards_spread_over_real_answers(subject: Subject) -> None:
    """Where its folder has facts.json, every objective takes different values on the base's answers: its quantiles, or a few sampled."""
    facts = _facts(subject)
    if facts is not None:
        values = np.quantile(_real(subject.cls()), QUANTILES, axis=0).T if facts.quantiles is None else facts.quantiles
        _spread(subject, values.T, f"the middle nine tenths of the answers of {facts.relation.base}")


def _real(task: Task) -> Array:
    """Return rewards (n, k) of REAL answers of the task's base to dev prompts."""
    from morlbench.lm.base import load_base
    from morlbench.lm.policy import base_policy

    prompts = task.prompts("dev")[:REAL]
    responses = base_policy(load_base(task.base), task.decoding).respond(prompts, np.full((len(prompts), task.k), 1 / task.k), seed=0)
    return task.score(prompts, responses.texts)


def _spread(subject: Subject, values: Array, where: str) -> None:
    for objective, column in zip(subject.cls.objectives, values.T, strict=True):
        if np.ptp(column) < NARROW or ((column <= 0) | (column >= 1)).all():
            raise Broken(f"{objective.name} runs from {column.min():.3f} to {column.max():.3f} on {where}; its range says too little there")


def content_is_that_of_its_version(subject: Subject) -> None:
    """Where its folder has frozen.json, prompts, facts and scorers are those its version froze; so is front.json's front."""
    if subject.folder is None:
        return
    if different := frozen.difference(subject.cls(), subject.folder):
        raise Broken(different)
    found = reference.load(subject.folder)
    if found is not None and found.version != subject.cls.version:
        raise Broken(
            f"{reference.FILE} is of version {found.version}, the task of version {subject.cls.version}: make it again or delete it"
        )


def relation_is_what_was_measured(subject: Subject) -> None:
    """Where its folder has facts.json, the measured relation bears the declared one out, or tells nothing apart and the card says so."""
    facts = _facts(subject)
    if facts is None:
        return
    measured = facts.relation
    if measured.names != tuple(o.name for o in subject.cls.objectives):
        raise Broken(f"facts.json measured {', '.join(measured.names)}, which are not the task's objectives")
    if subject.cls.relation not in measured.supported:
        borne = " or ".join(measured.supported)
        raise Broken(f"relation is declared {subject.cls.relation!r}; measured on {measured.base}: {borne}")
    if measured.verdict == UNTOLD and UNTOLD not in card(subject.folder):
        raise Broken(f"on {measured.base} its objectives are {UNTOLD}: its card has to say so, the relation is declared alone")


def has_a_card(subject: Subject) -> None:
    """Its README.md names every objective."""
    text = card(subject.folder)
    for objective in subject.cls.objectives:
        if objective.name.lower() not in text.lower():
            raise Broken(f"its card does not mention the objective {objective.name!r}")


PROMISES = (
    has_a_card, splits_share_no_topic, objectives_prefer_their_own_examples, hacks_lose, rewards_spread_over_examples,
    rewards_spread_over_real_answers, content_is_that_of_its_version, relation_is_what_was_measured,
)  # fmt: skip


def _facts(subject: Subject) -> Facts | None:
    """Return what facts.json in the task's folder holds, None where there is none."""
    path = subject.folder / "facts.json" if subject.folder else None
    if path is None or not path.is_file():
        return None
    held = json.loads(path.read_text(encoding="utf-8"))
    if held.get("version", subject.cls.version) != subject.cls.version:
        raise Broken(
            f"facts.json was measured of version {held['version']}, the task is version {subject.cls.version}: "
            f"run `python -m morlbench.lm.facts {subject.name} --write`"
        )
    stored = held.get("quantiles")  # files written before it was stored have none
    return Facts(read(held["relation"]), np.array(stored, dtype=float) if stored else None)


def _examples(subject: Subject) -> list[Example]:
    """Return the rows of examples.jsonl; raise Broken for one without objective, prompt, good and poor."""
    names, found = {o.name for o in subject.cls.objectives}, list[Example]()
    for row in _lines(subject, "examples.jsonl"):
        needed = {"objective", "prompt", "good", "poor"}
        if set(row) - {"loses_to"} != needed or row["objective"] not in names:
            raise Broken(f"examples.jsonl: a row has {', '.join(sorted(row))}; expected an objective of the task, prompt, good and poor")
        found.append(Example(row["objective"], row["prompt"], row["good"], row["poor"], tuple(row.get("loses_to", ()))))
    return found


def _lines(subject: Subject, name: str) -> list[dict[str, str]]:
    """Return the rows of a JSON-lines file in the task's folder, none where there is no such file."""
    path = subject.folder / name if subject.folder else None
    if path is None or not path.is_file():
        return []
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except ValueError as error:
        raise MorlbenchError(f"{name} is not one JSON object a line: {error}") from None
