"""Measure what experts of a whole budget gain on test prompts: `python -m morlbench.lm.gains TASK ... --write`.

An objective that its own expert cannot raise tells no methods apart. One expert for each objective and seed is trained with a
whole budget (`quick` unless told otherwise), unless the store has it, and answers the test prompts beside the base. Gains are
paired by prompt, by the task's scorer and by the gold scorer. With `--write` the table goes between the marks of the card.
Leaves out what experts do to the other objectives (`morlbench relation`, `lm/facts.py`).
"""

import argparse
import sys
from dataclasses import replace

import numpy as np
import torch

from morlbench import console
from morlbench.bench import BUDGETS, Bench
from morlbench.lm.base import Base, load_base
from morlbench.lm.facts import gain_in_errors, text_task
from morlbench.lm.relate import Samples, sample
from morlbench.lm.text_task import TextTask
from morlbench.lm.train import Recipe, expert, one_hot, whole_steps
from morlbench.lm.trained import usual
from morlbench.marks import put, replaced
from morlbench.relation import Effort
from morlbench.store import Store, default_root

MARKS = "<!-- gains -->", "<!-- end of gains -->"
Pair = tuple[Samples, Samples]  # answers of the base and of one expert to the same prompts


def measure(task: TextTask, base: Base, objective: int, effort: Effort, store: Store) -> Samples:
    """Train one objective's expert with `effort.responses`, unless the store has it, and return its answers."""
    bench = Bench(task, base, effort.responses, store)
    recipe = Recipe(one_hot(task.k, objective), settings=usual(base))
    adapter = expert(bench, recipe, responses=whole_steps(effort.responses), seed=effort.seed)
    return sample(task, base, effort, adapter)


def table(task: TextTask, found: dict[str, list[Pair]]) -> str:
    """Return gains as markdown, a row for each objective and a number for each seed, and in brackets that gain over its standard error."""
    lines = ["| objective | gain (in standard errors) | by gold | KL, nats |", "|---|---|---|---|"]
    for i, objective in enumerate(task.objectives):
        pairs = found[objective.name]
        gold = [_by_gold(task, pair) for pair in pairs]
        spent = ", ".join(f"{after.kl.mean():.1f}" for _, after in pairs)
        lines.append(f"| {objective.name} | {_shown(pairs, i)} | {_shown(gold, i)} | {spent} |")
    return "\n".join(lines)


def main() -> None:
    """Measure the tasks of the command line, print, and with `--write` keep what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="+", help="text tasks, e.g. assistant-5")
    parser.add_argument("--budget", choices=BUDGETS, default="quick", help="what each expert trains on")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds, from 0 on")
    parser.add_argument("--draws", type=int, default=4, help="answers to each test prompt")
    parser.add_argument("--threads", type=int, default=0, help="threads of torch; 0 leaves it alone")
    parser.add_argument("--write", action="store_true", help="write the table to the task's card")
    chosen = parser.parse_args()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    tasks = [text_task(name) for name in chosen.tasks]
    for task in tasks if chosen.write else ():  # a card without marks is refused before hours of training
        card = task.folder / "README.md"
        replaced(card.read_text(encoding="utf-8"), MARKS, "", path=card)
    for task in tasks:
        page = table(task, _by_objective(task, BUDGETS[chosen.budget], seeds=chosen.seeds, draws=chosen.draws))
        print(f"{task.name}\n\n{page}\n")
        if chosen.write:
            put(task.folder / "README.md", MARKS, page)


def _by_objective(task: TextTask, responses: int, *, seeds: int, draws: int) -> dict[str, list[Pair]]:
    base, store = load_base(task.base), Store(default_root())
    found: dict[str, list[Pair]] = {objective.name: [] for objective in task.objectives}
    for seed in range(seeds):
        effort = Effort(draws=draws, responses=responses, seed=seed, split="test")
        plain = sample(task, base, effort)
        for i, objective in enumerate(task.objectives):
            pair = plain, measure(task, base, i, effort, store)
            found[objective.name].append(pair)
            print(f"{task.name}, seed {seed}: {objective.name} {_shown([pair], i)}", file=sys.stderr, flush=True)
    return found


def _by_gold(task: TextTask, pair: Pair) -> Pair:
    before, after = (replace(samples, rewards=task.gold(samples.prompts, samples.responses.texts)) for samples in pair)
    return before, after


def _shown(pairs: list[Pair], objective: int) -> str:
    rises = [float(np.mean(after.rewards[:, objective]) - np.mean(before.rewards[:, objective])) for before, after in pairs]
    errors = [gain_in_errors(before, after, objective) for before, after in pairs]
    return ", ".join(f"{rise:+.3f} ({error:.1f})" for rise, error in zip(rises, errors, strict=True))


if __name__ == "__main__":
    sys.exit(console.guarded(main))
