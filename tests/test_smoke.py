"""Every method finishes `smoke` within its budget, on a task with a closed form and, slowly, on text, and its record says what it must."""

from pathlib import Path

import numpy as np
import pytest

from morlbench import record, registry
from morlbench.bench import BUDGETS
from morlbench.configure import build
from morlbench.lm.base import load_base
from morlbench.metric import Evidence
from morlbench.preference import lattice
from morlbench.run import run
from morlbench.score import score
from morlbench.store import Store
from morlbench.task import Split, Task, Texts

TEST_PROMPTS = 12  # of the text task's 100: training is what is tried here
METHODS = registry.names("methods")


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


def finished(name: str, task: Task, store: Store, folder: Path) -> tuple[Evidence, dict[str, float]]:
    """Run a method at `smoke`; return what its record holds and its metrics, once what both tasks ask of it is seen."""
    method = build(registry.load("methods", name), {})
    run(method, task, load_base(task.base), BUDGETS["smoke"], seed=0, store=store).save(folder / "seed-0.json")
    held = record.load(folder / "seed-0.json")
    spent = sum(line.cost.responses for line in held.evidence.costs.lines if line.kind in ("training", "search"))
    assert spent <= BUDGETS["smoke"]
    assert (name in ("base", "best-of-n")) == (spent == 0)  # best-of-n scores when it is asked
    asked = lattice(2) if method.track == "front" else np.array([task.preference])
    front = held.evidence.probe("front")
    np.testing.assert_allclose(front.preferences, asked, atol=1e-9)
    assert front.rewards.shape[1] == len(task.prompts("test"))
    assert any(front.responses)
    assert (front.kl is None) == (name == "best-of-n")  # only a bound is known
    if front.kl is not None:
        assert (front.kl >= 0).all()
        assert (name == "base") == (not front.kl.any())
    values = score([held]).set_index("metric")["value"]
    assert np.isfinite(values["utility"])
    return held.evidence, values.to_dict()


@pytest.mark.parametrize("name", METHODS)
def test_it_finishes_smoke_on_an_exact_task(name: str, store: Store, tmp_path: Path) -> None:
    evidence, values = finished(name, registry.load("tasks", "exact-competing")(), store, tmp_path)
    assert (evidence.exact is None) == (name == "best-of-n")
    if evidence.exact is not None:
        gap = values["optimality-gap" if evidence.method.track == "front" else "stated-gap"]
        assert gap == pytest.approx(1) if name == "base" else 0 < gap != pytest.approx(1)


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_it_finishes_smoke_on_a_text_task(name: str, store: Store, tmp_path: Path) -> None:
    evidence, values = finished(name, short("fluency-vs-helpfulness"), store, tmp_path)
    assert evidence.exact is None
    assert np.isfinite(values["kl-to-base"]) == (name != "best-of-n")
