"""TRL's RLOO for conditioned policies: each row of a batch keeps its own preference from sampling to the loss.

Two more private hooks of `RLOOTrainer` are overridden beside those of `VectorTrainer`: `_generate` and
`_get_per_token_logps_and_entropies`, the only places where the model is run. The rows' updates are attached around them, and not
when the reference is asked. A contract test pins both.
"""

import torch
from torch import nn
from transformers import PreTrainedModel

from morlbench.errors import MorlbenchError
from morlbench.lm.base import Base
from morlbench.lm.conditioned import Conditioned, Features, Sampling, attached, condition_of
from morlbench.lm.trainer import VectorTrainer


class ConditionedTrainer(VectorTrainer):
    """`VectorTrainer` whose policy is the base with each row's own updates attached, and whose reference is the bare base."""

    steer: Sampling
    base: Base
    conditioned: Conditioned
    features: Features | None
    _condition: torch.Tensor

    def _generate_and_score_completions(self, inputs: list[dict[str, list[dict[str, str]]]]) -> dict[str, torch.Tensor]:  # type: ignore[override]
        """Draw the batch's preferences and hand them on as `condition` (n, k + c), shuffled and split like any other tensor."""
        group = self.num_generations
        questions = tuple(row["prompt"][0]["content"] for row in inputs)
        if any(len(set(questions[i : i + group])) > 1 for i in range(0, len(questions), group)):
            raise MorlbenchError("TRL no longer keeps the answers to one prompt together")
        asked = condition_of(self.steer.draw(len(questions) // group, group), questions, self.features)
        self._condition = torch.as_tensor(asked, dtype=torch.float32, device=self.accelerator.device)
        output: dict[str, torch.Tensor] = super()._generate_and_score_completions(inputs)  # type: ignore[arg-type]
        return output | {"condition": self._condition}

    def _generate(self, prompts: list[object]) -> object:
        """Sample with the updates attached."""
        with torch.no_grad(), attached(self.base, self.conditioned, self._condition):
            return super()._generate(prompts)

    def _get_per_token_logps_and_entropies(
        self, model: nn.Module, *arguments: object, **named: object
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """Attach the updates, unless it is the reference that is asked."""
        if isinstance(model, Bare):
            return super()._get_per_token_logps_and_entropies(model, *arguments, **named)
        with attached(self.base, self.conditioned, self._condition):
            return super()._get_per_token_logps_and_entropies(model, *arguments, **named)

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, torch.Tensor], return_outputs: bool = False, num_items_in_batch: int | None = None
    ) -> torch.Tensor:
        """Return TRL's loss at the rows' own conditions."""
        self._condition = inputs["condition"]
        return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)


class Bare(nn.Module):
    """The model as TRL's reference: the same weights, told apart from the policy by its type."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, **inputs: object) -> object:
        """Return the model's output."""
        return self.model(**inputs)
