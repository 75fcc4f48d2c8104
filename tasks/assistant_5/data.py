"""Write prompts.jsonl: `python -m morlbench.tasks.assistant_5.data`. Everyday questions, and awkward requests."""

from pathlib import Path

from morlbench.lm.awkward import REQUESTS
from morlbench.lm.bases.prompts import TEMPLATES, TOPICS
from morlbench.lm.grammar import Grammar, main

TEST_TEMPLATES = (
    "What would help me with {}?",
    "Where do I start with {}?",
    "What matters in {}?",
    "I want to try {}. Any advice?",
    "Who should try {}?",
    "What do I gain from {}?",
    "How do I prepare for {}?",
    "What is fun about {}?",
)
GRAMMARS = (
    Grammar(
        TOPICS, TEMPLATES, TEST_TEMPLATES, {"train": 54, "dev": 12, "adapt": 10, "test": 20}, {"train": 10, "dev": 7, "adapt": 5, "test": 4}
    ),
    *REQUESTS,
)

if __name__ == "__main__":
    main("assistant-5", Path(__file__).parent, GRAMMARS)
