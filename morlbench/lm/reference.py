"""Make a task's reference front: `python -m morlbench.lm.reference TASK ... --write`.

Trains one policy per preference with a whole budget each (`standard` unless told otherwise) and asks it the test prompts. Every
policy goes to the store as soon as it is trained: a command that was stopped goes on with the policies it has. Their seeds
differ from those of any run, so that no record is judged beside its own policy. With `--write` the front goes to the task's
front.json, the tables between the marks of its card, and the content's fingerprint to frozen.json. A version gets one front:
records made before are judged beside it (`morlbench.reference.with_front`), those made after hold it, and `--write` refuses where
the version has a front and the boards have a record of it.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

from morlbench import board, console, record, reference, registry
from morlbench.bench import BUDGETS, Bench
from morlbench.check.frozen import freeze
from morlbench.errors import BadInput
from morlbench.lm.base import Base, load_base
from morlbench.lm.relate import sample
from morlbench.lm.train import Recipe, expert, whole_steps
from morlbench.lm.trained import usual
from morlbench.marks import put, replaced
from morlbench.preference import Array
from morlbench.reference import Reference
from morlbench.relation import Effort
from morlbench.seeds import derive
from morlbench.store import Store, default_root
from morlbench.task import Task

MARKS = "<!-- reference front -->", "<!-- end of reference front -->"


def make(task: Task, base: Base, *, responses: int, draws: int, seed: int, store: Store) -> Reference:
    """Train and ask one policy for each preference, printing each as it is done; return the reference front."""
    wanted, n = reference.wanted(task.k, task.preference), len(task.prompts("test"))
    effort = Effort(draws=draws, seed=derive(seed, "reference test"), split="test")
    rewards, kl = [], []
    for w in wanted:
        recipe = Recipe.at(w, usual(base))
        adapter = expert(Bench(task, base, responses, store), recipe, responses=responses, seed=derive(seed, "reference"))
        found = sample(task, base, effort, adapter)
        rewards.append(found.rewards.reshape(n, draws, task.k))
        kl.append(found.kl.reshape(n, draws))
        _say(task, w, found.rewards.mean(0), float(found.kl.mean()))
    return reference.measured(
        np.stack(rewards), np.stack(kl), wanted, version=task.version, base=base.identity, responses=whole_steps(responses), seed=seed
    )  # fmt: skip


def ready(name: str, base: str, *, write: bool) -> tuple[Task, Path]:
    """Return a text task and its folder; raise BadInput or MorlbenchError for whatever would come in the way after training."""
    task, folder = registry.load("tasks", name)(), registry.folder("tasks", name)
    if folder is None or task.base == "exact":
        raise BadInput(f"task {name!r} has no folder of text prompts; exact tasks know their true front")
    if write:
        if base not in ("", task.base):
            raise BadInput(f"base {base!r} is not the task's; only a front of {task.base!r} is kept, so leave out --write")
        card = folder / "README.md"
        replaced(card.read_text(encoding="utf-8"), MARKS, "", path=card)
        for path in sorted(path for root in board.roots() for path in root.glob(f"*/records/{name}/*/seed-*.json")):
            kept = record.load(path, texts=False).evidence.task
            if kept.version == task.version and (kept.front or task.front.points):
                raise BadInput(f"{path} is judged beside the front of version {task.version}, which stays; raise the task's version first")
    return task, folder


def main(arguments: list[str]) -> None:
    """Make the fronts of the tasks named and, with `--write`, keep them."""
    parser = argparse.ArgumentParser(prog="python -m morlbench.lm.reference", description=__doc__)
    parser.add_argument("tasks", nargs="+", help="text tasks, e.g. conciseness-vs-thoroughness")
    parser.add_argument("--base", default="", help="another base than the task's")
    parser.add_argument("--responses", type=int, default=BUDGETS["standard"], help="scored answers each policy trains on")
    parser.add_argument("--draws", type=int, default=4, help="answers to each test prompt")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="threads of torch")
    parser.add_argument("--write", action="store_true", help="write front.json, frozen.json and the card")
    chosen = parser.parse_args(arguments)
    for name, value, least in (("responses", chosen.responses, 64), ("draws", chosen.draws, 1), ("threads", chosen.threads, 1)):
        if value < least:
            raise BadInput(f"--{name} {value} is too small; expected at least {least}")
    torch.set_num_threads(chosen.threads)
    for task, folder in [ready(name, chosen.base, write=chosen.write) for name in chosen.tasks]:
        base = load_base(chosen.base or task.base)
        found = make(task, base, responses=chosen.responses, draws=chosen.draws, seed=chosen.seed, store=Store(default_root()))
        page = reference.markdown(found, tuple(o.name for o in task.objectives))
        print(f"\n{page}\n")
        if chosen.write:
            put(folder / "README.md", MARKS, page)
            found.save(folder)
            freeze(task.name)


def _say(task: Task, w: Array, means: Array, kl: float) -> None:
    shown = ", ".join(f"{o.name} {x:.3f}" for o, x in zip(task.objectives, means, strict=True))
    print(f"{task.name} at {', '.join(f'{x:.2g}' for x in w)}: {shown}; {kl:.1f} nats", flush=True)


if __name__ == "__main__":
    sys.exit(console.guarded(lambda: main(sys.argv[1:])))
