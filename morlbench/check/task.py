"""What a task promises: facts in range, fixed and disjoint splits, and a scorer that is finite, fair and tough.

Leaves out whether the scorer measures what it says: the task's card shows that.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from morlbench import reference
from morlbench.bench import checked
from morlbench.check import Broken, card, frozen, is_count
from morlbench.check.hacks import hacks
from morlbench.errors import MorlbenchError
from morlbench.lm.rewards.memo import forget
from morlbench.preference import Array, check_preference
from morlbench.relation import UNTOLD, Measured, read
from morlbench.task import Relation, Split, Task, Texts

SPLITS: tuple[Split, ...] = get_args(Split)
ROWS = 6
REAL = 32  # answers of the base that are sampled where no quantiles were stored
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
NARROW = 0.1  # of the unit interval: a reward that moves less tells answers too little apart
TOLERANCE = 1e-3  # batches of another shape may differ in the last digits of an encoder
ODD_ANSWERS = {
    "an empty answer": "",
    "blanks alone": " \n\t ",
    "10,000 characters": "word " * 2000,
    "10,000 characters without a blank": "a" * 10_000,
    "other scripts": "Здравствуй, мир. 你好，世界。 مرحبا بالعالم 🙂",
    "control characters": "one\x00two\x07\x1b[31mthree\u200b\ufeff",
    "half a surrogate pair": "broken \ud83d text",
}


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


def declares_what_it_is(subject: Subject) -> None:
    """Its name is the one it is found by, its version a whole number >= 1, and relation, beta, draws and decoding make sense."""
    cls = subject.cls
    if cls.name != subject.name:
        raise Broken(f"its folder or entry point says {subject.name!r}, its class says {cls.name!r}")
    if not is_count(cls.version) or not is_count(cls.draws):
        raise Broken(f"version {cls.version!r} and draws {cls.draws!r} must be whole numbers >= 1")
    if cls.relation not in get_args(Relation):
        raise Broken(f"relation is {cls.relation!r}; expected one of {', '.join(get_args(Relation))}")
    if not (np.isfinite(cls.beta) and cls.beta > 0):
        raise Broken(f"beta is {cls.beta!r}; expected a positive number")
    how = cls.decoding
    if not (0 <= how.min_tokens <= how.max_tokens and how.max_tokens >= 1 and how.temperature > 0):
        raise Broken(f"decoding {how} does not sample: expected 0 <= min_tokens <= max_tokens and a positive temperature")


def objectives_have_a_range(subject: Subject) -> None:
    """It has at least two objectives with different names, each described and with low < high."""
    found = subject.cls.objectives
    if len(found) < 2 or len({o.name for o in found}) != len(found):
        raise Broken(f"objectives are {[o.name for o in found]}; expected at least two different names")
    for o in found:
        if not o.description or not (np.isfinite([o.low, o.high]).all() and o.low < o.high):
            raise Broken(f"objective {o.name!r} needs a description and finite low < high; it has {o.low} and {o.high}")


def points_lie_in_the_cube(subject: Subject) -> None:
    """Its reference point, stated preference, thresholds and front have one number per objective, in [0, 1]; the front knows its KL."""
    cls, k = subject.cls, len(subject.cls.objectives)
    check_preference(cls.preference, k)
    named = {"reference_point": cls.reference_point} | {f"the thresholds of {u.name}": u.thresholds for u in cls.utilities if u.thresholds}
    named |= {f"point {i} of the reference front": point for i, point in enumerate(cls.front.points)}
    for what, values in named.items():
        if len(values) != k:
            raise Broken(f"{what} has {len(values)} numbers; the task has {k} objectives")
        if not all(0 <= value <= 1 for value in values):
            raise Broken(f"{what} is {values}; expected numbers in [0, 1]")
    if len(cls.front.kl) != len(cls.front.points) or not all(0 <= kl < np.inf for kl in cls.front.kl):
        raise Broken(f"the reference front spends {cls.front.kl} nats; expected one number of at least 0 for each of its points")


def splits_are_fixed_and_disjoint(subject: Subject) -> None:
    """Its four splits hold prompts, are the same each time, and share none."""
    task, again, owner = subject.cls(), subject.cls(), dict[str, str]()
    for split in SPLITS:
        prompts = task.prompts(split)
        if not isinstance(prompts, tuple) or not prompts or not all(isinstance(p, str) and p for p in prompts):
            raise Broken(f"split {split!r} is not a tuple of texts with at least one prompt")
        if task.prompts(split) != prompts or again.prompts(split) != prompts:
            raise Broken(f"split {split!r} is not the same when asked again")
        for prompt in prompts:
            if prompt in owner:
                raise Broken(f"prompt {prompt[:60]!r} is in {owner[prompt]!r} and again in {split!r}")
            owner[prompt] = split


def scores_lie_in_the_unit_interval(subject: Subject) -> None:
    """It scores n answers as (n, k), finite and in [0, 1]."""
    task = subject.cls()
    prompts, answers = _pairs(task)
    checked(task.score(prompts, answers), len(answers), task)


def a_row_depends_on_its_pair_alone(subject: Subject) -> None:
    """A pair gets the same score alone, in a batch, and in the batch turned round."""
    prompts, answers = _pairs(subject.cls())
    together = _unmet(subject.cls()).score(prompts, answers)
    fresh = _unmet(subject.cls())
    alone = np.concatenate([fresh.score(prompts[i : i + 1], answers[i : i + 1]) for i in range(len(answers))])
    turned = _unmet(subject.cls()).score(prompts[::-1], answers[::-1])[::-1]
    _same("alone", together, alone, answers)
    _same("in another order", together, turned, answers)


def scores_repeat(subject: Subject) -> None:
    """The same pairs get the same scores, from the same task and from a new one."""
    task = subject.cls()
    prompts, answers = _pairs(task)
    first = task.score(prompts, answers)
    _same("the second time", first, _unmet(task).score(prompts, answers), answers)
    _same("from a new task", first, _unmet(subject.cls()).score(prompts, answers), answers)


def survives_odd_answers(subject: Subject) -> None:
    """It scores empty, very long, foreign and broken answers like any other."""
    task = subject.cls()
    prompt = task.prompts("test")[0]
    for what, answer in ODD_ANSWERS.items():
        try:
            checked(task.score((prompt,), (answer,)), 1, task)
        except Exception as error:  # a scorer may raise anything; say for which answer
            raise Broken(f"{what}: {type(error).__name__}: {error}") from error


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
    declares_what_it_is, objectives_have_a_range, points_lie_in_the_cube, splits_are_fixed_and_disjoint,
    scores_lie_in_the_unit_interval, a_row_depends_on_its_pair_alone, scores_repeat, survives_odd_answers, has_a_card,
    splits_share_no_topic, objectives_prefer_their_own_examples, hacks_lose, rewards_spread_over_examples,
    rewards_spread_over_real_answers, content_is_that_of_its_version, relation_is_what_was_measured,
)  # fmt: skip


def _facts(subject: Subject) -> Facts | None:
    """Return what facts.json in the task's folder holds, None where there is none."""
    path = subject.folder / "facts.json" if subject.folder else None
    if path is None or not path.is_file():
        return None
    held = json.loads(path.read_text(encoding="utf-8"))
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


def _pairs(task: Task) -> tuple[Texts, Texts]:
    """Return prompts with answers of different kinds: the prompt itself, turned round, doubled, cut, and a fixed sentence."""
    prompts = task.prompts("test")[:ROWS]
    kinds = (
        lambda p: p, lambda p: " ".join(p.split()[::-1]), lambda p: f"{p} {p}", lambda p: p[: len(p) // 2],
        lambda p: "Take it one small step at a time, and rest when you are tired.",
    )  # fmt: skip
    return tuple(p for p in prompts for _ in kinds), tuple(kind(p) for p in prompts for kind in kinds)


def _unmet(task: Task) -> Task:
    """Return the task after shared scorers forgot the texts they met, which would hide a difference.

    Only what a `Memo` holds can be forgotten: another memory at module level hides from this check.
    """
    forget()
    return task


def _same(when: str, first: Array, second: Array, answers: Texts) -> None:
    apart = np.abs(first - second).max(1)
    if not (apart <= TOLERANCE).all():
        row = int(np.nanargmax(apart))
        raise Broken(f"answer {answers[row][:60]!r} scores {first[row].tolist()}, and {when} {second[row].tolist()}")
