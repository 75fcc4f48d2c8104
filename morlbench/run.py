"""THE PAGE: train a method on a task, ask the finished policy every question, and keep the evidence.

Everything else in morlbench serves this function: a method spends its budget on the bench, the policy answers the test
prompts at every preference, and what comes back is a record that scores alone.
"""

import os
import platform
import subprocess
import time
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path

from morlbench import probe, protocol
from morlbench.bench import Bench, Watch
from morlbench.errors import BadInput, MorlbenchError
from morlbench.facts import facts, method_facts
from morlbench.lm.apart import at_once
from morlbench.lm.base import Base
from morlbench.lm.speed import compare_speed, peak_memory
from morlbench.method import Method
from morlbench.metric import Costs, Evidence
from morlbench.preference import check_preference
from morlbench.record import Provenance, RunRecord
from morlbench.seeds import derive
from morlbench.store import Store
from morlbench.table import rounded
from morlbench.task import Task

PACKAGES = ("torch", "transformers", "trl", "peft", "numpy", "moocore")


def run(
    method: Method,
    task: Task,
    base: Base,
    budget: int,
    *,
    seed: int,
    store: Store,
    preference: tuple[float, ...] = (),
    watch: Watch | None = None,
) -> RunRecord:
    """Train `method` on `task` with `budget` scored responses, probe the policy on the test split, return the record.

    `preference` replaces the task's stated one for methods of the single track. Equal arguments give equal records, costs
    aside.
    """
    check_pair(task, base)
    if preference:
        check_preference(preference, task.k)
    where = provenance()
    where = replace(where, platform=f"{where.platform} {base.gpu}".strip())
    begin, cpu = time.perf_counter(), _cpu_seconds()
    bench = Bench(task, base, budget, store, preference=preference, watch=watch)
    policy = method.train(bench, seed=derive(seed, "train"))
    if bench.serving:
        raise MorlbenchError(f"method {method.name!r} ended its own budget by calling serve(); only a run may do that")
    bench.serve()  # from here scoring is inference: counted, not limited
    speed = compare_speed(policy, bench, task)
    if (slots := at_once(base)) > 1:
        bench.warm()  # scorers may start CUDA, which no copy of this process survives
    asker = probe.Asker(task, bench, seed=derive(seed, "test"), slots=slots)
    probes = [*asker.front(policy, method), *asker.users(policy), *asker.deletions(policy, method)]
    exact = task.exact(policy, protocol.preferences(task.k, method.track, bench.preference))
    costs = Costs(
        tuple(bench.ledger), speed, time.perf_counter() - begin, _cpu_seconds() - cpu,
        max(peak_memory(), bench.peak_memory), bench.trainable_parameters
    )  # fmt: skip
    evidence = Evidence(
        task=facts(task, bench.preference), method=method_facts(method), base=base.identity, budget=budget, seed=seed,
        probes=tuple(map(rounded, probes)), costs=costs, exact=exact,
    )  # fmt: skip
    return RunRecord(evidence, where)


def check_pair(task: Task, base: Base) -> None:
    """Raise BadInput where the task cannot be run on the base."""
    if (task.base == "exact") != (base.name == "exact"):
        wanted = "only the base 'exact'" if task.base == "exact" else "a text base such as 'nano', not 'exact'"
        raise BadInput(f"task {task.name!r} takes {wanted}; it was given {base.name!r}")
    if task.decoding.min_tokens and base.ends:
        raise BadInput(f"task {task.name!r} sets min_tokens; only a base without an end token keeps it, and {base.name!r} has one")


def _cpu_seconds() -> float:
    """Return the CPU seconds of this process and of those it started and that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


@cache
def provenance() -> Provenance:
    """Return where runs are made: commit of the checkout (if it is one), platform and package versions.

    It is asked once per process, when the first run begins: the code that is loaded then makes all of them.
    """
    tracked = _git("ls-files", "--error-unmatch", Path(__file__).name)  # else the environment lies in another project's repository
    commit, dirty = (_git("rev-parse", "HEAD"), _git("status", "--porcelain", "--untracked-files=no")) if tracked else ("", "")
    packages = {name: version(name) for name in ("morlbench", *PACKAGES)}
    return Provenance(commit, bool(dirty), f"{platform.system()} {platform.machine()} Python {platform.python_version()}", packages)


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
