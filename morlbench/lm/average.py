"""The mean of an adapter over its training: what a constant learning rate leaves of noise is averaged out.

Leaves out everything that depends on how long the training will be, such as a falling rate or the mean of the last half.
"""

from collections.abc import Mapping

import torch

from morlbench.lm.adapter import Adapter
from morlbench.lm.base import READOUT
from morlbench.lm.trained import Settings

ETA = 3  # the larger, the fewer of the last steps count


class Average:
    """The polynomial-decay average of a PEFT model's trained weights over its steps (Shamir & Zhang 2013, section 4).

    mean_t = (1 - c) mean_{t-1} + c theta_t with c = (eta + 1) / (t + eta): two thirds of the weight lie on the last
    1 / (eta + 1) of the steps. Unlike a falling learning rate it needs no horizon, so the mean after n responses is the same
    in a longer run.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        self._trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        self.weights = {name: weight.detach().clone() for name, weight in self._trained.items()}

    @torch.no_grad()
    def add(self, step: int) -> None:
        """Take in the weights after optimiser step `step`, counted from 1."""
        share = (ETA + 1) / (step + ETA)
        for name, weight in self._trained.items():
            self.weights[name].lerp_(weight, share)

    def adapter(self, settings: Settings) -> Adapter:
        """Return the mean as an adapter, with alpha / rank folded into B."""
        return _adapter(self.weights, settings)

    def current(self, settings: Settings) -> Adapter:
        """Return the weights as they are now, not averaged, as such an adapter."""
        return _adapter({name: weight.detach() for name, weight in self._trained.items()}, settings)


def _adapter(weights: Mapping[str, torch.Tensor], settings: Settings) -> Adapter:
    scale, factors, readout = settings.alpha / settings.rank, {}, None
    state = {name: value.cpu().float().clone() for name, value in weights.items()}
    for name, value in state.items():
        if name.endswith(".lora_A.default.weight"):
            short = name.removeprefix("base_model.model.").removesuffix(".lora_A.default.weight")
            factors[short] = (value, state[name.replace("lora_A", "lora_B")] * scale)
        elif f"{READOUT}.modules_to_save.default" in name:
            readout = value - torch.eye(len(value))
    return Adapter(factors, readout)
