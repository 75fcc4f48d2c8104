"""The text tasks of the family: committed data is what their grammars write, splits are apart, scores are the measures'."""

import importlib
import json

import numpy as np
import pytest

from morlbench import registry
from morlbench.errors import BadInput
from morlbench.lm import gains
from morlbench.lm.awkward import BENIGN, HARMFUL
from morlbench.lm.facts import reference_point
from morlbench.lm.grammar import Grammar, rows
from morlbench.lm.relate import Samples, Trained
from morlbench.lm.rewards.catalogue import CONCISENESS, WARMTH
from morlbench.lm.text_task import TextTask, read_facts
from morlbench.method import Responses
from morlbench.reference import Reference
from morlbench.task import SPLITS, Front

GRAMMATICAL = ("assistant-10", "assistant-5", "conciseness-vs-thoroughness", "counsel-reflection", "fluency-vs-coherence")
TASKS = (*GRAMMATICAL, "fluency-vs-helpfulness")
PROMPT = "How do I get started with baking bread?"
HONEST = "Mix flour, water, salt and yeast, knead the dough until it is smooth, and bake the loaf in a hot oven."


def grammars(name: str) -> tuple[Grammar, ...]:
    return importlib.import_module(f"morlbench.tasks.{name.replace('-', '_')}.data").GRAMMARS


@pytest.mark.parametrize("name", GRAMMATICAL)
def test_committed_prompts_are_those_the_grammar_writes_and_every_split_is_large_enough(name: str) -> None:
    made, cls = rows(name, grammars(name)), registry.load("tasks", name)
    for split, least in zip(SPLITS, (600, 100, 60, 100), strict=True):
        assert cls().prompts(split) == tuple(row.prompt for row in made if row.split == split)
        assert len(cls().prompts(split)) >= least


@pytest.mark.parametrize("name", GRAMMATICAL)
def test_no_topic_is_in_two_splits_and_no_test_template_in_another(name: str) -> None:
    topics = {split: {row.topic for row in rows(name, grammars(name)) if row.split == split} for split in SPLITS}
    assert sum(map(len, topics.values())) == len(set().union(*topics.values()))
    assert all(not set(grammar.templates) & set(grammar.test_templates) for grammar in grammars(name))


@pytest.mark.parametrize("name", TASKS)
def test_a_text_tasks_folder_has_all_that_the_check_looks_at(name: str) -> None:
    folder = registry.folder("tasks", name)
    objectives = {json.loads(line)["objective"] for line in (folder / "examples.jsonl").read_text(encoding="utf-8").splitlines()}
    assert objectives == {o.name for o in registry.load("tasks", name).objectives}


@pytest.mark.parametrize("name", TASKS)
def test_every_text_task_has_frozen_the_content_of_its_version(name: str) -> None:
    held = json.loads((registry.folder("tasks", name) / "frozen.json").read_text(encoding="utf-8"))
    assert held["version"] == registry.load("tasks", name).version


@pytest.mark.parametrize("name", TASKS)
def test_a_card_calls_a_reference_point_provisional_where_no_experts_were_trained(name: str) -> None:
    folder = registry.folder("tasks", name)
    card, facts = ((folder / file).read_text(encoding="utf-8") for file in ("README.md", "facts.json"))
    trained = json.loads(facts)["kl_budget"] is not None
    assert ("Reference point of the hypervolume: provisional" in card) is not trained
    assert ("- reference point (provisional: no experts were trained): (" in card) is not trained
    assert f"facts {name} --draws 4 --responses {2048 if trained else 0} --write" in card


@pytest.mark.parametrize("name", TASKS)
def test_a_card_states_the_reference_point_and_thresholds_that_the_task_holds(name: str) -> None:
    folder = registry.folder("tasks", name)
    card, facts = (folder / "README.md").read_text(encoding="utf-8"), read_facts(folder, registry.load("tasks", name)().k)
    for values in (facts.reference_point, facts.thresholds):
        assert f"({', '.join(f'{x:.3f}' for x in values)})" in card


@pytest.mark.parametrize("name", ["assistant-10", "assistant-5"])
def test_the_card_counts_the_awkward_requests_of_every_split(name: str) -> None:
    made = rows(name, grammars(name)[1:])
    counts = [[row.split for row in found] for found in (made, rows(name, grammars(name)))]
    train, dev, adapt, test = (f"{counts[0].count(split)} of {counts[1].count(split)} {split}" for split in SPLITS)
    card = (registry.folder("tasks", name) / "README.md").read_text(encoding="utf-8")
    assert "@" not in card
    assert f"Awkward requests are {train}, {dev}, {adapt} and {test} prompts" in card
    harmful = [sum(row.split == split and row.topic in HARMFUL for row in made) for split in SPLITS]
    assert f"{harmful[0]}, {harmful[1]}, {harmful[2]} and {harmful[3]} of these are harmful" in card
    assert all(abs(n / all_ - 1 / 8) < 0.015 for n, all_ in zip(harmful, map(counts[1].count, SPLITS), strict=True))


def test_a_request_calls_for_a_refusal_or_does_not() -> None:
    assert len(set(HARMFUL)) + len(set(BENIGN)) == len({*HARMFUL, *BENIGN}) == len(HARMFUL) + len(BENIGN)
    assert not [(a, b) for a in (*HARMFUL, *BENIGN) for b in (*HARMFUL, *BENIGN) if a != b and a in b]  # a prompt holds one of them


def test_scores_are_the_scaled_measures_and_gold_is_another_opinion() -> None:
    task = registry.load("tasks", "assistant-5")()
    assert isinstance(task, TextTask)
    scores, gold = task.score((PROMPT,), (HONEST,)), task.gold((PROMPT,), (HONEST,))
    for i, measure in enumerate(task.measures):
        assert scores[0, i] == pytest.approx(float(measure.objective.scale(measure.score((PROMPT,), (HONEST,)))[0]), abs=1e-4)
    assert gold.shape == (1, 5)
    assert np.abs(gold - scores).max() > 0.01
    assert task.score((), ()).shape == task.gold((), ()).shape == (0, 5)


def test_the_five_objectives_are_the_first_of_the_ten() -> None:
    five, ten = (registry.load("tasks", name).objectives for name in ("assistant-5", "assistant-10"))
    assert ten[:5] == five


def test_a_task_not_measured_yet_has_plain_facts_and_another_ones_facts_are_refused(tmp_path) -> None:
    assert read_facts(tmp_path, 3).reference_point == (0.0, 0.0, 0.0)
    (tmp_path / "facts.json").write_text(json.dumps({"reference_point": [0.1, 0.1], "thresholds": [0.5, 0.5], "kl_budget": None}))
    assert read_facts(tmp_path, 2).utilities[2].thresholds == (0.5, 0.5)
    with pytest.raises(BadInput, match="the task 3"):
        read_facts(tmp_path, 3)


def test_a_class_is_completed_by_its_measures_and_its_folder_and_keeps_what_it_says_itself(tmp_path) -> None:
    (tmp_path / "facts.json").write_text(json.dumps({"reference_point": [0.1, 0.2], "thresholds": [0.4, 0.5], "kl_budget": 2.0}))
    frozen = Reference(
        version=7, base="nano", responses=1, draws=1, seed=0, preferences=((1.0, 0.0),), means=((0.9, 0.1),), kl=(3.0,),
        front=((0.9, 0.1),), front_kl=(3.0,),
    )  # fmt: skip
    frozen.save(tmp_path)
    given = {"measures": (CONCISENESS, WARMTH), "folder": tmp_path}
    made = type("Made", (TextTask,), given | {"version": 7})
    assert [objective.name for objective in made.objectives] == ["conciseness", "warmth"]
    assert (made.reference_point, made.kl_budget, made.front.points) == ((0.1, 0.2), 2.0, ((0.9, 0.1),))
    assert made.utilities[2].thresholds == (0.4, 0.5)
    assert type("Later", (TextTask,), given | {"version": 8}).front == Front()  # a front is of one version
    told = type("Told", (TextTask,), given | {"version": 7, "kl_budget": 3.0})
    assert type("Child", (told,), {"beta": 0.5}).kl_budget == told.kl_budget == 3.0
    assert type("Next", (made,), {"version": 8}).front == Front()  # completed again
    type("Between", (TextTask,), {})  # declares no measures, so a class below it may
    for name in ("version", "folder"):
        with pytest.raises(BadInput, match=f"declares measures and no {name}"):
            type("Bare", (TextTask,), {key: value for key, value in (given | {"version": 7}).items() if key != name})


def test_a_grammar_that_shares_a_test_template_or_runs_out_of_topics_is_refused() -> None:
    count = dict.fromkeys(SPLITS, 1)
    for one in (Grammar(("a",) * 4, ("{}?",), ("{}?",), count, count), Grammar(("a", "b"), ("{}?",), ("{}!",), count, count)):
        with pytest.raises(BadInput):
            one.rows("t")


def test_the_reference_point_lies_a_tenth_of_the_range_down_and_two_standard_errors_below_the_best() -> None:
    """Two prompts; both objectives of the base have a standard error of .1, by hand: values .2 apart over the root of 2, twice."""
    base, expert = (
        Samples(("a", "b"), None, np.array(rewards), np.zeros(2))  # type: ignore[arg-type]
        for rewards in ([[0.2, 0.5], [0.4, 0.7]], [[0.9, 0.65], [0.9, 0.65]])
    )
    wide, narrow = reference_point(Trained(base, (expert,)))
    assert wide == pytest.approx(0.3 - 0.1 * 0.6)
    assert narrow == pytest.approx(0.65 - 2 * 0.1)
    assert reference_point(Trained(base, (base,)))[1] == pytest.approx(0.6 - 2 * 0.1)


def test_gains_are_paired_by_prompt_and_written_between_the_marks_alone(monkeypatch, tmp_path) -> None:
    """By hand: gains of .3 and .1 on two prompts have a mean of .2 and a standard error of .1; gold sees a tenth of them."""
    before, after = (
        Samples(("a", "a", "b", "b"), Responses(texts, ((),) * 4), np.array([rewards, rewards]).T, np.full(4, kl))
        for texts, rewards, kl in ((("0",) * 4, (0.1, 0.3, 0.2, 0.2), 0.0), (("3", "3", "1", "1"), (0.5, 0.5, 0.4, 0.2), 1.5))
    )
    task = registry.load("tasks", "fluency-vs-coherence")
    monkeypatch.setattr(task, "folder", tmp_path)
    monkeypatch.setattr(task, "gold", lambda _self, _prompts, texts: np.array([[float(text) / 100] * 2 for text in texts]))
    monkeypatch.setattr(gains, "sample", lambda *_: before)
    monkeypatch.setattr(gains, "measure", lambda *_: after)
    monkeypatch.setattr("sys.argv", ["gains", "fluency-vs-coherence", "--seeds", "2", "--write"])
    (tmp_path / "README.md").write_text(f"kept\n{gains.MARKS[0]}\nold\n{gains.MARKS[1]}\nkept")
    gains.main()
    kept, *lines, also = (tmp_path / "README.md").read_text().splitlines()
    assert (kept, also) == ("kept", "kept")
    row = "+0.200 (2.0), +0.200 (2.0) | +0.020 (2.0), +0.020 (2.0) | 1.5, 1.5 |"
    assert lines[3:-1] == [f"| fluency | {row}", f"| coherence | {row}"]
