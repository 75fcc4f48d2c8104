"""Bases: every architecture through one door, errors in one sentence, and no double beginning-of-sequence token."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    AutoTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PretrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
)  # fmt: skip
from transformers.trainer_utils import validate_quantization_for_training

from morlbench.bench import Bench
from morlbench.errors import BadInput
from morlbench.lm.base import FALLBACK_TEMPLATE, Base, load_base
from morlbench.lm.bases import nano, smollm2
from morlbench.lm.policy import base_policy
from morlbench.lm.train import Recipe, expert, one_hot
from morlbench.lm.trained import Settings
from morlbench.store import Store
from morlbench.task import Decoding
from tests.test_train import Words

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48, "vocab_size": 3072}
ENDS = {"bos_token_id": None, "eos_token_id": 3, "pad_token_id": 0}
ARCHITECTURES: dict[str, tuple[type[PreTrainedModel], PretrainedConfig]] = {
    "llama": (LlamaForCausalLM, LlamaConfig(**SIZES, **ENDS, num_key_value_heads=1, attention_dropout=0.3)),
    "gpt2": (GPT2LMHeadModel, GPT2Config(n_embd=32, n_layer=2, n_head=2, vocab_size=3072, **ENDS)),
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


def test_a_local_checkpoint_of_each_architecture_trains_and_answers(checkpoint: Path, tmp_path: Path) -> None:
    base = load_base(str(checkpoint))
    answers = base_policy(base, Decoding(5)).respond(("Hello?", "How do I bake bread?"), np.full((2, 2), 0.5), seed=0)
    assert all(1 <= len(ids) <= 5 for ids in answers.ids)
    bench = Bench(Text(), base, 64, Store(tmp_path / "store"))
    found = expert(bench, Recipe(one_hot(2, 0), settings=Settings(batch=16, group=4)), responses=16, seed=0)
    assert set(found.factors) == set(base.targets())
    assert found.readout is not None


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
