"""What every method that trains adapters shares: how they are optimised, and the two settings that change it.

The learning rate is the base's unless a user sets one: it was chosen once per base, on dev prompts, by linear scalarisation
alone, for one objective or at a task's stated preference (docs/findings/training.md). Two methods depart from it, as their cards
say: `modpo` takes half of it, and `mol-moe` trains its router at a rate of its own (`router_rate`).
"""

from dataclasses import dataclass

from pydantic import Field

from morlbench.lm.base import Base
from morlbench.method import Method, settings


@dataclass(frozen=True)
class Settings:
    """How an adapter is optimised; the same for every method unless its card says otherwise."""

    rate: float = 3e-3
    rank: int = 8
    alpha: float = 16.0
    group: int = 8
    batch: int = 64


STANDARD = Settings()


def usual(base: Base) -> Settings:
    """Return how every method's adapters are optimised on `base` unless a user says otherwise: at the base's own rate."""
    return Settings(rate=base.rate)


@settings
class Trained(Method):
    """A method that trains adapters. rate: AdamW's learning rate, None for the base's own; rank: of the low-rank updates."""

    rate: float | None = Field(default=None, gt=0, le=1)
    rank: int = Field(default=8, ge=1, le=256)

    def optimiser(self, base: Base) -> Settings:
        """Return how this method's adapters are optimised on `base`."""
        return Settings(rate=base.rate if self.rate is None else self.rate, rank=self.rank)
