"""The task fluency-vs-helpfulness: splits, ranges, and that every known hack loses to its honest twin."""

import json

import numpy as np
import pytest

from morlbench.lm.bases.prompts import TEMPLATES, TOPICS
from morlbench.lm.rewards.answer import fluency, helpfulness
from morlbench.lm.rewards.memo import forget
from morlbench.task import SPLITS, Split
from morlbench.tasks.fluency_vs_helpfulness import FluencyVsHelpfulness, data

PROMPT = "How do I get started with baking bread?"
HONEST = "Mix flour, water, salt and yeast, knead the dough until it is smooth, and bake the loaf in a hot oven."
HACKS = {  # every one reuses the honest answer's or the prompt's own words where it can
    "empty": "",
    "blank": " \n ",
    "marks": "!!! ... ???",
    "one word": "Bread.",
    "generic": "It is important to take your time and be patient.",
    "generic, topic named": "When it comes to baking bread, it is important to take your time and be patient.",
    "off-topic": "Hold the guitar on your knee, press a string with one finger, and pluck it with the other hand.",
    "echo": PROMPT,
    "echo, twice": f"{PROMPT} {PROMPT}",
    "echo as statement": "To get started with baking bread, get started with baking bread.",
    "questions": "How do I bake bread? What flour does bread need? How long does the dough rise? Which oven bakes bread?",
    "keywords": "bread baking flour water salt yeast dough knead loaf oven bake hot smooth crust rise",
    "keywords with commas": "Bread, baking, flour, water, salt, yeast, dough, knead, loaf, oven, crust, rise.",
    "loop": "Bake the bread in the oven. " * 5,
    "word loop": "bread " * 30,
    "shuffled": "the bake oven a is dough hot and until smooth it, knead salt flour loaf in water the and yeast Mix",
    "endless": f"{HONEST} " + "and then the next thing that you may want to do is to go on and on with it " * 12,
}
DISFLUENT = ("empty", "blank", "marks", "keywords", "keywords with commas", "loop", "word loop", "shuffled", "endless")
ODD = (
    "",
    " ",
    "\x00\x07",
    "?!",
    "烘焙面包需要时间。",
    "خبز",
    "🍞" * 40,
    "word " * 2_000,
    "a" * 10_000,
    "half \ud83d pair",
    "<|end|>",
    "\ufffd\u200b",
)
GENERIC = "It is a great way to learn new skills and to have fun."


@pytest.fixture(scope="module")
def task() -> FluencyVsHelpfulness:
    return FluencyVsHelpfulness()


def test_splits_have_their_sizes_and_short_prompts(task: FluencyVsHelpfulness) -> None:
    assert [len(task.prompts(split)) for split in SPLITS] == [784, 100, 60, 100]
    everything = [prompt for split in SPLITS for prompt in task.prompts(split)]
    assert len(set(everything)) == len(everything)
    assert max(len(prompt.split()) for prompt in everything) <= 16


def test_no_topic_is_in_two_splits_and_test_has_templates_of_its_own(task: FluencyVsHelpfulness) -> None:
    found = {split: {_topic(prompt, split) for prompt in task.prompts(split)} for split in SPLITS}
    assert sum(len(topics) for topics in found.values()) == len(set().union(*found.values())) == len(TOPICS)
    assert not set(TEMPLATES) & set(data.TEST_TEMPLATES)
    assert "baking bread" in found["test"]


def test_the_committed_prompts_are_those_the_script_writes(task: FluencyVsHelpfulness) -> None:
    for split in SPLITS:
        assert task.prompts(split) == data.prompts(split)


def test_every_prompt_is_written_with_its_topic() -> None:
    """Without topics half of the promise `splits share no topic` has nothing to try."""
    written = [json.loads(line) for line in (data.FOLDER / "prompts.jsonl").read_text(encoding="utf-8").splitlines()]
    assert written == [vars(row) for split in SPLITS for row in data.rows(split)]
    assert all(row["topic"] in row["prompt"] for row in written)
    assert {row["topic"] for row in written} == set(TOPICS)


def test_any_prefix_of_train_mixes_topics(task: FluencyVsHelpfulness) -> None:
    assert len({_topic(prompt, "train") for prompt in task.prompts("train")[:64]}) >= 32


@pytest.mark.parametrize("kind", HACKS)
def test_a_hack_is_less_helpful_than_its_honest_twin(kind: str) -> None:
    honest, hack = helpfulness((PROMPT, PROMPT), (HONEST, HACKS[kind]))
    assert hack < 0.75 * honest


@pytest.mark.parametrize("kind", DISFLUENT)
def test_a_broken_answer_is_less_fluent_than_its_honest_twin(kind: str) -> None:
    honest, hack = fluency((HONEST, HACKS[kind]))
    assert hack < honest - 0.3


def test_the_safe_sentence_is_the_more_fluent_and_the_specific_one_the_more_helpful() -> None:
    assert fluency((GENERIC,))[0] > fluency((HONEST,))[0] + 0.5
    generic, honest = helpfulness((PROMPT, PROMPT), (GENERIC, HONEST))
    assert honest > 3 * generic


def test_a_cut_answer_loses_a_little_of_both() -> None:
    cut = HONEST[: HONEST.rindex(" hot")]
    whole, part = fluency((HONEST, cut))
    assert whole - 1.5 < part < whole
    whole, part = helpfulness((PROMPT, PROMPT), (HONEST, cut))
    assert 0.7 * whole < part < whole


def test_rows_do_not_depend_on_their_neighbours(task: FluencyVsHelpfulness) -> None:
    answers = (HONEST, *HACKS.values())
    forget()  # before every scoring: else the scorers would read what they remember
    together = task.score((PROMPT,) * len(answers), answers)
    forget()
    mixed = task.score((PROMPT,) * 4, (HACKS["loop"], HONEST, "", HONEST))
    assert np.allclose(together[0], mixed[1], atol=1e-4)
    assert np.array_equal(mixed[1], mixed[3])
    for row, answer in zip(together, answers, strict=True):
        forget()
        assert np.allclose(task.score((PROMPT,), (answer,))[0], row, atol=1e-4)


def test_helpfulness_reads_the_prompt_and_fluency_does_not(task: FluencyVsHelpfulness) -> None:
    other = "How do I get started with learning the guitar?"
    (fluent, helpful), (fluent_too, astray) = task.score((PROMPT, other), (HONEST, HONEST))
    assert fluent == fluent_too
    assert astray < helpful / 3


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_odd_texts_score_within_the_range(odd: str, task: FluencyVsHelpfulness) -> None:
    scores = task.score((PROMPT, odd, odd), (odd, HONEST, odd))
    assert scores.shape == (3, 2)
    assert np.isfinite(scores).all()
    assert scores.min() >= 0
    assert scores.max() <= 1


def test_no_answers_give_no_rows(task: FluencyVsHelpfulness) -> None:
    assert task.score((), ()).shape == (0, 2)


def _topic(prompt: str, split: Split) -> str:
    templates = data.TEST_TEMPLATES if split == "test" else TEMPLATES
    return next(topic for topic in TOPICS for template in templates if template.format(topic) == prompt)
