"""Bases: every architecture through one door, errors in one sentence, and no double beginning-of-sequence token."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import get_peft_model
from tokenizers.processors import TemplateProcessing
from torch import nn
from transformers import (
    AutoTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PretrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3_5ForCausalLM,
    Qwen3_5TextConfig,
    Trainer,
)  # fmt: skip
from transformers.trainer_utils import validate_quantization_for_training
from trl import RLOOConfig

from morlbench import registry
from morlbench.bench import Bench
from morlbench.configure import build
from morlbench.errors import BadInput
from morlbench.lm.adapter import Adapter
from morlbench.lm.base import FALLBACK_TEMPLATE, Base, load_base
from morlbench.lm.bases import nano, smollm2
from morlbench.lm.libraries import insert, lora_config, trl_arguments
from morlbench.lm.mixing import LEVELS, Mixture
from morlbench.lm.policy import base_policy, sample, teacher_force
from morlbench.lm.train import Recipe, expert, one_hot
from morlbench.lm.train import _key as key
from morlbench.lm.trained import Settings
from morlbench.preference import Array
from morlbench.store import Store
from morlbench.task import Decoding, Texts
from tests.test_train import Words

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48, "vocab_size": 3072}
ENDS = {"bos_token_id": None, "eos_token_id": 3, "pad_token_id": 0}
MIXED = {  # a layer of linear attention, then one that attends to tokens
    "layer_types": ["linear_attention", "full_attention"], "linear_num_key_heads": 2, "linear_num_value_heads": 2,
    "linear_key_head_dim": 8, "linear_value_head_dim": 8,
}  # fmt: skip
ARCHITECTURES: dict[str, tuple[type[PreTrainedModel], PretrainedConfig]] = {
    "llama": (LlamaForCausalLM, LlamaConfig(**SIZES, **ENDS, num_key_value_heads=1, attention_dropout=0.3)),
    "gpt2": (GPT2LMHeadModel, GPT2Config(n_embd=32, n_layer=2, n_head=2, vocab_size=3072, **ENDS)),
    "mistral": (MistralForCausalLM, MistralConfig(**SIZES, **ENDS, num_key_value_heads=1, head_dim=8, sliding_window=6)),
    "qwen3.5": (Qwen3_5ForCausalLM, Qwen3_5TextConfig(**SIZES, **ENDS, **MIXED, num_key_value_heads=1)),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config(**SIZES, **ENDS, num_key_value_heads=1)),
}


@pytest.fixture(params=sorted(ARCHITECTURES))
def checkpoint(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A random checkpoint of one architecture, saved as a user would have it."""
    make, config = ARCHITECTURES[request.param]
    torch.manual_seed(0)
    folder = tmp_path / str(request.param)
    make(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(str(nano.WEIGHTS / "nano")).save_pretrained(folder)
    return folder


class Text(Words):
    """The toy task on text prompts."""

    base = "nano"
    decoding = Decoding(6)

    def prompts(self, split):  # type: ignore[no-untyped-def]
        return tuple(f"How do I {split} number {i}?" for i in range(16))


class Letters(Text):
    """Text whose answers are rewarded whatever words a random model finds: by the share of two letters."""

    def score(self, prompts: Texts, responses: Texts) -> Array:
        return np.array([[answer.count(letter) / max(1, len(answer)) for letter in "ae"] for answer in responses]).reshape(-1, 2)


def test_a_local_checkpoint_of_each_architecture_trains_and_answers(checkpoint: Path, tmp_path: Path) -> None:
    base = load_base(str(checkpoint))
    answers = base_policy(base, Decoding(5)).respond(("Hello?", "How do I bake bread?"), np.full((2, 2), 0.5), seed=0)
    assert all(1 <= len(ids) <= 5 for ids in answers.ids)
    bench = Bench(Text(), base, 64, Store(tmp_path / "store"))
    found = expert(bench, Recipe(one_hot(2, 0), settings=Settings(batch=16, group=4)), responses=16, seed=0)
    assert set(found.factors) == set(base.targets())
    assert found.readout is not None


def test_a_cache_gives_what_one_pass_over_prompt_and_answer_gives(checkpoint: Path) -> None:
    mixture, prompts = Mixture(load_base(str(checkpoint)), ()), ("Hello?", "How do I bake bread that keeps for a week?")
    draws, sampled = np.random.default_rng(0).random((2, 12)), torch.zeros(2, 12, 3072)
    first = sample(mixture, prompts, np.zeros((2, 0)), draws)
    mixture.base.model.generation_config.eos_token_id = first[0][1]  # so that one row ends before the other
    ids = tuple(sample(mixture, prompts, np.zeros((2, 0)), draws, sampled))
    whole, exists = teacher_force(mixture, prompts, ids, np.zeros((2, 0)))
    assert exists.sum(1).tolist() == [2, 12]
    assert ((whole - sampled[:, : whole.shape[1]]).abs() * exists[..., None]).max() < 1e-4


def test_a_prompt_means_the_same_however_far_it_is_padded_on_the_left(checkpoint: Path) -> None:
    """As a trainer asks: no positions given, and through PEFT, which calls the model's forward and not the model."""
    base = load_base(str(checkpoint))
    for name, weight in base.model.named_parameters():
        if name.endswith("wpe.weight"):
            weight.mul_(20)  # learnt positions that matter
    ids, pads = torch.tensor([[5, 6, 7, 8]]), torch.zeros(1, 3, dtype=torch.long)
    padded, mask = torch.cat([pads, ids], 1), torch.tensor([[0, 0, 0, 1, 1, 1, 1]])
    wrapped = get_peft_model(base.twin(), lora_config(base, Settings()))
    for model in (base.model, base.twin(), wrapped):
        alone, behind = model(input_ids=ids).logits, model(input_ids=padded, attention_mask=mask).logits[:, 3:]
        assert (alone - behind).abs().max() < 1e-4
        assert (alone - model(input_ids=padded).logits[:, 3:]).abs().max() > 1e-3  # without a mask the pads are words


def test_a_checkpoints_own_way_of_sampling_is_left_out_and_its_ends_are_kept(checkpoint: Path, tmp_path: Path) -> None:
    plain = load_base(str(checkpoint))
    copy = tmp_path / "copy"
    shutil.copytree(checkpoint, copy)
    settings = {"eos_token_id": list(plain.ends), "min_p": 0.9, "no_repeat_ngram_size": 2, "num_beams": 3, "do_sample": True}
    (copy / "generation_config.json").write_text(json.dumps(settings), encoding="utf-8")
    base = load_base(str(copy))
    assert base.ends == plain.ends
    told = {name: value for name, value in base.model.generation_config.to_diff_dict().items() if not name.endswith("_id")}
    assert not set(settings) & set(told)
    bench = Bench(Text(), base, 64, Store(tmp_path / "store"))
    same = Bench(Text(), plain, 64, Store(tmp_path / "store"))
    recipe = Recipe(one_hot(2, 0), settings=Settings(batch=16, group=4))
    ours, theirs = (expert(b, recipe, responses=16, seed=0) for b in (bench, same))
    assert ours.readout is not None
    assert theirs.readout is not None
    assert torch.equal(ours.readout, theirs.readout)


def test_a_twin_shares_every_weight_and_what_is_trained_on_it_leaves_the_base(checkpoint: Path, tmp_path: Path) -> None:
    base = load_base(str(checkpoint))
    places = {weight.data_ptr() for weight in base.model.parameters()}
    assert {weight.data_ptr() for weight in base.twin().parameters()} == places
    assert not any(weight.requires_grad for weight in base.model.parameters())
    before = [weight.clone() for weight in base.model.parameters()]
    bench = Bench(Text(), base, 64, Store(tmp_path / "store"))
    expert(bench, Recipe(one_hot(2, 0), settings=Settings(batch=16, group=4)), responses=16, seed=0)
    assert all(torch.equal(now, then) for now, then in zip(base.model.parameters(), before, strict=True))


def test_an_attached_readout_changes_nothing(checkpoint: Path) -> None:
    from transformers import AutoModelForCausalLM

    plain, base = AutoModelForCausalLM.from_pretrained(str(checkpoint)), load_base(str(checkpoint))
    plain.train(False)
    ids, mask = base.encode(("How do I bake bread?",))
    assert torch.allclose(
        plain(input_ids=ids, attention_mask=mask).logits, base.model(input_ids=ids, attention_mask=mask).logits, atol=1e-5
    )


def test_left_padding_does_not_change_an_answer() -> None:
    policy = base_policy(load_base("nano"), Decoding(8))
    short = "How?"
    alone = policy.respond((short,), np.full((1, 2), 0.5), seed=3)
    beside = policy.respond((short, "How do I get started with learning the guitar before winter?"), np.full((2, 2), 0.5), seed=3)
    assert alone.ids[0] == beside.ids[0]


def test_a_base_without_chat_template_gets_a_plain_one() -> None:
    tokenizer = AutoTokenizer.from_pretrained(str(nano.WEIGHTS / "nano"))
    tokenizer.chat_template = None
    make, config = ARCHITECTURES["llama"]
    base = Base("plain", make(config), tokenizer)
    ids, _ = base.encode(("Why?",))
    assert base.tokenizer.chat_template == FALLBACK_TEMPLATE
    assert base.tokenizer.decode(ids[0]) == "Question: Why?\nAnswer:"


def halved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Base, Base]:
    """Return one small checkpoint in float32 and in bfloat16; the weights are the same in both."""
    make, config = ARCHITECTURES["llama"]
    torch.manual_seed(0)
    make(config).bfloat16().save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(str(nano.WEIGHTS / "nano")).save_pretrained(tmp_path)
    whole = load_base(str(tmp_path))
    monkeypatch.setenv("MORLBENCH_BASE_DTYPE", "bfloat16")
    return whole, load_base(str(tmp_path))


def test_one_checkpoint_in_two_number_formats_is_two_bases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, half = halved(tmp_path, monkeypatch)
    assert (whole.model.dtype, half.model.dtype) == (torch.float32, torch.bfloat16)
    assert all(torch.equal(a, b.float()) for a, b in zip(whole.model.parameters(), half.model.parameters(), strict=True))
    assert whole.identity.rpartition("-")[0] == str(tmp_path)
    assert half.identity.rpartition("-")[0] == f"{tmp_path}-bfloat16"
    monkeypatch.setenv("MORLBENCH_BASE_DTYPE", "float16")
    with pytest.raises(BadInput, match="MORLBENCH_BASE_DTYPE is 'float16'; expected one of float32, bfloat16"):
        load_base(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "settings"),
    [("mgda", {}), ("conditioned-policy", {}), ("modpo", {"policies": 2}), ("rewards-in-context", {"stages": 0, "epochs": 1.0})],
)
def test_every_trainer_trains_float32_on_a_bfloat16_base(
    name: str, settings: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, base = halved(tmp_path, monkeypatch)
    seen: set[tuple[bool, torch.dtype]] = set()
    plain = Trainer.training_step

    def noted(self: Trainer, model: nn.Module, *more: object, **named: object) -> torch.Tensor:
        seen.update((weight.requires_grad, weight.dtype) for weight in model.parameters())
        return plain(self, model, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "training_step", noted)
    policy = build(registry.load("methods", name), settings).train(Bench(Letters(), base, 128, Store(tmp_path / "store")), seed=0)
    assert {dtype for trained, dtype in seen if trained} == {torch.float32}
    assert (False, torch.bfloat16) in seen
    prompts, asked = Text().prompts("train")[:3], np.full((3, 2), 0.5)
    kl = policy.kl(prompts, asked, policy.respond(prompts, asked, seed=0))
    assert kl is not None
    assert np.isfinite(kl).all()


@pytest.mark.parametrize("level", [*LEVELS, "hidden-1"])
def test_a_bfloat16_base_serves_equal_experts_as_the_expert_at_every_level(
    level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, base = halved(tmp_path, monkeypatch)
    ids, mask = base.encode(("How do I bake bread?",))
    d, rng = base.model.config.hidden_size, torch.Generator().manual_seed(0)
    shapes = {name: torch.as_tensor(module.weight).shape for name, module in base.targets().items()}
    some = Adapter({n: (torch.randn(4, i, generator=rng), torch.randn(o, 4, generator=rng)) for n, (o, i) in shapes.items()}, torch.eye(d))
    with torch.inference_mode():
        plain = Mixture(base, ()).log_probs(ids, mask, torch.zeros(1, 0))[0]
        alone = Mixture(base, (some,)).log_probs(ids, mask, torch.ones(1, 1))[0]
        mixed = Mixture(base, (some, some), level).log_probs(ids, mask, torch.tensor([[0.25, 0.75]]))[0]
    scale = (alone - plain).abs().max()
    assert ((mixed - alone).abs().max() < 0.05 * scale) == (level != "hidden-sum")


@pytest.mark.parametrize("gradients", ["scalar", "projected"])
def test_what_is_trained_on_a_bfloat16_base_is_float32_and_is_served_as_it_was_trained(
    gradients: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, base = halved(tmp_path, monkeypatch)
    bench, settings = Bench(Letters(), base, 64, Store(tmp_path / "store")), Settings(rate=3e-4, batch=16, group=4)
    found = expert(bench, Recipe(one_hot(2, 0), gradients=gradients, settings=settings), responses=64, seed=0)  # type: ignore[arg-type]
    assert found.readout is not None
    assert 1e-5 < found.readout.abs().max() < 1.9e-3  # bfloat16 would round all of it away: below 1 its step is 1 / 256
    trained = get_peft_model(base.twin(), lora_config(base, settings))  # type: ignore[arg-type]
    insert(trained, found, settings)
    assert {weight.dtype for weight in trained.parameters() if weight.requires_grad} == {torch.float32}
    ids, mask = base.encode(("How do I bake bread?",))
    with torch.inference_mode():
        own = trained(input_ids=ids, attention_mask=mask).logits[:, -1:].float().log_softmax(-1)
        served, _ = Mixture(base, (found,)).log_probs(ids, mask, torch.ones(1, 1))
        plain, _ = Mixture(base, ()).log_probs(ids, mask, torch.zeros(1, 0))
    assert (served - own).abs().max() < 0.1 * (plain - own).abs().max()


def test_a_base_whose_tokenizer_begins_a_text_begins_a_prompt_so_too() -> None:
    tokenizer = AutoTokenizer.from_pretrained(str(nano.WEIGHTS / "nano"))
    tokenizer.chat_template = None
    tokenizer.bos_token = tokenizer.convert_ids_to_tokens(5)
    tokenizer._tokenizer.post_processor = TemplateProcessing(f"{tokenizer.bos_token} $A", special_tokens=[(tokenizer.bos_token, 5)])
    make, config = ARCHITECTURES["llama"]
    base = Base("begins", make(config), tokenizer)
    ids, _ = base.encode(("Why?",))
    assert ids[0].tolist().count(5) == 1
    assert ids[0, 0] == 5


def test_of_several_named_templates_the_default_one_is_used() -> None:
    tokenizer = AutoTokenizer.from_pretrained(str(nano.WEIGHTS / "nano"))
    tokenizer.chat_template = {"default": "plain: {{ messages[0]['content'] }}", "tool_use": "{{ strftime_now('%Y') }} with tools"}
    make, config = ARCHITECTURES["llama"]
    ids, _ = Base("several", make(config), tokenizer).encode(("Why?",))
    assert tokenizer.decode(ids[0]) == "plain: Why?"


def test_a_template_that_states_the_date_states_the_same_every_day() -> None:
    tokenizer = AutoTokenizer.from_pretrained(str(nano.WEIGHTS / "nano"))
    tokenizer.chat_template = "{{ strftime_now('%d %b %Y') }}: {{ messages[0]['content'] }}"
    make, config = ARCHITECTURES["llama"]
    today = tokenizer.apply_chat_template([{"role": "user", "content": "Why?"}], tokenize=False)
    ids, _ = Base("dated", make(config), tokenizer).encode(("Why?",))
    assert tokenizer.decode(ids[0]) == "01 Jan 2026: Why?" != today


def test_a_machine_of_several_gpus_trains_on_the_one_the_base_is_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(Text(), load_base("nano"), 64, Store(tmp_path))
    monkeypatch.setattr(Base, "device", torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    alike = {"output_dir": str(tmp_path), "bf16": False, "gradient_checkpointing": False}
    assert RLOOConfig(**alike).n_gpu == 2  # what TRL refuses
    assert trl_arguments(bench, Settings(), 1, str(tmp_path), seed=0, rows=64).n_gpu == 1


def test_an_expert_is_named_by_the_gpu_it_is_trained_on_and_not_by_the_threads_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, recipe, keys = Bench(Text(), load_base("nano"), 64, Store(tmp_path)), Recipe(one_hot(2, 0)), []
    for gpu, threads in (("", 1), ("", 2), ("card A", 1), ("card A", 2), ("card B", 1)):
        monkeypatch.setattr(Base, "gpu", gpu)
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        keys.append(key(bench, recipe, 0))
    assert len(set(keys)) == 4
    assert keys[2] == keys[3]


def test_a_cache_is_counted_at_the_width_of_its_heads() -> None:
    make, config = ARCHITECTURES["mistral"]
    base = Base("wide", make(config), AutoTokenizer.from_pretrained(str(nano.WEIGHTS / "nano")))
    assert base.cache_bytes == 2 * 2 * 8 * 4  # keys and values, layers, one head of 8, bytes of a number


def test_identity_changes_with_the_weights() -> None:
    make, config = ARCHITECTURES["llama"]
    tokenizer = AutoTokenizer.from_pretrained(str(nano.WEIGHTS / "nano"))
    torch.manual_seed(0)
    one, other = make(config), make(config)
    assert Base("a", one, tokenizer).identity != Base("a", other, tokenizer).identity


@pytest.mark.parametrize(
    ("name", "says"),
    [("nanoo", "did you mean 'nano'"), ("no/such-model", "could not be read"), ("./missing", "no such folder")],
)
def test_an_unreadable_base_is_one_sentence(name: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(BadInput, match=says) as raised:
        load_base(name)
    assert "\n" not in str(raised.value)


def test_a_folder_that_is_no_model_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{not json")
    with pytest.raises(BadInput, match="could not be read"):
        load_base(str(tmp_path))


def test_a_pickled_checkpoint_is_refused(tmp_path: Path) -> None:
    make, config = ARCHITECTURES["llama"]
    model = make(config)
    model.config.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(str(nano.WEIGHTS / "nano")).save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(BadInput, match="could not be read"):
        load_base(str(tmp_path))


def test_a_model_expanded_from_four_bits_can_be_trained() -> None:
    model = LlamaForCausalLM(LlamaConfig(**SIZES, **ENDS))
    assert smollm2.dense(model) is model  # nothing to take off
    marked = pytest.importorskip("transformers.quantizers.quantizer_gguf", reason="older transformers set no such marks")
    quantizer = marked.GgufHfQuantizer(marked.GgufConfig(gguf_file="a.gguf"))
    model.hf_quantizer, model.is_quantized = quantizer, True
    model.quantization_method, model.config.quantization_config = quantizer.quantization_config.quant_method, quantizer.quantization_config
    with pytest.raises(ValueError, match="quantized"):
        validate_quantization_for_training(model)
    validate_quantization_for_training(smollm2.dense(model))
    assert not hasattr(model.config, "quantization_config")


@pytest.mark.parametrize("damage", [b"", b"garbage", b"\x10\x00\x00\x00\x00\x00\x00\x00{}"])
def test_damaged_weights_are_one_sentence(damage: bytes, tmp_path: Path) -> None:
    make, config = ARCHITECTURES["llama"]
    make(config).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(str(nano.WEIGHTS / "nano")).save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(damage)
    with pytest.raises(BadInput, match="could not be read") as raised:
        load_base(str(tmp_path))
    assert "\n" not in str(raised.value)
