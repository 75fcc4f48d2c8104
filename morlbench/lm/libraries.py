"""What TRL and PEFT are given, whatever is trained: arguments, adapter, prompts, and an adapter to train on from."""

from typing import TYPE_CHECKING, TypeVar

import torch
from transformers import TrainingArguments
from transformers.pytorch_utils import Conv1D

from morlbench.bench import Bench
from morlbench.errors import BadInput, MorlbenchError
from morlbench.lm.adapter import Adapter
from morlbench.lm.base import READOUT, Base, chat
from morlbench.lm.trained import Settings
from morlbench.seeds import derive
from morlbench.task import Texts

if TYPE_CHECKING:
    from datasets import Dataset
    from peft import LoraConfig
    from trl import RLOOConfig

Arguments = TypeVar("Arguments", bound=TrainingArguments)


def check_prompts(prompts: Texts, settings: Settings) -> None:
    """Raise BadInput where there are fewer train prompts than one batch has groups."""
    needed = settings.batch // settings.group
    if len(prompts) < needed:
        raise BadInput(
            f"the task has {len(prompts)} train prompts; a batch of {settings.batch} in groups of {settings.group} needs {needed}"
        )


def trl_arguments(bench: Bench, settings: Settings, steps: int, scratch: str, *, seed: int, rows: int) -> "RLOOConfig":
    """Return TRL's arguments: sampling at the task's temperature only, beta in the reward, nothing scaled, nothing saved.

    `rows`, a divisor of the batch, is how many the loss sees at once.
    """
    from trl import RLOOConfig

    gpu, parts = bench.base.device.type == "cuda", settings.batch // rows
    found = RLOOConfig(
        output_dir=scratch, seed=derive(seed, "trl") % 2**31, use_cpu=not gpu, bf16=False, gradient_checkpointing=False,
        max_steps=steps, per_device_train_batch_size=rows, gradient_accumulation_steps=parts, steps_per_generation=parts,
        num_generations=settings.group, learning_rate=settings.rate, lr_scheduler_type="constant", weight_decay=0.0, max_grad_norm=1.0,
        beta=bench.beta, temperature=bench.decoding.temperature, max_completion_length=bench.decoding.max_tokens,
        generation_kwargs={"min_new_tokens": bench.decoding.min_tokens} if bench.decoding.min_tokens else None,
        normalize_advantages=False, num_iterations=1, disable_dropout=False, report_to="none", save_strategy="no",
        logging_strategy="no", disable_tqdm=True, dataloader_pin_memory=gpu,
    )  # fmt: skip
    return on_one_device(found)


def on_one_device(arguments: Arguments) -> Arguments:
    """Have a trainer use the device that the base is on, whatever other GPUs there are: TRL refuses to spread one process over them."""
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def lora_config(base: Base, settings: Settings) -> "LoraConfig":
    """Return PEFT's configuration of one adapter: LoRA on every linear layer, and the readout whole."""
    from peft import LoraConfig

    names = list(base.targets())
    transposed = isinstance(base.targets()[names[0]], Conv1D)
    return LoraConfig(
        r=settings.rank, lora_alpha=settings.alpha, lora_dropout=0.0, target_modules=names, modules_to_save=[READOUT],
        fan_in_fan_out=transposed, task_type="CAUSAL_LM",
    )  # fmt: skip


def prompt_dataset(prompts: Texts) -> "Dataset":
    """Return the prompts as one-message conversations in TRL's column."""
    from datasets import Dataset

    return Dataset.from_dict({"prompt": [chat(prompt) for prompt in prompts]})


def insert(model: torch.nn.Module, start: Adapter, settings: Settings) -> None:
    """Load an adapter into a fresh PEFT model, to train on from it."""
    scale = settings.alpha / settings.rank
    state = model.state_dict()
    for name, (a, b) in start.factors.items():
        state[f"base_model.model.{name}.lora_A.default.weight"].copy_(a)
        state[f"base_model.model.{name}.lora_B.default.weight"].copy_(b / scale)
    for name, value in state.items():
        if f"{READOUT}.modules_to_save.default" in name and start.readout is not None:
            value.copy_(start.readout + torch.eye(len(value)))


def placeholder_reward(**_: object) -> list[float]:
    """TRL demands a reward function; `_calculate_rewards` never calls it."""
    raise MorlbenchError("TRL called the placeholder reward: its private hook has moved")
