"""A thousand forged records: none crashes the verifier, each kind is refused for the right reason, none gets a false number."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from forge import FORGERS, TRAINED, UNCHECKED, VANDALS, Forgery, bomb, cost_lowered_everywhere, seeded

from morlbench import registry
from morlbench.lm.base import load_base
from morlbench.record import RunRecord
from morlbench.run import run
from morlbench.store import Store
from morlbench.task import Task
from morlbench.verify.verifier import Verifier

EACH = 20  # of every kind of forgery: with the vandals' more than a thousand
WILD = 60


def true_record(folder: Path, method: str, budget: int = 1024) -> Path:
    record = run(
        registry.load("methods", method)(), registry.load("tasks", "exact-competing")(), load_base("exact"), budget, seed=0,
        store=Store(folder / "store"),
    )  # fmt: skip
    record.save(folder / "seed-0")
    return folder / "seed-0.json"


@pytest.fixture(scope="module")
def task() -> Task:
    return registry.load("tasks", "exact-competing")()


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return true_record(tmp_path_factory.mktemp("untrained"), "base")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return true_record(tmp_path_factory.mktemp("trained"), "moe-cmab")


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier() as one:
        yield one


def honest(record: RunRecord, task: Task) -> bool:
    """Say whether every reward is what the task's scorer gives, one answer at a time and without any cache."""
    prompts = task.prompts("test")
    for probe in record.evidence.probes:
        p, n, d, k = probe.rewards.shape
        asked = tuple(prompts[int(i)] for _ in range(p) for i in probe.prompts for _ in range(d))
        wanted = task.score(asked, probe.responses).reshape(p, n, d, k)
        if np.abs(wanted - probe.rewards).max() > 1e-6:
            return False
    return True


def attack(forger: object, source: Forgery, number: int, folder: Path, task: Task, verifier: Verifier) -> tuple[set[str], RunRecord | None]:
    """Forge once; return the codes of the refusal, or the record that was granted `rescored`."""
    forged = source.copy()
    name = forger.__name__  # type: ignore[attr-defined]
    forger(forged, seeded(number, name), task)  # type: ignore[operator]
    path = forged.write(folder)
    verdict, record = verifier.verify(path)
    assert (record is None) == bool(verdict.faults), verdict
    assert all(fault.sentence and "\n" not in fault.sentence for fault in verdict.faults)
    if verdict.level == "rescored":
        assert record is not None
        assert honest(record, task), (name, number)
    return {fault.code for fault in verdict.faults}, record


def test_true_records_are_rescored(untrained: Path, trained: Path, task: Task, verifier: Verifier) -> None:
    for path in (untrained, trained):
        verdict, record = verifier.verify(path)
        assert (verdict.level, verdict.faults) == ("rescored", ())
        assert record is not None
        assert honest(record, task)


def test_a_true_record_put_together_by_the_forger_is_rescored(untrained: Path, trained: Path, verifier: Verifier, tmp_path: Path) -> None:
    for path in (untrained, trained):
        assert verifier.verify(Forgery.of(path).write(tmp_path))[0].level == "rescored"


@pytest.mark.parametrize("forger", FORGERS, ids=lambda forger: forger.__name__)
def test_a_forged_record_is_refused_for_the_right_reason(forger, untrained: Path, task: Task, verifier: Verifier, tmp_path: Path) -> None:
    source = Forgery.of(untrained)
    for number in range(EACH):
        codes, _ = attack(forger, source, number, tmp_path, task, verifier)
        assert codes & FORGERS[forger], (forger.__name__, number, codes)


@pytest.mark.parametrize("forger", [*FORGERS, *TRAINED], ids=lambda forger: forger.__name__)
def test_a_forged_record_of_a_trained_policy_is_refused_too(forger, trained: Path, task: Task, verifier: Verifier, tmp_path: Path) -> None:
    source = Forgery.of(trained)
    for number in range(100, 102):
        codes, _ = attack(forger, source, number, tmp_path, task, verifier)
        assert codes & {**FORGERS, **TRAINED}[forger], (forger.__name__, number, codes)


@pytest.mark.parametrize("forger", UNCHECKED, ids=lambda forger: forger.__name__)
def test_what_cannot_be_checked_is_reported_at_most(forger, trained: Path, task: Task, verifier: Verifier, tmp_path: Path) -> None:
    for number in range(2):
        forged = Forgery.of(trained)
        forger(forged, seeded(number, forger.__name__), task)
        verdict, _ = verifier.verify(forged.write(tmp_path))
        assert verdict.level in (None, "reported"), (forger.__name__, number)


def test_costs_lowered_in_all_fields_together_pass_alone(trained: Path, task: Task, verifier: Verifier, tmp_path: Path) -> None:
    assert attack(cost_lowered_everywhere, Forgery.of(trained), 0, tmp_path, task, verifier)[0] == set()  # seen beside other seeds


@pytest.mark.parametrize("vandal", VANDALS, ids=lambda vandal: vandal.__name__)
def test_random_damage_never_earns_a_false_number(vandal, untrained: Path, task: Task, verifier: Verifier, tmp_path: Path) -> None:
    source = Forgery.of(untrained)
    refused = [bool(attack(vandal, source, number, tmp_path, task, verifier)[0]) for number in range(WILD)]
    assert sum(refused) > WILD / 2


def test_the_fuzz_makes_a_thousand_forgeries() -> None:
    assert EACH * len(FORGERS) + 2 * len({**FORGERS, **TRAINED}) + WILD * len(VANDALS) >= 1000


def test_a_parquet_that_inflates_is_refused(untrained: Path, task: Task, verifier: Verifier, tmp_path: Path) -> None:
    codes, _ = attack(bomb, Forgery.of(untrained), 0, tmp_path, task, verifier)
    assert (tmp_path / "seed-0.parquet").stat().st_size < 100_000
    assert codes == {"parquet"}


@pytest.mark.slow
@pytest.mark.parametrize("forger", [*FORGERS, *TRAINED, *VANDALS], ids=lambda forger: forger.__name__)
def test_ten_thousand_more(forger, trained: Path, task: Task, verifier: Verifier, tmp_path: Path) -> None:
    source = Forgery.of(trained)
    for number in range(1000, 1200):
        codes, _ = attack(forger, source, number, tmp_path, task, verifier)
        assert forger in VANDALS or codes & {**FORGERS, **TRAINED}[forger], (forger.__name__, number, codes)


def test_the_check_of_rewards_rejects_a_false_one(untrained: Path, task: Task, verifier: Verifier) -> None:
    _, record = verifier.verify(untrained)
    assert record is not None
    record.evidence.probes[0].rewards[0, 0, 0, 0] += 0.001
    assert not honest(record, task)
