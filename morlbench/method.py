"""What a method is: settings that train to a policy, and what a policy must answer.

A policy is pure: the same prompts, preferences, utility and seed give the same answers. Exploration happens in `train` and
`observe` only. Single policies, soups, conditioned and per-preference methods all fit `train(bench, seed) -> Policy`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, Self, TypeVar, cast, dataclass_transform, runtime_checkable

import pydantic.dataclasses
from pydantic import ConfigDict

from morlbench.errors import BadInput
from morlbench.preference import LINEAR, Array, Utility, UtilityName
from morlbench.task import Texts

if TYPE_CHECKING:
    from morlbench.bench import Bench

Family = Literal["single-policy", "multi-policy", "meta-policy", "control"]
Track = Literal["front", "single"]
T = TypeVar("T")


@dataclass(frozen=True)
class Responses:
    """Sampled answers: texts (n) and the token ids they were decoded from, without padding."""

    texts: Texts
    ids: tuple[tuple[int, ...], ...]

    @property
    def tokens(self) -> int:
        """Number of sampled tokens, end tokens included."""
        return sum(map(len, self.ids))


@dataclass(frozen=True)
class Feedback:
    """What one user said of answers: ratings (n,) on the user's own scale or thumbs (n,) in {0, 1}; no reward vector is shown."""

    prompts: Texts
    responses: Responses
    values: Array
    kind: Literal["rating", "thumb"]
    preferences: Array  # (n, k) the answers were asked at


@runtime_checkable
class Policy(Protocol):
    """A finished policy. `preferences` is always (n, k), one row per prompt."""

    def respond(self, prompts: Texts, preferences: Array, *, utility: Utility = LINEAR, seed: int) -> Responses:
        """Sample one answer per prompt; the same seed uses the same draws under every preference."""

    def kl(self, prompts: Texts, preferences: Array, responses: Responses, *, utility: Utility = LINEAR) -> Array | None:
        """Return KL(policy || base) in nats (n,), summed over tokens along the sampled ids; None if unknown."""

    def explain(self, prompts: Texts, preferences: Array, *, utility: Utility = LINEAR) -> Array | None:
        """Return the weight (n, k) the policy gives each objective for each prompt; None if it has none."""


@runtime_checkable
class Adaptive(Policy, Protocol):
    """A policy that can learn one user's preference from feedback."""

    def observe(self, feedback: Feedback, *, seed: int) -> Self:
        """Return a new policy for that user; self does not change, and nothing leaks to another user."""


@runtime_checkable
class Ablatable(Policy, Protocol):
    """A policy that can leave an objective's part out, for the deletion test."""

    def without(self, objective: int) -> Policy:
        """Return the policy with that objective's weight set to 0 and the rest renormalised."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
def settings(cls: type[T]) -> type[T]:
    """Make a method class a frozen, keyword-only pydantic dataclass that forbids unknown fields."""
    make = pydantic.dataclasses.dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", validate_default=True))
    return cast("type[T]", make(cls))


def no_effect(method: object, name: str, where: str) -> None:
    """Raise BadInput where a setting differs from its default though it has no effect there: one run would get two names."""
    value, usual = getattr(method, name), type(method).__dataclass_fields__[name].default  # type: ignore[attr-defined]
    usual = getattr(usual, "default", usual)  # of pydantic's Field
    if value != usual:
        shown = f"{value:g}" if isinstance(value, float) else value
        raise BadInput(f"{name}={shown} has no effect where {where}; leave it out")


class Method(ABC):
    """A way to train; decorate subclasses with `@settings`: their fields are what `--set key=value` changes."""

    name: ClassVar[str]
    version: ClassVar[int]
    family: ClassVar[Family]
    track: ClassVar[Track]
    utilities: ClassVar[tuple[UtilityName, ...]] = ("linear",)  # those the policy can steer by

    @abstractmethod
    def train(self, bench: "Bench", *, seed: int) -> Policy:
        """Spend at most the bench's budget and return a policy."""
