"""A base model: a frozen causal LM, its tokenizer and the places where adapters attach.

Every base gets a chat template (a plain fallback where it has none) and every prompt is formatted through it. All dropout
is switched off, so that training and sampling see one distribution. After the final norm sits a `readout`: a bias-free
d x d matrix, the identity until an adapter changes it.
"""

import copy
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers.pytorch_utils import Conv1D

from morlbench.errors import BadInput, unknown
from morlbench.lm.bases import BASES, RATE, RATES
from morlbench.lm.formats import number_format
from morlbench.task import Texts

FALLBACK_TEMPLATE = (
    "{% for m in messages %}{% if m['role'] == 'assistant' %}Answer: {{ m['content'] }}\n"
    "{% else %}Question: {{ m['content'] }}\n{% endif %}{% endfor %}{% if add_generation_prompt %}Answer:{% endif %}"
)
TODAY = "{%- macro strftime_now(format) -%}01 Jan 2026{%- endmacro -%}"  # a template that states the date would change prompts by the day
READOUT = "readout"


class FinalNorm(nn.Module):
    """The backbone's own final norm followed by the readout, which is float32: near the identity bfloat16 has steps of .004 to .008."""

    def __init__(self, norm: nn.Module, size: int, device: torch.device) -> None:
        super().__init__()
        self.norm = norm
        self.readout = nn.Linear(size, size, bias=False, dtype=torch.float32, device=device)
        nn.init.eye_(self.readout.weight.requires_grad_(False))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return readout(norm(hidden)), shape (n, t, d)."""
        normed = self.norm(hidden)
        return torch.as_tensor(self.readout(normed.float()).to(normed.dtype))


@dataclass(eq=False)
class Base:
    """A frozen causal LM with its tokenizer; `identity` changes whenever the weights do."""

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    identity: str = field(init=False)

    def __post_init__(self) -> None:
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token or self.tokenizer.convert_ids_to_tokens(0)
        self.tokenizer.chat_template = _template(self.tokenizer)
        self.tokenizer.padding_side = "left"
        _silence_dropout(self.model)
        _forget_sampling(self.model)
        _count_positions(self.backbone)
        self.model.requires_grad_(False).train(False)
        place, norm = _final_norm(self.backbone)
        _check_head(self.model, self.backbone)
        self.identity = f"{self.name}{_format(self.model)}-{_digest(self.model, f'{self.tokenizer.chat_template}{self.ends}')}"
        setattr(self.backbone, place, FinalNorm(norm, self.model.config.get_text_config().hidden_size, self.device))

    def twin(self) -> PreTrainedModel:
        """Return a model with modules of its own, which PEFT and TRL edit in place, that shares every frozen weight with this one."""
        return copy.deepcopy(self.model, {id(weight): weight for weight in self.model.parameters()})

    @property
    def backbone(self) -> PreTrainedModel:
        """The model without its language-model head."""
        return cast(PreTrainedModel, self.model.base_model)

    @property
    def head(self) -> nn.Module:
        """The language-model head."""
        return cast(nn.Module, self.model.get_output_embeddings())  # type: ignore[no-untyped-call]

    @property
    def layers(self) -> nn.ModuleList:
        """The transformer layers, bottom to top."""
        lists = [m for m in self.backbone.children() if isinstance(m, nn.ModuleList)]
        return max(lists, key=len)

    @property
    def rate(self) -> float:
        """AdamW's learning rate for adapters on this base, where the user sets none."""
        return RATES.get(self.name, RATE)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.model.device

    @property
    def gpu(self) -> str:
        """The kind of GPU the weights are on, '' on a CPU."""
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else ""

    @property
    def cache_bytes(self) -> int:
        """Bytes of keys and values that one token takes in a cache."""
        config = self.model.config.get_text_config()
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        return int(2 * len(self.layers) * heads * width * self.model.dtype.itemsize)

    @property
    def vocabulary(self) -> int:
        """Number of tokens the head scores, V."""
        return int(self.model.config.get_text_config().vocab_size)

    @property
    def ends(self) -> tuple[int, ...]:
        """Ids that end an answer; empty where answers have one fixed length."""
        eos = self.model.generation_config.eos_token_id if self.model.generation_config else None
        found = {*(eos if isinstance(eos, list) else [eos]), self.tokenizer.eos_token_id} - {None}  # as the trainer stops
        return tuple(sorted(int(i) for i in found if int(i) < self.vocabulary))

    def targets(self) -> dict[str, nn.Module]:
        """Return every linear layer inside the transformer layers by its name in the model."""
        inside = {id(m) for layer in self.layers for m in layer.modules() if isinstance(m, nn.Linear | Conv1D)}
        return {name: m for name, m in self.model.named_modules() if id(m) in inside}

    def final_norm(self) -> FinalNorm:
        """Return the final norm with its readout."""
        return next(m for m in self.backbone.children() if isinstance(m, FinalNorm))

    def encode(self, prompts: Texts) -> tuple[torch.Tensor, torch.Tensor]:
        """Return left-padded ids and mask (n, t) of the prompts in the chat template."""
        texts = [self.tokenizer.apply_chat_template(chat(p), tokenize=False, add_generation_prompt=True) for p in prompts]
        batch = self.tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
        return batch["input_ids"].to(self.device), batch["attention_mask"].to(self.device)

    def decode(self, ids: tuple[int, ...]) -> str:
        """Return the text of sampled ids, without special tokens."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True)).strip()

    def count_tokens(self, texts: Texts) -> int:
        """Return how many tokens the texts hold."""
        return sum(len(ids) for ids in self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]) if texts else 0


def chat(prompt: str) -> list[dict[str, str]]:
    """Return the prompt as a one-message conversation."""
    return [{"role": "user", "content": prompt}]


def load_base(name: str) -> Base:
    """Load a named base, a local folder or a Hugging Face id; raise BadInput in one sentence if it cannot be read.

    `nano` and `exact` are float32, the others in the format that MORLBENCH_BASE_DTYPE names.
    """
    dtype = number_format("MORLBENCH_BASE_DTYPE", ("float32", "bfloat16"))  # float16 would need its losses scaled
    if name in BASES:
        try:
            model, tokenizer = _builtin(name, dtype)
        except FileNotFoundError as error:
            raise BadInput(str(error)) from None
        return Base(name, model, tokenizer)
    if "/" not in name and not Path(name).exists():
        raise BadInput(f"{unknown('base', name, BASES)}; a local folder or a Hugging Face id such as org/model works too")
    return Base(name, *_hub(name, dtype))


def _builtin(name: str, dtype: torch.dtype) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    if name == "smollm2":
        from morlbench.lm.bases import smollm2

        model, tokenizer = smollm2.load(dtype)
        return _on_gpu(model), tokenizer
    if name == "exact":
        from morlbench.lm.bases import exact

        return exact.load()
    from morlbench.lm.bases import nano

    return nano.load()


def _hub(name: str, dtype: torch.dtype) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Read a checkpoint from a folder or the hub; safetensors only, and no code from the checkpoint is run."""
    if name.startswith(("/", "./", "../", "~")) and not Path(name).exists():
        raise BadInput(f"base {name!r}: there is no such folder")
    try:
        config = AutoConfig.from_pretrained(name, trust_remote_code=False)
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
        model = AutoModelForCausalLM.from_pretrained(name, config=config, dtype=dtype, use_safetensors=True, trust_remote_code=False)
        return _on_gpu(model), tokenizer
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        first = str(error).strip().split("\n")[0]
        where = "folder" if Path(name).exists() else "Hugging Face id (not cached, or no network)"
        raise BadInput(f"base {name!r}: this {where} could not be read as a causal language model: {first}") from None


def _on_gpu(model: PreTrainedModel) -> PreTrainedModel:
    """Move a model to the GPU where there is one; nano and exact are so small that they stay where they are."""
    if torch.cuda.is_available():
        torch.nn.Module.cuda(model)
    return model


def _template(tokenizer: PreTrainedTokenizerBase) -> str:
    """Return the chat template every prompt goes through: the checkpoint's own on one fixed day, or a plain one with its first token."""
    if tokenizer.chat_template:
        own = str(tokenizer.get_chat_template())  # of several by name, the default one
        return f"{TODAY}{own}" if "strftime_now" in own and not own.startswith(TODAY) else own
    first = tokenizer.bos_token_id is not None and tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id]
    return f"{{{{ bos_token }}}}{FALLBACK_TEMPLATE}" if first else FALLBACK_TEMPLATE


def _silence_dropout(model: PreTrainedModel) -> None:
    """Set every dropout to 0, in modules and in the float fields attention reads (Llama keeps one on its module)."""
    for key in vars(model.config):
        if key.endswith(("dropout", "_pdrop")) and isinstance(getattr(model.config, key), float):
            setattr(model.config, key, 0.0)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        for key, value in list(vars(module).items()):
            if "dropout" in key and isinstance(value, float):
                setattr(module, key, 0.0)


def _forget_sampling(model: PreTrainedModel) -> None:
    """Keep only the ids of a checkpoint's generation settings: a trainer would take the others over, and sampling is the task's affair."""
    known = model.generation_config
    ids = {name: getattr(known, name, None) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    model.generation_config = GenerationConfig(**ids)  # type: ignore[no-untyped-call]


def _count_positions(backbone: PreTrainedModel) -> None:
    """Have a backbone with learnt positions count them from the first real token where the caller gives none, as a trainer does not.

    Rotary positions are relative, so padding on the left changes nothing there.
    """

    def count(_: nn.Module, given: tuple[object, ...], named: dict[str, object]) -> tuple[tuple[object, ...], dict[str, object]]:
        mask = named.get("attention_mask")
        if named.get("position_ids") is None and named.get("past_key_values") is None and isinstance(mask, torch.Tensor) and mask.ndim == 2:
            named = named | {"position_ids": (mask.cumsum(1) - 1).clamp(min=0)}
        return given, named

    words = backbone.get_input_embeddings()
    if any(isinstance(module, nn.Embedding) and module is not words for module in backbone.modules()):
        backbone.register_forward_pre_hook(count, with_kwargs=True)


def _final_norm(backbone: PreTrainedModel) -> tuple[str, nn.Module]:
    children = dict(backbone.named_children())
    for name in ("norm", "ln_f", "final_layernorm", "final_layer_norm"):
        if name in children:
            return name, children[name]
    raise BadInput(f"base of type {type(backbone).__name__} has no final norm this version knows (norm, ln_f, final_layernorm)")


def _check_head(model: PreTrainedModel, backbone: PreTrainedModel) -> None:
    """Refuse a model whose logits are more than its head on its last states (a scale, a soft cap): serving would differ."""
    ids = torch.zeros(1, 2, dtype=torch.long, device=model.device)
    with torch.inference_mode():
        whole = model(input_ids=ids).logits
        parts = model.get_output_embeddings()(backbone(input_ids=ids).last_hidden_state)  # type: ignore[no-untyped-call]
    if not torch.allclose(whole, parts, atol=1e-3, rtol=1e-3):
        raise BadInput(f"base of type {type(model).__name__} changes its logits after the head, which this version cannot serve")


def _format(model: PreTrainedModel) -> str:
    """Return what sets a base apart in its identity from the same weights in float32."""
    return "" if model.dtype == torch.float32 else str(model.dtype).replace("torch.", "-")


def _digest(model: PreTrainedModel, extra: str) -> str:
    digest = hashlib.sha256(extra.encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().to("cpu", torch.float32).numpy().tobytes())
    return digest.hexdigest()[:12]
