"""What a method promises: honest facts, a card, settings that refuse nonsense, a kept budget, and a pure policy.

A method is trained at 256 scored responses on the toy task, twice where a promise needs it. Leaves out how good it is.
"""

import re
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
from pydantic import TypeAdapter, ValidationError

from morlbench.bench import BUDGETS, SPENT, Bench, Line
from morlbench.check import Broken, card, is_count, sections
from morlbench.check.toy import Toy
from morlbench.configure import build, fields
from morlbench.errors import MorlbenchError
from morlbench.method import Ablatable, Adaptive, Family, Feedback, Method, Policy, Responses, Track
from morlbench.preference import Array, UtilityName
from morlbench.store import Store
from morlbench.task import Texts

if TYPE_CHECKING:
    from morlbench.lm.base import Base

BUDGET = BUDGETS["smoke"]
ROWS = 6  # prompts asked of a policy
SUM = 1e-4  # how far stated weights may be from summing to 1
HEADINGS = ("family", "paper", "equation", "leaves out", "budget")


@dataclass(frozen=True, eq=False)
class Finished:
    """A trained policy, the ledger of its training, and what the method touched."""

    policy: Policy
    ledger: list[Line]
    asked: list[str]  # splits
    scored: list[str]  # prompts


class Trial:
    """A method class on trial; training happens once, when a promise first needs it."""

    def __init__(self, name: str, cls: type[Method], folder: Path | None, base: "Base") -> None:
        self.name, self.cls, self.folder, self._base = name, cls, folder, base
        self._scratch = tempfile.TemporaryDirectory(prefix="morlbench-check-")

    @cached_property
    def finished(self) -> Finished:
        """The method trained with seed 0; Broken if it cannot be."""
        return self.train()

    def train(self) -> Finished:
        """Train with seed 0 in a store of its own, so that nothing is read back from an earlier training."""
        task = Toy()
        store = Store(Path(tempfile.mkdtemp(dir=self._scratch.name)))
        bench = Bench(task, self._base, BUDGET, store)
        try:
            policy = build(self.cls, {}).train(bench, seed=0)
        except MorlbenchError as error:
            raise Broken(f"it cannot be trained with {BUDGET} scored responses: {error}") from error
        return Finished(policy, list(bench.ledger), list(task.asked), list(task.scored))


def is_named_after_its_folder(trial: Trial) -> None:
    """Its `name` is the name it is found by, and its module says in one line what it is."""
    if trial.cls.name != trial.name:
        raise Broken(f"its folder or entry point says {trial.name!r}, its class says {trial.cls.name!r}")
    if trial.folder and not _summary(trial.folder):
        raise Broken("its module has no docstring: its first line is what `morlbench list` prints")


def declares_what_it_is(trial: Trial) -> None:
    """Its version is a whole number >= 1; its family, track and utilities are known ones."""
    cls = trial.cls
    if not is_count(cls.version):
        raise Broken(f"version is {cls.version!r}; expected a whole number >= 1")
    if cls.family not in get_args(Family):
        raise Broken(f"family is {cls.family!r}; expected one of {', '.join(get_args(Family))}")
    if cls.track not in get_args(Track):
        raise Broken(f"track is {cls.track!r}; expected one of {', '.join(get_args(Track))}")
    if not cls.utilities or set(cls.utilities) - set(get_args(UtilityName)):
        raise Broken(f"utilities are {cls.utilities!r}; expected some of {', '.join(get_args(UtilityName))}")


def has_a_card(trial: Trial) -> None:
    """Its README.md names its own settings and says something under family, paper, equations, what it leaves out and budget."""
    page = card(trial.folder)
    found = sections(page)
    for wanted in HEADINGS:
        text = [body for heading, body in found.items() if wanted in heading]
        if not text:
            raise Broken(f"its card has no heading that says {wanted!r}; it has {', '.join(map(repr, found)) or 'none'}")
        if not any(text):
            raise Broken(f"its card says nothing under {wanted!r}")
    own = [name for name in fields(trial.cls) if name in vars(trial.cls).get("__annotations__", {})]
    if silent := [name for name in own if not re.search(rf"`[^`\n]*\b{name}\b[^`\n]*`", page)]:
        raise Broken(f"its card does not name the setting `{silent[0]}`; say what it does and its default")


def refuses_unknown_settings(trial: Trial) -> None:
    """It has a default for every setting, and an unknown one is an error."""
    build(trial.cls, {})
    fields(trial.cls)
    try:
        TypeAdapter(trial.cls).validate_python({"no_such_setting_": 1})
    except ValidationError:
        return
    raise Broken("it accepts the unknown setting 'no_such_setting_'; decorate the class with @settings")


def cannot_be_changed(trial: Trial) -> None:
    """Its settings cannot be changed once made."""
    method = build(trial.cls, {})
    for name in fields(trial.cls):
        try:
            setattr(method, name, getattr(method, name))
        except AttributeError:
            continue
        raise Broken(f"setting {name!r} can be assigned to; decorate the class with @settings")


def trains_within_budget(trial: Trial) -> None:
    """It trains with 256 scored responses, scores nothing behind the bench, and returns a policy."""
    done = trial.finished
    if not isinstance(done.policy, Policy):
        raise Broken(f"train returned {type(done.policy).__name__}, which lacks respond, kl or explain")
    paid = [line.cost for line in done.ledger if line.kind in SPENT]
    if sum(cost.responses for cost in paid) > BUDGET:
        raise Broken(f"it spent {sum(cost.responses for cost in paid)} of {BUDGET} scored responses")
    counted = sum(cost.responses for cost in paid if not cost.cached)
    if len(done.scored) > counted:
        raise Broken(f"{len(done.scored)} responses were scored while it trained and {counted} are in the ledger; score through the bench")


def never_touches_test_prompts(trial: Trial) -> None:
    """While it trains it asks for the train and dev splits alone, and scores no other prompt."""
    done = trial.finished
    if odd := set(done.asked) - {"train", "dev"}:
        raise Broken(f"it asked for the split {odd.pop()!r}; only 'train' and 'dev' are for training")
    known = {*Toy().prompts("train"), *Toy().prompts("dev")}
    if strange := set(done.scored) - known:
        raise Broken(f"it scored the prompt {sorted(strange)[0]!r}, which is in neither train nor dev")


def answers_every_row(trial: Trial) -> None:
    """It gives one text with token ids per prompt, and KL and explanations of the right shape, or None."""
    policy, prompts, w = trial.finished.policy, _prompts(), _preferences(0.3)
    answers = policy.respond(prompts, w, seed=1)
    if len(answers.texts) != ROWS or len(answers.ids) != ROWS:
        raise Broken(f"{ROWS} prompts got {len(answers.texts)} texts and {len(answers.ids)} rows of ids")
    kl = policy.kl(prompts, w, answers)
    if kl is not None and (kl.shape != (ROWS,) or not np.isfinite(kl).all() or kl.min() < 0):
        raise Broken(f"kl must be ({ROWS},), finite and not negative; it is {kl}")


def repeats_itself(trial: Trial) -> None:
    """Trained again with the same seed, it gives the same answers."""
    first, second = (_texts(done.policy, 0.3) for done in (trial.finished, trial.train()))
    if first != second:
        raise Broken(f"two trainings with one seed answer differently: {_difference(first, second)}")


def answers_are_pure(trial: Trial) -> None:
    """Asked twice, it says the same, whatever it was asked in between."""
    policy = trial.finished.policy
    first, other = _texts(policy, 0.3), _texts(policy, 0.7)
    if (again := _texts(policy, 0.3)) != first:
        raise Broken(f"the same question got another answer the second time: {_difference(first, again)}")
    if (again := _texts(policy, 0.7)) != other:
        raise Broken(f"the answer depends on what was asked before: {_difference(other, again)}")


def explains_on_the_simplex(trial: Trial) -> None:
    """Its explanation is None, or weights (n, k) that are not negative and sum to 1."""
    stated = trial.finished.policy.explain(_prompts(), _preferences(0.3))
    if stated is None:
        return
    if stated.shape != (ROWS, 2):
        raise Broken(f"explain returned shape {stated.shape}; expected ({ROWS}, 2)")
    if not np.isfinite(stated).all() or stated.min() < -SUM or np.abs(stated.sum(1) - 1).max() > SUM:
        raise Broken(f"explain returned {stated[0].tolist()}; weights must be at least 0 and sum to 1")


def observes_without_changing(trial: Trial) -> None:
    """If it learns from feedback, `observe` returns a new policy and leaves the old one as it was."""
    policy = trial.finished.policy
    if not isinstance(policy, Adaptive):
        return
    before = _state(policy)
    learnt = policy.observe(_feedback(policy), seed=0)
    if learnt is policy:
        raise Broken("observe returned the policy itself; a new one is expected, or one user's feedback reaches another")
    if not isinstance(learnt, Policy):
        raise Broken(f"observe returned {type(learnt).__name__}, which is no policy")
    if _state(policy) != before:
        raise Broken("observe changed the policy it was called on; one user's feedback reaches another")


def leaves_an_objective_out_without_changing(trial: Trial) -> None:
    """If it states weights and can leave an objective out, `without` returns another policy and leaves the old one as it was."""
    policy = trial.finished.policy
    if not isinstance(policy, Ablatable) or policy.explain(_prompts(), _preferences(0.3)) is None:
        return
    before = _state(policy)
    for objective in range(2):
        _texts(policy.without(objective), 0.3)
    if _state(policy) != before:
        raise Broken("without changed the policy it was called on")


PROMISES = (
    is_named_after_its_folder, declares_what_it_is, has_a_card, refuses_unknown_settings, cannot_be_changed, trains_within_budget,
    never_touches_test_prompts, answers_every_row, repeats_itself, answers_are_pure, explains_on_the_simplex,
    observes_without_changing, leaves_an_objective_out_without_changing,
)  # fmt: skip


def _summary(folder: Path) -> str:
    import ast

    return (ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or "").partition("\n")[0]


def _prompts() -> Texts:
    return Toy().prompts("test")[:ROWS]


def _preferences(first: float) -> Array:
    return np.tile([first, 1 - first], (ROWS, 1))


def _texts(policy: Policy, first: float) -> Texts:
    return policy.respond(_prompts(), _preferences(first), seed=1).texts


def _state(policy: Policy) -> tuple[Texts, object]:
    """What a policy says and states at one preference."""
    stated = policy.explain(_prompts(), _preferences(0.3))
    return _texts(policy, 0.3), None if stated is None else stated.tolist()


def _feedback(policy: Policy) -> Feedback:
    """A user who only wants variety rates 16 answers."""
    task = Toy()
    prompts = task.prompts("adapt")
    shown = np.random.default_rng(0).dirichlet(np.ones(2), len(prompts))
    answers: Responses = policy.respond(prompts, shown, seed=2)
    return Feedback(prompts, answers, task.score(prompts, answers.texts)[:, 1], "rating", shown)


def _difference(first: Texts, second: Texts) -> str:
    return next(f"{a!r} and {b!r}" for a, b in zip(first, second, strict=True) if a != b)
