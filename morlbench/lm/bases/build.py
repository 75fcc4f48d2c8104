"""Build nano and its fluency scorer: `python -m morlbench.lm.bases.build --work DIR`.

Stages: `corpus` (hours; resumable, may be split over processes with --shard), `models` (an hour; resumable; one model per
process with --only) and `card`. Each reads what the one before wrote. The first needs the packages named in `smollm2.INSTALL`.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from morlbench.lm.bases import corpus, nano, pretrain
from morlbench.lm.bases.prompts import all_prompts
from morlbench.task import Decoding

UNITS = 400  # of 96 answers each; about 1.9 million SmolLM2 tokens

CARD = """# nano and its fluency scorer

Two small Llama-architecture models with one byte-level BPE of 3,072 tokens, made for this project (Apache-2.0). **nano** is the
default base: it was pretrained on answers that SmolLM2-135M-Instruct (Apache-2.0) wrote to this project's own prompts in
thirteen styles, plus 5 % of answers moved to a prompt they do not fit, so that it has range in every direction a task may
reward. **fluency** reads answers alone, was trained from another seed and without the rambling and vague styles, and scores
how likely a text is.

Neither knows facts; both know how short answers sound. Prompts of all topics, test topics of the tasks included, were in the
pretraining corpus, in the fourteen templates of `prompts.py`; the tasks' test templates were not.

| | nano | fluency |
|---|---|---|
{rows}

Made by `python -m morlbench.lm.bases.build --work DIR`; perplexity is per token on the 2 % of answers held out of training.

## Ten unedited answers of nano

At temperature 1, at most 64 tokens, prompts taken at equal steps through the grammar:

{samples}
"""


def main() -> None:
    """Run the stages the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for the corpus and checkpoints")
    parser.add_argument("--stage", choices=("corpus", "models", "card", "all"), default="all")
    parser.add_argument("--shard", default="0/1", help="this process's share of the corpus, e.g. 0/2")
    parser.add_argument("--units", type=int, default=UNITS)
    parser.add_argument("--out", type=Path, default=nano.WEIGHTS)
    parser.add_argument("--only", choices=("nano", "fluency"), help="train just this model, e.g. beside the other one")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.stage in ("corpus", "all"):
        shard, shards = map(int, options.shard.split("/"))
        corpus.write_shard(options.work / f"corpus-{shard}.jsonl", shard, shards, limit=options.units)
    if options.stage in ("models", "all"):
        make_models(options.work, options.out, options.only)
    if options.stage in ("card", "all"):
        (options.out / "README.md").write_text(card(options.out), encoding="utf-8")


def make_models(work: Path, out: Path, only: str | None = None) -> None:
    """Train tokenizer, nano and scorer from the corpus in `work`, and write them with their facts to `out`."""
    train, held, digest = pretrain.pairs(sorted(work.glob("corpus-*.jsonl")))
    bpe = pretrain.tokenizer([text for pair in train for text in (pair.prompt, pair.answer)])
    tokens = sum(len(ids) for ids in bpe([p.answer for p in train])["input_ids"])
    if only != "fluency":
        bpe.save_pretrained(out / "nano")
    for shape in (pretrain.NANO, pretrain.FLUENCY):
        if only in (None, shape.name):
            begin = time.time()
            model, perplexity = pretrain.train(shape, (train, held), bpe, work)
            model.bfloat16().save_pretrained(out / shape.name)
            facts = {
                "corpus_sha256": digest, "answers": len(train) + len(held), "answer_tokens": tokens, "epochs": shape.epochs,
                "parameters": model.num_parameters(), "held_out_perplexity": round(perplexity, 2),
                "minutes": round((time.time() - begin) / 60, 1),
            }  # fmt: skip
            (out / shape.name / "facts.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def card(out: Path) -> str:
    """Return the models' card: their facts and ten unedited answers of nano to prompts of its grammar, at temperature 1."""
    from morlbench.lm.base import Base
    from morlbench.lm.policy import base_policy

    facts = {name: json.loads((out / name / "facts.json").read_text(encoding="utf-8")) for name in ("nano", "fluency")}
    asked = tuple(all_prompts()[:: len(all_prompts()) // 10][:10])
    answers = base_policy(Base("nano", *nano.load()), Decoding(64)).respond(asked, np.full((10, 2), 0.5), seed=0)
    rows = "\n".join(f"| {key.replace('_', ' ')} | {facts['nano'][key]} | {facts['fluency'][key]} |" for key in facts["nano"])
    samples = "\n".join(f"- **{question}** {answer}" for question, answer in zip(asked, answers.texts, strict=True))
    return CARD.format(rows=rows, samples=samples)


if __name__ == "__main__":
    main()
