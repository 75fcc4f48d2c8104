"""The reference front: chosen on one half and worth what the other says, frozen with a version, made of dedicated policies."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from morlbench import crossfit, reference, registry
from morlbench.check.frozen import content
from morlbench.errors import BadInput
from morlbench.facts import facts
from morlbench.lm.base import load_base
from morlbench.lm.cards import put
from morlbench.lm.policy import single_policy
from morlbench.lm.reference import main, make
from morlbench.lm.train import Recipe, expert
from morlbench.lm.trained import usual
from morlbench.preference import lattice
from morlbench.seeds import derive
from morlbench.store import Store

ENDS = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])


def constant(means: np.ndarray, prompts: int = 40) -> np.ndarray:
    """Rewards (q, n, 1, k) without noise."""
    return np.tile(means[:, None, None], (1, prompts, 1, 1))


def test_without_noise_each_preference_gets_its_best_policy() -> None:
    means = np.array([[0.9, 0.1], [0.6, 0.6], [0.2, 0.7]])
    found = crossfit.points(constant(means), np.arange(40), np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]))
    np.testing.assert_allclose(found, means)
    everywhere = crossfit.points(constant(np.array([[0.9, 0.9], [0.6, 0.6]])), np.arange(40), ENDS)
    np.testing.assert_allclose(everywhere, np.full((3, 2), 0.9))


def test_equal_policies_that_differ_by_luck_give_no_better_front_than_one_of_them() -> None:
    rng = np.random.default_rng(0)
    naive, fitted = [], []
    for _ in range(30):
        rewards = 0.5 + 0.2 * rng.standard_normal((8, 40, 1, 2))
        means = rewards.mean((1, 2))
        naive.append((ENDS @ means.T).max(1).mean())
        fitted.append((crossfit.points(rewards, np.arange(40), ENDS) * ENDS).sum(1).mean())
    assert np.mean(naive) > 0.53  # the best of eight noisy means
    assert abs(np.mean(fitted) - 0.5) < 3 * np.std(fitted) / np.sqrt(30)


@pytest.mark.parametrize(("k", "count"), [(2, 11), (3, 12), (5, 12), (10, 12)])
def test_policies_are_trained_for_far_apart_preferences_corners_included(k: int, count: int) -> None:
    found = reference.wanted(k)
    assert found.shape == (count, k)
    assert len(np.unique(found, axis=0)) == count
    assert {tuple(row) for row in np.eye(k)} <= {tuple(row) for row in found}
    allowed = {tuple(row) for row in lattice(k)}
    assert {tuple(row) for row in found} <= allowed


def made(means: np.ndarray, version: int = 1) -> reference.Reference:
    return reference.make(version, "nano-00", 32_768, 0, ENDS, constant(means), np.array([5.0, 4.0, 6.0]))


def test_what_is_frozen_is_read_back_sorted_and_without_dominated_points(tmp_path: Path) -> None:
    found = made(np.array([[0.9, 0.1], [0.6, 0.6], [0.2, 0.7]]))
    found.save(tmp_path)
    assert reference.read(tmp_path, 1, 2) == found.front == ((0.2, 0.7), (0.6, 0.6), (0.9, 0.1))
    assert made(np.array([[0.9, 0.1], [0.6, 0.6], [0.2, 0.5]])).front == ((0.6, 0.6), (0.9, 0.1))
    assert reference.read(tmp_path / "none", 1, 2) == ()
    assert "32,768" in (page := reference.markdown(found, ("a", "b")))
    assert "| 0.5, 0.5 | 0.600 | 0.600 | 4.0 |" in page


def test_a_front_of_another_version_or_another_k_is_refused(tmp_path: Path) -> None:
    made(np.array([[0.9, 0.1], [0.6, 0.6], [0.2, 0.7]])).save(tmp_path)
    with pytest.raises(BadInput, match="version 1, the task of version 2"):
        reference.read(tmp_path, 2, 2)
    with pytest.raises(BadInput, match="2 objectives, the task 3"):
        reference.read(tmp_path, 1, 3)


def test_a_front_is_part_of_a_records_facts_and_of_what_a_version_froze() -> None:
    plain = registry.load("tasks", "conciseness-vs-thoroughness")()
    fronted = type("Fronted", (type(plain),), {"front": ((0.5, 0.6), (0.7, 0.2))})()
    assert facts(plain, plain.preference).front == plain.front
    assert facts(fronted, plain.preference) == replace(facts(plain, plain.preference), front=fronted.front)
    assert content(fronted) != content(plain)


def test_each_policy_is_the_dedicated_one_and_is_trained_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base, task = load_base("exact"), registry.load("tasks", "exact-competing")()
    preferences = np.array([[1.0, 0.0], [0.0, 1.0]])
    found = make(task, base, preferences, responses=512, draws=64, seed=0, store=Store(tmp_path))
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["exact-competing at 1, 0", "exact-competing at 0, 1"]
    trained = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("512.safetensors")}
    assert len(trained) == 2
    assert make(task, base, preferences, responses=512, draws=64, seed=0, store=Store(tmp_path)) == found
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("512.safetensors")} == trained

    from morlbench.bench import Bench

    for w, means in zip(preferences, found.means, strict=True):
        bench = Bench(task, base, 512, Store(tmp_path))
        adapter = expert(bench, Recipe(tuple(w), settings=usual(base)), responses=512, seed=derive(0, "train"))
        assert bench.ledger[0].cost.cached
        exact = task.exact(single_policy(base, task.decoding, adapter), w[None])
        assert exact is not None
        np.testing.assert_allclose(means, exact.rewards[0], atol=0.03)


def test_a_card_keeps_all_that_stands_outside_the_marks(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text("# Card\n\n<a>\nold\n<b>\n\nafter\n")
    put(tmp_path, ("<a>", "<b>"), "new")
    assert card.read_text() == "# Card\n\n<a>\nnew\n<b>\n\nafter\n"
    with pytest.raises(BadInput, match="no marks <c>"):
        put(tmp_path, ("<c>", "<b>"), "new")


def test_an_exact_task_is_told_that_it_needs_none() -> None:
    with pytest.raises(BadInput, match="know their true front"):
        main(["exact-competing"])


@pytest.mark.parametrize("name", ["conciseness-vs-thoroughness", "fluency-vs-helpfulness", "assistant-10"])
def test_a_text_tasks_card_has_a_place_for_the_front(name: str) -> None:
    folder = registry.folder("tasks", name)
    assert folder is not None
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert text.count("<!-- reference front -->") == text.count("<!-- end of reference front -->") == 1
    if (folder / "front.json").is_file():
        assert json.loads((folder / "front.json").read_text())["base"] in text
