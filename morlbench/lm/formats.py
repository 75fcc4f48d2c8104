"""The number format that a model is loaded in: a word in the environment, float32 where there is none.

MORLBENCH_BASE_DTYPE is for bases other than `nano` and `exact`, MORLBENCH_HUB_DTYPE for reward models of the hub. What is trained
is float32 whatever the base is.
"""

import os
from collections.abc import Sequence

import torch

from morlbench.errors import BadInput

FORMATS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def number_format(variable: str, known: Sequence[str] = tuple(FORMATS)) -> torch.dtype:
    """Return the format that the environment's variable names; raise BadInput for a word that is not among `known`."""
    word = os.environ.get(variable) or "float32"
    if word not in known:
        raise BadInput(f"{variable} is {word!r}; expected one of {', '.join(known)}")
    return FORMATS[word]
