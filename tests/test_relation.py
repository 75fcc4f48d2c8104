"""The relation of objectives: worked by hand on small numbers, in closed form on exact tasks, and sampled against it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from morlbench import registry
from morlbench.relation import BATCHES, Measured, correlate, cosines, ideal_loss, jackknife, limit, read, transfers
from morlbench.relation_page import markdown, plot, table
from morlbench.task import Relation

NAN = float("nan")
ANY = get_args(Relation)


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


def test_without_experts_the_label_follows_the_gradients_and_without_either_any_label_stands() -> None:
    blank = [[NAN, NAN], [NAN, NAN]]
    exact = replace(found(blank, [[1, 0.8], [0.8, 1]]), errors=np.zeros((2, 2)))
    assert exact.supported == ("correlated",)
    assert found(blank).declared in found(blank).supported


def of_cosines(cosine: list[list[float]], errors: list[list[float]] | None) -> Measured:
    """Return a relation of which the gradients alone are known, with standard errors."""
    blank = np.full((len(cosine), len(cosine)), NAN).tolist()
    return replace(found(blank, cosine), errors=None if errors is None else np.array(errors))


@pytest.mark.parametrize(
    ("cosine", "error", "label"),
    [
        (-0.5, 0.2, ("competing",)),
        (-0.5, 0.22, ANY),  # two and a third errors: one pair needs 2.36
        (0.5, 0.2, ("correlated",)),
        (0.1, 0.01, ("independent",)),
        (0.1, 0.05, ANY),  # it might be .2
        (0.5, NAN, ANY),  # a squared length that noise made negative
        (NAN, NAN, ANY),
        (0.5, 0.0, ("correlated",)),
    ],
)
def test_a_cosine_counts_where_its_error_tells_it_apart(cosine: float, error: float, label: tuple[Relation, ...]) -> None:
    one = of_cosines([[1, cosine], [cosine, 1]], [[0, error], [error, 0]])
    assert one.supported == label
    assert (one.verdict == "not told apart") is (label == ANY)


def test_a_cosine_whose_error_was_never_taken_lets_any_label_stand() -> None:
    one = of_cosines([[1, 0.8], [0.8, 1]], None)
    assert one.supported == ANY
    assert one.verdict == "not known"
    assert "| cosine of the gradients at the base | 0.80 (errors not known) |" in markdown(one)


def test_of_several_pairs_those_told_apart_make_the_label() -> None:
    cosine = [[1, -0.9, 0.2], [-0.9, 1, 0.9], [0.2, 0.9, 1]]
    sure, unsure = [[0, 0.1, 0.1], [0.1, 0, 0.1], [0.1, 0.1, 0]], [[0, 0.1, 0.5], [0.1, 0, 0.5], [0.5, 0.5, 0]]
    assert of_cosines(cosine, sure).told == ("competing", None, "correlated")
    assert of_cosines(cosine, sure).supported == ("mixed",)
    assert of_cosines(cosine, unsure).supported == ("competing", "mixed")


def test_where_experts_were_trained_the_label_rests_on_them() -> None:
    transfer, other = np.full((3, 3), 0.5), [[1, -0.9, 0.9], [-0.9, 1, -0.9], [0.9, -0.9, 1]]
    doubtful, exact = (replace(of_cosines(other, np.full((3, 3), e).tolist()), transfer=transfer) for e in (0.5, 0.0))
    assert doubtful.supported == ("correlated",)
    assert exact.supported == ("correlated", "mixed")  # gradients that part, beyond doubt


def products(gradients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return inner products (k, k) across batches of gradients (b, k, parameters), and those without each batch (b, k, k), slowly."""
    pairs = [(b, c) for b in range(len(gradients)) for c in range(len(gradients)) if b != c]
    each = {(b, c): gradients[b] @ gradients[c].T for b, c in pairs}
    without = [sum(each[pair] for pair in pairs if out not in pair) for out in range(len(gradients))]
    return sum(each.values()), np.stack(without)


@pytest.mark.parametrize("strength", [0.0, 1.0], ids=["no gradient", "gradients at right angles"])
@pytest.mark.parametrize("k", [2, 5])
def test_what_is_not_related_is_seldom_told_apart(k: int, strength: float) -> None:
    """Before errors were taken, noise of five objectives was always `mixed`."""
    rng, found = np.random.default_rng(0), []
    for _ in range(100):
        whole, without = products(strength * np.repeat(np.eye(k), 20, axis=1) + rng.standard_normal((BATCHES, k, 20 * k)))
        found.append(of_cosines(cosines(whole).tolist(), jackknife(without).tolist()).told)
    assert sum("competing" in told or "correlated" in told for told in found) <= 7


def test_the_jackknife_agrees_with_the_spread_over_many_draws() -> None:
    """Two gradients with a common half: the mean error is within a fifth of the standard deviation of the cosines themselves."""
    rng, values, errors = np.random.default_rng(1), [], []
    mean = np.stack([np.ones(50), [1] * 25 + [0] * 25])
    for _ in range(100):
        whole, without = products(mean + rng.standard_normal((BATCHES, 2, 50)))
        values.append(cosines(whole)[0, 1])
        errors.append(jackknife(without)[0, 1])
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.2)


def test_fewer_batches_than_are_meant_have_no_error() -> None:
    assert np.isnan(jackknife(np.ones((BATCHES - 1, 2, 2)))).all()
    assert jackknife(np.ones((BATCHES, 2, 2))) == pytest.approx(np.zeros((2, 2)))


def test_the_limit_grows_with_the_number_of_pairs() -> None:
    assert [limit(pairs) for pairs in (1, 10, 45)] == pytest.approx([2.365, 4.029, 5.3], abs=0.06)


def test_prompts_of_either_sign_are_mixed() -> None:
    assert "mixed" in replace(found([[1, 0.0], [0.0, 1]]), prompts=(-0.8, 0.9)).supported


def test_what_is_written_is_read_back_with_its_gaps() -> None:
    one = replace(found([[1, NAN], [-0.4, 1]]), errors=np.array([[0, NAN], [0.25, 0]]))
    again = read(json.loads(json.dumps(one.row())))
    assert again.row() == one.row()
    assert np.isnan(again.transfer[0, 1])
    assert again.errors is not None
    assert again.errors[1, 0] == 0.25


def test_what_was_written_before_there_were_errors_is_read_with_none() -> None:
    row = found([[1, -0.9], [-0.4, 1]]).row()
    del row["errors"]
    assert read(row).errors is None
    assert read(row).supported == ("competing",)


def test_tables_say_what_is_not_told_apart(tmp_path: Path) -> None:
    two = of_cosines([[1, -0.5], [-0.5, 1]], [[0, 0.4], [0.4, 0]])
    assert "measured: not told apart) |" in markdown(two)
    assert "| cosine of the gradients at the base | -0.50 ± 0.40, not told apart |" in markdown(two)
    assert next(iter(table(two).columns[3].cells)) == "-0.50 ± 0.40, not told apart"
    assert next(iter(table(of_cosines([[1, NAN], [NAN, 1]], [[0, NAN], [NAN, 0]])).columns[3].cells)) == "–, not told apart"
    cosine = np.full((4, 4), 0.5)
    five = of_cosines(cosine.tolist(), np.where(np.eye(4, k=1) + np.eye(4, k=-1), 0.01, 0.4).tolist())
    assert "0.50 to 0.50, mean 0.50 (3 of 6 pairs told apart)" in markdown(five)
    assert five.doubtful.sum() == 6
    plot(five, tmp_path / "figure")
    assert "not told apart" in (tmp_path / "figure.svg").read_text(encoding="utf-8")


def test_the_card_and_the_figure_show_every_measure(tmp_path: Path) -> None:
    one = found([[1, -0.9], [-0.4, 1]], [[1, -0.5], [-0.5, 1]])
    text = markdown(one)
    assert "-0.90 and back -0.40" in text
    assert "| loss of the ideal point at equal weights | 0.50 |" in text
    assert [path.stat().st_size > 1000 for path in plot(one, tmp_path / "sub" / "figure")] == [True, True]


@pytest.mark.parametrize("name", [n for n in registry.names("tasks") if n.startswith("exact-")])
def test_every_exact_task_bears_its_label_out(name: str, tmp_path: Path) -> None:
    from morlbench.lm.base import load_base
    from morlbench.lm.relate import measure
    from morlbench.relation import Effort
    from morlbench.store import Store

    measured = measure(registry.load("tasks", name)(), load_base("exact"), Effort(), Store(tmp_path))
    assert measured.declared in measured.supported


def test_sampled_measures_agree_with_the_closed_form_where_both_are_known(tmp_path: Path) -> None:
    """On exact-competing the gradient by the weights has the sign and about the size of the tabular one."""
    from morlbench.lm.base import load_base
    from morlbench.lm.relate import measure, of_samples, train
    from morlbench.relation import Effort
    from morlbench.store import Store

    base, task = load_base("exact"), registry.load("tasks", "exact-competing")()
    exact = measure(task, base, Effort(), Store(tmp_path))
    sampled = of_samples(task, base, train(task, base, Effort(draws=64, responses=0, split="test"), Store(tmp_path)))
    assert sampled.correlation[0, 1] == pytest.approx(exact.correlation[0, 1], abs=0.08)
    assert sampled.within[0, 1] == pytest.approx(exact.within[0, 1], abs=0.08)
    assert sampled.cosine[0, 1] == pytest.approx(exact.cosine[0, 1], abs=0.2)
    assert 0 < sampled.errors[0, 1] < 0.2
    assert exact.errors[0, 1] == 0
    assert not any(p.requires_grad for p in base.model.parameters())


def test_identical_objectives_have_gradients_that_are_one(tmp_path: Path) -> None:
    from morlbench.lm.base import load_base
    from morlbench.lm.relate import gradient_products, sample
    from morlbench.relation import Effort
    from morlbench.store import Store

    base, task = load_base("exact"), registry.load("tasks", "exact-competing")()
    plain = sample(task, base, Effort(draws=16))
    twin = replace(plain, rewards=plain.rewards[:, [0, 0]])
    whole, without = gradient_products(task, base, twin, 16)
    assert cosines(whole)[0, 1] == pytest.approx(1)
    assert jackknife(without)[0, 1] == pytest.approx(0, abs=1e-4)
    assert Store(tmp_path)


def test_inner_products_without_a_batch_are_those_of_the_others() -> None:
    """Folded to fewer numbers than there are they stay what they were, but for noise."""
    import torch

    from morlbench.lm import relate

    whole = torch.randn(4, 2, 3 * relate.FOLDED + 5, generator=torch.Generator().manual_seed(0)) + 0.5
    found = relate._without(torch.stack([relate._folded(batch) for batch in whole]))
    slow = sum(whole[b] @ whole[c].T for b in (1, 2, 3) for c in (1, 2, 3) if b != c).numpy()
    assert found.shape == (4, 2, 2)
    assert found[0] == pytest.approx(slow, rel=0.05)
    few = torch.randn(3, 2, 100, generator=torch.Generator().manual_seed(1))
    exact = (few[1] @ few[2].T + few[2] @ few[1].T).numpy()
    assert relate._without(torch.stack([relate._folded(batch) for batch in few]))[0] == pytest.approx(exact, abs=1e-3)


def test_experts_are_trained_and_their_transfer_is_measured(tmp_path: Path) -> None:
    from morlbench.lm.base import load_base
    from morlbench.lm.relate import of_samples, train
    from morlbench.relation import Effort
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
