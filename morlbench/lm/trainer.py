"""TRL's RLOO with vector rewards: the one place reinforcement learning happens.

The loss is leave-one-out REINFORCE on s(r) - beta log pi/pi_0, beta inside the reward, sequence level, unscaled. Three private
hooks of `RLOOTrainer` are overridden: `_calculate_rewards`, so that one call scores all objectives, and for gradient methods
`_generate_and_score_completions`, for each objective's own advantages, and `_get_per_token_logps_and_entropies`, for the
graph of the policy's log-probabilities. A contract test pins them and the trl version. Leaves out GRPO: its group scaling
silently rescales beta.
"""

import copy
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import numpy as np
import torch
import transformers
from huggingface_hub import constants as hub
from transformers import PreTrainedModel, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from trl import RLOOTrainer
from trl.kernels import ChunkedLogProbFunction
from trl.trainer import utils as trl_utils

from morlbench.bench import Bench
from morlbench.errors import MorlbenchError
from morlbench.lm.jacobian import Pass, along, jacobian, trained_layers, watched
from morlbench.lm.memory import give_back
from morlbench.preference import Array

ROWS = 512  # positions; TRL's own 4,096 take a whole batch at once: eight blocks of 27 MB on nano


class Steer(Protocol):
    """What training follows: a scalar of each response's rewards, and for gradient methods weights from the Gramian."""

    def scalar(self, rewards: Array) -> Array:
        """Return s(r) (n,) of rewards (n, k): what the leave-one-out advantage centres."""

    def mix(self, gram: Array) -> Array | None:
        """Return weights (k,) of the objectives' gradients from their Gramian (k, k); None to follow the scalar."""


class VectorTrainer(RLOOTrainer):  # type: ignore[misc]
    """`RLOOTrainer` whose rewards come from the bench, steered by a `Steer`."""

    bench: Bench
    steer: Steer
    vectors: bool  # whether steer mixes gradients
    at_once: int  # answers whose gradients are taken at once; where these are a whole batch, one pass serves sampling and gradients
    ref_model: torch.nn.Module | None

    def refer_to(self, base: PreTrainedModel) -> None:
        """Take reference log-probabilities from the frozen base instead of switching every adapter off and on again at each step."""
        reference = copy.copy(base)  # shares every weight; only the forward that TRL replaces is its own
        trl_utils.add_fused_lm_head(reference, temperature=self.temperature)
        self.ref_model = reference

    def _calculate_rewards(
        self, inputs: list[dict[str, list[dict[str, str]]]], prompts: object, completions: list[list[dict[str, str]]], ids: list[list[int]]
    ) -> torch.Tensor:
        """Score all objectives in one call; TRL sees one column, the scalarised reward."""
        questions = tuple(row["prompt"][0]["content"] for row in inputs)
        texts = tuple(completion[0]["content"].strip() for completion in completions)
        self._rewards = self.bench.score(questions, texts, tokens=sum(map(len, ids)))
        self._scalars = np.asarray(self.steer.scalar(self._rewards), dtype=float)
        if self._scalars.shape != (len(texts),) or not np.isfinite(self._scalars).all():
            raise MorlbenchError("the scalarised reward is not one finite number per response")
        return torch.as_tensor(self._scalars, dtype=torch.float32, device=self.accelerator.device)[:, None]

    def _get_per_token_logps_and_entropies(
        self, model: torch.nn.Module, *inputs: object, **options: object
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """Keep the graph of the policy's own pass for gradient methods: where a batch is taken whole, one pass is enough for both.

        Before a pass whose graph is kept, what sampling freed is given back: the graph is the most that a step holds.
        """
        kept = self._one_pass and model is self.model and not torch.is_grad_enabled()
        if kept or torch.is_grad_enabled():
            give_back()
        if not kept:
            return super()._get_per_token_logps_and_entropies(model, *inputs, **options)  # type: ignore[no-any-return]
        with torch.enable_grad(), watched(trained_layers(model)) as self._passes:
            self._log_p, entropy, auxiliary = super()._get_per_token_logps_and_entropies(model, *inputs, **options)
        return self._log_p.detach(), entropy, auxiliary

    def _generate_and_score_completions(self, inputs: list[dict[str, object]]) -> dict[str, torch.Tensor]:
        """Note for gradient methods each objective's advantages (n, k): its centred reward with the same -beta log-ratio part."""
        output: dict[str, torch.Tensor] = super()._generate_and_score_completions(inputs)
        if self.vectors:
            own = leave_one_out(self._rewards, self.num_generations)
            penalty = output["advantages"].double().cpu().numpy() - leave_one_out(self._scalars[:, None], self.num_generations)[:, 0]
            alive = (np.abs(own) > 1e-12).any(0)  # an objective equal within every group says nothing
            vector = np.where(alive, own + penalty[:, None], 0.0)
            self._vector_advantages = torch.as_tensor(vector, dtype=torch.float32, device=self.accelerator.device)
            self._output = output
        return output

    @property
    def _one_pass(self) -> bool:
        """Whether the graph of the pass that followed sampling is kept for the gradients."""
        return self.vectors and self.at_once >= self.args.per_device_train_batch_size

    def _jacobian(self, model: torch.nn.Module, shares: torch.Tensor) -> tuple[torch.Tensor, list[Pass]]:
        """Return the gradients (k, P) of losses whose derivatives by the answers are shares (k, n), and the passes whose weights are P."""
        output = self._output
        exists = output["completion_mask"]  # (n, t)
        if self._one_pass:
            return jacobian(shares, (self._log_p * exists).sum(1), self._passes), self._passes
        ids = torch.cat([output["prompt_ids"], output["completion_ids"]], 1)  # (n, p + t)
        mask = torch.cat([output["prompt_mask"], exists], 1)
        whole = torch.zeros(())
        for start in range(0, len(ids), self.at_once):
            some = slice(start, start + self.at_once)
            with watched(trained_layers(model)) as passes:
                log_p, *_ = self._get_per_token_logps_and_entropies(model, ids[some], mask[some], exists.shape[1])
            part = jacobian(shares[:, some], (log_p * exists[some]).sum(1), passes)
            whole = whole.add_(part) if start else part
        return whole, passes

    def compute_loss(
        self, model: torch.nn.Module, inputs: dict[str, torch.Tensor], return_outputs: bool = False, num_items_in_batch: int | None = None
    ) -> torch.Tensor:
        """Return TRL's loss, or where gradients are mixed a function whose gradient is J^T w: J is known, so that is free.

        Row i of J is the gradient of -mean_n A_ni log pi(y_n), RLOO's loss where the policy is the one that answered.
        """
        if self._step % self.args.steps_per_generation == 0:  # the first part of a batch; the ledger counts whole batches
            self.bench.work(steps=1, backward=1)
        if not self.vectors:
            loss: torch.Tensor = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
            return loss
        shares = torch.neg(self._vector_advantages.T / len(self._vector_advantages))  # (k, n)
        gradients, passes = self._jacobian(model, shares)
        self._passes = []  # their inputs are not needed while the next batch is sampled
        gradients = self.accelerator.reduce(gradients, reduction="mean")
        weights = self.steer.mix((gradients @ gradients.T).cpu().numpy())
        if weights is None:
            raise MorlbenchError("a gradient method returned no weights")
        return along(torch.as_tensor(weights, dtype=gradients.dtype, device=gradients.device) @ gradients, passes)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Keep no log: the ledger and the record say what happened."""


def leave_one_out(values: Array, group: int) -> Array:
    """Return values (n, k) minus the mean of the other members of their group of consecutive rows."""
    grouped = values.reshape(-1, group, values.shape[1])
    return np.asarray((grouped - grouped.mean(1, keepdims=True)).reshape(values.shape) * group / (group - 1))


class AfterStep(TrainerCallback):
    """Call a function with the number of finished optimiser steps."""

    def __init__(self, call: Callable[[int], None]) -> None:
        self._call = call

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Pass the step on."""
        self._call(state.global_step)


@contextmanager
def light_head() -> Iterator[None]:
    """Have TRL's head score answers and not their prompts, as it does on a GPU: without Triton it scores every position for nothing.

    On a CPU it takes ROWS positions or a few more at once, which saves about a tenth of the peak of a step on `nano`.
    """
    compact, head = trl_utils._use_triton, trl_utils._ChunkedLogProbFunction
    trl_utils._use_triton = lambda _device: True
    trl_utils._ChunkedLogProbFunction = _Tiled
    try:
        yield
    finally:
        trl_utils._use_triton, trl_utils._ChunkedLogProbFunction = compact, head


class _Tiled:
    """Stands in for TRL's chunked head: equal shares of the positions, one after another, and no buffer wider than the vocabulary.

    Shares are equal because BLAS sums otherwise where only a few rows are left over; this way every bit is as without it
    (measured at nano's shape, one thread and two).
    """

    @staticmethod
    def apply(
        hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, targets: torch.Tensor, temperature: float, width: int,
        *rest: object,
    ) -> tuple[torch.Tensor | None, ...]:  # fmt: skip
        """Return what TRL's function returns of hidden states (n, h), the head's weight (v, h) and targets (n,)."""
        whole = ChunkedLogProbFunction.apply
        shares = len(targets) // ROWS if hidden.device.type == "cpu" else 0
        if shares < 2:
            return whole(hidden, weight, bias, targets, temperature, width, *rest)  # type: ignore[no-any-return]
        pairs = zip(hidden.tensor_split(shares), targets.tensor_split(shares), strict=True)
        found = [whole(some, weight, bias, own, temperature, min(width, len(weight)), *rest) for some, own in pairs]
        return tuple(None if column[0] is None else torch.cat(column) for column in zip(*found, strict=True))


@contextmanager
def undisturbed() -> Iterator[None]:
    """Restore the CPU generators that TRL reseeds; while training silence transformers' logging and TRL's report of use to the hub."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    level, reports = transformers.logging.get_verbosity(), hub.HF_HUB_DISABLE_TELEMETRY
    transformers.logging.set_verbosity(40)  # errors only
    hub.HF_HUB_DISABLE_TELEMETRY = True  # every trainer that TRL makes would ask huggingface.co otherwise
    try:
        yield
    finally:
        hub.HF_HUB_DISABLE_TELEMETRY = reports
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
        transformers.logging.set_verbosity(level)
