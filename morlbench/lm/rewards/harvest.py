"""Choose the honest answers that labelled pairs are made from: `python -m morlbench.lm.rewards.harvest CORPUS ...` writes answers.jsonl.

CORPUS are the shards of the corpus that nano was pretrained on (see `lm/bases/corpus.py`).
"""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from morlbench.lm.bases import corpus
from morlbench.lm.bases.pretrain import clean
from morlbench.lm.bases.prompts import TEMPLATES, TOPICS
from morlbench.lm.rewards import text
from morlbench.lm.rewards.pairs import FILE, Source

UNITS, KEPT = 140, 360  # the corpus' first units, and how many answers are kept of them
STYLES = ("detailed", "practical", "steps", "formal", "short")


def harvest(shards: Sequence[Path]) -> list[Source]:
    """Return clean corpus answers of two sentences and 18 to 40 words that name their topic, one for each prompt."""
    units = sorted((u for path in shards for u in corpus.read(path) if u["unit"] < UNITS), key=lambda u: int(u["unit"]))
    known = {template.format(topic): topic for topic in TOPICS for template in TEMPLATES}
    found: dict[str, Source] = {}
    for row in (row for unit in units for row in unit["rows"] if row["prompt"] in known and row["style"] in STYLES):
        for answer in (Source(known[row["prompt"]], row["prompt"], clean(raw)) for raw in row["answers"]):
            named = set(text.words(answer.topic)) & {w for w in text.words(answer.text) if text.information(w)}
            whole = 18 <= len(answer.text.split()) <= 40 and len(answer.sentences) == 2 and len(answer.sentences[0].split()) >= 7
            if named and whole and not re.search(r"\d\.|[\"?:*]", answer.text):
                found.setdefault(answer.prompt, answer)
    return list(found.values())[:KEPT]


if __name__ == "__main__":
    kept = harvest([Path(a) for a in sys.argv[1:]])
    FILE.write_text("".join(json.dumps(vars(s), ensure_ascii=False) + "\n" for s in kept), encoding="utf-8")
