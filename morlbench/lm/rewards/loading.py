"""How public reward models are loaded: rows in a batch, number format and device, from the environment.

MORLBENCH_HUB_BATCH (16), MORLBENCH_HUB_DTYPE (float32) and MORLBENCH_HUB_DEVICE (cuda where there is a GPU, else cpu).
"""

import os
import re
from dataclasses import dataclass

import torch

from morlbench.errors import BadInput
from morlbench.lm.formats import number_format


@dataclass(frozen=True)
class Load:
    """Rows in a batch, number format and device."""

    batch: int
    dtype: torch.dtype
    device: torch.device


def load_options() -> Load:
    """Return how models are loaded, from the environment; raise BadInput for a word that makes no sense."""
    batch = os.environ.get("MORLBENCH_HUB_BATCH", "16")
    device = os.environ.get("MORLBENCH_HUB_DEVICE", "cuda" if torch.cuda.is_available() else "cpu")
    if not re.fullmatch(r"[0-9]{1,9}", batch) or int(batch) < 1:
        raise BadInput(f"MORLBENCH_HUB_BATCH is {batch!r}; expected a whole number of at least 1, such as 16")
    return Load(int(batch), number_format("MORLBENCH_HUB_DTYPE"), _device(device))


def _device(name: str) -> torch.device:
    """Return a device that this machine has; raise BadInput for any other.

    GPUs are counted, not tried: trying would begin a context that no copy of this process could use.
    """
    try:
        device = torch.device(name)
    except RuntimeError:
        raise BadInput(f"MORLBENCH_HUB_DEVICE is {name!r}; expected a device such as cpu, cuda or cuda:1") from None
    try:
        there = (device.index or 0) < torch.cuda.device_count() if device.type == "cuda" else _computes(device)
    except (RuntimeError, AssertionError, ImportError):  # what torch raises depends on what it was built for
        there = False
    if not there:
        raise BadInput(f"MORLBENCH_HUB_DEVICE is {name!r}, which this machine or its build of torch does not have; cpu always works")
    return device


def _computes(device: torch.device) -> bool:
    return float(torch.ones(1, device=device).sum()) == 1
