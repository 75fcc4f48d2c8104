"""A small planted board for the tests of its site: methods of known order, two alike, one incomplete, and answers that attack."""

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from evidence import record

from morlbench import board, gather
from morlbench.leaderboard import Ranking
from morlbench.preference import Utility
from morlbench.record import RunRecord
from morlbench.site.pack import TaskPack, packs
from morlbench.site.write import build, write

ATTACK = '</script><script>document.title="owned"</script><img src=x onerror="document.title=1"> & "quoted" \u2028 end'
RULES = """
title = "Planted <b>board</b>"
base = "nano"
budget = "quick"
seeds = "0..4"
[tasks]
exact-competing = 1
pair = 1
triple = 1
[[division]]
name = "front"
title = "Front track"
track = "front"
metric = "utility-gain"
tasks = ["exact-competing", "pair", "triple"]
methods = ["mod", "twin-a", "twin-b", "moe-cmab", "rewarded-soups", "emorl", "base", "absent"]
[[division]]
name = "single"
title = "Single track"
track = "single"
metric = "stated-utility"
tasks = ["exact-competing", "pair"]
methods = ["mgda", "chebyshev", "mod"]
[division.profile]
utility = "stated-utility"
"""
GAINS = {"mod": 0.3, "twin-a": 0.28, "twin-b": 0.28, "moe-cmab": 0.33, "rewarded-soups": 0.27, "emorl": 0.2, "base": 0.0}
SINGLES = {"mgda": 0.35, "chebyshev": 0.31}
TASKS = {"exact-competing": 2, "pair": 2, "triple": 3}
THRESHOLDS = {"exact-competing": (0.5, 0.45), "pair": (0.42, 0.58), "triple": (0.5, 0.4, 0.6)}  # each task has its own


@dataclass(frozen=True)
class Site:
    """A board, its ranking, what was packed of it, the files of its site and where they were written."""

    ranking: Ranking
    packs: dict[str, TaskPack]
    files: dict[str, bytes]
    folder: Path


def make(folder: Path) -> Site:
    """Write the records and the site."""
    home = folder / "planted"
    home.mkdir(parents=True)
    (home / "board.toml").write_text(RULES, encoding="utf-8")
    for method, gain in (GAINS | SINGLES).items():
        for task, k in TASKS.items():
            for seed in range(5):
                if not (method == "emorl" and task == "pair" and seed > 2):
                    _record(method, gain, task, k, seed).save(home / "records" / task / method / f"seed-{seed}.json")
    ranking = gather.rank_folder(board.load(home))
    files = build([ranking])
    write(files, folder / "out")
    return Site(ranking, packs(ranking), files, folder / "out")


def _record(method: str, gain: float, task: str, k: int, seed: int) -> RunRecord:
    single = method in SINGLES
    made = record(
        method=method, gain=gain, task=task, k=k, seed=seed, prompts=8, exact=task == "exact-competing" and not single, adapt=False,
        explain="none", seed_spread=0.02, draws=2 if task == "pair" else 1, track="single" if single else "front",
        family="single-policy" if single else "multi-policy",
    )  # fmt: skip
    limits = Utility("soft-threshold", THRESHOLDS[task])
    evidence = replace(made.evidence, task=replace(made.evidence.task, utilities=(Utility(), limits)))
    if method.startswith("twin"):  # the same answers under two names
        twin = _record("mod", gain, task, k, seed).evidence
        evidence = replace(evidence, probes=twin.probes, exact=twin.exact)
    if method == "moe-cmab":
        probes = tuple(replace(probe, responses=(ATTACK,) * len(probe.responses)) for probe in evidence.probes)
        evidence = replace(evidence, probes=probes)
    return replace(made, evidence=evidence)


def node(script: str, data: str, *paths: Path) -> str:
    """Run a script with Node.js on some paths and return what it prints."""
    done = subprocess.run(
        ["node", "-e", script, *map(str, paths)], input=data, capture_output=True, text=True, timeout=300
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
