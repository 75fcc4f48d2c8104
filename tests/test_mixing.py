"""Aggregation levels are theorems on every architecture: T1, T2 and T3, and what each level must not be."""

import copy

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

from morlbench.errors import BadInput
from morlbench.lm.adapter import Adapter
from morlbench.lm.base import Base
from morlbench.lm.bases.exact import tokenizer
from morlbench.lm.mixing import LEVELS, Mixture, check_level

VOCABULARY, WIDTH, LAYERS, EXPERTS = 8, 16, 2, 3
EVERY = (*LEVELS, "hidden-1", "hidden-2")
SHAPE = {"hidden_size": WIDTH, "intermediate_size": 24, "num_hidden_layers": LAYERS, "num_attention_heads": 2, "num_key_value_heads": 2}
NO_ENDS = {"vocab_size": VOCABULARY, "bos_token_id": None, "eos_token_id": None, "pad_token_id": None}


def llama() -> PreTrainedModel:
    return LlamaForCausalLM(LlamaConfig(**SHAPE, **NO_ENDS))


def qwen2() -> PreTrainedModel:
    return Qwen2ForCausalLM(Qwen2Config(**SHAPE, **NO_ENDS))


def gpt2() -> PreTrainedModel:
    return GPT2LMHeadModel(GPT2Config(n_embd=WIDTH, n_layer=LAYERS, n_head=2, n_positions=32, **NO_ENDS))


@pytest.fixture(scope="module", params=[llama, gpt2, qwen2], ids=["llama", "gpt2", "qwen2"])
def base(request) -> Base:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = request.param()
        for weight in model.parameters():
            weight.data += 0.15 * torch.randn_like(weight)
    return Base("tiny", model, tokenizer())


def adapter(base: Base, seed: int, *, readout: bool = True) -> Adapter:
    rng = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=rng) * 0.3

    factors = {}
    for name, module in base.targets().items():
        rows, columns = (module.nx, module.nf) if hasattr(module, "nf") else (module.in_features, module.out_features)
        factors[name] = (draw(2, rows), draw(columns, 2))
    return Adapter(factors, draw(WIDTH, WIDTH) * 0.3 if readout else None)


def experts(base: Base) -> list[Adapter]:
    return [adapter(base, seed) for seed in range(EXPERTS)]


def ask(base: Base, adapters: list[Adapter], level: str, weights: torch.Tensor) -> torch.Tensor:
    """Log-probabilities (n, t, V) at every place, with left padding in the last row."""
    ids = torch.tensor([[1, 2, 3, 4, 5], [7, 6, 5, 4, 3], [0, 0, 2, 2, 6]])[: len(weights)]
    mask = torch.ones_like(ids)
    if len(weights) == 3:
        mask[2, :2] = 0
    with torch.inference_mode():
        return Mixture(base, adapters, level).log_probs(ids, mask, weights, keep=3)[0]


def merged(base: Base, one: Adapter) -> Base:
    """The expert as a model of its own: B A added to the weights, no hook anywhere."""
    model = copy.deepcopy(base)
    for name, module in model.targets().items():
        a, b = one.factors[name]
        module.weight.data += (b @ a).T if hasattr(module, "nf") else b @ a
    if one.readout is not None:
        model.final_norm().readout.weight.data += one.readout
    return model


WEIGHTS = torch.tensor([[0.2, 0.3, 0.5], [0.7, 0.1, 0.2], [0.0, 0.6, 0.4]])


def test_hidden_after_the_final_norm_equals_log_linear_logits(base):
    difference = ask(base, experts(base), "hidden", WEIGHTS) - ask(base, experts(base), "logits", WEIGHTS)
    assert difference.abs().max() < 1e-5


@pytest.mark.parametrize("other", [level for level in EVERY if level not in ("hidden", "logits")])
def test_every_other_level_is_a_different_method(base, other):
    assert (ask(base, experts(base), other, WEIGHTS) - ask(base, experts(base), "logits", WEIGHTS)).abs().max() > 1e-3


@pytest.mark.parametrize("level", [level for level in EVERY if level != "hidden-sum"])
def test_a_one_hot_weight_is_that_expert_merged_into_the_weights(base, level):
    every = experts(base)
    for i, one in enumerate(every):
        alone = ask(merged(base, one), [], "parameters", torch.zeros(3, 0))
        assert ask(base, every, level, torch.eye(EXPERTS)[[i] * 3]) == pytest.approx(alone, abs=1e-5)


@pytest.mark.parametrize("level", [level for level in EVERY if level != "hidden-sum"])
def test_equal_experts_are_the_expert(base, level):
    one = adapter(base, 0)
    alone = ask(merged(base, one), [], "parameters", torch.zeros(3, 0))
    assert ask(base, [one] * EXPERTS, level, WEIGHTS) == pytest.approx(alone, abs=1e-5)


def test_unnormalised_sums_of_equal_experts_sharpen_the_expert(base):
    one = adapter(base, 0)
    log_p = ask(base, [one] * EXPERTS, "logits", WEIGHTS)
    sharp = torch.log_softmax(EXPERTS * log_p, -1)
    assert ask(base, [one] * EXPERTS, "hidden-sum", WEIGHTS) == pytest.approx(sharp, abs=1e-4)
    assert (sharp - log_p).abs().max() > 0.1


def test_probabilities_are_averaged_on_a_shared_prefix(base):
    every = experts(base)
    alone = torch.stack([ask(base, [one], "parameters", torch.ones(3, 1)) for one in every])  # (M, n, t, V)
    by_hand = (alone.exp() * WEIGHTS.T[:, :, None, None]).sum(0)
    assert ask(base, every, "probabilities", WEIGHTS).exp() == pytest.approx(by_hand, abs=1e-6)


def test_logits_are_averaged_in_the_log_and_renormalised(base):
    every = experts(base)
    alone = torch.stack([ask(base, [one], "parameters", torch.ones(3, 1)) for one in every])
    by_hand = torch.log_softmax((alone * WEIGHTS.T[:, :, None, None]).sum(0), -1)
    assert ask(base, every, "logits", WEIGHTS) == pytest.approx(by_hand, abs=1e-5)


def test_parameters_add_the_exact_updates_and_factors_add_cross_terms(base):
    every, w = experts(base), WEIGHTS[0]
    factors = {
        name: (
            torch.cat([one.factors[name][0] for one in every]),
            torch.cat([w[i] * one.factors[name][1] for i, one in enumerate(every)], 1),
        )
        for name in base.targets()
    }
    readout = sum(w[i] * one.readout for i, one in enumerate(every))
    exact = ask(merged(base, Adapter(factors, readout)), [], "parameters", torch.zeros(1, 0))
    assert ask(base, every, "parameters", w[None]) == pytest.approx(exact, abs=1e-5)
    assert (ask(base, every, "factors", w[None]) - exact).abs().max() > 1e-3


def test_after_the_last_layer_and_before_the_final_norm_are_one_place(base):
    assert ask(base, experts(base), f"hidden-{LAYERS}", WEIGHTS) == pytest.approx(ask(base, experts(base), "hidden-pre", WEIGHTS), abs=1e-6)


@pytest.mark.parametrize("level", EVERY)
def test_every_level_is_a_distribution_and_rows_do_not_touch_each_other(base, level):
    together = ask(base, experts(base), level, WEIGHTS)
    assert together.exp().sum(-1) == pytest.approx(torch.ones(3, 3), abs=1e-5)
    assert together[:1] == pytest.approx(ask(base, experts(base), level, WEIGHTS[:1]), abs=1e-5)


@pytest.mark.parametrize("level", EVERY)
def test_a_cached_walk_equals_one_whole_pass(base, level):
    mixture, ids, mask = Mixture(base, experts(base), level), torch.tensor([[1, 2, 3, 4], [5, 5, 0, 7]]), torch.ones(2, 4, dtype=torch.long)
    with torch.inference_mode():
        whole, _ = mixture.log_probs(ids, mask, WEIGHTS[:2], keep=2)
        first, cache = mixture.log_probs(ids[:, :3], mask[:, :3], WEIGHTS[:2])
        second, _ = mixture.log_probs(ids[:, 3:], mask, WEIGHTS[:2], cache)
    assert torch.cat([first, second], 1) == pytest.approx(whole, abs=1e-5)


def test_states_serve_every_weight_at_late_levels_alone(base):
    assert {level for level in EVERY if Mixture(base, experts(base), level).late} == {"logits", "probabilities", "hidden", "hidden-sum"}


@pytest.mark.parametrize("level", EVERY)
def test_a_mixture_leaves_no_trace_on_the_base(base, level):
    before = ask(base, [], "parameters", torch.zeros(3, 0))
    ask(base, experts(base), level, WEIGHTS)
    assert torch.equal(ask(base, [], "parameters", torch.zeros(3, 0)), before)


@pytest.mark.parametrize("level", ["hidden-0", "hidden-01", "hidden-3", "hidden-²", "hiden", "hidden-", "logit"])
def test_an_unknown_level_names_the_known_ones(level):
    with pytest.raises(BadInput, match=r"unknown aggregation level .*parameters.*hidden-N with N in 1\.\.2"):
        check_level(level, LAYERS)
