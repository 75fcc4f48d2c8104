"""Write prompts.jsonl: `python -m morlbench.tasks.assistant_10.data`. Everyday questions, and awkward requests."""

from pathlib import Path

from morlbench.lm.awkward import REQUESTS
from morlbench.lm.bases.prompts import TEMPLATES, TOPICS
from morlbench.lm.grammar import Grammar, main

TEST_TEMPLATES = (
    "How would you go about {}?",
    "I am new to {}. What now?",
    "What is good about {}?",
    "What do I have to learn for {}?",
    "What is the trick to {}?",
    "How often should I think of {}?",
    "Please tell me how {} is done.",
    "What would you change about {}?",
)
GRAMMARS = (
    Grammar(
        TOPICS, TEMPLATES, TEST_TEMPLATES, {"train": 54, "dev": 12, "adapt": 10, "test": 20}, {"train": 10, "dev": 7, "adapt": 5, "test": 4}
    ),
    *REQUESTS,
)

if __name__ == "__main__":
    main("assistant-10", Path(__file__).parent, GRAMMARS)
