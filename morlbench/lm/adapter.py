"""An expert's weights: one low-rank update per linear layer and a full update of the readout.

Scaling (alpha / rank) is folded into B, so that the update is exactly B A and mixtures need no further constants.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from morlbench.errors import MorlbenchError
from morlbench.store import write_bytes

READOUT_KEY = "readout"


@dataclass(frozen=True, eq=False)
class Adapter:
    """Low-rank updates by module name, A (rank, in) and B (out, rank), and the readout's update (d, d)."""

    factors: dict[str, tuple[torch.Tensor, torch.Tensor]]
    readout: torch.Tensor | None = None

    @property
    def parameters(self) -> int:
        """Number of trained values."""
        count = sum(a.numel() + b.numel() for a, b in self.factors.values())
        return count + (0 if self.readout is None else self.readout.numel())

    def save(self, path: Path) -> None:
        """Write the adapter as safetensors, whole or not at all."""
        tensors = {f"{name}.{side}": t.contiguous() for name, pair in self.factors.items() for side, t in zip("AB", pair, strict=True)}
        if self.readout is not None:
            tensors[READOUT_KEY] = self.readout.contiguous()
        write_bytes(path, save(tensors))  # not save_file: it hides a full disk behind an error of its own


def nothing(like: Adapter) -> Adapter:
    """Return an adapter of the same shape that changes nothing: the base among experts."""
    factors = {name: (a, torch.zeros_like(b)) for name, (a, b) in like.factors.items()}
    return Adapter(factors, None if like.readout is None else torch.zeros_like(like.readout))


def load(path: Path) -> Adapter:
    """Read an adapter that `save` wrote; raise MorlbenchError if the file is not one."""
    try:
        tensors = load_file(path)
        names = sorted({key[:-2] for key in tensors if key != READOUT_KEY})
        return Adapter({n: (tensors[f"{n}.A"], tensors[f"{n}.B"]) for n in names}, tensors.get(READOUT_KEY))
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        raise MorlbenchError(f"{path}: not a stored expert ({error}); delete it and run again") from None
