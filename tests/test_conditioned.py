"""Conditioned policies: rows keep their preference, training and serving agree, and the preference is followed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trl

from morlbench.bench import Bench
from morlbench.check.toy import Toy
from morlbench.errors import BadInput
from morlbench.lm import conditioned
from morlbench.lm.adapter import Adapter
from morlbench.lm.base import READOUT, Base, load_base
from morlbench.lm.conditioned import Conditioned, Parts, Sampling, attached, far_preferences, serve
from morlbench.lm.conditioned_trainer import ConditionedTrainer
from morlbench.lm.conditioned_training import train
from morlbench.lm.meta import objective_experts
from morlbench.lm.mixing import Mixture
from morlbench.lm.policy import LMPolicy, base_policy, teacher_force
from morlbench.lm.pooled import Pooled
from morlbench.lm.train import Plan
from morlbench.lm.trained import Settings
from morlbench.lm.trainer import leave_one_out
from morlbench.method import Method
from morlbench.methods.conditioned_policy import Blocks, ConditionedPolicy
from morlbench.methods.mol_moe import MolMoe
from morlbench.methods.mol_moe.router import Router
from morlbench.methods.panacea import Panacea, SingularValues
from morlbench.methods.pareto_set_learning import ParetoSetLearning, Slots
from morlbench.preference import LINEAR, Array, Utility, held_out, lattice
from morlbench.registry import load
from morlbench.store import Store
from morlbench.task import Task, Texts

SMALL = Settings(batch=16, group=4)
FROZEN = Settings(rate=1e-12, batch=16, group=4)
Make = Callable[[Base], Conditioned]


def random_adapter(base: Base, seed: int, scale: float = 0.2) -> Adapter:
    """An expert that differs from the base well beyond rounding."""
    draw = torch.Generator().manual_seed(seed)

    def normal(*size: int) -> torch.Tensor:
        return torch.randn(*size, generator=draw) * scale

    sizes = {name: module.get_parameter("weight").shape for name, module in base.targets().items()}
    readout = normal(base.model.config.hidden_size, base.model.config.hidden_size) * 0.1
    return Adapter({name: (normal(2, fan_in), normal(fan_out, 2)) for name, (fan_out, fan_in) in sizes.items()}, readout)


def experts(base: Base) -> tuple[Adapter, ...]:
    return random_adapter(base, 1), random_adapter(base, 2)


def routed(base: Base) -> Router:
    made = Router(experts(base), 0, 8, seed=0)
    torch.nn.init.normal_(made.second.weight, generator=torch.Generator().manual_seed(3))
    return made


MAKE: dict[str, Make] = {
    "blocks": lambda base: Blocks(base, 2, SMALL, seed=0),
    "singular-values": lambda base: SingularValues(base, 2, SMALL, seed=0),
    "slots": lambda base: Slots(base, 2, SMALL, 8, seed=0),
    "router": routed,
}


def away_from_zero(module: Conditioned) -> Conditioned:
    """Give every trained update a size that shows."""
    draw = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if ".up." in name or name == "values":
                weight.add_(torch.randn(weight.shape, generator=draw) * 0.3)
    return module


@pytest.fixture(scope="module")
def base() -> Base:
    return load_base("exact")


def bench(base: Base, tmp_path: Path, budget: int = 4_096) -> Bench:
    return Bench(Toy(), base, budget, Store(tmp_path))


# --- preferences ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [2, 3, 5])
def test_training_preferences_keep_away_from_the_held_out_ones_and_plain_draws_would_not(k: int) -> None:
    avoid = held_out("exact-competing", k)
    found = far_preferences(np.random.default_rng(0), 4_000, avoid)
    assert found.shape == (4_000, k)
    assert found.sum(1) == pytest.approx(1)
    assert np.abs(found[:, None] - avoid).sum(-1).min() >= 0.05
    plain = np.random.default_rng(0).dirichlet(np.ones(k), 40_000)
    assert np.abs(plain[:, None] - avoid).sum(-1).min() < 0.05


def test_a_bench_names_the_held_out_preferences_of_its_task(base: Base, tmp_path: Path) -> None:
    assert bench(base, tmp_path).held_out.tolist() == held_out("toy", 2).tolist()


def test_a_group_shares_one_preference_and_each_row_is_scalarised_by_its_own(base: Base, tmp_path: Path) -> None:
    steer = Sampling(bench(base, tmp_path), Utility("chebyshev"), seed=0)
    w = steer.draw(3, 4)
    assert [len(np.unique(rows, axis=0)) for rows in (w[:4], w[4:8], w[8:], w)] == [1, 1, 1, 3]
    rewards = np.random.default_rng(1).random((12, 2))
    expected = [-max(w[i] * (1 - rewards[i])) + 0.05 * (w[i] @ rewards[i]) for i in range(12)]
    assert steer.scalar(rewards) == pytest.approx(expected)
    assert steer.draw(3, 4).tolist() != w.tolist()


# --- training and serving are one policy ---------------------------------------------------------------------------------


def test_the_two_more_private_hooks_of_trl_are_where_they_were() -> None:
    hooks = {"_generate", "_get_per_token_logps_and_entropies"}
    assert hooks <= set(vars(trl.RLOOTrainer))
    assert hooks <= set(vars(ConditionedTrainer))


class Seen:
    """What the trainer made of one batch, before and after TRL shuffled it."""

    model: torch.nn.Module
    output: dict[str, torch.Tensor]
    inputs: dict[str, torch.Tensor]
    log_p: torch.Tensor  # (n,) at the loss
    rolled: torch.Tensor  # the same with each row at its neighbour's condition


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    found, generate, loss = Seen(), ConditionedTrainer._generate_and_score_completions, ConditionedTrainer.compute_loss

    def generating(self: ConditionedTrainer, inputs: list[dict[str, list[dict[str, str]]]]) -> dict[str, torch.Tensor]:
        found.output = generate(self, inputs)
        return found.output

    def losing(self: ConditionedTrainer, model: torch.nn.Module, inputs: dict[str, torch.Tensor], *more: object, **named: object) -> object:
        ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], 1)
        mask = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], 1)
        values = []
        for rows in (inputs["condition"], inputs["condition"].roll(1, 0)):
            self._condition = rows
            with torch.no_grad():
                each = self._get_per_token_logps_and_entropies(model, ids, mask, inputs["completion_ids"].shape[1])
            values.append(each[0].sum(1))  # type: ignore[index]
        found.model, found.inputs, (found.log_p, found.rolled) = model, inputs, values
        return loss(self, model, inputs)

    monkeypatch.setattr(ConditionedTrainer, "_generate_and_score_completions", generating)
    monkeypatch.setattr(ConditionedTrainer, "compute_loss", losing)
    return found


def served(policy: LMPolicy, prompts: Texts, ids: torch.Tensor, preferences: Array) -> Array:
    """log pi(y | x, w) (n,) as the served policy has it."""
    log_p, _ = teacher_force(policy.mixture, prompts, tuple(map(tuple, ids.tolist())), policy.gate(prompts, preferences, LINEAR))
    return np.asarray(log_p.gather(2, ids[:, :, None])[:, :, 0].sum(1).double().numpy())


@pytest.mark.parametrize("kind", MAKE)
def test_the_trained_policy_is_the_served_one_row_by_row(kind: str, base: Base, tmp_path: Path, seen: Seen) -> None:
    """Old log-probabilities, the loss's after shuffling, and the advantages agree with independent serving."""
    b, module = bench(base, tmp_path), away_from_zero(MAKE[kind](base))
    train(b, module, kind, Plan(FROZEN, 16, seed=5))
    policy, out = serve(b, module), seen.output
    prompts = tuple(base.decode(tuple(row)) for row in out["prompt_ids"].tolist())
    ids, w = out["completion_ids"], out["condition"].double().numpy()
    own = served(policy, prompts, ids, w)
    assert out["old_logps"].numpy() == pytest.approx(own, abs=1e-5)
    assert np.abs(served(policy, prompts, ids, np.roll(w, 4, 0)) - own).max() > 1e-2  # another group's preference is another policy
    assert seen.inputs["condition"].tolist() != out["condition"].tolist()  # shuffled
    assert torch.allclose(seen.log_p, seen.inputs["old_logps"], atol=1e-5)
    assert (seen.rolled - seen.inputs["old_logps"]).abs().max() > 1e-2
    texts = tuple(base.decode(tuple(row)) for row in ids.tolist())
    plain = served(base_policy(base, b.decoding), prompts, ids, w)
    signal = (Toy().score(prompts, texts) * w).sum(1) - b.beta * (own - plain)
    assert out["advantages"].numpy() == pytest.approx(leave_one_out(signal[:, None], 4)[:, 0], abs=1e-5)


@pytest.mark.parametrize("kind", MAKE)
def test_gradients_reach_every_trained_weight(kind: str, base: Base) -> None:
    module = away_from_zero(MAKE[kind](base))
    ids, mask = base.encode(Toy().prompts("train")[:3])
    w = torch.tensor([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]])
    with attached(base, module, w):
        logits = base.model(input_ids=ids, attention_mask=mask).logits
    (logits.softmax(-1)[:, -1, 0] * torch.tensor([1.0, -2.0, 0.5])).sum().backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is not None and float(p.grad.abs().max()) > 0 for p in module.parameters())


def test_training_moves_the_module_alone_and_the_copy_of_the_base_stays_the_base(base: Base, tmp_path: Path, seen: Seen) -> None:
    module = Blocks(base, 2, SMALL, seed=0)
    train(bench(base, tmp_path), module, "blocks", Plan(Settings(rate=0.05, batch=16, group=4), 64, seed=0))
    trained = dict(seen.model.named_parameters())
    assert all(torch.equal(weight, trained.pop(name)) for name, weight in base.model.named_parameters())
    assert all(name.startswith("conditioned.") and float(weight.detach().abs().max()) > 0 for name, weight in trained.items())
    assert all(name.startswith("conditioned.") == weight.requires_grad for name, weight in seen.model.named_parameters())


def test_a_hypernetwork_that_ignores_the_preference_gets_no_gradient_to_its_first_layer(base: Base) -> None:
    slots = Slots(base, 2, SMALL, 8, seed=0)
    torch.nn.init.zeros_(slots.second.weight)
    w = torch.tensor([[0.9, 0.1], [0.2, 0.8]])
    scales = slots(w)
    assert torch.equal(scales[0], scales[1])
    scales.square().sum().backward()
    assert slots.first.weight.grad is not None
    assert float(slots.first.weight.grad.abs().max()) == 0


def test_training_leaves_the_base_and_the_frozen_experts_untouched(base: Base, tmp_path: Path) -> None:
    before = {name: weight.clone() for name, weight in base.model.named_parameters()}
    frozen, kept = experts(base), experts(base)
    router = Router(frozen, 0, 8, seed=0)
    train(bench(base, tmp_path), router, "router", Plan(Settings(rate=0.05, batch=16, group=4), 64, seed=0))
    assert float(router.second.weight.detach().abs().max()) > 0
    assert all(torch.equal(a.factors[n][i], c.factors[n][i]) for a, c in zip(frozen, kept, strict=True) for n in a.factors for i in (0, 1))
    after = dict(base.model.named_parameters())
    assert after.keys() == before.keys()
    assert all(torch.equal(before[name], weight) for name, weight in after.items())


# --- what each update is -------------------------------------------------------------------------------------------------


def update(module: Conditioned, w: list[float], name: str) -> torch.Tensor:
    """Sum s_m(w) Delta_m at one linear layer."""
    scales = module(torch.tensor([w]))[0]
    return torch.stack([s * (x.factors[name][1] @ x.factors[name][0]) for s, x in zip(scales, module.adapters(), strict=True)]).sum(0)


@pytest.mark.parametrize("kind", ["blocks", "singular-values", "slots"])
def test_an_untrained_policy_is_the_base_at_every_preference(kind: str, base: Base, tmp_path: Path) -> None:
    policy, prompts = serve(bench(base, tmp_path), MAKE[kind](base)), Toy().prompts("test")[:4]
    answers = policy.respond(prompts, np.tile([0.3, 0.7], (4, 1)), seed=0)
    kl = policy.kl(prompts, np.tile([0.9, 0.1], (4, 1)), answers)
    assert kl is not None
    assert kl == pytest.approx(0, abs=1e-6)
    moved = serve(bench(base, tmp_path), away_from_zero(MAKE[kind](base))).kl(prompts, np.tile([0.9, 0.1], (4, 1)), answers)
    assert moved is not None
    assert moved.min() > 1e-3


def test_at_a_vertex_a_conditioned_policy_is_its_shared_part_and_that_objective_s(base: Base) -> None:
    blocks = away_from_zero(Blocks(base, 2, SMALL, seed=0))
    shared, first, second = blocks.adapters()
    ids, mask = base.encode(Toy().prompts("train")[:2])
    with torch.no_grad():
        whole = Mixture(base, (shared, first, second)).log_probs(ids, mask, blocks(torch.tensor([[1.0, 0.0]] * 2)))[0]
        vertex = Mixture(base, (shared, first)).log_probs(ids, mask, torch.ones(2, 2))[0]
        other = Mixture(base, (shared, second)).log_probs(ids, mask, torch.ones(2, 2))[0]
    assert torch.allclose(whole, vertex, atol=1e-5)
    assert not torch.allclose(whole, other, atol=1e-2)


def test_panacea_is_u_diag_v_with_the_preference_among_the_singular_values(base: Base) -> None:
    module = away_from_zero(SingularValues(base, 2, SMALL, seed=0))
    name = module.parts.names[3]
    with torch.no_grad():
        module.scale.fill_(1.7)
        u = module.parts.up[3][:, :, 0].T * module.parts.scale  # (out, r + k)
        v = module.parts.down[3][:, 0]  # (r + k, in)
        values = torch.cat([module.values[3], 1.7 * torch.tensor([0.3, 0.7])])
        assert torch.allclose(update(module, [0.3, 0.7], name), u @ torch.diag(values) @ v, atol=1e-5)
        assert not torch.allclose(update(module, [0.7, 0.3], name), u @ torch.diag(values) @ v, atol=1e-2)


def test_ranks_in_force_share_one_alpha(base: Base) -> None:
    """The scale times the sum of a row's scaled ranks is alpha for each, as LoRA's alpha / r times r."""
    w = torch.tensor([[0.3, 0.7]])
    made = {"blocks": Blocks(base, 2, SMALL, seed=0), "singular-values": SingularValues(base, 2, SMALL, seed=0)}
    for module in made.values():
        rank = module.adapters()[0].factors[module.parts.names[0]][0].shape[0]
        assert float(module(w).sum().detach()) * rank * module.parts.scale == pytest.approx(SMALL.alpha)


def test_parts_start_where_lora_starts_and_the_readout_is_one_of_their_places(base: Base) -> None:
    parts = Parts(base, 3, rank=2, scale=1.0, seed=0)
    assert parts.names[-1] == READOUT
    assert all(float(up.detach().abs().max()) == 0 for up in parts.up)
    for down in parts.down:
        bound = down.shape[2] ** -0.5
        assert float(down.detach().abs().max()) <= bound
        assert float(down.detach().std()) == pytest.approx(bound / 3**0.5, rel=0.2)
    same, other = Parts(base, 3, rank=2, scale=1.0, seed=0), Parts(base, 3, rank=2, scale=1.0, seed=1)
    assert torch.equal(parts.down[0], same.down[0])
    assert not torch.equal(parts.down[0], other.down[0])


def test_a_router_starts_at_the_preference_and_stays_on_the_simplex(base: Base) -> None:
    w = torch.tensor([[0.3, 0.7], [1.0, 0.0]])
    rows = torch.cat([w, torch.randn(2, 5, generator=torch.Generator().manual_seed(0))], 1)
    assert Router(experts(base), 5, 8, seed=0)(rows).detach().numpy() == pytest.approx(w.numpy(), abs=2e-4)
    moved = Router(experts(base), 5, 8, seed=0)
    torch.nn.init.normal_(moved.second.weight, generator=torch.Generator().manual_seed(0))
    found = moved(rows).detach()
    assert found.sum(1).numpy() == pytest.approx(1)
    assert (found - w).abs().max() > 0.05
    other = moved(torch.cat([w, rows[:, 2:].flip(0)], 1)).detach()
    assert (found - other).abs().max() > 0.01  # another prompt, another mixture


def test_pooled_states_are_the_mean_over_the_prompt_s_own_tokens(base: Base) -> None:
    prompts = Toy().prompts("train")[:6]
    features = Pooled.fit(base, prompts)
    rows = []
    for prompt in prompts:
        ids, _ = base.encode((prompt,))
        with torch.no_grad():
            rows.append(base.backbone(input_ids=ids).last_hidden_state[0].double().mean(0).numpy())
    states = np.array(rows)
    assert features(prompts) == pytest.approx((states - states.mean(0)) / states.std(0), abs=1e-3)
    assert features(prompts[::-1]).tolist() == features(prompts)[::-1].tolist()


# --- whole methods -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [ConditionedPolicy(), Panacea(), ParetoSetLearning()])
def test_a_conditioned_method_spends_its_budget_in_one_part_and_refuses_less_than_a_batch(
    method: Method, base: Base, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match="too small"):
        method.train(bench(base, tmp_path, 63), seed=0)
    b = bench(base, tmp_path, 130)
    method.train(b, seed=0)
    (line,) = b.ledger
    assert (line.part, line.cost.responses, line.cost.steps, line.cost.backward, line.cost.tokens) == (method.name, 128, 2, 2, 512)
    assert b.trainable_parameters > 0


def test_mol_moe_splits_its_budget_and_says_before_training_when_nothing_is_left_for_the_router(base: Base, tmp_path: Path) -> None:
    b = bench(base, tmp_path, 160)
    with pytest.raises(BadInput, match="router"):
        MolMoe().train(b, seed=0)
    assert not b.ledger
    b = bench(base, tmp_path, 256)
    MolMoe().train(b, seed=0)
    assert [(line.part, line.cost.responses) for line in b.ledger] == [("expert echo", 64), ("expert variety", 64), ("router", 128)]


class Blind(Blocks):
    """A conditioned policy that is trained on w-weighted rewards and never told w."""

    def forward(self, condition: torch.Tensor) -> torch.Tensor:
        return super().forward(torch.full_like(condition, 0.5))


def realised(policy: LMPolicy, task: Task, weights: Array) -> tuple[Array, Array]:
    """Return mean rewards (p, k) and mean w·r - beta KL (p,) at preferences (p, k), from answers to 4 x the test prompts."""
    prompts, rewards, values = task.prompts("test") * 4, [], []
    for w in weights:
        asked = np.tile(w, (len(prompts), 1))
        answers = policy.respond(prompts, asked, seed=1)
        kl = policy.kl(prompts, asked, answers)
        assert kl is not None
        rewards.append(task.score(prompts, answers.texts).mean(0))
        values.append(rewards[-1] @ w - task.beta * kl.mean())
    return np.array(rewards), np.array(values)


def test_a_conditioned_policy_follows_the_preference_and_beats_a_blind_one(base: Base, tmp_path: Path) -> None:
    task, hasty = load("tasks", "exact-competing")(), Settings(rate=1e-2)
    weights = np.array([[0.0, 1.0], [0.25, 0.75], [0.5, 0.5], [0.75, 0.25], [1.0, 0.0]])
    found = []
    for cls in (Blocks, Blind):
        b, module = Bench(task, base, 1_024, Store(tmp_path)), cls(base, 2, hasty, seed=0)
        train(b, module, cls.__name__, Plan(hasty, 1_024, seed=0))
        found.append(realised(serve(b, module), task, weights))
    (told, value), (blind, floor) = found
    assert (np.diff(told[:, 0]) > 0).all()
    assert (np.diff(told[:, 1]) < 0).all()
    assert told[-1, 0] - told[0, 0] > 0.1
    assert np.ptp(blind, 0).max() < 1e-9
    assert value.mean() > floor.mean() + 0.01


def test_a_router_given_the_experts_in_the_wrong_order_learns_to_turn_preferences_around(base: Base, tmp_path: Path) -> None:
    task, hasty = load("tasks", "exact-competing")(), Settings(rate=1e-2)
    b, ends = Bench(task, base, 2_048, Store(tmp_path)), np.array([[0.0, 1.0], [1.0, 0.0]])
    mixture = objective_experts(b, responses=1_024, seed=0, level="parameters", settings=hasty)
    features = Pooled.fit(base, b.prompts("train"))
    router = Router(mixture.adapters[::-1], features.size, 32, seed=0)
    _, untrained = realised(serve(b, router, features=features), task, ends)
    train(b, router, "router", Plan(replace(hasty, rate=0.1), 1_024, seed=0), features=features)
    _, trained = realised(serve(b, router, features=features), task, ends)
    assert (trained > untrained + 0.05).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["conditioned-policy", "panacea", "pareto-set-learning", "mol-moe"])
def test_every_conditioned_method_beats_random_weights_on_the_competing_task(name: str, base: Base, tmp_path: Path) -> None:
    task, gaps = load("tasks", "exact-competing")(), []
    for chosen in (name, "random-weights"):
        exact = task.exact(load("methods", chosen)().train(Bench(task, base, 8_192, Store(tmp_path)), seed=0), lattice(2))
        assert exact is not None
        gaps.append(exact.gap)
    assert gaps[0] < 0.6 * gaps[1]
    assert conditioned.MARGIN == 0.05
