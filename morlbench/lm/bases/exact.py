"""The tiny language of the exact tasks: eight words, and a two-layer Llama that speaks it with a bias.

The model's vocabulary is the eight words exactly; padding and end tokens exist in the tokenizer alone, with ids beyond the
vocabulary, and are never embedded nor sampled: every answer of t words can be listed. Prompts are words too, all of one
length, and pass the chat template unchanged. The weights were fitted to a seeded random grammar, in which the next word
depends on the last two and on the prompt, so that the base is neither uniform nor blind to its prompt:
`python -m morlbench.lm.bases.exact` makes them again in two minutes (other torch versions differ in the last digits).
Leaves out every way to stop early: begin and end ids are None in the configuration *and* the generation configuration.
"""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from morlbench.lm.bases import PROMPT_WORDS, WORDS

WEIGHTS = Path(__file__).parent / "weights" / "exact"
LONGEST_ANSWER = 5
TEMPLATE = "{% for m in messages %}{% if not loop.first %} {% endif %}{{ m['content'] }}{% endfor %}"
SEED, STEPS, BATCH = 7, 1_500, 512


def load() -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return the tiny model in float32 and its tokenizer."""
    model = LlamaForCausalLM.from_pretrained(str(WEIGHTS), dtype=torch.float32, use_safetensors=True)
    return _without_ends(model), tokenizer()


def tokenizer() -> PreTrainedTokenizerBase:
    """Return the word tokenizer: one id per word from 0, then `<pad>` and `<eos>`, which the model does not know."""
    core = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)} | {"<pad>": len(WORDS)}, unk_token="<pad>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    core.decoder = decoders.WordPiece(prefix="##", cleanup=False)  # joins words by single spaces
    made = PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", eos_token="<eos>", padding_side="left")  # type: ignore[no-untyped-call]
    made.chat_template = TEMPLATE
    return made


def new_model(seed: int) -> LlamaForCausalLM:
    """Return the architecture with seeded random weights; the global generator is left as it was."""
    config = LlamaConfig(
        vocab_size=len(WORDS), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=32, tie_word_embeddings=False, attention_dropout=0.0,
        bos_token_id=None, eos_token_id=None, pad_token_id=None,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return _without_ends(LlamaForCausalLM(config))


def build(out: Path = WEIGHTS) -> float:
    """Fit the model to the grammar, write it to `out` as bfloat16, and return the last mean KL to the grammar in nats."""
    model, grammar = new_model(SEED), _Grammar(SEED)
    model.train(True)
    rng = torch.Generator().manual_seed(SEED)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=STEPS)
    loss = torch.zeros(())
    for _ in range(STEPS):
        words, targets = grammar.speak(BATCH, rng)
        own = torch.log_softmax(model(input_ids=words[:, :-1]).logits[:, PROMPT_WORDS - 1 :], -1)
        loss = (targets.exp() * (targets - own)).sum(-1).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    model.bfloat16().save_pretrained(out)
    return float(loss.detach())


class _Grammar:
    """A random language: the next word's logits add what the last two words and each prompt word say."""

    def __init__(self, seed: int) -> None:
        rng = torch.Generator().manual_seed(seed)
        v = len(WORDS)
        self._last, self._before = 0.8 * torch.randn(v, v, generator=rng), 0.4 * torch.randn(v, v, generator=rng)
        self._prompt = 0.4 * torch.randn(PROMPT_WORDS, v, v, generator=rng)

    def next_word(self, words: torch.Tensor) -> torch.Tensor:
        """Return log-probabilities (b, V) of the word after words (b, t)."""
        logits = self._last[words[:, -1]] + self._before[words[:, -2]]
        for place in range(PROMPT_WORDS):
            logits = logits + self._prompt[place, words[:, place]]
        return torch.log_softmax(logits, -1)

    def speak(self, b: int, rng: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Return uniform prompts with sampled answers (b, prompt + answer) and the true log-probabilities (b, answer, V)."""
        words = torch.randint(len(WORDS), (b, PROMPT_WORDS), generator=rng)
        targets = []
        for _ in range(LONGEST_ANSWER):
            targets.append(self.next_word(words))
            words = torch.cat([words, torch.multinomial(targets[-1].exp(), 1, generator=rng)], 1)
        return words, torch.stack(targets, 1)


def _without_ends(model: LlamaForCausalLM) -> LlamaForCausalLM:
    model.config.bos_token_id = model.config.eos_token_id = model.config.pad_token_id = None
    model.generation_config = GenerationConfig(bos_token_id=None, eos_token_id=None, pad_token_id=None)  # type: ignore[no-untyped-call]
    model.train(False)
    return model


if __name__ == "__main__":
    print(f"mean KL to the grammar at the end: {build():.4f} nats per word")
