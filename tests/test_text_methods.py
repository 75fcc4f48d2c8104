"""Every method on the bundled language model: it trains on text within its budget, and its record says what a record must."""

from pathlib import Path

import numpy as np
import pytest

from morlbench import record, registry
from morlbench.bench import BUDGETS
from morlbench.configure import build
from morlbench.lm.base import load_base
from morlbench.preference import lattice
from morlbench.run import run
from morlbench.score import score
from morlbench.store import Store
from morlbench.task import Split, Task, Texts

pytestmark = pytest.mark.slow
TEST_PROMPTS = 12  # of the task's 100: training is what is tried here


def short(name: str) -> Task:
    """Return a text task whose test split is cut."""
    whole = registry.load("tasks", name)

    class Short(whole):  # type: ignore[misc, valid-type]
        def prompts(self, split: Split) -> Texts:
            found: Texts = super().prompts(split)
            return found[:TEST_PROMPTS] if split == "test" else found

    return Short()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """One store for all, so that experts two methods share are trained once."""
    return Store(tmp_path_factory.mktemp("store"))


@pytest.mark.parametrize("name", registry.names("methods"))
def test_it_finishes_smoke_on_a_text_task_within_its_budget(name: str, store: Store, tmp_path: Path) -> None:
    method, task, budget = build(registry.load("methods", name), {}), short("fluency-vs-helpfulness"), BUDGETS["smoke"]
    made = run(method, task, load_base("nano"), budget, seed=0, store=store)
    made.save(tmp_path / "seed-0.json")
    held = record.load(tmp_path / "seed-0.json")
    evidence = held.evidence
    spent = sum(line.cost.responses for line in evidence.costs.lines if line.kind in ("training", "search"))
    assert spent <= budget
    asked = lattice(2) if method.track == "front" else np.array([task.preference])
    front = evidence.probe("front")
    np.testing.assert_allclose(front.preferences, asked, atol=1e-9)
    assert front.rewards.shape[1] == TEST_PROMPTS
    assert any(front.responses)
    values = score([held]).set_index("metric")["value"]
    assert np.isfinite(values["utility"])
    if name == "best-of-n":
        assert front.kl is None  # only a bound is known
        return
    assert front.kl is not None
    assert (front.kl >= 0).all()
    assert np.isfinite(values["kl-to-base"])
    assert (name == "base") == (spent == 0)
    assert (name == "base") == (not front.kl.any())
