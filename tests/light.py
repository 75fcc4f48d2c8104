"""A maker of records that needs no torch and milliseconds, and a sweep of it to start, kill and start again.

Environment: LIGHT_LOG is a file that gets a line per run begun; LIGHT_FAULT a file whose words say which seed fails and how;
LIGHT_SECONDS how long a run takes; LIGHT_UNLOCKED takes the records' locks away.
"""

import os
import signal
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from morlbench import launch, sweep
from morlbench.bench import Watch
from morlbench.errors import MorlbenchError
from morlbench.executor import Executor, Processes, Serial
from morlbench.facts import facts, method_facts
from morlbench.launch import Plan
from morlbench.metric import Costs, Evidence, Probe
from morlbench.preference import lattice
from morlbench.record import Provenance, RunRecord
from morlbench.seeds import derive
from morlbench.table import rounded

NAME = "light:Light"


class NoPandas:
    """Refuses pandas, which pyarrow would import for nothing: most of a second per process."""

    @staticmethod
    def find_spec(name: str, path: object, target: object = None) -> None:
        if name == "pandas":
            raise ImportError(name)


if "pytest" not in sys.modules:
    sys.meta_path.insert(0, NoPandas)  # type: ignore[arg-type]


class Light:
    """Rewards out of a hat that only the plan and the seed decide."""

    def warm(self) -> None:
        pass

    def identity(self, base: str) -> str:
        return f"{base}-light"

    def make(self, plan: Plan, seed: int, watch: Watch) -> RunRecord:
        note(f"{plan.path(seed)} threads={os.environ.get('OMP_NUM_THREADS')} torch={'torch' in sys.modules} pid={os.getpid()}")
        print(f"seed {seed} at work", file=sys.stderr)
        fail_if_told(seed)
        watch.start("light", 8)
        watch.advance(8)
        watch.finish()
        time.sleep(float(os.environ.get("LIGHT_SECONDS", "0.005")))
        task, method = facts(plan.task, plan.task.preference), method_facts(plan.method)
        asked = lattice(2)
        rewards = np.random.default_rng(derive(seed, str(method.settings), plan.budget)).random((len(asked), 8, 1, 2))
        probe = rounded(Probe("front", asked, rewards, np.arange(8), ("ba ce",) * (len(asked) * 8)))
        evidence = Evidence(task, method, self.identity(plan.base), plan.budget, seed, (probe,), Costs(wall_seconds=time.time()))
        return RunRecord(evidence, Provenance("0" * 40, False, "test", {}))


def note(line: str) -> None:
    if log := os.environ.get("LIGHT_LOG"):
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{line}\n")


def fail_if_told(seed: int) -> None:
    fault = Path(os.environ.get("LIGHT_FAULT", "/nonexistent"))
    if not fault.exists():
        return
    told, how = fault.read_text(encoding="utf-8").split()
    if seed != int(told):
        return
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "exits":
        sys.exit(0)
    raise (MorlbenchError if how == "sentence" else ValueError)("a planted\nfault")


def grid(out: Path, seeds: str = "0..5") -> sweep.Grid:
    return sweep.Grid(("honest", "honest+share=0.25"), ("honest",), seeds, ("smoke", "quick"), out=out)


def sweep_once(out: Path, executor: Executor, seeds: str = "0..5", *, retry: bool = False) -> sweep.Progress:
    progress = sweep.survey(sweep.jobs(grid(out, seeds)), Light(), retry=retry)
    sweep.sweep(progress, executor)
    return progress


def main(out: str, how: str, seeds: str) -> None:
    """Sweep once elsewhere so that all is loaded, say so, wait for a word, sweep."""
    told = {name: os.environ.pop(name) for name in ("LIGHT_LOG", "LIGHT_SECONDS") if name in os.environ}
    with TemporaryDirectory() as elsewhere:
        sweep_once(Path(elsewhere), Serial(NAME), "99")
    os.environ.update(told)
    if os.environ.get("LIGHT_UNLOCKED"):
        launch.claimed = lambda path: nullcontext()
    progress = sweep.survey(sweep.jobs(grid(Path(out), seeds)), Light(), retry=False)
    print("ready", flush=True)
    sys.stdin.readline()
    sweep.sweep(progress, Serial(NAME) if how == "serial" else Processes(2, 1, NAME))


if __name__ == "__main__":
    main(*sys.argv[1:])
