"""The page: equal commands give equal records, the ledger adds up, and every question is asked."""

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from filelock import FileLock

from morlbench import launch, registry
from morlbench.errors import BadInput, MorlbenchError
from morlbench.launch import Request, plan
from morlbench.lm.base import load_base
from morlbench.metric import Evidence
from morlbench.record import load, without_costs
from morlbench.run import provenance, run
from morlbench.store import Store

BUDGET = 256


def one_run(folder: Path, seed: int = 0) -> Path:
    """Train moe-cmab on an exact task at smoke, with a store of its own, and save the record."""
    method, task = registry.load("methods", "moe-cmab")(), registry.load("tasks", "exact-competing")()
    record = run(method, task, load_base("exact"), BUDGET, seed=seed, store=Store(folder / "store"))
    record.save(folder / "seed-0")
    return folder / "seed-0.json"


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return one_run(tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="module")
def evidence(record: Path) -> Evidence:
    return load(record).evidence


def test_the_same_seed_and_settings_give_the_same_record_byte_for_byte(record: Path, tmp_path: Path) -> None:
    again, other = one_run(tmp_path / "again"), one_run(tmp_path / "other", seed=1)
    assert without_costs(again) == without_costs(record)
    assert again.with_suffix(".parquet").read_bytes() == record.with_suffix(".parquet").read_bytes()
    assert other.with_suffix(".parquet").read_bytes() != record.with_suffix(".parquet").read_bytes()


def test_asking_in_two_processes_gives_the_same_record_and_ledger(
    record: Path, evidence: Evidence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = torch.get_num_threads()
    monkeypatch.setattr("morlbench.run.at_once", lambda base: 2)
    torch.set_num_threads(1)  # as in the copies
    try:
        again = one_run(tmp_path)
    finally:
        torch.set_num_threads(threads)
    assert again.with_suffix(".parquet").read_bytes() == record.with_suffix(".parquet").read_bytes()
    evaluation = [[(x.part, x.cost.responses) for x in e.costs.lines] for e in (evidence, load(again).evidence)]
    assert evaluation[0] == evaluation[1]


def test_scorers_are_loaded_before_this_process_is_copied_to_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scored: list[bool] = []
    monkeypatch.setattr("morlbench.run.at_once", lambda base: 2)
    monkeypatch.setattr("morlbench.bench.Bench.warm", lambda bench: scored.append(True))
    monkeypatch.setattr("morlbench.lm.forked.forks", lambda: bool(scored) or pytest.fail("copied before the scorers were loaded"))
    run(
        registry.load("methods", "base")(),
        registry.load("tasks", "exact-competing")(),
        load_base("exact"),
        64,
        seed=0,
        store=Store(tmp_path),
    )
    assert scored


def test_a_launcher_of_several_processes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(BadInput, match="one process"):
        plan(Request("base", "exact-competing"))
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert plan(Request("base", "exact-competing")).method.name == "base"


def test_training_and_search_spend_no_more_than_the_budget(evidence: Evidence) -> None:
    spent = [line.cost.responses for line in evidence.costs.lines if line.kind in ("training", "search")]
    assert len(spent) == 3
    assert spent[:2] == [64, 64]
    assert sum(spent) == BUDGET


def test_evaluation_lines_count_every_answer_of_every_probe(evidence: Evidence) -> None:
    counted = sum(line.cost.responses for line in evidence.costs.lines if line.kind == "evaluation" and line.part != "rated answers")
    assert counted == sum(len(probe.responses) for probe in evidence.probes)


def test_a_front_method_is_asked_every_question(evidence: Evidence) -> None:
    names = {probe.name for probe in evidence.probes}
    assert {"base", "front", "held-out", "adapt", "told", "without-0", "without-1"} <= names
    front = evidence.probe("front")
    assert front.rewards.shape == (11, 24, 1, 2)
    assert front.kl is not None
    assert front.weights is not None
    assert np.allclose(front.weights.sum(-1), 1)


def test_no_policy_beats_the_optimum_of_an_exact_task(evidence: Evidence) -> None:
    assert evidence.exact is not None
    assert (evidence.exact.value <= evidence.exact.optimum + 1e-9).all()
    assert evidence.exact.gap > 0


def test_a_task_and_a_base_that_do_not_fit_are_refused_before_training(tmp_path: Path) -> None:
    method, task = registry.load("methods", "base")(), registry.load("tasks", "exact-competing")()
    with pytest.raises(BadInput, match="only the base 'exact'"):
        run(method, task, load_base("nano"), BUDGET, seed=0, store=Store(tmp_path))


def test_the_commit_is_that_of_the_code_and_not_of_a_repository_around_its_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*words: str) -> str:
        who = ("-c", "user.name=A Stranger", "-c", "user.email=stranger@example.org")
        return subprocess.run(["git", "-C", tmp_path, *who, *words], capture_output=True, text=True, check=True).stdout.strip()

    def asked() -> tuple[str, bool]:
        provenance.cache_clear()
        found = provenance()
        provenance.cache_clear()
        return found.commit, found.dirty

    code, other = tmp_path / "venv" / "run.py", tmp_path / "other.py"
    code.parent.mkdir()
    code.write_text("1", encoding="utf-8")
    other.write_text("1", encoding="utf-8")
    monkeypatch.setattr("morlbench.run.__file__", str(code))
    git("init", "-q")
    git("add", "other.py")
    git("commit", "-qm", "Another project")
    other.write_text("2", encoding="utf-8")
    assert asked() == ("", False)
    git("add", "venv")
    git("commit", "-qm", "The code itself")
    assert asked() == (git("rev-parse", "HEAD"), True)


def test_a_method_that_lifts_its_own_limit_is_refused(tmp_path: Path) -> None:
    cls = registry.load("methods", "base")

    class Cheat(cls):  # type: ignore[misc, valid-type]
        def train(self, bench, *, seed):  # type: ignore[no-untyped-def]
            bench.serve()
            return super().train(bench, seed=seed)

    with pytest.raises(MorlbenchError, match="ended its own budget"):
        run(Cheat(), registry.load("tasks", "exact-competing")(), load_base("exact"), BUDGET, seed=0, store=Store(tmp_path))


def test_a_record_keeps_the_tasks_kl_budget(evidence: Evidence) -> None:
    assert evidence.task.kl_budget == registry.load("tasks", "exact-competing").kl_budget is not None


def test_a_lock_is_taken_though_a_failed_run_clears_the_folder_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, acquire, gone = tmp_path / "task" / "method" / "seed-0.json", FileLock.acquire, [3]

    def raced(self: FileLock, *given: Any, **named: Any) -> Any:
        if gone[0]:
            gone[0] -= 1
            raise FileNotFoundError(path.parent)
        return acquire(self, *given, **named)

    monkeypatch.setattr(FileLock, "acquire", raced)
    with launch.claimed(path):
        assert not gone[0]
        assert launch.busy(path)
        launch._leave_nothing(path.with_name("seed-1.json"), tmp_path)  # a folder with a lock in it stays
        assert launch._lock(path).exists()
    assert not launch.busy(path)
    gone[0] = launch.ATTEMPTS
    with pytest.raises(BadInput, match="as often as it is made"), launch.claimed(path):
        pass


def test_a_folder_that_another_run_has_just_filled_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "task" / "method" / "seed-0.json"
    path.parent.mkdir(parents=True)
    launch._lock(path).touch()
    monkeypatch.setattr(Path, "iterdir", lambda self: iter(()))  # it looks empty, and another run puts its lock there
    launch._leave_nothing(path.with_name("seed-1.json"), tmp_path)
    assert launch._lock(path).exists()
