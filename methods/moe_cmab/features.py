"""The context a gate sees: principal components of what the experts would say next, compared with the base.

At the end of a prompt each expert i gives log π_i(v) - log π_0(v) for every word v: how it would steer this very prompt. It
costs one pass over the prompt for each of them. Components are fitted on training prompts without any label. They share one scale
and are not whitened: what steers prompts apart most should be believed first, and a ridge shrinks the small ones.
"""

from dataclasses import dataclass

import numpy as np

from morlbench.bandit import check_rows
from morlbench.errors import MorlbenchError
from morlbench.preference import Array

NEGLIGIBLE = 1e-6  # spread, relative to the first component's, below which a component is rounding error


@dataclass(frozen=True, eq=False)
class Components:
    """A linear map of inputs (n, f) to c uncorrelated context features of mean variance 1: centre (f,), directions (c, f)."""

    centre: Array
    directions: Array

    @classmethod
    def fit(cls, inputs: Array, count: int = 16) -> "Components":
        """Return at most `count` components of inputs (n, f): fewer where the prompts do not span as many."""
        inputs = np.asarray(inputs, dtype=float)
        if inputs.ndim != 2 or len(inputs) < 2 or not np.isfinite(inputs).all():
            raise MorlbenchError(f"context of shape {inputs.shape} cannot be reduced; expected finite values for at least 2 prompts")
        centre = inputs.mean(0)
        spread, rows = _principal((inputs - centre) / np.sqrt(len(inputs)))
        kept = min(count, int((spread > NEGLIGIBLE * max(spread[0], 1e-12)).sum()))
        spread, rows = spread[:kept], rows[:kept]
        signs = np.sign(rows[np.arange(kept), np.abs(rows).argmax(1)])  # the decomposition leaves them open
        scale = np.sqrt((spread**2).mean()) if kept else 1.0
        return cls(centre, signs[:, None] * rows / scale)

    @property
    def count(self) -> int:
        """Number of context features c."""
        return len(self.directions)

    def transform(self, inputs: Array) -> Array:
        """Return the context z (n, c) of inputs (n, f)."""
        check_rows("context", np.asarray(inputs, dtype=float), (len(inputs), len(self.centre)))
        return np.asarray((inputs - self.centre) @ self.directions.T)


def _principal(rows: Array) -> tuple[Array, Array]:
    """Return singular values (m,), falling, and right vectors (m, f) of centred rows (n, f), m = min(n, f).

    Where there are far more words than prompts the prompts' products are the small matrix: a sixth of the time of the whole SVD.
    """
    if len(rows) >= rows.shape[1]:
        _, spread, directions = np.linalg.svd(rows, full_matrices=False)
        return spread, directions
    squares, left = np.linalg.eigh(rows @ rows.T)
    spread = np.sqrt(np.maximum(squares[::-1], 0))
    return spread, (left[:, ::-1] / np.maximum(spread, 1e-300)).T @ rows
