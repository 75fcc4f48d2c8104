"""Training follows the problem's loss: hooks, prefixes, cost, and convergence to the closed form."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pytest
import torch
import trl
from trl.kernels import ChunkedLogProbFunction
from trl.trainer import utils as trl_utils

from morlbench.bench import Bench
from morlbench.errors import BadInput, MorlbenchError, OverBudget
from morlbench.lm import train as training
from morlbench.lm.adapter import Adapter
from morlbench.lm.adapter import load as load_adapter
from morlbench.lm.average import ETA, Average
from morlbench.lm.base import Base, load_base
from morlbench.lm.bases import WORDS, exact
from morlbench.lm.jacobian import along, jacobian, trained_layers, watched
from morlbench.lm.mixing import Mixture
from morlbench.lm.train import Plan, Recipe, expert, one_hot, train, whole_steps
from morlbench.lm.trained import Settings
from morlbench.lm.trainer import VectorTrainer, _Tiled, leave_one_out, light_head
from morlbench.preference import Array
from morlbench.store import Store
from morlbench.task import Decoding, Objective, Relation, Split, Task, Texts

SMALL = Settings(batch=16, group=4)


class Words(Task):
    """Two words of answer; objective 0 counts the word 'ba', objective 1 the word 'ce'."""

    name: ClassVar[str] = "words"
    version: ClassVar[int] = 1
    objectives: ClassVar[tuple[Objective, ...]] = (Objective("ba", "share of ba", 0, 1), Objective("ce", "share of ce", 0, 1))
    relation: ClassVar[Relation] = "competing"
    base: ClassVar[str] = "exact"
    decoding: ClassVar[Decoding] = Decoding(2, min_tokens=2)
    beta: ClassVar[float] = 0.1
    preference: ClassVar[tuple[float, ...]] = (0.5, 0.5)
    reference_point: ClassVar[tuple[float, ...]] = (0.0, 0.0)

    def prompts(self, split: Split) -> Texts:
        first = {"train": 0, "dev": 1, "adapt": 2, "test": 3}[split]
        return tuple(f"{WORDS[first]} {a} {b} {c}" for a in WORDS for b in WORDS for c in WORDS)[:64]

    def score(self, prompts: Texts, responses: Texts) -> Array:
        counts = [[answer.split().count(word) / 2 for word in ("ba", "ce")] for answer in responses]
        return np.array(counts, dtype=float).reshape(len(responses), 2)


@pytest.fixture(scope="module")
def base() -> Base:
    return load_base("exact")


def bench(base: Base, tmp_path: Path, budget: int = 4_096, task: Task | None = None) -> Bench:
    return Bench(task or Words(), base, budget, Store(tmp_path))


def test_trl_is_in_the_window_whose_private_hooks_are_overridden() -> None:
    assert tuple(map(int, trl.__version__.split(".")[:2])) == (1, 16)
    for hook in ("_calculate_rewards", "_generate_and_score_completions", "_get_per_token_logps_and_entropies"):
        assert hook in vars(trl.RLOOTrainer)
    own = {"_calculate_rewards", "_generate_and_score_completions", "_get_per_token_logps_and_entropies", "compute_loss"}
    assert own <= set(vars(VectorTrainer))
    assert trl_utils._use_triton(torch.device("cpu")) is False
    before = trl_utils._ChunkedLogProbFunction
    with light_head():
        assert trl_utils._use_triton(torch.device("cpu")) is True
        assert trl_utils._ChunkedLogProbFunction is not before
    assert trl_utils._use_triton(torch.device("cpu")) is False
    assert trl_utils._ChunkedLogProbFunction is before


@pytest.mark.parametrize("positions", [7, 1023, 1025, 1537])
def test_a_head_in_shares_is_the_whole_head(positions: int) -> None:
    """Log-probabilities, entropies and the gradient by the hidden states; no entropy where none was asked for."""
    draw = torch.Generator().manual_seed(positions)
    weight, targets = torch.randn(300, 16, generator=draw), torch.randint(0, 300, (positions,), generator=draw)
    hidden, slope = torch.randn(positions, 16, generator=draw), torch.randn(positions, generator=draw)

    def by(head: type) -> tuple[torch.Tensor, ...]:
        own = hidden.clone().requires_grad_(True)
        log_p, entropy, *others = head.apply(own, weight, None, targets, 0.8, 32_768, None, 1.0, ("entropy",))
        assert others == [None, None, None]
        (log_p * slope).sum().backward()
        assert own.grad is not None
        return log_p.detach(), entropy, own.grad

    for one, other in zip(by(_Tiled), by(ChunkedLogProbFunction), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
    assert _Tiled.apply(hidden, weight, None, targets, 0.8, 32_768, None, 1.0, ())[1] is None
    expected = torch.log_softmax(hidden @ weight.T / 0.8, 1).gather(1, targets[:, None])[:, 0]
    torch.testing.assert_close(by(_Tiled)[0], expected, rtol=1e-4, atol=1e-4)


def test_leave_one_out_subtracts_the_mean_of_the_others() -> None:
    values = np.array([[1.0], [2.0], [6.0], [0.0], [0.0], [3.0]])
    assert leave_one_out(values, 3)[:, 0].tolist() == pytest.approx([-3.0, -1.5, 4.5, -1.5, -1.5, 3.0])


def test_scored_responses_equal_the_plan_and_the_ledger(base: Base, tmp_path: Path) -> None:
    b = bench(base, tmp_path)
    expert(b, Recipe(one_hot(2, 0), settings=SMALL), responses=64, seed=0)
    (line,) = b.ledger
    assert (line.cost.responses, line.cost.steps, line.cost.backward, line.cost.tokens) == (64, 4, 4, 128)
    assert b.left == b.budget - 64


@pytest.mark.parametrize("gradients", ["scalar", "projected"])
def test_freed_memory_is_given_back_once_a_step_before_its_graph_is_made(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gradients: Literal["scalar", "projected"]
) -> None:
    # a gradient method keeps the graph of its first pass, before its answers are scored; a scalar's loss makes one afterwards
    order: list[str] = []
    score = Words.score
    monkeypatch.setattr("morlbench.lm.trainer.give_back", lambda: order.append("give back"))
    monkeypatch.setattr(Words, "score", lambda *given: order.append("score") or score(*given))
    expert(bench(base, tmp_path), Recipe(one_hot(2, 0), gradients=gradients, settings=SMALL), responses=64, seed=0)
    step = ["give back", "score"] if gradients == "projected" else ["score", "give back"]
    assert order == step * 4


def test_a_stored_expert_is_charged_in_full_and_flagged(base: Base, tmp_path: Path) -> None:
    first, second = bench(base, tmp_path), bench(base, tmp_path)
    recipe = Recipe(one_hot(2, 0), settings=SMALL)
    fresh, stored = (expert(b, recipe, responses=64, seed=0) for b in (first, second))
    assert second.ledger[0].cost.cached
    assert not first.ledger[0].cost.cached
    assert second.ledger[0].cost.responses == 64
    assert all(torch.equal(fresh.factors[n][1], stored.factors[n][1]) for n in fresh.factors)


@pytest.mark.parametrize("left", ["", "{", "[]", '{"responses": 64, "tok'])
def test_an_expert_whose_cost_cannot_be_read_is_trained_again(base: Base, tmp_path: Path, left: str) -> None:
    first, second = bench(base, tmp_path), bench(base, tmp_path)
    recipe = Recipe(one_hot(2, 0), settings=SMALL)
    fresh = expert(first, recipe, responses=64, seed=0)
    assert training.stored(second, recipe, responses=64, seed=0)
    next(tmp_path.rglob("64.json")).write_text(left, encoding="utf-8")
    assert not training.stored(second, recipe, responses=64, seed=0)
    again = expert(second, recipe, responses=64, seed=0)
    assert not second.ledger[0].cost.cached
    assert all(torch.equal(fresh.factors[n][1], again.factors[n][1]) for n in fresh.factors)
    assert training.stored(second, recipe, responses=64, seed=0)


@pytest.mark.parametrize(
    "damage", [lambda raw: b"", lambda raw: raw[:-100], lambda raw: b"\xff" * 8 + raw[8:]], ids=["empty", "cut", "head"]
)
def test_a_damaged_expert_is_a_sentence_that_says_what_to_delete(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "64.safetensors"
    Adapter({"layer": (torch.ones(1, 40), torch.ones(40, 1))}).save(path)
    assert load_adapter(path).parameters == 80
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(MorlbenchError, match=r"64\.safetensors: not a stored expert .*; delete it and run again"):
        load_adapter(path)


def test_a_short_training_is_a_bitwise_prefix_of_a_long_one(base: Base, tmp_path: Path) -> None:
    recipe = Recipe(one_hot(2, 1), settings=SMALL)
    short = expert(bench(base, tmp_path / "a"), recipe, responses=256, seed=3)
    b = bench(base, tmp_path / "b")
    longer = expert(b, recipe, responses=512, seed=3)
    prefix = expert(b, recipe, responses=256, seed=3)
    assert b.ledger[-1].cost.cached
    assert all(torch.equal(short.factors[n][1], prefix.factors[n][1]) for n in short.factors)
    assert not all(torch.equal(longer.factors[n][1], prefix.factors[n][1]) for n in short.factors)


def test_a_large_base_is_trained_in_parts_to_the_same_adapter_and_ledger(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, whole, parts, fewer = Recipe(one_hot(2, 0), settings=SMALL), *(bench(base, tmp_path / word) for word in "abc")
    expected = expert(whole, recipe, responses=64, seed=0)
    other = expert(fewer, replace(recipe, settings=replace(SMALL, rate=SMALL.rate * 0.9)), responses=64, seed=0)
    monkeypatch.setattr(training, "LARGE", 1)
    monkeypatch.setattr(training, "ROWS", 5)  # the largest part of 16 that is no larger has 4 rows
    seen = list[int]()
    plain = VectorTrainer.compute_loss

    def noted(self: VectorTrainer, model: torch.nn.Module, inputs: dict[str, torch.Tensor], *more: object, **named: object) -> torch.Tensor:
        seen.append(len(inputs["completion_ids"]))
        return plain(self, model, inputs, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(VectorTrainer, "compute_loss", noted)
    found = expert(parts, recipe, responses=64, seed=0)
    assert seen == [4] * 16
    assert apart(found, expected) < 0.05 * apart(other, expected)
    assert replace(parts.ledger[0].cost, seconds=0) == replace(whole.ledger[0].cost, seconds=0)


def test_a_gradient_method_takes_the_gradients_of_a_large_base_in_parts_to_the_same_adapter_and_ledger(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, whole, parts, fewer = Recipe((0.5, 0.5), gradients="mgda", settings=SMALL), *(bench(base, tmp_path / word) for word in "abc")
    expected = expert(whole, recipe, responses=64, seed=0)
    other = expert(fewer, replace(recipe, settings=replace(SMALL, rate=SMALL.rate * 0.9)), responses=64, seed=0)
    monkeypatch.setattr(training, "LARGE", 1)
    monkeypatch.setattr(training, "ROWS", 5)
    seen = list[int]()
    monkeypatch.setattr("morlbench.lm.trainer.jacobian", lambda s, a, p: seen.append(len(a)) or jacobian(s, a, p))  # type: ignore[func-returns-value]
    found = expert(parts, recipe, responses=64, seed=0)
    assert seen == [4] * 16
    assert apart(found, expected) < 0.05 * apart(other, expected)
    assert replace(parts.ledger[0].cost, seconds=0) == replace(whole.ledger[0].cost, seconds=0)


def test_experts_of_one_run_share_their_initial_a(base: Base, tmp_path: Path) -> None:
    b = bench(base, tmp_path)
    tiny = Settings(rate=1e-12, batch=16, group=4)
    first, second = (expert(b, Recipe(one_hot(2, i), settings=tiny), responses=16, seed=5) for i in (0, 1))
    assert all(torch.allclose(first.factors[n][0], second.factors[n][0], atol=1e-6) for n in first.factors)


def test_training_leaves_the_base_untouched(base: Base, tmp_path: Path) -> None:
    before = {n: p.clone() for n, p in base.model.named_parameters()}
    expert(bench(base, tmp_path), Recipe(one_hot(2, 0), settings=SMALL), responses=16, seed=0)
    assert all(torch.equal(before[n], p) for n, p in base.model.named_parameters())


def test_an_expert_over_the_budget_is_refused_before_anything_is_scored(base: Base, tmp_path: Path) -> None:
    b = bench(base, tmp_path, budget=32)
    with pytest.raises(OverBudget, match="32"):
        expert(b, Recipe(one_hot(2, 0), settings=SMALL), responses=256, seed=0)
    assert not b.ledger


def test_a_budget_below_one_batch_is_bad_input(base: Base, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="too small"):
        expert(bench(base, tmp_path, budget=8), Recipe(one_hot(2, 0), settings=SMALL), responses=8, seed=0)


def test_whole_steps_round_down_to_checkpoints() -> None:
    assert [whole_steps(n) for n in (63, 64, 200, 256, 1_638, 2_048)] == [0, 64, 192, 256, 1_536, 2_048]


class Spread(Words):
    """The words task with another beta: a trainer whose KL term vanishes would not notice."""

    beta: ClassVar[float] = 0.5


def test_the_update_changes_with_beta(base: Base, tmp_path: Path) -> None:
    recipe = Recipe(one_hot(2, 0), settings=SMALL)
    one = expert(bench(base, tmp_path / "a"), recipe, responses=64, seed=0)
    other = expert(bench(base, tmp_path / "b", task=Spread()), recipe, responses=64, seed=0)
    assert max(float((one.factors[n][1] - other.factors[n][1]).abs().max()) for n in one.factors) > 1e-5


@dataclass(frozen=True)
class Fixed:
    """A steer that mixes gradients by fixed weights: the same step as the rewards' sum by those weights."""

    weights: tuple[float, ...]

    def scalar(self, rewards: Array) -> Array:
        return np.asarray(rewards.mean(1))

    def mix(self, gram: Array) -> Array | None:
        return np.array(self.weights)


@dataclass(frozen=True)
class Noted:
    """A recipe that notes the weights of its steps."""

    recipe: Recipe
    weights: list[Array] = field(default_factory=list)

    def scalar(self, rewards: Array) -> Array:
        return self.recipe.scalar(rewards)

    def mix(self, gram: Array) -> Array | None:
        found = self.recipe.mix(gram)
        assert found is not None
        self.weights.append(found)
        return found


@pytest.mark.parametrize("gradients", ["mgda", "projected", "anchored", "pcgrad", "cagrad"])
def test_gradient_methods_step_along_their_weighted_gradients(base: Base, tmp_path: Path, gradients: str) -> None:
    """The rule's one step is that of its own weights held fixed, and not that of others."""
    b, rule, found = bench(base, tmp_path), Noted(Recipe(one_hot(2, 0), gradients=gradients, settings=SMALL)), list[Adapter]()  # type: ignore[arg-type]
    for i in range(3):
        own = rule if not rule.weights else Fixed(tuple(rule.weights[-1] * (1, 1 if i == 1 else -1) + (0, 0 if i == 1 else -0.5)))
        with b.part(f"training {i}", SMALL.batch):
            found.append(train(b, own, Plan(SMALL, SMALL.batch, 0)))
    assert b.ledger[0].cost.backward == 1
    assert apart(found[0], found[1]) < 1e-6
    assert apart(found[0], found[2]) > 1e-3


def test_gradients_mixed_by_fixed_weights_take_the_scalar_steps_of_those_weights_alone(base: Base, tmp_path: Path) -> None:
    b, every = bench(base, tmp_path), ((0.5, 0.5), (0.9, 0.1), (1.0, 0.0))
    found = list[Adapter]()
    for i, steer in enumerate((*map(Fixed, every), *(Recipe(w, settings=SMALL) for w in every))):
        with b.part(f"training {i}", 32):
            found.append(train(b, steer, Plan(SMALL, 32, 0)))
    mixed, scalar = found[:3], found[3:]
    distances = np.array([[apart(one, other) for other in scalar] for one in mixed])
    assert distances.diagonal().max() < 1e-5
    assert distances[~np.eye(3, dtype=bool)].min() > 1e-3


class Easy(Words):
    """The words task whose second objective is the prompt's alone: all answers to a prompt earn it alike."""

    def score(self, prompts: Texts, responses: Texts) -> Array:
        found = super().score(prompts, responses)
        found[:, 1] = [len(set(prompt.split())) / 4 for prompt in prompts]
        return found


def test_an_objective_that_all_answers_to_a_prompt_earn_alike_has_no_say_in_a_step(base: Base, tmp_path: Path) -> None:
    """Its gradient would be the KL's alone from the second step on: MGDA would go between the two, PCGrad would count KL twice."""
    b, found, hasty = bench(base, tmp_path, task=Easy()), list[Adapter](), replace(SMALL, rate=0.05)
    assert len(set(Easy().score(b.prompts("train"), ("",) * 64)[:, 1])) > 1  # prompts do differ in it
    alone = Recipe(one_hot(2, 0), settings=hasty)
    for recipe in (alone, replace(alone, gradients="mgda"), replace(alone, gradients="pcgrad")):
        with b.part(recipe.gradients, 64):
            found.append(train(b, recipe, Plan(hasty, 64, 0)))
    assert apart(found[0], found[1]) < 1e-4
    assert apart(found[0], found[2]) < 1e-4
    assert max(float(up.abs().max()) for _, up in found[0].factors.values()) > 0.05  # four steps of .05, less what was averaged away


def apart(a: Adapter, b: Adapter) -> float:
    """Return how far the adapters' B are apart at most."""
    return max(float((a.factors[n][1] - b.factors[n][1]).abs().max()) for n in a.factors)


def test_advantages_are_leave_one_out_of_the_reward_less_beta_times_the_log_ratio_to_the_base(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slow twin reads each policy back as an adapter; without beta the advantages are others."""
    b, recipe = bench(base, tmp_path), Recipe((0.8, 0.2), settings=SMALL)
    policies, errors = list[Adapter](), list[Array]()
    plain = VectorTrainer._generate_and_score_completions

    def noted(self: VectorTrainer, inputs: list[dict[str, object]]) -> dict[str, torch.Tensor]:
        output = plain(self, inputs)
        ids, mask = (torch.cat([output[f"prompt_{x}"], output[f"completion_{x}"]], 1) for x in ("ids", "mask"))
        own, reference = (_answer_log_probs(Mixture(base, x), ids, mask) for x in (policies[-1:], ()))
        signals = (self._rewards @ recipe.weights)[:, None] - (own - reference)[:, None] * [b.beta, 0.0]  # (n, 2)
        errors.append(np.abs(leave_one_out(signals, SMALL.group) - output["advantages"].numpy()[:, None]).max(0))
        return output

    monkeypatch.setattr(VectorTrainer, "_generate_and_score_completions", noted)
    with b.part("noted", 48):
        train(b, recipe, Plan(SMALL, 48, 0, after=lambda _step, read: policies.append(read())))
    right, without_beta = np.array(errors).T
    assert right.max() < 1e-5
    assert without_beta[1:].min() > 1e-2  # at the first step the policy is the base


def _answer_log_probs(mixture: Mixture, ids: torch.Tensor, mask: torch.Tensor) -> Array:
    """Return log pi(y | x) (n,) of answers of two words at the end of ids (n, t)."""
    with torch.inference_mode():
        log_p, _ = mixture.log_probs(ids, mask, torch.ones(len(ids), mixture.experts), keep=3)
    return np.asarray(log_p[:, :-1].gather(2, ids[:, -2:, None])[:, :, 0].sum(1).double().numpy())


def test_the_jacobian_equals_one_backward_pass_per_loss() -> None:
    """The slow twin goes through the whole graph for every loss."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(3, 4, bias=False), torch.nn.Tanh(), torch.nn.Linear(4, 4, bias=False), torch.nn.Linear(4, 5)
    )
    model[3].requires_grad_(False)
    with watched(trained_layers(model)) as passes:
        logits = model(torch.randn(6, 2, 3))  # (n, t, V)
    answers = logits.log_softmax(-1)[..., 0].sum(1)
    losses = ((answers / 4).exp()[:, None] * torch.randn(6, 3)).mean(0)
    weights = [layer.weight for layer in trained_layers(model)]
    slow = torch.stack([torch.cat([g.flatten() for g in torch.autograd.grad(x, weights, retain_graph=True)]) for x in losses])
    shares = torch.stack([torch.autograd.grad(x, answers, retain_graph=True)[0] for x in losses])
    found = jacobian(shares, answers, passes)
    assert torch.allclose(found.float(), slow, atol=1e-6)
    assert slow.abs().max() > 1e-2
    mix = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
    along(mix @ found, passes).backward()
    assert torch.allclose(torch.cat([w.grad.flatten() for w in weights if w.grad is not None]), mix.float() @ slow, atol=1e-6)


def test_a_trained_parameter_outside_linear_layers_is_refused() -> None:
    with pytest.raises(MorlbenchError, match="bias"):
        trained_layers(torch.nn.Linear(2, 2))


def test_dropout_is_off_so_training_and_sampling_agree() -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=8, hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, attention_dropout=0.5,
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    made = Base("dropout", LlamaForCausalLM(config), exact.tokenizer())
    ids, mask = made.encode(("ba ce di fo",))
    mixture = Mixture(made, ())
    quiet = mixture.log_probs(ids, mask, torch.zeros(1, 0))[0]
    made.model.train(True)
    assert torch.allclose(mixture.log_probs(ids, mask, torch.zeros(1, 0))[0], quiet)


@pytest.mark.slow
def test_training_approaches_the_closed_form_optimum(base: Base, tmp_path: Path) -> None:
    """J of a policy trained on the first objective is near J* = beta log E_0 exp(r / beta), by listing all 64 answers."""
    task = Words()
    b = bench(base, tmp_path, budget=20_000)
    found = expert(b, Recipe(one_hot(2, 0)), responses=16_384, seed=0)
    prompts = task.prompts("test")
    answers = tuple((i, j) for i in range(8) for j in range(8))
    texts = tuple(base.decode(a) for a in answers)
    reward = task.score(texts, texts)[:, 0]
    own, plain = (_sequence(Mixture(base, x), prompts, answers) for x in ((found,), ()))
    best = task.beta * np.log((np.exp(plain) * np.exp(reward / task.beta)).sum(1))
    value = (np.exp(own) * (reward - task.beta * (own - plain))).sum(1)
    start = (np.exp(plain) * reward).sum(1)
    assert math.isclose(np.exp(own).sum(1).mean(), 1, abs_tol=1e-4)
    assert (best - value).mean() / (best - start).mean() < 0.05


def _sequence(mixture: Mixture, prompts: Texts, answers: tuple[tuple[int, ...], ...]) -> Array:
    """Return log pi(y | x) (n, answers)."""
    from morlbench.lm.policy import teacher_force

    rows = []
    for prompt in prompts:
        log_p, _ = teacher_force(mixture, (prompt,) * len(answers), answers, np.ones((len(answers), mixture.experts)))
        chosen = torch.tensor(answers)[:, :, None]
        rows.append(log_p.gather(2, chosen)[:, :, 0].sum(1).double().numpy())
    return np.array(rows)


def test_what_is_kept_is_the_average_over_the_steps_and_not_the_last_weights() -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    weights, mean = [3.0, 5.0, -1.0, 7.0], Average(model)
    slow = []
    for step, value in enumerate(weights, start=1):
        with torch.no_grad():
            model.weight.fill_(value)
        mean.add(step)
        slow = [(1 - (ETA + 1) / (step + ETA)) * s for s in slow] + [(ETA + 1) / (step + ETA)]
    expected = sum(share * value for share, value in zip(slow, weights, strict=True))
    assert sum(slow) == pytest.approx(1)
    assert mean.weights["weight"].item() == pytest.approx(expected)
    assert mean.weights["weight"].item() != pytest.approx(weights[-1], abs=0.1)
