"""Few-step tuning: a combination brought to one adapter, tuned at a preference, and the option of moe-cmab that uses it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from morlbench.bench import Bench
from morlbench.check.toy import Toy
from morlbench.errors import BadInput
from morlbench.lm.adapter import Adapter
from morlbench.lm.base import Base, load_base
from morlbench.lm.fewstep import affordable, combined, tune, tune_each
from morlbench.lm.mixing import Mixture
from morlbench.lm.trained import Settings
from morlbench.methods.moe_cmab import MoeCmab
from morlbench.methods.moe_cmab.policy import GatedPolicy
from morlbench.methods.moe_cmab.tuned import TunedPolicy
from morlbench.preference import LINEAR, Utility
from morlbench.store import Store

SMALL = Settings(batch=16, group=4)
WEIGHTS = np.array([0.3, 0.7])


@pytest.fixture(scope="module")
def base() -> Base:
    return load_base("exact")


@pytest.fixture(scope="module")
def members(base: Base) -> list[Adapter]:
    return [drawn(base, seed) for seed in (0, 1)]


def drawn(base: Base, seed: int, rank: int = 8) -> Adapter:
    rng = torch.Generator().manual_seed(seed)
    shapes = {name: torch.as_tensor(module.weight).shape for name, module in base.targets().items()}
    size = base.final_norm().readout.weight.shape[0]
    return Adapter(
        {n: (0.2 * torch.randn(rank, i, generator=rng), 0.2 * torch.randn(o, rank, generator=rng)) for n, (o, i) in shapes.items()},
        0.1 * torch.randn(size, size, generator=rng),
    )


def product(adapter: Adapter, name: str) -> torch.Tensor:
    a, b = adapter.factors[name]
    return b @ a


def test_a_combination_of_full_rank_answers_as_the_parameter_mixture_does_and_not_as_averaged_factors(
    base: Base, members: list[Adapter]
) -> None:
    ids, mask = base.encode(("ba ce di fo", "ko ko gu ba"))
    rows = torch.tensor(WEIGHTS, dtype=torch.float32).repeat(2, 1)
    one = Mixture(base, (combined(members, WEIGHTS, 16),)).log_probs(ids, mask, torch.ones(2, 1))[0]
    exact, averaged = (Mixture(base, members, level).log_probs(ids, mask, rows)[0] for level in ("parameters", "factors"))
    assert torch.allclose(one, exact, atol=1e-5)
    assert not torch.allclose(one, averaged, atol=1e-2)


def test_a_combination_of_lower_rank_loses_the_smallest_singular_values_and_no_more(members: list[Adapter]) -> None:
    low = combined(members, WEIGHTS, 8)
    for name in low.factors:
        whole = sum(float(w) * product(one, name) for w, one in zip(WEIGHTS, members, strict=True))
        tail = torch.linalg.svdvals(torch.as_tensor(whole))[8:].square().sum().sqrt()
        assert float((torch.as_tensor(whole) - product(low, name)).norm()) == pytest.approx(float(tail), rel=1e-3)
    readout = 0.3 * members[0].readout + 0.7 * members[1].readout  # type: ignore[operator]
    assert torch.allclose(torch.as_tensor(low.readout), torch.as_tensor(readout))


def test_updates_that_share_one_subspace_lose_nothing_at_their_own_rank(members: list[Adapter]) -> None:
    other = Adapter({n: (a, -0.5 * b) for n, (a, b) in members[0].factors.items()}, members[0].readout)
    found = combined([members[0], other], np.array([0.5, 0.5]), 8)
    assert all(torch.allclose(product(found, n), 0.25 * product(members[0], n), atol=1e-5) for n in found.factors)


def test_one_hot_weights_give_the_expert_itself(members: list[Adapter]) -> None:
    found = combined(members, np.array([0.0, 1.0]), 8)
    assert all(torch.allclose(product(found, n), product(members[1], n), atol=1e-5) for n in found.factors)


def test_tuning_starts_from_what_it_is_given_and_moves(base: Base, tmp_path: Path, members: list[Adapter]) -> None:
    start = combined(members, WEIGHTS, 8)
    bench = Bench(Toy(), base, 128, Store(tmp_path))
    still, moved = (
        tune(bench, start, WEIGHTS, Settings(rate=rate, batch=16, group=4), responses=32, seed=0, name=name)
        for rate, name in ((1e-9, "still"), (1e-2, "moved"))
    )
    name = next(iter(start.factors))
    assert torch.allclose(product(still, name), product(start, name), atol=1e-5)
    assert not torch.allclose(product(moved, name), product(start, name), atol=1e-3)


def test_each_preference_is_tuned_on_an_equal_share_in_a_part_of_its_own(base: Base, tmp_path: Path, members: list[Adapter]) -> None:
    bench, asked = Bench(Toy(), base, 128, Store(tmp_path)), []
    known = affordable(bench, 40, 11, 16)
    assert known.tolist() == [[0, 1], [1, 0]]

    def start(w: np.ndarray) -> Adapter:
        asked.append(w.tolist())
        return members[0]

    assert len(tune_each(bench, known, start, SMALL, responses=40, seed=0)) == 2
    assert asked == known.tolist()
    assert [(line.part, line.cost.responses) for line in bench.ledger] == [("tune 1", 16), ("tune 2", 16)]


def test_too_little_to_tune_two_preferences_is_bad_input(base: Base, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="at least two preferences"):
        affordable(Bench(Toy(), base, 128, Store(tmp_path)), 31, 11, 16)


def test_a_gate_that_is_left_nothing_is_bad_input() -> None:
    with pytest.raises(BadInput, match="sum must be below 1"):
        MoeCmab(expert_share=0.7, tune_share=0.3)


def test_without_tuning_moe_cmab_is_the_gate_alone(base: Base, tmp_path: Path) -> None:
    bench = Bench(Toy(), base, 160, Store(tmp_path))
    policy = MoeCmab().train(bench, seed=0)
    assert type(policy) is GatedPolicy
    assert [line.part.split()[0] for line in bench.ledger] == ["expert", "expert", "gate"]
    assert bench.left == 0


def test_tuned_policies_serve_linear_utilities_and_the_gate_the_others(base: Base, tmp_path: Path) -> None:
    bench = Bench(Toy(), base, 320, Store(tmp_path))
    policy = MoeCmab(expert_share=0.4, tune_share=0.4).train(bench, seed=0)
    assert isinstance(policy, TunedPolicy)
    spent = [(line.part.split()[0], line.kind, line.cost.responses) for line in bench.ledger]
    assert spent == [("expert", "training", 64)] * 2 + [("gate", "search", 64)] + [("tune", "training", 64)] * 2
    prompts, w = Toy().prompts("test"), np.tile([0.2, 0.8], (12, 1))
    soft = Utility("soft-threshold", (0.5, 0.5))
    assert policy.respond(prompts, w, seed=1).texts == policy.family.respond(prompts, w, seed=1).texts
    assert policy.respond(prompts, w, utility=soft, seed=1).texts == policy.gated.respond(prompts, w, utility=soft, seed=1).texts
    assert policy.explain(prompts, w, utility=LINEAR) is None
    assert policy.explain(prompts, w, utility=soft) is not None
    listed = policy.sequence_log_probs(prompts[:2], np.array([[0.2, 0.8]]))
    assert np.exp(listed).sum(2) == pytest.approx(1, abs=1e-4)


def test_a_share_too_small_to_tune_is_bad_input_and_not_the_plain_gate(base: Base, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="at least two preferences"):
        MoeCmab(tune_share=0.004).train(Bench(Toy(), base, 200, Store(tmp_path)), seed=0)
