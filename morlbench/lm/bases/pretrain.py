"""Pretrain nano and its fluency scorer on the corpus: two small Llamas that share one byte-level BPE.

nano sees "prompt, answer" and learns the answer; the scorer sees answers alone, from the fluent styles, and is trained
from another seed, so that a policy cannot please it by knowing its own prompt. Leaves out any search over sizes: they were
chosen once to keep both files under 12 MB.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from morlbench.lm.bases import corpus

PAD, USER, ASSISTANT, END = "<|pad|>", "<|user|>", "<|assistant|>", "<|end|>"
CHAT_TEMPLATE = (
    "{% for m in messages %}{% if m['role'] == 'assistant' %}<|assistant|>{{ m['content'] }}<|end|>"
    "{% else %}<|user|>{{ m['content'] }}{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
VOCABULARY, LONGEST, BATCH, RATE = 3072, 112, 64, 3e-3
OFF_TOPIC, HELD_OUT = 0.05, 0.02  # shares of answers moved to another prompt, and of pairs kept for perplexity
DISFLUENT = ("rambling", "vague")


@dataclass(frozen=True)
class Shape:
    """Size of one model and how long it trains."""

    name: str
    hidden: int
    layers: int
    epochs: float
    seed: int
    answers_only: bool


NANO = Shape("nano", 192, 5, 7.0, 0, answers_only=False)
FLUENCY = Shape("fluency", 192, 4, 5.0, 1, answers_only=True)


@dataclass(frozen=True)
class Pair:
    """One cleaned (prompt, answer) and the style it was asked for."""

    prompt: str
    answer: str
    style: str


def pairs(shards: Sequence[Path], seed: int = 0) -> tuple[list[Pair], list[Pair], str]:
    """Return training pairs, held-out pairs and the corpus hash; answers are cleaned and cut to whole sentences."""
    units = sorted((u for path in shards for u in corpus.read(path)), key=lambda u: int(u["unit"]))
    digest = hashlib.sha256(json.dumps(units, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
    found = []
    for row in (row for unit in units for row in unit["rows"]):
        answers = (clean(text) for text in row["answers"])
        found += [Pair(row["prompt"], answer, row["style"]) for answer in answers if answer]
    rng = np.random.default_rng(seed)
    held = rng.random(len(found)) < HELD_OUT
    moved = rng.random(len(found)) < OFF_TOPIC
    strangers = rng.permutation(len(found))
    train = [
        Pair(pair.prompt, found[strangers[i]].answer, "off-topic") if moved[i] else pair for i, pair in enumerate(found) if not held[i]
    ]
    return train, [pair for i, pair in enumerate(found) if held[i]], digest


def clean(text: str) -> str:
    """Return the text as one line that ends with its last whole sentence; '' if nothing usable is left."""
    line = re.sub(r"\s+", " ", text.replace("\u2019", "'").replace("\u201c", '"').replace("\u201d", '"')).strip()
    ends = [match.end() for match in re.finditer(r"[.!?](?=[\s\"']|$)", line)]
    line = line[: ends[-1]] if ends else ""
    usable = len(line.split()) >= 4 and "<|" not in line and all(ord(c) < 0x250 or c in "\u2013\u2014" for c in line)
    return line if usable else ""


def tokenizer(texts: Sequence[str]) -> PreTrainedTokenizerFast:
    """Train the byte-level BPE of VOCABULARY tokens on the texts."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=[PAD, USER, ASSISTANT, END], initial_alphabet=alphabet)
    bpe.train_from_iterator(texts, trainer)
    wrapped = PreTrainedTokenizerFast(tokenizer_object=bpe, pad_token=PAD, eos_token=END, padding_side="left")  # type: ignore[no-untyped-call]
    wrapped.add_special_tokens({"additional_special_tokens": [USER, ASSISTANT]})
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped


def train(
    shape: Shape, data: tuple[Sequence[Pair], Sequence[Pair]], bpe: PreTrainedTokenizerFast, work: Path
) -> tuple[LlamaForCausalLM, float]:
    """Train one model from its seed, resuming from `work` after the last whole epoch; return it and held-out perplexity."""
    torch.manual_seed(shape.seed)
    model = _model(shape, bpe)
    rows, checks = (_encode(shape, part, bpe) for part in data)
    steps = math.ceil(len(rows) / BATCH * shape.epochs)
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.05)
    step, state = 0, work / f"{shape.name}.pt"
    if state.exists():
        saved = torch.load(state, weights_only=True)
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        step = int(saved["step"])
    for number, batch in enumerate(_batches(rows, shape, math.ceil(shape.epochs))):
        if number < step:
            continue
        if number >= steps:
            break
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1.0, (number + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * number / steps))
        loss = _loss(model, batch)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if number % 200 == 199:
            print(f"{shape.name} step {number + 1}/{steps} loss {loss.item():.3f}", flush=True)
            torch.save({"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": number + 1}, state)
    model.train(False)
    with torch.inference_mode():
        losses = [_loss(model, checks[i : i + BATCH]).item() for i in range(0, len(checks), BATCH)]
    return model, float(np.exp(np.mean(losses)))


def _model(shape: Shape, bpe: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=len(bpe), hidden_size=shape.hidden, num_hidden_layers=shape.layers, num_attention_heads=6, num_key_value_heads=3,
        intermediate_size=512, max_position_embeddings=512, tie_word_embeddings=True, attention_dropout=0.0,
        bos_token_id=None, eos_token_id=bpe.eos_token_id, pad_token_id=bpe.pad_token_id,
    )  # fmt: skip
    return LlamaForCausalLM(config)


def _encode(shape: Shape, data: Sequence[Pair], bpe: PreTrainedTokenizerFast) -> list[tuple[list[int], int]]:
    """Return (ids, number of leading ids that are given and not learnt) for each pair."""
    user, assistant, end = (bpe.convert_tokens_to_ids(t) for t in (USER, ASSISTANT, END))
    kept = [p for p in data if not (shape.answers_only and p.style in DISFLUENT)]
    prompts = bpe([p.prompt for p in kept], add_special_tokens=False)["input_ids"]
    answers = bpe([p.answer for p in kept], add_special_tokens=False)["input_ids"]
    if shape.answers_only:
        return [([assistant, *a, end][:LONGEST], 1) for a in answers]
    return [([user, *q, assistant, *a, end][:LONGEST], len(q) + 2) for q, a in zip(prompts, answers, strict=True)]


def _batches(rows: list[tuple[list[int], int]], shape: Shape, epochs: int) -> Iterator[list[tuple[list[int], int]]]:
    """Yield batches of similar length in a random order, the same for the same seed."""
    rng = np.random.default_rng(shape.seed)
    lengths = np.array([len(ids) for ids, _ in rows])
    for _ in range(epochs):
        order = np.argsort(lengths + rng.random(len(rows)) * 8, kind="stable")
        starts = np.arange(0, len(rows) - BATCH + 1, BATCH)
        for start in rng.permutation(starts):
            yield [rows[i] for i in order[start : start + BATCH]]


def _loss(model: LlamaForCausalLM, batch: list[tuple[list[int], int]]) -> torch.Tensor:
    longest = max(len(ids) for ids, _ in batch)
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    labels = torch.full_like(ids, -100)
    for i, (row, given) in enumerate(batch):
        ids[i, : len(row)] = torch.tensor(row)
        labels[i, given : len(row)] = torch.tensor(row[given:])
    logits = model(input_ids=ids).logits[:, :-1]  # right padding: causal attention never looks ahead at it
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)
