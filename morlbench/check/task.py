"""What a task promises: facts in range, fixed and disjoint splits, and a scorer that is finite, fair and tough.

Promises of the files beside the class are in `morlbench.check.folder`. Leaves out whether the scorer measures what it says: the
task's card shows that.
"""

from typing import get_args

import numpy as np

from morlbench.bench import checked
from morlbench.check import Broken, folder, is_count
from morlbench.check.folder import Subject
from morlbench.lm.rewards.memo import forget
from morlbench.preference import Array, check_preference
from morlbench.task import SPLITS, Relation, Task, Texts

ROWS = 6
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


PROMISES = (
    declares_what_it_is, objectives_have_a_range, points_lie_in_the_cube, splits_are_fixed_and_disjoint,
    scores_lie_in_the_unit_interval, a_row_depends_on_its_pair_alone, scores_repeat, survives_odd_answers,
    *folder.PROMISES,
)  # fmt: skip


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
