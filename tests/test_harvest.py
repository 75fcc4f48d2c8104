"""Honest answers are chosen from a corpus: whole, of two sentences, on their topic, one for each prompt."""

import json
from pathlib import Path

from morlbench.lm.bases.prompts import TEMPLATES, TOPICS
from morlbench.lm.rewards.harvest import UNITS, harvest

PROMPTS = [TEMPLATES[0].format(topic) for topic in TOPICS[:5]]


def good(topic: str) -> str:
    return f"The best way to begin {topic} is with a small plan and some patience. Ask a friend who knows it well to show you how."


def unit(number: int, rows: list[tuple[str, str, list[str]]]) -> str:
    return json.dumps({"unit": number, "rows": [{"prompt": p, "style": s, "answers": a} for p, s, a in rows]}) + "\n"


def test_only_whole_answers_on_their_topic_in_the_chosen_styles_are_kept_once(tmp_path: Path) -> None:
    first, second, third, fourth, fifth = TOPICS[:5]
    late, early = tmp_path / "late.jsonl", tmp_path / "early.jsonl"
    late.write_text(
        unit(3, [(PROMPTS[0], "short", [good(first).replace("small", "big")])]) + unit(UNITS, [(PROMPTS[1], "short", [good(second)])])
    )
    early.write_text(
        unit(1, [(PROMPTS[0], "short", ["Too short to say.", good(first)]), (PROMPTS[2], "rude", [good(third)])])
        + unit(
            2, [(PROMPTS[3], "steps", [good("something else"), f"{good(fourth)} And then rest."]), ("Who are you?", "short", [good(first)])]
        )
        + unit(4, [(PROMPTS[4], "formal", [good(fifth).replace("a small plan", "1. a plan")])])
    )
    assert [(s.topic, s.prompt, s.text) for s in harvest([late, early])] == [(first, PROMPTS[0], good(first))]
