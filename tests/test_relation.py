"""The relation of objectives: worked by hand on small numbers, in closed form on exact tasks, and sampled against it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from morlbench import registry
from morlbench.relation import Measured, correlate, cosines, ideal_loss, markdown, plot, read, transfers
from morlbench.task import Relation

NAN = float("nan")


def found(transfer: list[list[float]], cosine: list[list[float]] | None = None, declared: Relation = "competing") -> Measured:
    k = len(transfer)
    blank = np.full((k, k), NAN)
    names = tuple(f"o{i}" for i in range(k))
    turned = np.array(cosine) if cosine else blank
    return Measured("t", declared, "b-0", names, np.eye(k), np.eye(k), turned, np.array(transfer), 0.5, {"base": (0.5,) * k})


def test_transfer_is_the_gain_as_a_share_of_the_own_experts_gain() -> None:
    base, experts = np.array([0.4, 0.5]), np.array([[0.8, 0.3], [0.5, 0.6]])
    assert transfers(base, experts) == pytest.approx(np.array([[1, -2], [0.25, 1]]))


def test_transfer_to_an_objective_nobody_can_raise_is_unknown() -> None:
    assert np.isnan(transfers(np.array([0.4, 0.5]), np.array([[0.8, 0.3], [0.5, 0.505]]))[0, 1])


def test_loss_of_the_ideal_point_is_the_share_that_equal_weights_give_up() -> None:
    base, experts = np.array([0.4, 0.5]), np.array([[0.8, 0.3], [0.5, 0.6]])
    assert ideal_loss(base, experts, np.array([0.6, 0.55])) == pytest.approx(0.5)
    assert ideal_loss(base, experts, np.array([0.8, 0.6])) == pytest.approx(0)
    assert np.isnan(ideal_loss(base, np.stack([base, base]), base))


def test_correlation_agrees_with_numpy_and_a_constant_has_none() -> None:
    rewards = np.random.default_rng(0).random((50, 3))
    assert correlate(rewards) == pytest.approx(np.corrcoef(rewards.T))
    rewards[:, 1] = 0.3
    assert np.isnan(correlate(rewards)[0, 1])


def test_cosines_of_a_gram_matrix_and_none_for_a_noisy_length() -> None:
    assert cosines(np.array([[4.0, 1.0], [1.0, 1.0]]))[0, 1] == pytest.approx(0.5)
    assert np.isnan(cosines(np.array([[-0.1, 1.0], [1.0, 1.0]]))[0, 1])


@pytest.mark.parametrize(
    ("transfer", "label"),
    [
        ([[1, -0.9], [-0.4, 1]], ("competing",)),
        ([[1, 0.9], [0.4, 1]], ("correlated",)),
        ([[1, 0.1], [-0.1, 1]], ("independent",)),
        ([[1, 0.9, -0.9], [0.9, 1, 0], [-0.9, 0, 1]], ("mixed",)),
    ],
)
def test_the_label_follows_transfer(transfer: list[list[float]], label: tuple[Relation, ...]) -> None:
    assert found(transfer).supported == label
    assert replace(found(transfer), declared=label[0]).agrees


def test_without_experts_the_label_follows_the_gradients_and_without_either_any_label_stands() -> None:
    blank = [[NAN, NAN], [NAN, NAN]]
    assert found(blank, [[1, 0.8], [0.8, 1]]).supported == ("correlated",)
    assert not found(blank, [[1, 0.8], [0.8, 1]]).agrees
    assert found(blank).agrees


def test_prompts_of_either_sign_are_mixed() -> None:
    assert "mixed" in replace(found([[1, 0.0], [0.0, 1]]), prompts=(-0.8, 0.9)).supported


def test_what_is_written_is_read_back_with_its_gaps() -> None:
    one = found([[1, NAN], [-0.4, 1]])
    again = read(json.loads(json.dumps(one.row())))
    assert again.row() == one.row()
    assert np.isnan(again.transfer[0, 1])


def test_the_card_and_the_figure_show_every_measure(tmp_path: Path) -> None:
    one = found([[1, -0.9], [-0.4, 1]], [[1, -0.5], [-0.5, 1]])
    text = markdown(one)
    assert "-0.90 and back -0.40" in text
    assert "| loss of the ideal point at equal weights | 0.50 |" in text
    assert [path.stat().st_size > 1000 for path in plot(one, tmp_path / "sub" / "figure")] == [True, True]


@pytest.mark.parametrize("name", [n for n in registry.names("tasks") if n.startswith("exact-")])
def test_every_exact_task_bears_its_label_out(name: str, tmp_path: Path) -> None:
    from morlbench.lm.base import load_base
    from morlbench.lm.relate import Effort, measure
    from morlbench.store import Store

    assert measure(registry.load("tasks", name)(), load_base("exact"), Effort(), Store(tmp_path)).agrees


def test_sampled_measures_agree_with_the_closed_form_where_both_are_known(tmp_path: Path) -> None:
    """On exact-competing the gradient by the weights has the sign and about the size of the tabular one."""
    from morlbench.lm.base import load_base
    from morlbench.lm.relate import Effort, measure, of_samples, train
    from morlbench.store import Store

    base, task = load_base("exact"), registry.load("tasks", "exact-competing")()
    exact = measure(task, base, Effort(), Store(tmp_path))
    sampled = of_samples(task, base, train(task, base, Effort(draws=64, responses=0, split="test"), Store(tmp_path)))
    assert sampled.correlation[0, 1] == pytest.approx(exact.correlation[0, 1], abs=0.08)
    assert sampled.within[0, 1] == pytest.approx(exact.within[0, 1], abs=0.08)
    assert sampled.cosine[0, 1] == pytest.approx(exact.cosine[0, 1], abs=0.2)
    assert not any(p.requires_grad for p in base.model.parameters())


def test_identical_objectives_have_gradients_that_are_one(tmp_path: Path) -> None:
    from morlbench.lm.base import load_base
    from morlbench.lm.relate import Effort, gradient_products, sample
    from morlbench.store import Store

    base, task = load_base("exact"), registry.load("tasks", "exact-competing")()
    plain = sample(task, base, Effort(draws=16))
    twin = replace(plain, rewards=plain.rewards[:, [0, 0]])
    assert cosines(gradient_products(task, base, twin, 16))[0, 1] == pytest.approx(1)
    assert Store(tmp_path)


def test_experts_are_trained_and_their_transfer_is_measured(tmp_path: Path) -> None:
    from morlbench.lm.base import load_base
    from morlbench.lm.relate import Effort, of_samples, train
    from morlbench.store import Store

    base, task = load_base("exact"), registry.load("tasks", "exact-competing")()
    measured = of_samples(task, base, train(task, base, Effort(draws=8, responses=1024), Store(tmp_path)))
    assert set(measured.means) == {"base", "first expert", "second expert", "equal weights"}
    assert measured.supported == ("competing",)
    assert measured.ideal_loss > 0.5


@pytest.mark.parametrize(
    ("task", "base", "sentence"),
    [
        ("exact-competing", "nano", "task 'exact-competing' takes only the base 'exact'; it was given 'nano'"),
        ("fluency-vs-helpfulness", "exact", "takes a text base such as 'nano', not 'exact'; it was given 'exact'"),
    ],
)
def test_a_task_and_a_base_that_do_not_fit_are_refused_before_anything_is_measured(
    task: str, base: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from morlbench import cli, console

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("morlbench.lm.relate.measure", lambda *words: pytest.fail("measured"))  # nano has 3,072 ** 4 answers to list
    assert console.guarded(lambda: cli.app(["relation", task, "--base", base])) == 2
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_command_prints_a_table_and_draws_a_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from morlbench import cli, console

    monkeypatch.chdir(tmp_path)
    assert console.guarded(lambda: cli.app(["relation", "exact-correlated"])) == 0
    out = capsys.readouterr().out
    assert "declared correlated, measured correlated" in out
    assert (tmp_path / "relation.svg").exists()
    assert console.guarded(lambda: cli.app(["relation", "exact-correlated", "--json"])) == 0
    assert json.loads(capsys.readouterr().out)["supported"] == ["correlated"]
