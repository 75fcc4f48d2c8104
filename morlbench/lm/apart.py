"""Train several experts at once, a process each, where there are cores for it.

A small model uses one core better than two: two experts of `nano` took 141 and 150 s side by side on two virtual cores and
172 s one after another on both (`make run` on a busy machine), at the price of a second model in memory. Each process
trains into the store; the caller reads the experts there and is charged as if it had trained them one after
another. How many threads a training has follows from what was asked and never from what the store holds, so that equal
commands give equal records. Leaves out GPUs, tasks that no other process can find by name, and trainings too short to
pay for the seconds a process takes to start.
"""

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import TypeAdapter

from morlbench import registry
from morlbench.bench import Bench
from morlbench.errors import OverBudget
from morlbench.lm.adapter import Adapter
from morlbench.lm.base import Base, load_base
from morlbench.lm.speed import in_bytes, peak_memory
from morlbench.lm.train import Recipe, expert, stored, whole_steps
from morlbench.store import Store
from morlbench.worker import Report, Teller, end_when_abandoned, first_line

WORTH = 1e9  # responses times the base's parameters; a process takes about eight seconds to start

NO_TOY = 1_000_000  # parameters; smaller bases answer sooner than a copy of the process is made


@dataclass(frozen=True)
class Order:
    """What one process is asked to train."""

    task: str
    base: str
    store: str
    recipe: Recipe
    responses: int
    seed: int
    threads: int


def experts(bench: Bench, recipes: Sequence[Recipe], *, responses: int, seed: int) -> list[Adapter]:
    """Return one adapter per recipe after `responses` scored responses each, charged in full; see `train.expert`.

    Raises OverBudget before anything is trained where the budget does not cover all of them.
    """
    responses = max(whole_steps(responses, recipe.settings) for recipe in recipes) if recipes else 0
    if responses * len(recipes) > bench.left:
        raise OverBudget(
            f"{len(recipes)} experts need {responses * len(recipes)} scored responses; the budget of {bench.budget} has {bench.left} left"
        )
    threads = torch.get_num_threads()
    slots = min(len(recipes), threads) if threads > 1 and _worth(bench, responses) else 1
    with _threads(threads // slots):
        made: set[Recipe] = set()
        if slots > 1:
            missing = [recipe for recipe in recipes if not stored(bench, recipe, responses=responses, seed=seed)]
            made = _train_apart(bench, missing, responses, seed, slots)
        return [expert(bench, recipe, responses=responses, seed=seed, fresh=recipe in made) for recipe in recipes]


def at_once(base: Base) -> int:
    """Return in how many copies of this process a base that is no toy answers best: one a thread, on a CPU."""
    return torch.get_num_threads() if base.device.type == "cpu" and base.model.num_parameters() >= NO_TOY else 1


def main() -> None:
    """Read an order from stdin, train its expert into the store, and report progress on stdout."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever asked, who then ends this process
    channel = os.dup(1)
    os.dup2(2, 1)
    order = TypeAdapter(Order).validate_json(first_line())
    threading.Thread(target=end_when_abandoned, daemon=True).start()
    torch.set_num_threads(order.threads)
    task, base = registry.load("tasks", order.task)(), load_base(order.base)
    bench = Bench(task, base, order.responses, Store(Path(order.store)), watch=Teller(channel))
    expert(bench, order.recipe, responses=order.responses, seed=order.seed)


def _worth(bench: Bench, responses: int) -> bool:
    """Say whether other processes can load the bench's task by name, and the training is long enough to start them."""
    return bench.named and bench.base.device.type == "cpu" and responses * bench.base.model.num_parameters() >= WORTH


def _train_apart(bench: Bench, missing: Sequence[Recipe], responses: int, seed: int, slots: int) -> set[Recipe]:
    """Train what is missing into the store and return it; what a process could not train is left to the caller, who learns why."""
    if len(missing) < 2:
        return set()
    orders = [
        Order(bench.task_key.partition("@")[0], bench.base.name, str(bench.store.root), recipe, responses, seed, torch.get_num_threads())
        for recipe in missing
    ]  # fmt: skip
    progress: queue.SimpleQueue[int] = queue.SimpleQueue()
    running: list[subprocess.Popen[bytes]] = []
    bench.watch.start(f"{len(missing)} experts, {slots} at once", responses * len(missing))
    pool = ThreadPoolExecutor(slots)
    try:
        tasks = [pool.submit(_follow, order, progress, running) for order in orders]
        while not all(task.done() for task in tasks) or not progress.empty():
            try:
                bench.watch.advance(progress.get(timeout=0.2))
            except queue.Empty:
                continue
        peaks = [task.result() for task in tasks]
        bench.peak_memory = peak_memory() + sum(sorted(peaks)[-slots:])
        return {recipe for recipe, peak in zip(missing, peaks, strict=True) if peak}
    finally:
        for process in running:
            process.kill()
        pool.shutdown(cancel_futures=True)
        bench.watch.finish()


def _follow(order: Order, progress: "queue.SimpleQueue[int]", running: list[subprocess.Popen[bytes]]) -> int:
    """Run one order in a process of its own, passing its progress on; return its peak memory in bytes, 0 if it failed."""
    command = [sys.executable, "-m", "morlbench.lm.apart"]
    try:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            running.append(process)
            return _listen(process, order, progress)
    except BrokenPipeError:  # it ended before it had read its order
        return 0


def _listen(process: subprocess.Popen[bytes], order: Order, progress: "queue.SimpleQueue[int]") -> int:
    if process.stdin is None or process.stdout is None:
        return 0
    process.stdin.write(TypeAdapter(Order).dump_json(order) + b"\n")
    process.stdin.flush()
    seen = 0
    for line in process.stdout:
        report = Report.read(line)
        progress.put(max(report.responses - seen, 0))
        seen = max(report.responses, seen)
    progress.put(order.responses - seen)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return in_bytes(usage.ru_maxrss) if process.returncode == 0 else 0


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


if __name__ == "__main__":
    main()
