"""Tune an adapter on given answers or on pairs of them, through TRL: what methods that learn from scored answers share.

`imitate` is the cross-entropy of the answers' tokens alone; `prefer` is direct preference optimisation, whose reference
log-probabilities the caller states (and may shift, as a margin does). Prompts pass the base's template, answers are the ids that
were sampled, so nothing is tokenised twice. As in reinforcement learning here the rate is constant and the steps are averaged,
and logits are taken at the temperature answers are sampled at. Leaves out packing, and any choice of answers.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn
from transformers import PreTrainedModel

from morlbench.bench import Bench
from morlbench.errors import MorlbenchError
from morlbench.lm.adapter import Adapter
from morlbench.lm.average import Average
from morlbench.lm.base import Base
from morlbench.lm.libraries import insert, lora_config, on_one_device
from morlbench.lm.train import rows_at_once
from morlbench.lm.trained import Settings
from morlbench.preference import Array
from morlbench.seeds import derive
from morlbench.task import Texts

if TYPE_CHECKING:
    from transformers import Trainer

Ids = tuple[int, ...]
IGNORED = -100  # the label of a token that is given and not learnt


@dataclass(frozen=True)
class Fit:
    """How an adapter is tuned: optimiser steps of `batch` rows in an order the seed draws, from `start` or from nothing."""

    settings: Settings
    steps: int
    batch: int
    seed: int
    start: Adapter | None = None


@dataclass(frozen=True, eq=False)
class Pairs:
    """Answers a is preferred to b: prompts (n), sampled ids (n) each, and the reference's log-probabilities (n) of both."""

    prompts: Texts
    chosen: tuple[Ids, ...]
    rejected: tuple[Ids, ...]
    reference_chosen: Array
    reference_rejected: Array


def imitate(bench: Bench, prompts: Texts, answers: Sequence[Ids], fit: Fit) -> Adapter:
    """Return an adapter tuned to give answers (n, sampled ids) to prompts (n), inside the bench's open part."""
    from datasets import Dataset
    from trl import SFTConfig

    from morlbench.lm.supervised_trainer import AnswerTrainer

    known = prompt_ids(bench.base, prompts)
    rows = Dataset.from_dict(
        {
            "input_ids": [[*known[p], *a] for p, a in zip(prompts, answers, strict=True)],
            "labels": [[IGNORED] * len(known[p]) + list(a) for p, a in zip(prompts, answers, strict=True)],
        }
    )

    def make(model: PreTrainedModel, scratch: str) -> "Trainer":
        own = {"packing": False, "loss_type": "nll", "dataset_kwargs": {"skip_prepare_dataset": True}}
        return AnswerTrainer(
            model=model, args=on_one_device(SFTConfig(**_shared(bench.base, fit, scratch), **own)), train_dataset=rows,
            processing_class=bench.base.tokenizer, peft_config=lora_config(bench.base, fit.settings),
        )  # fmt: skip

    return _tune(bench, make, fit)


def prefer(bench: Bench, pairs: Pairs, beta: float, fit: Fit) -> Adapter:
    """Return an adapter after steps on -log sigmoid(beta (log-ratio of chosen - of rejected)), inside the bench's open part."""
    from datasets import Dataset
    from trl import DPOConfig

    from morlbench.lm.supervised_trainer import PairTrainer

    known = prompt_ids(bench.base, pairs.prompts)
    rows = Dataset.from_dict(
        {
            "prompt_ids": [known[p] for p in pairs.prompts], "chosen_ids": list(map(list, pairs.chosen)),
            "rejected_ids": list(map(list, pairs.rejected)), "ref_chosen_logps": pairs.reference_chosen.tolist(),
            "ref_rejected_logps": pairs.reference_rejected.tolist(),
        }
    )  # fmt: skip

    def make(model: PreTrainedModel, scratch: str) -> "Trainer":
        own = {"beta": beta, "loss_type": ["sigmoid"], "precompute_ref_log_probs": True, "disable_dropout": False}
        return PairTrainer(
            model=model, args=on_one_device(DPOConfig(**_shared(bench.base, fit, scratch, answers=2), **own)), train_dataset=rows,
            processing_class=bench.base.tokenizer, peft_config=lora_config(bench.base, fit.settings),
        )  # fmt: skip

    return _tune(bench, make, fit)


def prompt_ids(base: Base, prompts: Texts) -> dict[str, list[int]]:
    """Return the ids of each distinct prompt in the base's template, without padding."""
    distinct = tuple(dict.fromkeys(prompts))
    if not distinct:
        raise MorlbenchError("supervised tuning was given no prompts")
    ids, mask = base.encode(distinct)
    return {p: row[keep.bool()].tolist() for p, row, keep in zip(distinct, ids, mask, strict=True)}


def _tune(bench: Bench, make: Callable[[PreTrainedModel, str], "Trainer"], fit: Fit) -> Adapter:
    """Run the trainer that `make` builds on a twin of the base, and return the mean of its steps."""
    from morlbench.lm.trainer import AfterStep, undisturbed

    with undisturbed(), tempfile.TemporaryDirectory() as scratch:
        trainer = make(tempered(bench.base, bench.decoding.temperature), scratch)
        model = trainer.model
        if model is None:
            raise MorlbenchError("TRL's trainer has no model")
        if fit.start is not None:
            insert(model, fit.start, fit.settings)
        mean = Average(model)

        def over(step: int) -> None:
            bench.work(steps=1, backward=1)
            mean.add(step)

        trainer.add_callback(AfterStep(over))
        trainer.train()
        return mean.adapter(fit.settings)


def tempered(base: Base, temperature: float) -> PreTrainedModel:
    """Return a twin of the base whose logits are divided by the temperature, through a head of its own: TRL's losses know of none."""
    made = base.twin()
    head = made.get_output_embeddings()  # type: ignore[no-untyped-call]
    if temperature != 1.0:
        head.weight = nn.Parameter(head.weight.detach() / temperature, requires_grad=False)  # untied from the embeddings
    return made


def _shared(base: Base, fit: Fit, scratch: str, *, answers: int = 1) -> dict[str, object]:
    """Return the arguments both of TRL's trainers take: a constant rate, nothing scaled, cut, saved or reported.

    `answers` is how many a row of the batch has.
    """
    gpu, rows = base.device.type == "cuda", rows_at_once(base, fit.batch, answers)
    return {
        "output_dir": scratch, "seed": derive(fit.seed, "trl") % 2**31, "use_cpu": not gpu, "bf16": False, "gradient_checkpointing": False,
        "max_steps": fit.steps, "per_device_train_batch_size": rows, "gradient_accumulation_steps": fit.batch // rows, "max_length": None,
        "learning_rate": fit.settings.rate, "lr_scheduler_type": "constant", "weight_decay": 0.0, "max_grad_norm": 1.0,
        "report_to": "none", "save_strategy": "no", "logging_strategy": "no", "disable_tqdm": True, "dataloader_pin_memory": gpu,
    }  # fmt: skip
