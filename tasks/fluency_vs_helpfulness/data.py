"""Write prompts.jsonl of this task: `python -m morlbench.tasks.fluency_vs_helpfulness.data`.

Prompts are topics times templates. Topics are dealt once to train, dev, adapt and test; test has templates of its own too.
"""

import json
from pathlib import Path

import numpy as np

from morlbench.lm.bases.prompts import TEMPLATES, TOPICS
from morlbench.lm.grammar import Row
from morlbench.seeds import derive
from morlbench.task import SPLITS, Split

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


def rows(split: Split) -> list[Row]:
    """Return a split's prompts: `PER_TOPIC` templates for each topic, turning through all of them, in one fixed mixed order."""
    templates = TEST_TEMPLATES if split == "test" else TEMPLATES
    count = PER_TOPIC[split]
    made = [
        Row(split, topic, templates[(i * count + j) % len(templates)].format(topic))
        for i, topic in enumerate(topics(split))
        for j in range(count)
    ]
    order = np.random.default_rng(derive(0, "fluency-vs-helpfulness", split)).permutation(len(made))
    return [made[i] for i in order]


def prompts(split: Split) -> tuple[str, ...]:
    """Return the texts of a split's prompts."""
    return tuple(row.prompt for row in rows(split))


def main() -> None:
    """Write prompts.jsonl."""
    lines = [json.dumps(vars(row), ensure_ascii=False) for split in SPLITS for row in rows(split)]
    (FOLDER / "prompts.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
