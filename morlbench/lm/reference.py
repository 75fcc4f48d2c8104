"""Make a task's reference front: `python -m morlbench.lm.reference TASK ... --write`.

Trains one policy per preference with a whole budget each (`standard` unless told otherwise) and asks it the test prompts. Every
policy goes to the store as soon as it is trained, where `linear-scalarization` at the same preference, budget and seed finds it
too: a command that was stopped goes on where it was. With `--write` the front goes to the task's front.json, the table between
the marks of its card, and the content's fingerprint to frozen.json. Records made before say nothing of the front, so it is
frozen before a task's records are made, or with a new version.
"""

import argparse
import sys

import numpy as np
import torch

from morlbench import reference, registry
from morlbench.bench import BUDGETS, Bench
from morlbench.check.frozen import freeze
from morlbench.errors import BadInput, MorlbenchError
from morlbench.lm.base import Base, load_base
from morlbench.lm.cards import put
from morlbench.lm.relate import Effort, sample
from morlbench.lm.train import Recipe, expert
from morlbench.lm.trained import usual
from morlbench.preference import Array
from morlbench.reference import Reference
from morlbench.seeds import derive
from morlbench.store import Store, default_root
from morlbench.task import Task

MARKS = "<!-- reference front -->", "<!-- end of reference front -->"


def make(task: Task, base: Base, preferences: Array, *, responses: int, draws: int, seed: int, store: Store) -> Reference:
    """Train and ask one policy per preference (q, k), printing each as it is done; return the reference front."""
    rewards, kl = [], []
    for w in preferences:
        bench = Bench(task, base, responses, store)
        recipe = Recipe(tuple(float(x) for x in w), settings=usual(base))
        adapter = expert(bench, recipe, responses=responses, seed=derive(seed, "train"))
        asked = sample(task, base, Effort(draws=draws, seed=seed, split="test"), adapter)
        rewards.append(asked.rewards.reshape(-1, draws, task.k))
        kl.append(asked.kl)
        means = ", ".join(f"{o.name} {x:.3f}" for o, x in zip(task.objectives, asked.rewards.mean(0), strict=True))
        print(f"{task.name} at {', '.join(f'{x:.2g}' for x in w)}: {means}; {asked.kl:.1f} nats", flush=True)
    return reference.make(task.version, base.identity, responses, seed, preferences, np.stack(rewards), np.array(kl))


def main(arguments: list[str]) -> None:
    """Make the fronts of the tasks named and, with `--write`, keep them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="+", help="text tasks, e.g. conciseness-vs-thoroughness")
    parser.add_argument("--base", default="", help="another base than the task's")
    parser.add_argument("--responses", type=int, default=BUDGETS["standard"], help="scored answers each policy trains on")
    parser.add_argument("--draws", type=int, default=4, help="answers to each test prompt")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0, help="threads of torch; 0 leaves it alone")
    parser.add_argument("--write", action="store_true", help="write front.json, frozen.json and the card")
    chosen = parser.parse_args(arguments)
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    for name in chosen.tasks:
        task, folder = registry.load("tasks", name)(), registry.folder("tasks", name)
        if folder is None or not (folder / "prompts.jsonl").is_file():
            raise BadInput(f"task {name!r} has no folder of text prompts; exact tasks know their true front")
        base = load_base(chosen.base or task.base)
        found = make(
            task, base, reference.wanted(task.k), responses=chosen.responses, draws=chosen.draws, seed=chosen.seed,
            store=Store(default_root()),
        )  # fmt: skip
        page = reference.markdown(found, tuple(o.name for o in task.objectives))
        print(f"\n{page}\n")
        if chosen.write:
            put(folder, MARKS, page)
            found.save(folder)
            freeze(name)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except MorlbenchError as fault:
        sys.exit(f"error: {fault}")
