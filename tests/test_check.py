"""Every promise is kept by an honest plugin and rejects a plugin with one planted fault."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import ClassVar

import numpy as np
import pydantic.dataclasses
import pytest
from honest import METHOD_CARD, CannedBase, CannedPolicy, HonestMethod, HonestMetric, HonestTask, card_folder
from pydantic import ConfigDict

from morlbench.bench import Bench
from morlbench.check import folder as check_folder
from morlbench.check import frozen, method, metric, task, verdicts
from morlbench.check.folder import Subject
from morlbench.check.toy import Toy
from morlbench.lm.bases import PROMPT_WORDS, WORDS
from morlbench.lm.rewards.memo import Memo
from morlbench.method import Family, Feedback, Method, Policy, Responses, Track, settings
from morlbench.metric import Evidence
from morlbench.preference import LINEAR, Array, Utility
from morlbench.task import Front, Objective, Split, Task, Texts

FRESH = count()  # what nothing that promises to repeat itself may read


def broken(promises: Sequence[Callable[[object], None]], subject: object) -> set[str]:
    return {v.promise for v in verdicts(promises, subject) if not v.kept}


# methods


def trial(cls: type, root: Path, card: str | None = METHOD_CARD) -> method.Trial:
    return method.Trial("honest", cls, card_folder(root, card), CannedBase())


def serving(policy: object) -> type:
    """Return a method that trains to `policy`."""

    @settings
    class Serving(HonestMethod):
        def train(self, bench: Bench, *, seed: int) -> Policy:
            super().train(bench, seed=seed)
            return policy

    return Serving


def changed(**facts: object) -> type:
    """Return the honest method with other facts."""
    return settings(type("Changed", (HonestMethod,), facts))


@dataclass(frozen=True)
class LosesARow(CannedPolicy):
    def respond(self, prompts: Texts, preferences: Array, *, utility: Utility = LINEAR, seed: int) -> Responses:
        return super().respond(prompts[1:], preferences[1:], seed=seed)


@dataclass(frozen=True)
class NegativeKl(CannedPolicy):
    def kl(self, prompts: Texts, preferences: Array, responses: Responses, *, utility: Utility = LINEAR) -> Array | None:
        return np.full(len(prompts), -1.0)


@dataclass(frozen=True)
class Forgetful(CannedPolicy):
    def respond(self, prompts: Texts, preferences: Array, *, utility: Utility = LINEAR, seed: int) -> Responses:
        return super().respond(prompts, preferences, seed=seed + next(FRESH))


@dataclass(frozen=True)
class Remembers(CannedPolicy):
    """Answers depend on how often the other half of the preferences was asked."""

    asked: list[float] = field(default_factory=list)

    def respond(self, prompts: Texts, preferences: Array, *, utility: Utility = LINEAR, seed: int) -> Responses:
        first = float(preferences[0, 0])
        moved = sum(w < first for w in self.asked)
        self.asked.append(first)
        return super().respond(prompts, preferences, seed=seed + moved)


@dataclass(frozen=True)
class HeavyWeights(CannedPolicy):
    def explain(self, prompts: Texts, preferences: Array, *, utility: Utility = LINEAR) -> Array | None:
        return preferences * 2


@dataclass(frozen=True)
class LearnsInPlace(CannedPolicy):
    def observe(self, feedback: Feedback, *, seed: int) -> "LearnsInPlace":
        object.__setattr__(self, "learnt", self.learnt + 3)
        return LearnsInPlace(self.learnt)


@dataclass(frozen=True)
class ReturnsItself(CannedPolicy):
    def observe(self, feedback: Feedback, *, seed: int) -> "ReturnsItself":
        return self


@dataclass(frozen=True)
class DropsInPlace(CannedPolicy):
    def without(self, objective: int) -> "DropsInPlace":
        object.__setattr__(self, "learnt", self.learnt + 3)
        return self


@settings
class ScoresBehindTheBench(HonestMethod):
    def train(self, bench: Bench, *, seed: int) -> Policy:
        prompts = bench.prompts("train")
        bench._task.score(prompts, (WORDS[0],) * len(prompts))
        return CannedPolicy()


@settings
class Overspends(HonestMethod):
    def train(self, bench: Bench, *, seed: int) -> Policy:
        prompts = bench.prompts("train")
        for _ in range(10):
            bench.score(prompts, prompts)
        return CannedPolicy()


@settings
class LooksAtTest(HonestMethod):
    def train(self, bench: Bench, *, seed: int) -> Policy:
        bench._task.prompts("test")
        return CannedPolicy()


@settings
class ScoresAdaptPrompts(HonestMethod):
    def train(self, bench: Bench, *, seed: int) -> Policy:
        prompts = Toy().prompts("adapt")
        bench.score(prompts, prompts)
        return CannedPolicy()


@settings
class Unrepeatable(HonestMethod):
    def train(self, bench: Bench, *, seed: int) -> Policy:
        return CannedPolicy(learnt=float(next(FRESH) % 2))


class Undecorated(Method):
    name: ClassVar[str] = "honest"
    version: ClassVar[int] = 1
    family: ClassVar[Family] = "control"
    track: ClassVar[Track] = "front"
    share: float = 0.5

    def train(self, bench: Bench, *, seed: int) -> Policy:
        return CannedPolicy()


TakesAnything = pydantic.dataclasses.dataclass(frozen=True, kw_only=True)(type("TakesAnything", (Undecorated,), {}))
Mutable = pydantic.dataclasses.dataclass(kw_only=True, config=ConfigDict(extra="forbid"))(
    type("Mutable", (Undecorated,), {"__annotations__": {"share": float}, "share": 0.5})
)


METHOD_FAULTS = [
    ("is named after its folder", changed(name="other")),
    ("declares what it is", changed(version=0)),
    ("declares what it is", changed(version=True)),
    ("declares what it is", changed(family="magic")),
    ("declares what it is", changed(track="both")),
    ("declares what it is", changed(utilities=("cubic",))),
    ("refuses unknown settings", TakesAnything),
    ("refuses unknown settings", Undecorated),
    ("cannot be changed", Mutable),
    ("trains within budget", ScoresBehindTheBench),
    ("trains within budget", Overspends),
    ("trains within budget", serving(object())),
    ("never touches test prompts", LooksAtTest),
    ("never touches test prompts", ScoresAdaptPrompts),
    ("answers every row", serving(LosesARow())),
    ("answers every row", serving(NegativeKl())),
    ("repeats itself", Unrepeatable),
    ("answers are pure", serving(Forgetful())),
    ("answers are pure", serving(Remembers())),
    ("explains on the simplex", serving(HeavyWeights())),
    ("observes without changing", serving(LearnsInPlace())),
    ("observes without changing", serving(ReturnsItself())),
    ("leaves an objective out without changing", serving(DropsInPlace())),
]


def test_an_honest_method_keeps_every_promise(tmp_path: Path) -> None:
    assert broken(method.PROMISES, trial(HonestMethod, tmp_path)) == set()


@pytest.mark.parametrize(("promise", "cls"), METHOD_FAULTS, ids=lambda x: x if isinstance(x, str) else x.__name__)
def test_a_method_with_a_planted_fault_is_rejected(promise: str, cls: type, tmp_path: Path) -> None:
    assert promise in broken(method.PROMISES, trial(cls, tmp_path))


@pytest.mark.parametrize(
    "card",
    [None, METHOD_CARD.replace("## Paper", "## Literature"), METHOD_CARD.replace("64 responses", ""), METHOD_CARD.replace("`", "")],
)
def test_a_method_without_a_whole_card_is_rejected(card: str | None, tmp_path: Path) -> None:
    assert broken(method.PROMISES, trial(HonestMethod, tmp_path, card)) == {"has a card"}


def test_a_method_without_a_module_docstring_is_rejected(tmp_path: Path) -> None:
    subject = method.Trial("honest", HonestMethod, card_folder(tmp_path, code="x = 1\n"), CannedBase())
    assert broken(method.PROMISES, subject) == {"is named after its folder"}


def test_a_method_that_raises_breaks_its_promise_and_does_not_crash_the_check(tmp_path: Path) -> None:
    @settings
    class Raises(HonestMethod):
        def train(self, bench: Bench, *, seed: int) -> Policy:
            raise ZeroDivisionError("oh")

    found = {v.promise: v.failure for v in verdicts(method.PROMISES, trial(Raises, tmp_path))}
    assert found["trains within budget"] == "ZeroDivisionError: oh"


def test_every_method_promise_has_a_planted_fault() -> None:
    assert {p.__name__.replace("_", " ") for p in method.PROMISES} == {name for name, _ in METHOD_FAULTS} | {"has a card"}


# tasks


def subject(cls: type, root: Path, card: str | None = "# Honest\nbrevity and letters\n") -> Subject:
    return Subject("honest", cls, card_folder(root, card))


def variant(**facts: object) -> type:
    return type("Variant", (HonestTask,), facts)


def scoring(score: Callable[[HonestTask, Texts, Texts], Array]) -> type:
    return type("Scoring", (HonestTask,), {"score": score})


def prompting(prompts: Callable[[HonestTask, Split], Texts]) -> type:
    return type("Prompting", (HonestTask,), {"prompts": prompts})


def _honest(rows: Texts) -> Array:
    return HonestTask().score(rows, rows)


def _fails_on_empty(self: HonestTask, prompts: Texts, responses: Texts) -> Array:
    return np.array([[1 / len(r), 0.5] for r in responses])


BY_BATCH = Memo(lambda texts: np.full((len(texts), 2), 1 / len(texts), dtype=np.float32))  # as a module's own scorer is remembered
BY_CALL = Memo(lambda texts: np.full((len(texts), 2), (next(FRESH) % 7) / 7, dtype=np.float32))
SAME: Objective = HonestTask.objectives[0]
TASK_FAULTS = [
    ("declares what it is", variant(name="other")),
    ("declares what it is", variant(version=1.5)),
    ("declares what it is", variant(relation="friendly")),
    ("declares what it is", variant(beta=0.0)),
    ("declares what it is", variant(draws=0)),
    ("objectives have a range", variant(objectives=(SAME, SAME))),
    ("objectives have a range", variant(objectives=(SAME, Objective("letters", "flat", 1, 1)))),
    ("points lie in the cube", variant(preference=(0.5, 0.6))),
    ("points lie in the cube", variant(reference_point=(0.1,))),
    ("points lie in the cube", variant(reference_point=(0.1, 1.5))),
    ("points lie in the cube", variant(front=Front(((0.5, 1.5),), (1.0,)))),
    ("points lie in the cube", variant(front=Front(((0.5, 0.5),), ()))),
    ("points lie in the cube", variant(front=Front(((0.5, 0.5),), (-1.0,)))),
    ("points lie in the cube", variant(utilities=(Utility("hard-threshold", (0.5, 0.5, 0.5)),))),
    ("splits are fixed and disjoint", prompting(lambda self, split: ("the same in every split",))),
    ("splits are fixed and disjoint", prompting(lambda self, split: tuple(f"{split} {next(FRESH)}" for _ in range(8)))),
    ("splits are fixed and disjoint", prompting(lambda self, split: (f"{split} a", f"{split} a"))),
    ("scores lie in the unit interval", scoring(lambda self, p, r: _honest(r) * 3)),
    ("scores lie in the unit interval", scoring(lambda self, p, r: _honest(r)[:, :1])),
    ("scores lie in the unit interval", scoring(lambda self, p, r: np.full((len(r), 2), np.nan))),
    ("a row depends on its pair alone", scoring(lambda self, p, r: _honest(r) / max(1, len(r)))),
    ("a row depends on its pair alone", scoring(lambda self, p, r: np.linspace(0, 1, 2 * len(r)).reshape(-1, 2))),
    ("scores repeat", scoring(lambda self, p, r: np.full((len(r), 2), (next(FRESH) % 7) / 7))),
    ("a row depends on its pair alone", scoring(lambda self, p, r: BY_BATCH(r))),
    ("scores repeat", scoring(lambda self, p, r: BY_CALL(r))),
    ("survives odd answers", scoring(_fails_on_empty)),
]


def test_an_honest_task_keeps_every_promise(tmp_path: Path) -> None:
    assert broken(task.PROMISES, subject(HonestTask, tmp_path)) == set()


@pytest.mark.parametrize(("promise", "cls"), TASK_FAULTS, ids=[f"{name}-{i}" for i, (name, _) in enumerate(TASK_FAULTS)])
def test_a_task_with_a_planted_fault_is_rejected(promise: str, cls: type, tmp_path: Path) -> None:
    assert promise in broken(task.PROMISES, subject(cls, tmp_path))


@pytest.mark.parametrize("card", [None, "# Honest\nbrevity alone\n"])
def test_a_task_without_a_card_that_names_its_objectives_is_rejected(card: str | None, tmp_path: Path) -> None:
    assert broken(task.PROMISES, subject(HonestTask, tmp_path, card)) == {"has a card"}


def test_every_task_promise_has_a_planted_fault() -> None:
    assert {p.__name__.replace("_", " ") for p in task.PROMISES} == {name for name, _ in TASK_FAULTS} | {"has a card"} | {
        name for name, _, _ in FOLDER_FAULTS
    }


# metrics

Run = Sequence[Evidence]


def measuring(value: Callable[[Run], float]) -> type:
    """Return the honest metric with another value."""

    class Measuring(HonestMetric):
        __doc__ = HonestMetric.__doc__

        def __call__(self, runs: Run) -> float:
            super().__call__(runs)  # raises NoValue where it should
            return value(runs)

    return Measuring


def naming(**facts: object) -> type:
    return type("Naming", (HonestMetric,), {"__doc__": HonestMetric.__doc__, **facts})


def _spoils(runs: Run) -> float:
    runs[0].probe("front").rewards[...] = 0.5
    return 0.5


METRIC_FAULTS = [
    ("declares what it is", naming(name="other")),
    ("declares what it is", naming(family="beauty")),
    ("declares what it is", naming(unit="")),
    ("declares what it is", naming(higher_is_better=None)),
    ("declares what it is", naming(over="runs")),
    ("says what it is and when it misleads", naming(__doc__="A number.")),
    ("says what it is and when it misleads", naming(__doc__="mean over all answers of r_i, unit: reward.")),
    ("gives a number or a reason", measuring(lambda runs: float("nan"))),
    ("gives a number or a reason", measuring(lambda runs: 1 / runs[0].probe("front").rewards.std())),
    (
        "gives a number or a reason",
        measuring(lambda runs: float(runs[0].probe("front").means[99, 0])),
    ),
    ("shows something", measuring(lambda runs: float(runs[0].probe("a probe nobody asks").rewards.mean()))),
    ("ignores the order of objectives", measuring(lambda runs: float(runs[0].probe("front").rewards[..., 0].mean()))),
    ("ignores the order of preferences", measuring(lambda runs: float(runs[0].probe("front").rewards[0].mean()))),
    ("ignores the order of prompts", measuring(lambda runs: float(runs[0].probe("front").rewards[:, 0].mean()))),
    ("leaves the evidence alone", measuring(_spoils)),
    ("leaves the evidence alone", measuring(lambda runs: float(next(FRESH)))),
]


def test_an_honest_metric_keeps_every_promise() -> None:
    assert broken(metric.PROMISES, metric.Subject("honest", HonestMetric)) == set()


@pytest.mark.parametrize(("promise", "cls"), METRIC_FAULTS, ids=[f"{name}-{i}" for i, (name, _) in enumerate(METRIC_FAULTS)])
def test_a_metric_with_a_planted_fault_is_rejected(promise: str, cls: type) -> None:
    with np.errstate(divide="ignore"):
        assert promise in broken(metric.PROMISES, metric.Subject("honest", cls))


def test_every_metric_promise_has_a_planted_fault() -> None:
    assert {p.__name__.replace("_", " ") for p in metric.PROMISES} == {name for name, _ in METRIC_FAULTS}


# the toy task


def test_the_toy_task_speaks_the_language_of_the_exact_base() -> None:
    assert all(len(prompt.split()) == PROMPT_WORDS for prompt in Toy().prompts("train"))


def test_the_toy_task_scores_echo_and_variety() -> None:
    rewards = Toy().score(("ba ce di fo",), ("ba ba gu ha",))
    assert rewards.tolist() == [[0.5, 0.75]]


# tasks with examples, frozen content and a measured relation in their folder

EXAMPLE = {
    "objective": "brevity",
    "prompt": "test question 1",
    "good": "Two plain words here.",
    "poor": "Many more words here than are of any use.",
}
EXAMPLES = [EXAMPLE, EXAMPLE | {"objective": "letters", "good": "The quick brown fox jumps on.", "poor": "a a a a a a"}]


class Balanced(HonestTask):
    """Honest, and tough on hacks: only sentences of three different words or more, ended by a full stop, earn anything."""

    def score(self, prompts: Texts, responses: Texts) -> Array:
        rows = [
            len(set(r.split())) >= 3 and len(set(r.split())) == len(r.split()) and r.endswith(".") and "," not in r and p not in r
            for p, r in zip(prompts, responses, strict=True)
        ]
        return np.array(rows, dtype=float).reshape(-1, 1) * super().score(prompts, responses)


def rows_of(rows: Sequence[dict[str, str]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def filled(root: Path, **files: str) -> Path:
    """Return the honest task's folder with more files, dots in their names written as underscores."""
    folder = card_folder(root, "# Honest\nbrevity and letters\n")
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return folder


def front_file(**changes: object) -> str:
    held = {
        "version": 1, "base": "nano-00", "responses": 64, "draws": 1, "seed": 0, "preferences": [[0.5, 0.5]], "means": [[0.5, 0.5]],
        "kl": [1.0], "front": [[0.5, 0.5]], "front_kl": [1.0],
    }  # fmt: skip
    return json.dumps(held | changes)


def frozen_file(task_: HonestTask, **changes: object) -> str:
    return json.dumps(frozen.snapshot(task_) | changes)


def facts_file(transfer: float, declared: str = "competing", names: Sequence[str] = ("brevity", "letters")) -> str:
    matrix = [[1.0, transfer], [transfer, 1.0]]
    facts = {"task": "honest", "declared": declared, "base": "b-0", "names": list(names), "ideal_loss": 0.5, "means": {}, "prompts": []}
    facts |= dict.fromkeys(("correlation", "within", "cosine", "transfer"), matrix)
    return json.dumps({"relation": facts, "quantiles": [[0.1, 0.2, 0.4, 0.6, 0.9]] * len(names)})


WIDE = [0.1, 0.2, 0.4, 0.6, 0.9]


def quantiles_file(*rows: list[float]) -> str:
    return json.dumps(json.loads(facts_file(-0.8)) | {"quantiles": rows})


class WonOnOne(Balanced):
    """As balanced, but marks alone earn the whole of the second objective, and nothing else: too little for the stated user."""

    preference: ClassVar[tuple[float, ...]] = (0.9, 0.1)

    def score(self, prompts: Texts, responses: Texts) -> Array:
        marks = np.array([set(r) <= set("?!. ") and bool(r) for r in responses])[:, None]
        return np.where(marks, [[0.0, 1.0]], super().score(prompts, responses))


def cosine_file(cosine: float, error: float) -> str:
    """Return facts of a task without experts, whose gradients have this cosine and standard error."""
    facts = json.loads(facts_file(-0.8))
    unknown = {"transfer": [[None, None], [None, None]], "cosine": [[1.0, cosine], [cosine, 1.0]], "errors": [[0.0, error], [error, 0.0]]}
    return json.dumps(facts | {"relation": facts["relation"] | unknown})


TOPICS_IN_TWO = rows_of([{"split": "train", "topic": "bread", "prompt": "a"}, {"split": "test", "topic": "bread", "prompt": "b"}])
TURNED_ROUND = rows_of([EXAMPLES[1], EXAMPLE | {"good": EXAMPLE["poor"], "poor": EXAMPLE["good"]}])
FOLDER_FAULTS: list[tuple[str, type, dict[str, str]]] = [
    ("splits share no topic", Balanced, {"prompts_jsonl": TOPICS_IN_TWO}),
    ("splits share no topic", Balanced, {"prompts_jsonl": rows_of([{"split": "train", "prompt": "a"}])}),
    ("splits share no topic", prompting(lambda self, split: ({"test": "WHAT now?", "dev": "what, now?"}.get(split, split),)), {}),
    ("objectives prefer their own examples", Balanced, {"examples_jsonl": rows_of(EXAMPLES[:1])}),
    ("objectives prefer their own examples", Balanced, {"examples_jsonl": TURNED_ROUND}),
    ("objectives prefer their own examples", Balanced, {"examples_jsonl": rows_of([{"objective": "brevity"}])}),
    ("hacks lose", HonestTask, {"examples_jsonl": rows_of(EXAMPLES)}),
    ("hacks lose", WonOnOne, {"examples_jsonl": rows_of(EXAMPLES)}),
    ("hacks lose", Balanced, {"examples_jsonl": rows_of([EXAMPLE | {"loses_to": ["marks alone"]}, EXAMPLES[1]])}),
    ("rewards spread over real answers", Balanced, {"facts_json": quantiles_file(WIDE, [0.5, 0.51, 0.52, 0.53, 0.54])}),
    ("rewards spread over real answers", Balanced, {"facts_json": quantiles_file(WIDE, [0.0, 0.0, 0.0, 1.0, 1.0])}),
    ("rewards spread over examples", scoring(lambda self, p, r: 0.5 + _honest(r) / 1e4), {"examples_jsonl": rows_of(EXAMPLES)}),
    ("content is that of its version", Balanced, {"frozen_json": frozen_file(Balanced(), content="0")}),
    ("content is that of its version", Balanced, {"frozen_json": frozen_file(Balanced(), version=2)}),
    ("content is that of its version", Balanced, {"frozen_json": frozen_file(HonestTask())}),
    ("content is that of its version", Balanced, {"front_json": front_file(version=2)}),
    ("content is that of its version", Balanced, {"front_json": '{"version": 1}'}),
    ("relation is what was measured", Balanced, {"facts_json": facts_file(0.8)}),
    ("relation is what was measured", Balanced, {"facts_json": json.dumps(json.loads(facts_file(-0.8)) | {"version": 99})}),
    ("relation is what was measured", Balanced, {"facts_json": facts_file(-0.8, names=("brevity", "other"))}),
    ("relation is what was measured", Balanced, {"facts_json": cosine_file(-0.8, error=0.5)}),
    ("relation is what was measured", Balanced, {"facts_json": cosine_file(0.8, error=0.1)}),
]  # fmt: skip


def test_a_task_with_examples_frozen_content_and_a_measured_relation_keeps_every_promise(tmp_path: Path) -> None:
    folder = filled(
        tmp_path,
        examples_jsonl=rows_of(EXAMPLES),
        frozen_json=frozen_file(Balanced()),
        front_json=front_file(),
        facts_json=facts_file(-0.8),
    )
    assert broken(task.PROMISES, Subject("honest", Balanced, folder)) == set()


def test_a_relation_that_is_not_told_apart_is_for_the_card_to_say(tmp_path: Path) -> None:
    folder = filled(tmp_path, facts_json=cosine_file(-0.8, error=0.5))
    (folder / "README.md").write_text("# Honest\nbrevity and letters are not told apart\n", encoding="utf-8")
    assert "relation is what was measured" not in broken(task.PROMISES, Subject("honest", Balanced, folder))


def test_a_hack_that_is_excepted_by_name_may_win_on_one_objective(tmp_path: Path) -> None:
    folder = filled(tmp_path, examples_jsonl=rows_of([EXAMPLES[0], EXAMPLES[1] | {"loses_to": ["marks alone"]}]))
    assert "hacks lose" not in broken(task.PROMISES, Subject("honest", WonOnOne, folder))


def test_where_no_quantiles_are_stored_answers_of_the_base_are_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = json.loads(facts_file(-0.8))
    del facts["quantiles"]
    folder = filled(tmp_path, facts_json=json.dumps(facts))
    for values, kept in (([[0.2, 0.3], [0.4, 0.8]], True), ([[0.2, 0.5], [0.4, 0.5]], False)):
        monkeypatch.setattr(check_folder, "_real", lambda _task, values=values: np.array(values))
        assert ("rewards spread over real answers" not in broken(task.PROMISES, Subject("honest", Balanced, folder))) is kept


def test_frozen_scores_reach_over_the_whole_test_split_and_a_file_says_where(tmp_path: Path) -> None:
    tests, folder = HonestTask().prompts("test"), filled(tmp_path)

    def drops(which: str) -> Task:
        return scoring(lambda self, prompts, answers: _honest(answers) * [[p != which] for p in prompts])()

    honest = HonestTask()
    held = frozen.snapshot(honest)
    (folder / "frozen.json").write_text(json.dumps(held), encoding="utf-8")
    assert frozen.difference(honest, folder) == ""
    assert all(frozen.difference(drops(tests[i]), folder) for i in (0, -1))
    (folder / "frozen.json").write_text(json.dumps({key: held[key] for key in held if key != "asked"}), encoding="utf-8")
    assert "does not say which prompts it scored" in frozen.difference(honest, folder)


def test_what_a_version_froze_holds_the_examples_whose_scores_may_not_move(tmp_path: Path) -> None:
    """Answers made of prompts score 0 under most objectives, so a scorer could change and nothing else would notice."""

    class Praised(Toy):
        PRAISE: ClassVar[float] = 1.0

        def score(self, prompts: Texts, responses: Texts) -> Array:
            return np.array([[self.PRAISE * ("well done" in answer)] * self.k for answer in responses]).reshape(len(responses), self.k)

    row = {"objective": Toy.objectives[0].name, "prompt": "Is it good?", "good": "Yes, well done.", "poor": "No."}
    (tmp_path / "examples.jsonl").write_text(json.dumps(row) + "\n")
    (tmp_path / "frozen.json").write_text(json.dumps(frozen.snapshot(Praised(), tmp_path)))
    assert frozen.difference(Praised(), tmp_path) == ""
    Praised.PRAISE = 0.9
    assert "the scorers rate the answer 'Yes, well done.' otherwise" in frozen.difference(Praised(), tmp_path)
    Praised.PRAISE = 0.995  # the last digits may differ between machines
    assert frozen.difference(Praised(), tmp_path) == ""


@pytest.mark.parametrize(("promise", "cls", "files"), FOLDER_FAULTS, ids=[f"{name}-{i}" for i, (name, _, _) in enumerate(FOLDER_FAULTS)])
def test_a_task_folder_with_a_planted_fault_is_rejected(promise: str, cls: type, files: dict[str, str], tmp_path: Path) -> None:
    assert promise in broken(task.PROMISES, Subject("honest", cls, filled(tmp_path, **files)))
