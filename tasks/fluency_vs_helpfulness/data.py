"""Write prompts.jsonl and pairs.jsonl of this task: `python -m morlbench.tasks.fluency_vs_helpfulness.data [CORPUS ...]`.

Prompts are topics times templates. Topics are dealt once to train, dev, adapt and test; test has templates of its own too.
Pairs (see pairs.py) come from adapt and test topics, so that the scorers, which were designed on train and dev topics, meet
them for the first time. The corpus files (see `morlbench.lm.bases.build`) are needed for the pairs alone; without them only
the prompts are written.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from morlbench.lm.bases.prompts import TEMPLATES, TOPICS
from morlbench.seeds import derive
from morlbench.task import Split

from .pairs import pairs

FOLDER = Path(__file__).parent
SHARES: dict[Split, int] = {"dev": 10, "adapt": 10, "test": 20}  # topics; train has the other 56
TEST_TEMPLATES = (
    "What is a good first step in {}?",
    "What would you tell a friend about {}?",
    "Share some advice on {}.",
    "What makes {} easier?",
    "Why does {} matter?",
    "What do beginners get wrong about {}?",
    "Which things are needed for {}?",
    "How much time should I plan for {}?",
    "How would you describe {}?",
    "What is the secret of {}?",
)
PER_TOPIC: dict[Split, int] = {"train": 14, "dev": 10, "adapt": 6, "test": 5}


def topics(split: Split) -> tuple[str, ...]:
    """Return the topics dealt to a split; every topic belongs to one."""
    dealt = [TOPICS[i] for i in np.random.default_rng(derive(0, "fluency-vs-helpfulness", "topics")).permutation(len(TOPICS))]
    for name, count in SHARES.items():
        if name == split:
            return tuple(dealt[:count])
        dealt = dealt[count:]
    return tuple(dealt)


def prompts(split: Split) -> tuple[str, ...]:
    """Return a split's prompts: `PER_TOPIC` templates for each topic, turning through all of them, in one fixed mixed order."""
    templates = TEST_TEMPLATES if split == "test" else TEMPLATES
    count = PER_TOPIC[split]
    made = [templates[(i * count + j) % len(templates)].format(topic) for i, topic in enumerate(topics(split)) for j in range(count)]
    order = np.random.default_rng(derive(0, "fluency-vs-helpfulness", split)).permutation(len(made))
    return tuple(made[i] for i in order)


def _write(path: Path, rows: Sequence[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def main(arguments: Sequence[str]) -> None:
    """Write prompts.jsonl, and pairs.jsonl where corpus files are given."""
    splits: tuple[Split, ...] = ("train", "dev", "adapt", "test")
    _write(FOLDER / "prompts.jsonl", [{"split": split, "prompt": prompt} for split in splits for prompt in prompts(split)])
    if arguments:
        made = pairs([Path(a) for a in arguments], topics("adapt") + topics("test"))
        _write(FOLDER / "pairs.jsonl", [pair.row() for pair in made])


if __name__ == "__main__":
    main(sys.argv[1:])
