"""MODPO: its loss on TRL's trainer is the paper's, its fixed point the problem's optimum, and its pairs are paid for once."""

from pathlib import Path

import numpy as np
import pytest
import torch
import trl
from scipy.optimize import minimize
from test_train import Words, apart

from morlbench.bench import Bench
from morlbench.check.toy import Toy
from morlbench.errors import BadInput
from morlbench.lm.adapter import Adapter
from morlbench.lm.base import Base, load_base
from morlbench.lm.mixing import Mixture
from morlbench.lm.policy import single_policy, teacher_force
from morlbench.lm.supervised import Fit, prefer, tempered
from morlbench.lm.supervised_trainer import PairTrainer
from morlbench.lm.trained import Settings
from morlbench.methods.modpo import Modpo
from morlbench.methods.modpo.pairs import Scored, first_wins, gather, labelled, log_probs
from morlbench.preference import Array
from morlbench.store import Store

BETA, TAU = 0.1, 0.03


@pytest.fixture(scope="module")
def base() -> Base:
    return load_base("exact")


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def noise(base: Base, size: float, rank: int = 4) -> Adapter:
    rng = torch.Generator().manual_seed(0)
    shapes = {name: torch.as_tensor(module.weight).shape for name, module in base.targets().items()}
    return Adapter(
        {n: (size * torch.randn(rank, i, generator=rng), size * torch.randn(o, rank, generator=rng)) for n, (o, i) in shapes.items()},
        torch.zeros_like(base.final_norm().readout.weight),
    )


def test_trl_is_in_the_window_whose_private_hooks_are_passed_over() -> None:
    assert tuple(map(int, trl.__version__.split(".")[:2])) == (1, 16)
    for hook in ("_prepare_dataset", "_precompute_ref_logps"):
        assert hook in vars(trl.DPOTrainer)
        assert hook in vars(PairTrainer)


@pytest.mark.parametrize("preference", [(0.8, 0.2), (0.3, 0.7), (1.0, 0.0)])
def test_the_loss_trl_computes_is_equation_7(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, preference: tuple[float, ...]
) -> None:
    """From an adapter that is not the base's, so that log-ratios count; a margin of the other sign gives another loss."""
    bench, w, start = Bench(Words(), base, 64, Store(tmp_path)), np.array(preference), noise(base, 0.1)
    losses: list[float] = []
    plain = PairTrainer.compute_loss

    def listening(self: PairTrainer, *args: object, **kwargs: object) -> torch.Tensor:
        loss: torch.Tensor = plain(self, *args, **kwargs)
        losses.append(float(loss.detach()))
        return loss

    monkeypatch.setattr(PairTrainer, "compute_loss", listening)
    with bench.part("pairs", 64):
        scored = gather(bench, 32, seed=0)
        pairs, beta = labelled(scored, w, BETA, "drawn", TAU, seed=1)
        prefer(bench, pairs, beta, Fit(Settings(rank=4), 1, 32, 0, start))
    policy = single_policy(base, bench.decoding, start).mixture
    ratio = np.stack([ones(policy, scored, side) - scored.reference[side] for side in (0, 1)])
    i, j = (0, 1) if w[0] >= w[1] else (1, 0)
    first = first_wins(scored.rewards[0, :, i] - scored.rewards[1, :, i], "drawn", TAU, seed=labels_seed(i))
    sign = np.where(first, 1, -1)
    gap, other = sign * (ratio[0] - ratio[1]), sign * w[j] * (scored.rewards[0, :, j] - scored.rewards[1, :, j])
    wanted, wrong = (-np.log(sigmoid((BETA * gap + turn * other) / (w[i] * TAU))).mean() for turn in (-1, 1))
    assert losses == pytest.approx([wanted], rel=1e-4)
    assert w[j] == 0 or losses != pytest.approx([wrong], rel=1e-2)


def test_a_large_base_learns_pairs_in_parts_to_the_same_adapter(base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench, seen = Bench(Words(), base, 64, Store(tmp_path)), list[int]()
    plain = PairTrainer.compute_loss

    def noted(self: PairTrainer, model: torch.nn.Module, inputs: dict[str, torch.Tensor], *more: object, **named: object) -> torch.Tensor:
        seen.append(len(inputs["input_ids"]))
        return plain(self, model, inputs, *more, **named)  # type: ignore[no-any-return]

    with bench.part("pairs", 64):
        pairs, beta = labelled(gather(bench, 32, seed=0), np.array([0.8, 0.2]), BETA, "drawn", TAU, seed=1)
        found = [prefer(bench, pairs, beta, Fit(Settings(rate=rate), 2, 16, 0)) for rate in (3e-3, 2.7e-3)]
        monkeypatch.setattr("morlbench.lm.train.LARGE", 1)
        monkeypatch.setattr("morlbench.lm.train.ROWS", 5)  # two pairs at once: four answers
        monkeypatch.setattr(PairTrainer, "compute_loss", noted)
        parts = prefer(bench, pairs, beta, Fit(Settings(rate=3e-3), 2, 16, 0))
    assert seen == [4] * 16
    assert apart(found[0], parts) < 0.05 * apart(*found)


def labels_seed(leader: int) -> int:
    from morlbench.seeds import derive

    return derive(1, "labels", leader)


def ones(policy: Mixture, scored: Scored, side: int) -> Array:
    """Return the adapter's log-probabilities of the answers of one side."""

    class Whole(Mixture):
        def log_probs(self, ids, mask, weights, cache=None, *, keep=1):  # type: ignore[no-untyped-def]
            return super().log_probs(ids, mask, torch.ones(len(weights), 1), cache, keep=keep)

    return log_probs(Whole(policy.base, policy.adapters), Words.decoding, scored.prompts, scored.answers[side])


def test_the_reference_of_a_large_vocabulary_is_read_in_small_passes(base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = gather(Bench(Words(), base, 64, Store(tmp_path)), 32, seed=0)
    seen: list[int] = []
    monkeypatch.setattr("morlbench.lm.policy.VALUES", 80)  # two tokens of eight words a row: five rows
    monkeypatch.setattr(f"{gather.__module__}.teacher_force", lambda m, p, a, w: seen.append(len(p)) or teacher_force(m, p, a, w))  # type: ignore[func-returns-value]
    parts = gather(Bench(Words(), base, 64, Store(tmp_path)), 32, seed=0)
    assert seen == [5, 5, 5, 5, 5, 5, 2] * 2
    assert parts.reference == pytest.approx(whole.reference, abs=1e-5)


def test_the_reference_is_the_listed_probability_of_each_answer(base: Base, tmp_path: Path) -> None:
    from morlbench.lm.exact import enumerate_answers

    bench = Bench(Words(), base, 64, Store(tmp_path))
    with bench.part("pairs", 64):
        scored = gather(bench, 32, seed=0)
    table = enumerate_answers(Mixture(base, ()), bench.decoding, scored.prompts, np.zeros((1, 32, 0)))[0]
    places = [a[0] * 8 + a[1] for a in scored.answers[0]]
    assert scored.reference[0] == pytest.approx(table[np.arange(32), places], abs=1e-5)
    assert scored.reference[1] != pytest.approx(table[np.arange(32), places], abs=1e-2)


def population_loss(ratio: Array, base: Array, rewards: Array, w: Array, chance: Array) -> float:
    """Return the expected loss of log-ratios (c,) over pairs of base answers whose first is preferred with `chance` (c, c)."""
    i = int(w.argmax())
    margin = (rewards[:, None] - rewards) @ np.where(np.arange(len(w)) == i, 0, w)
    z = (BETA * (ratio[:, None] - ratio) - margin) / (w[i] * TAU)
    return float((np.outer(base, base) * chance * np.logaddexp(0, -z)).sum())


@pytest.mark.parametrize("w", [np.array([0.7, 0.3]), np.array([0.0, 1.0]), np.array([0.2, 0.5, 0.3])])
def test_with_drawn_labels_the_least_expected_loss_is_the_problems_optimum_and_with_hard_ones_it_is_not(w: Array) -> None:
    rng = np.random.default_rng(0)
    base, rewards = rng.dirichlet(np.ones(6)), 0.2 * rng.random((6, len(w)))
    leading = rewards[:, [int(w.argmax())]]
    best = base * np.exp(rewards @ w / BETA)
    best /= best.sum()
    for chance, equal in ((sigmoid((leading - leading.T) / TAU), True), ((leading > leading.T) + 0.5 * np.eye(6), False)):
        found = minimize(population_loss, np.zeros(6), args=(base, rewards, w, chance), tol=1e-10).x
        policy = base * np.exp(found - found.max())
        assert np.allclose(policy / policy.sum(), best, atol=1e-3) is equal


def test_labels_are_drawn_as_bradley_and_terry_say_and_hard_ones_are_not() -> None:
    difference = np.full(20_000, 0.02)
    drawn = first_wins(difference, "drawn", TAU, seed=0).mean()
    assert drawn == pytest.approx(sigmoid(np.array(0.02 / TAU)), abs=4 * 0.5 / np.sqrt(20_000))
    assert first_wins(difference, "hard", TAU, seed=0).all()
    assert 0.4 < first_wins(np.zeros(1_000), "hard", TAU, seed=0).mean() < 0.6


def test_a_pair_of_preferences_with_one_leader_shares_its_labels() -> None:
    rng = np.random.default_rng(0)
    scored = Scored(("ba",) * 9, (((0,),) * 9, ((1,),) * 9), rng.random((2, 9, 2)), np.zeros((2, 9)))
    chosen = [labelled(scored, np.array(w), BETA, "drawn", TAU, seed=0)[0].chosen for w in ((0.9, 0.1), (0.6, 0.4), (0.1, 0.9))]
    assert chosen[0] == chosen[1] != chosen[2]


def test_pairs_are_paid_for_once_however_many_policies_learn_from_them(base: Base, tmp_path: Path) -> None:
    """96 pairs are three batches: three policies, one pass each."""
    bench = Bench(Toy(), base, 193, Store(tmp_path))
    policy = Modpo().train(bench, seed=0)
    assert [(line.part, line.cost.responses, line.cost.steps) for line in bench.ledger] == [
        ("pairs", 192, 0), ("policy 1", 0, 3), ("policy 2", 0, 3), ("policy 3", 0, 3),
    ]  # fmt: skip
    prompts = Toy().prompts("test")
    answers = [policy.respond(prompts, np.tile(w, (12, 1)), seed=0).texts for w in ((1.0, 0.0), (0.97, 0.03))]
    assert answers[0] == answers[1]


def test_a_budget_below_one_batch_of_pairs_is_bad_input(base: Base, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="32 pairs"):
        Modpo().train(Bench(Toy(), base, 63, Store(tmp_path)), seed=0)


def test_a_tempered_copy_divides_logits_and_leaves_the_base_alone(base: Base) -> None:
    ids = torch.arange(4)[None]
    before = base.model(input_ids=ids).logits
    assert torch.allclose(tempered(base, 0.5)(input_ids=ids).logits, 2 * before, atol=1e-5)
    assert torch.equal(base.model(input_ids=ids).logits, before)


@pytest.mark.slow
def test_many_pairs_bring_the_ends_of_the_front_near_the_optimum(base: Base, tmp_path: Path) -> None:
    from morlbench.registry import load

    task = load("tasks", "exact-competing")()
    bench = Bench(task, base, 32_768, Store(tmp_path))
    exact = task.exact(Modpo(policies=2).train(bench, seed=0), np.eye(2))
    assert exact is not None
    assert exact.gap < 0.15
