"""Prompts by grammar: topics times templates, every topic dealt to one split, test templates met nowhere else.

Dealing and order follow from the task's name, so tasks that share topics split them differently. A task's data.py declares
its grammars and calls `main`, which writes prompts.jsonl with the topic of every prompt.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from morlbench.errors import BadInput
from morlbench.seeds import derive
from morlbench.task import SPLITS, Split


@dataclass(frozen=True)
class Row:
    """One prompt of a task with its split and topic."""

    split: Split
    topic: str
    prompt: str


@dataclass(frozen=True)
class Grammar:
    """Topics, templates with one `{}`, and for each split how many topics it gets and how many templates each topic."""

    topics: tuple[str, ...]
    templates: tuple[str, ...]
    test_templates: tuple[str, ...]
    dealt: dict[Split, int]
    per_topic: dict[Split, int]

    def rows(self, task: str) -> list[Row]:
        """Return every prompt, split by split; raise BadInput if the topics do not reach or a template is in both lists."""
        if sum(self.dealt.values()) > len(self.topics) or set(self.templates) & set(self.test_templates):
            raise BadInput(f"a grammar of {task!r} deals {sum(self.dealt.values())} of {len(self.topics)} topics or shares a test template")
        order = np.random.default_rng(derive(0, task, "topics", self.topics[0])).permutation(len(self.topics))
        found: list[Row] = []
        start = 0
        for split in SPLITS:
            mine = [self.topics[i] for i in order[start : start + self.dealt[split]]]
            start += self.dealt[split]
            chosen, count = (self.test_templates if split == "test" else self.templates), self.per_topic[split]
            for i, topic in enumerate(mine):
                found += [Row(split, topic, _sentence(chosen[(i * count + j) % len(chosen)].replace("{}", topic))) for j in range(count)]
        return found


def rows(task: str, grammars: Sequence[Grammar]) -> list[Row]:
    """Return the prompts of all grammars, mixed within each split in one fixed order."""
    found: list[Row] = []
    for split in SPLITS:
        own = [row for grammar in grammars for row in grammar.rows(task) if row.split == split]
        found += [own[i] for i in np.random.default_rng(derive(0, task, split)).permutation(len(own))]
    return found


def main(task: str, folder: Path, grammars: Sequence[Grammar]) -> None:
    """Write prompts.jsonl of a task's folder."""
    text = "".join(json.dumps(vars(row), ensure_ascii=False) + "\n" for row in rows(task, grammars))
    (folder / "prompts.jsonl").write_text(text, encoding="utf-8")


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
