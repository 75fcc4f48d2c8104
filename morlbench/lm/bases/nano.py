"""The bundled default base and its separate fluency scorer: a few megabytes each, no download.

Both are bfloat16 safetensors in `weights/`, loaded as float32; how they were made is in `build.py` and their card.
"""

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

WEIGHTS = Path(__file__).parent / "weights"


def load() -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return nano and its tokenizer."""
    return _read("nano")


def load_scorer() -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return the fluency scorer and its tokenizer; it reads `<|assistant|>answer<|end|>`, never a prompt."""
    return _read("fluency")


def _read(name: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    tokenizer = AutoTokenizer.from_pretrained(str(WEIGHTS / "nano"), padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(str(WEIGHTS / name), dtype=torch.float32, use_safetensors=True)
    model.train(False)
    return model, tokenizer
