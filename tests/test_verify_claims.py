"""What a record claims and cannot: lowered KL and costs, evidence left out, methods nobody can check, files without end."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from forge import LEFT_OUT, Forgery, Rng, another_method, base_answer_edited, cost_lowered_everywhere, seeded, weights_off_the_simplex

from morlbench import history, record, registry
from morlbench.bench import BUDGETS
from morlbench.errors import BadRecord
from morlbench.lm.base import load_base
from morlbench.metric import Evidence
from morlbench.record import RunRecord
from morlbench.run import run
from morlbench.store import Store
from morlbench.task import Task
from morlbench.verify import Refused, command, place
from morlbench.verify.checkout import Checkout
from morlbench.verify.files import parse_toml
from morlbench.verify.least import bound, least_kl
from morlbench.verify.likelihood import likelihoods
from morlbench.verify.rescore import _compare, base_answers, rescore
from morlbench.verify.verifier import Verifier

TEXT = Path("leaderboards/text/records")
BOARD = Path("leaderboards/exact/board.toml")


def make(method: str, seed: int = 0) -> RunRecord:
    """Run a method on a tiny budget: seconds."""
    task = registry.load("tasks", "exact-competing")()
    with TemporaryDirectory() as folder:
        return run(registry.load("methods", method)(), task, load_base("exact"), BUDGETS["smoke"], seed=seed, store=Store(Path(folder)))


@pytest.fixture(scope="module")
def task() -> Task:
    return registry.load("tasks", "exact-competing")()


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier() as one:
        yield one


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a record of a mixture and of a policy that learns from ratings."""
    folder = tmp_path_factory.mktemp("trained")
    for method in ("mod", "moe-cmab"):
        make(method).save(folder / method / "seed-0")
    return {method: folder / method / "seed-0.json" for method in ("mod", "moe-cmab")}


@pytest.fixture(scope="module")
def text() -> Evidence:
    """Return a true record of a text task: soups, 3 to 6 nats from the base."""
    return record.load(next(TEXT.rglob("rewarded-soups/seed-0.json"))).evidence


def changed(run: Evidence, **fields: object) -> Evidence:
    """Return the evidence with other fields in its probes 'base' and 'front'."""
    probes = tuple(replace(p, **fields) if p.name in ("base", "front") else p for p in run.probes)  # type: ignore[arg-type]
    return replace(run, probes=probes)


# KL and likelihood of answers in words


def test_a_true_record_in_words_holds_what_its_answers_imply(text: Evidence, verifier: Verifier) -> None:
    checkout = verifier.checkout
    task, base = checkout.task(text.task.name), checkout.base(text.base)
    assert task is not None
    assert least_kl(text) == []
    assert likelihoods(text, task, base, checkout) == []


@pytest.mark.parametrize("share", [0.0, 0.01])
def test_a_kl_below_what_the_answers_imply_is_refused(share: float, text: Evidence) -> None:
    lowered = tuple(p if p.kl is None else replace(p, kl=p.kl * share) for p in text.probes)
    (fault,) = least_kl(replace(text, probes=lowered))
    assert fault.code == "kl"
    assert "imply at least" in fault.sentence


@pytest.mark.parametrize("rare", [1e-3, 0.03, 0.3])
def test_the_least_kl_is_below_the_true_one_even_where_the_base_hardly_ever_earns_it(rare: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        base = np.where(rng.random((100, 1)) < rare, 1.0, rng.beta(2, 5, (100, 2)) * 0.6)
        assert bound(np.ones((100, 2)), base) < -np.log(rare)  # always in the rare event costs this much


def test_answers_of_the_base_imply_no_kl() -> None:
    rng = np.random.default_rng(1)
    found = [bound(rng.beta(2, 5, (100, 2)), rng.beta(2, 5, (100, 2))) for _ in range(300)]
    assert max(found) < 0.05


@pytest.mark.parametrize("change", [lambda nll: nll * 0, lambda nll: nll * 0.9, lambda nll: None])
def test_likelihoods_that_are_not_the_bases_own_are_refused(
    change: Callable[[np.ndarray], np.ndarray | None], text: Evidence, verifier: Verifier
) -> None:
    checkout = verifier.checkout
    task, base = checkout.task(text.task.name), checkout.base(text.base)
    assert task is not None
    run = replace(text, probes=tuple(replace(p, nll=change(np.asarray(p.nll))) for p in text.probes if p.name == "base"))
    assert [fault.code for fault in likelihoods(run, task, base, checkout)] == ["kl"]


@pytest.mark.parametrize(
    ("chosen", "count", "seen", "doubted"), [(True, 10, ["seed"], False), (False, 10, [], True), (False, 2, [], False)]
)
def test_a_tenth_of_the_bases_answers_may_be_others_and_may_not_be_chosen(
    chosen: bool, count: int, seen: list[str], doubted: bool, text: Evidence, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A base made worse raises every gain over it."""
    checkout, probe = verifier.checkout, text.probe("base")
    task, base = checkout.task(text.task.name), checkout.base(text.base)
    assert task is not None
    assert base is not None
    rewards = probe.rewards.reshape(-1, text.k)
    monkeypatch.setattr(checkout, "base_answers", lambda *_: probe.responses)
    monkeypatch.setattr(checkout, "score", lambda *_: rewards)
    best = rewards.sum(1).argsort()[::-1]
    others = np.random.default_rng(0).permutation(len(rewards))
    places, by = (best[:count], np.repeat(best[-1], count)) if chosen else (others[:count], others[count : 2 * count])
    answers, own = np.array(probe.responses, dtype=object), rewards.copy()
    answers[places], own[places] = answers[by], rewards[by]
    forged = replace(probe, responses=tuple(answers), rewards=own.reshape(probe.rewards.shape))
    run = replace(text, probes=tuple(forged if one is probe else one for one in text.probes))
    found = base_answers(run, task, base, checkout)
    assert ([fault.code for fault in found.faults], bool(found.doubts)) == (seen, doubted)


@pytest.mark.parametrize(("shift", "seen"), [(0.0049, ["rewards"]), (0.0009, [])])
def test_a_shift_that_cancels_over_the_lattice_is_seen(shift: float, seen: list[str], text: Evidence) -> None:
    """Each objective is raised where it weighs much and lowered where it weighs little: every mean over the probe stays."""
    probe, words = text.probe("front"), registry.load("tasks", text.task.name)()
    moved = probe.rewards + shift * np.sign(probe.preferences - 0.5)[:, None, None]
    assert [fault.code for fault in _compare(probe, "reward", moved, probe.rewards, words)] == seen


def test_gold_rewards_may_not_be_left_out(text: Evidence, verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = verifier.checkout
    task = checkout.task(text.task.name)
    assert task is not None
    rewards = np.concatenate([probe.rewards.reshape(-1, task.k) for probe in text.probes])
    monkeypatch.setattr(checkout, "score", lambda task, prompts, answers: rewards)
    monkeypatch.setattr(checkout, "gold", lambda task, prompts, answers: np.zeros((len(answers), task.k)))
    assert [fault.sentence.split("'")[1] for fault in rescore(changed(text, gold=None), task, checkout).faults] == ["base", "front"]
    monkeypatch.setattr(checkout, "gold", lambda task, prompts, answers: None)
    assert rescore(changed(text, gold=None), task, checkout).faults == []


# evidence left out


@pytest.mark.parametrize("forger", LEFT_OUT, ids=lambda forger: forger.__name__)
def test_evidence_left_out_leaves_a_record_reported(
    forger: Callable[[Forgery, Rng, Task], None], trained: dict[str, Path], task: Task, verifier: Verifier, tmp_path: Path
) -> None:
    again = Forgery.of(trained["moe-cmab"])
    assert verifier.verify(again.write(tmp_path))[0].level == "rescored"
    forger(again, seeded(0, forger.__name__), task)
    verdict, _ = verifier.verify(again.write(tmp_path))
    assert (verdict.level, verdict.faults) == ("reported", ())
    assert verdict.notes


def test_what_other_seeds_of_a_method_state_may_not_be_left_out(trained: dict[str, Path], tmp_path: Path) -> None:
    make("mod", 1).save(tmp_path / "seed-1")
    again = Forgery.of(trained["mod"])
    again.keep_probes(lambda name: not name.startswith("without-"))
    for letter in ("w_1", "w_2"):
        again.put(letter, [None] * again.rows.num_rows)
    again.write(tmp_path)
    verdicts = command.examine([tmp_path]).verdicts
    assert [verdict.level for verdict in verdicts] == ["reported", "rescored"]
    assert "it lacks stated weights and the deletion test" in verdicts[0].reason


# costs


def test_costs_lowered_in_all_fields_together_are_seen_beside_other_seeds(trained: dict[str, Path], task: Task, tmp_path: Path) -> None:
    for seed in (1, 2):
        make("mod", seed).save(tmp_path / f"seed-{seed}")
    again = Forgery.of(trained["mod"])
    cost_lowered_everywhere(again, seeded(0, "cost"), task)
    again.write(tmp_path)
    verdicts = command.examine([tmp_path]).verdicts
    assert [verdict.level for verdict in verdicts] == ["reported", "rescored", "rescored"]
    assert "where every other seed counts" in verdicts[0].reason


def test_little_of_a_budget_spent_is_noted_and_refuses_nothing(trained: dict[str, Path], verifier: Verifier, tmp_path: Path) -> None:
    again = Forgery.of(trained["mod"])
    again.head["budget"] *= 10
    verdict, _ = verifier.verify(again.write(tmp_path))
    assert (verdict.level, verdict.faults) == ("rescored", ())
    assert "of its budget" in verdict.reason


# methods


def test_a_method_that_cannot_be_checked_stays_reported(trained: dict[str, Path], task: Task, verifier: Verifier, tmp_path: Path) -> None:
    for number in range(4):
        again = Forgery.of(trained["mod"])
        another_method(again, seeded(number, "method"), task)
        verdict, _ = verifier.verify(again.write(tmp_path))
        assert (verdict.level, verdict.faults) == ("reported", ())


def test_an_older_version_is_held_to_the_settings_its_method_has_now(
    trained: dict[str, Path], verifier: Verifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry.load("methods", "mod"), "version", 2)
    assert verifier.verify(trained["mod"])[0].level == "rescored"
    again = Forgery.of(trained["mod"])
    again.head["method"]["settings"] = {"anything": "goes"}
    verdict, _ = verifier.verify(again.write(tmp_path))
    assert verdict.level == "reported"
    assert "settings" in verdict.reason


def test_single_answers_of_the_base_and_weights_are_checked(
    trained: dict[str, Path], task: Task, verifier: Verifier, tmp_path: Path
) -> None:
    for forger, code in ((base_answer_edited, "seed"), (weights_off_the_simplex, "weights")):
        again = Forgery.of(trained["mod"])
        forger(again, seeded(1, code), task)
        assert {fault.code for fault in verifier.verify(again.write(tmp_path))[0].faults} == {code}


# boards


@pytest.fixture
def boards(tmp_path: Path) -> tuple[Path, Path]:
    """Return an old and a new state of the folder of one board without records."""
    for state in ("old", "new"):
        folder = tmp_path / state / "exact"
        folder.mkdir(parents=True)
        (folder / "board.toml").write_bytes(BOARD.read_bytes())
    return tmp_path / "old", tmp_path / "new"


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        ("[division.unranked]\n", '[division.unranked]\nconditioned-policy = "not ranked, says a stranger"\n', False),
        ("[division.controls]\n", '[division.controls]\nemorl = "base"\n', False),
        ("methods = [\n", 'methods = [\n  "newcomer",\n', True),
    ],
)
def test_a_submission_says_nothing_of_other_methods(before: str, after: str, allowed: bool, boards: tuple[Path, Path]) -> None:
    old, new = boards
    rules = new / "exact" / "board.toml"
    found = rules.read_text(encoding="utf-8")
    assert before in found
    rules.write_text(found.replace(before, after, 1), encoding="utf-8")
    assert command.examine([new], against=old).sound is allowed


def test_a_newcomer_may_be_shown_unranked(boards: tuple[Path, Path]) -> None:
    rules = boards[1] / "exact" / "board.toml"
    found = rules.read_text(encoding="utf-8").replace("methods = [\n", 'methods = [\n  "newcomer",\n', 1)
    rules.write_text(found.replace("[division.unranked]\n", '[division.unranked]\nnewcomer = "an oracle"\n', 1), encoding="utf-8")
    assert command.examine([boards[1]], against=boards[0]).sound


def test_an_added_entry_takes_no_record_of_another(boards: tuple[Path, Path], trained: dict[str, Path]) -> None:
    for state in boards:
        record.load(trained["mod"]).save(state / "exact" / "records" / "exact-competing" / "mod" / "seed-0")
    rules = boards[1] / "exact" / "board.toml"
    settings = record.load(trained["mod"]).evidence.method.settings
    for name, allowed in ((f"mod+rank={settings['rank']}", False), ("mod+rank=3", True)):
        found = (boards[0] / "exact" / "board.toml").read_text(encoding="utf-8")
        rules.write_text(found.replace("methods = [\n", f'methods = [\n  "{name}",\n', 1), encoding="utf-8")
        assert command.examine([boards[1]], against=boards[0]).sound is allowed


def test_a_folder_called_records_above_a_board_changes_nothing(tmp_path: Path) -> None:
    board = tmp_path / "records" / "checkout" / "exact"
    make("base").save(board / "records" / "exact-competing" / "base" / "seed-0")
    rules = BOARD.read_text(encoding="utf-8").replace('budget = "standard"', 'budget = "smoke"')
    (board / "board.toml").write_text(rules, encoding="utf-8")
    (board / "notes.txt").write_text("beside the records", encoding="utf-8")
    assert command.examine([board]).sound
    (board / "records" / "notes.txt").write_text("among them", encoding="utf-8")
    for path in (board, board / "records"):
        assert [verdict.path.name for verdict in command.examine([path]).verdicts if verdict.level is None] == ["notes.txt"]


# files without end


@pytest.mark.parametrize("name", ["removals.jsonl", "levels.json"])
def test_a_boards_history_is_read_within_bounds(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    read: Callable[[Path], object] = history.removals if name == "removals.jsonl" else history.grants
    assert read(tmp_path) == {}
    (tmp_path / "real").write_bytes(b"{}")
    makers: list[Callable[[], None]] = [lambda: os.mkfifo(path), *(partial(path.symlink_to, tmp_path / to) for to in ("real", "nowhere"))]
    for odd in makers:
        odd()
        with pytest.raises(BadRecord, match="plain file"):
            read(tmp_path)
        path.unlink()
    with path.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(BadRecord, match="the limit is"):
        read(tmp_path)


def test_a_board_above_that_cannot_be_read_is_a_verdict(tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    os.mkfifo(tmp_path / "board.toml")
    assert [verdict.faults[0].code for verdict in place.survey(tmp_path / "records").verdicts] == ["file"]


@pytest.mark.parametrize(
    "body",
    [
        "x" + ".a" * 20_000 + " = 1\n",
        "[" + ".".join("a" * 20_000) + "]\n",
        "'a' . \"b\"" * 2 + " . a" * 13 + " = 1",
        '# "\nx' + ".b" * 99 + "=1",
    ],
)
def test_names_of_many_dotted_parts_are_refused_at_once(body: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(Refused, match="dotted parts"):
        parse_toml(body.encode(), Path("x"))
    assert time.perf_counter() - begin < 2


def test_boards_as_they_are_hold_no_such_names() -> None:
    for path in Path("leaderboards").glob("*/board.toml"):
        assert parse_toml(path.read_bytes(), path)
    assert parse_toml(b'a.b.c.d.e = "1. 2. 3. 4. 5. 6. 7. 8. 9. 10. 11."', Path("x"))


def test_a_method_of_the_checkout_says_whether_it_trains_and_learns() -> None:
    checkout = Checkout()
    assert [checkout.trains(name) for name in ("mod", "base", "best-of-n", "nobody")] == [True, False, False, False]
    assert [checkout.adapts(name) for name in ("moe-cmab", "mod", "nobody")] == [True, False, False]
