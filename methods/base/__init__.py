"""The base model itself, untouched: the point every method must beat."""

from typing import ClassVar

from morlbench.bench import Bench
from morlbench.lm.policy import base_policy
from morlbench.method import Family, Method, Policy, Track, settings


@settings
class BaseModel(Method):
    """Answer with the base, whatever the preference."""

    name: ClassVar[str] = "base"
    version: ClassVar[int] = 1
    family: ClassVar[Family] = "control"
    track: ClassVar[Track] = "front"

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend nothing."""
        return base_policy(bench.base, bench.decoding)
