"""The reference front: chosen on one half and worth what the other says, frozen with a version, made of dedicated policies."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from evidence import record

from morlbench import board, crossfit, gather, reference, registry, score
from morlbench.bench import Bench
from morlbench.check.frozen import content
from morlbench.errors import BadInput, MorlbenchError
from morlbench.facts import facts
from morlbench.lm import reference as maker
from morlbench.lm.base import load_base
from morlbench.lm.policy import single_policy
from morlbench.lm.train import Recipe, expert
from morlbench.lm.trained import usual
from morlbench.marks import put
from morlbench.preference import lattice
from morlbench.run import run
from morlbench.seeds import derive
from morlbench.store import Store
from morlbench.task import Front
from morlbench.verify.identity import same_task

THREE = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
BOARD = """
title = "b"
base = "{base}"
budget = "{budget}"
seeds = "0"
[tasks]
assistant-5 = {version}
[[division]]
name = "front"
title = "Front"
track = "front"
metric = "hypervolume"
tasks = ["assistant-5"]
methods = ["mod"]
"""
TEXT = [name for name in registry.names("tasks") if (registry.folder("tasks", name) / "prompts.jsonl").is_file()]


def constant(means: np.ndarray, prompts: int = 40) -> np.ndarray:
    """Rewards (q, n, 1, k) without noise."""
    return np.tile(means[:, None, None], (1, prompts, 1, 1))


def test_without_noise_each_preference_gets_its_best_policy() -> None:
    means = np.array([[0.9, 0.1], [0.6, 0.6], [0.2, 0.7]])
    np.testing.assert_allclose(crossfit.chosen_means(constant(means), np.arange(40), THREE), means)
    everywhere = crossfit.chosen_means(constant(np.array([[0.9, 0.9], [0.6, 0.6]])), np.arange(40), THREE)
    np.testing.assert_allclose(everywhere, np.full((3, 2), 0.9))


def test_one_prompt_has_no_halves_and_is_taken_whole() -> None:
    rewards = constant(np.array([[0.2, 0.2], [0.8, 0.8]]), prompts=1)
    assert crossfit.expected_utility(rewards, np.arange(1), THREE) == pytest.approx(0.8)
    np.testing.assert_allclose(crossfit.chosen_means(rewards, np.arange(1), THREE), np.full((3, 2), 0.8))


def test_equal_policies_that_differ_by_luck_give_hardly_a_better_front_than_one_of_them() -> None:
    rng = np.random.default_rng(0)
    naive, fitted, frozen = [], [], []
    for _ in range(40):
        rewards = 0.5 + 0.2 * rng.standard_normal((8, 100, 1, 2))
        naive.append((THREE @ rewards.mean((1, 2)).T).max(1).mean())
        fitted.append((crossfit.chosen_means(rewards, np.arange(100), THREE) * THREE).sum(1).mean())
        found = made(rewards, preferences=np.repeat(THREE, 3, 0)[:8])
        frozen.append((THREE @ np.array(found.front).T).max(1).mean())
    assert np.mean(naive) > 0.52  # the best of eight noisy means
    assert abs(np.mean(fitted) - 0.5) < 3 * np.std(fitted) / np.sqrt(40)
    assert np.mean(frozen) - 0.5 < 0.5 * (np.mean(naive) - 0.5)


@pytest.mark.parametrize(
    ("k", "stated", "count"), [(2, (0.5, 0.5), 11), (2, (0.85, 0.15), 12), (3, (1 / 3,) * 3, 12), (10, (0.1,) * 10, 12)]
)
def test_policies_are_trained_for_far_apart_preferences_with_corners_and_the_stated_one(
    k: int, stated: tuple[float, ...], count: int
) -> None:
    found = reference.wanted(k, stated)
    assert found.shape == (count, k)
    assert len(np.unique(found.round(9), axis=0)) == count
    allowed = np.concatenate([lattice(k), [stated]])
    for row in found:
        assert np.abs(allowed - row).max(1).min() < 1e-9
    for row in (*np.eye(k), stated):
        assert np.abs(found - row).max(1).min() < 1e-9


def made(rewards: np.ndarray, kl: tuple[float, ...] = (), preferences: np.ndarray = THREE) -> reference.Reference:
    spent = np.broadcast_to(np.array(kl or (0.0,) * len(rewards))[:, None, None], rewards.shape[:3])
    return reference.measured(rewards, spent, preferences, version=1, base="nano-00", responses=32_768, seed=0)


def test_what_is_frozen_is_read_back_sorted_with_its_kl_and_without_dominated_points(tmp_path: Path) -> None:
    found = made(constant(np.array([[0.9, 0.1], [0.6, 0.6], [0.2, 0.7]])), (5.0, 4.0, 6.0))
    found.save(tmp_path)
    assert reference.read(tmp_path, 1, 2) == (found.front, found.front_kl)
    assert found.front == ((0.2, 0.7), (0.6, 0.6), (0.9, 0.1))
    assert reference.load(tmp_path) == found
    assert found.front_kl == (6.0, 4.0, 5.0)
    dominated = made(constant(np.array([[0.9, 0.1], [0.6, 0.6], [0.2, 0.5]])), (5.0, 4.0, 6.0))
    assert (dominated.front, dominated.front_kl) == (((0.6, 0.6), (0.9, 0.1)), (4.0, 5.0))
    page = reference.markdown(found, ("a", "b"))
    assert "32,768 scored responses" in page
    assert "| 0.5, 0.5 | 0.600 | 0.600 | 4.0 |" in page


def test_no_front_and_a_front_of_another_version_are_none_so_that_it_can_be_made_again(tmp_path: Path) -> None:
    assert reference.read(tmp_path, 1, 2) == Front()
    made(constant(THREE)).save(tmp_path)
    assert reference.read(tmp_path, 1, 2).points
    assert reference.read(tmp_path, 2, 2) == Front()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "Invalid JSON"), ("[]", "the file: "), ("{}", "version: Field required"),
        ('{"version": 1, "front": [[0.5, NaN]]}', "Invalid JSON|finite number|Field required"), ('{"front": [0.5, 0.5]}', "Field required"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_front_is_refused_in_one_sentence(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / reference.FILE).write_text(text)
    with pytest.raises(BadInput, match=sentence) as caught:
        reference.read(tmp_path, 1, 2)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_points_of_another_number_of_objectives_or_out_of_the_real_line_are_refused(tmp_path: Path) -> None:
    made(constant(THREE)).save(tmp_path)
    with pytest.raises(BadInput, match="2 objectives, the task of 3"):
        reference.read(tmp_path, 1, 3)
    text = (tmp_path / reference.FILE).read_text()
    (tmp_path / reference.FILE).write_text(text.replace("0.5", "NaN", 1))
    with pytest.raises(BadInput):
        reference.read(tmp_path, 1, 2)


def test_a_front_is_part_of_a_records_facts_and_of_what_a_version_froze() -> None:
    plain = registry.load("tasks", "assistant-5")()
    fronted = type("Fronted", (type(plain),), {"front": Front(((0.5,) * 5, (0.7, 0.2, 0.7, 0.2, 0.1)), (3.0, 4.0))})()
    other = type("Other", (type(plain),), {"front": fronted.front._replace(kl=(3.0, 5.0))})()
    assert facts(plain, plain.preference).front == plain.front.points
    told = facts(fronted, plain.preference)
    assert told == replace(facts(plain, plain.preference), front=fronted.front.points, front_kl=(3.0, 4.0))
    assert len({content(task) for task in (plain, fronted, other)}) == 3


def test_policies_are_trained_once_by_linear_scalarization_and_are_no_runs_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    base, task, store = load_base("exact"), registry.load("tasks", "exact-competing")(), Store(tmp_path)
    monkeypatch.setattr(reference, "wanted", lambda k, stated: np.array([[1.0, 0.0], stated]))
    found = maker.make(task, base, responses=600, draws=64, seed=0, store=store)
    assert [line.split(":")[0].split(" at ")[1] for line in capsys.readouterr().out.splitlines()] == ["1, 0", "0.8, 0.2"]
    assert found.responses == 512  # whole steps
    trained = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("512.safetensors")}
    assert len(trained) == 2
    assert asdict(maker.make(task, base, responses=600, draws=64, seed=0, store=store)) == asdict(found)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("512.safetensors")} == trained

    bench, stated = Bench(task, base, 512, store), np.array([[0.8, 0.2]])
    policy = single_policy(
        base, task.decoding, expert(bench, Recipe.at(stated[0], usual(base)), responses=512, seed=derive(0, "reference"))
    )
    assert bench.ledger[0].cost.cached
    exact = task.exact(policy, stated)
    assert exact is not None
    np.testing.assert_allclose(found.means[1], exact.rewards[0], atol=0.03)
    other = run(registry.load("methods", "linear-scalarization")(), task, base, 600, seed=0, store=store)
    assert not other.evidence.costs.lines[0].cost.cached, "a record would be judged beside its own policy"


def test_a_page_keeps_all_that_stands_outside_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("# Card\n\n<a>\nold\n<b>\n\nafter\n")
    put(page, ("<a>", "<b>"), "new")
    assert page.read_text() == "# Card\n\n<a>\nnew\n<b>\n\nafter\n"
    with pytest.raises(MorlbenchError, match="expected the marks <c>"):
        put(page, ("<c>", "<b>"), "new")


def test_what_would_come_in_the_way_is_said_before_anything_is_trained() -> None:
    with pytest.raises(BadInput, match="know their true front"):
        maker.main(["exact-competing"])
    with pytest.raises(BadInput, match="--draws 0 is too small"):
        maker.main(["assistant-5", "--draws", "0"])
    with pytest.raises(BadInput, match="leave out --write"):
        maker.main(["assistant-5", "--base", "smollm2", "--write"])
    task, folder = maker.ready("assistant-5", "", write=True)
    assert (task.name, folder.name) == ("assistant-5", "assistant_5")


def test_a_front_comes_late_but_never_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records made before it are judged beside it, in scores and in verification; a record that holds it bars another."""
    task, late = registry.load("tasks", "assistant-5")(), Front(((0.5,) * 5,), (3.0,))
    monkeypatch.setattr(
        reference, "_frozen", lambda name, version, k: late if (name, version, k) == ("assistant-5", task.version, 5) else Front()
    )
    monkeypatch.setattr(type(task), "front", Front())
    early = replace((kept := record(k=5)).evidence, task=facts(task, task.preference))
    judged = reference.with_front(early)
    assert (judged.task.front, judged.task.front_kl) == late
    later = replace(early.task, version=task.version + 1)
    assert reference.with_front(replace(early, task=later)).task == later
    own = replace(early.task, front=((0.1,) * 5,), front_kl=(1.0,))
    assert reference.with_front(replace(early, task=own)).task == own

    monkeypatch.setattr(type(task), "front", late)
    assert same_task(early, task) == []
    assert same_task(judged, task) == []
    assert [fault.code for fault in same_task(replace(early, task=own), task)] == ["task", "task"]

    monkeypatch.setattr(board, "roots", lambda: (tmp_path,))
    rules = tmp_path / "b/board.toml"
    path = rules.parent / "records/assistant-5/mod/seed-0.json"
    replace(kept, evidence=replace(early, method=replace(early.method, name="mod"))).save(path)
    rules.write_text(BOARD.format(version=task.version, base=early.base, budget=early.budget))
    scored, boarded = score.gather([path])[0], [one for _, found in gather.by_entry(board.load(rules.parent)) for one in found]
    assert [found.evidence.task.front for found in (*scored, *boarded)] == [late.points] * 2
    with pytest.raises(BadInput, match="raise the task's version first"):
        maker.ready("assistant-5", "", write=True)
    monkeypatch.setattr(type(task), "front", Front())
    maker.ready("assistant-5", "", write=True)
    replace(kept, evidence=judged).save(path)
    with pytest.raises(BadInput, match="raise the task's version first"):
        maker.ready("assistant-5", "", write=True)


@pytest.mark.parametrize("name", TEXT)
def test_a_text_tasks_card_has_a_place_for_the_front(name: str) -> None:
    folder = registry.folder("tasks", name)
    assert folder is not None
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert text.count(maker.MARKS[0]) == text.count(maker.MARKS[1]) == 1
    found = reference.load(folder)
    assert found is None or reference.markdown(found, tuple(o.name for o in registry.load("tasks", name).objectives)) in text
