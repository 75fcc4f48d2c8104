"""What a task is: prompts in fixed splits, a reward vector per answer, and the facts a reader needs to judge both.

Sign and scale of a reward live in `Objective` and nowhere else: everything downstream is in [0, 1] and larger is better.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from morlbench.preference import LINEAR, Array, Utility

if TYPE_CHECKING:
    from morlbench.method import Policy

Texts = tuple[str, ...]
Split = Literal["train", "dev", "adapt", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
Relation = Literal["competing", "correlated", "independent", "mixed"]
Points = tuple[tuple[float, ...], ...]
ROUNDING = 1e-9  # what equal values may differ by


@dataclass(frozen=True)
class Objective:
    """One reward: its raw range, unit and direction. `scale` is the only place a reward is scaled or its sign turned."""

    name: str
    description: str
    low: float
    high: float
    unit: str = ""
    higher_is_better: bool = True

    def scale(self, raw: NDArray[np.floating]) -> Array:
        """Map raw values (n,) to [0, 1], 1 best, clipping outside [low, high]."""
        share = np.clip((np.asarray(raw, dtype=float) - self.low) / (self.high - self.low), 0, 1)
        return np.asarray(share if self.higher_is_better else 1 - share)


@dataclass(frozen=True)
class Decoding:
    """How every method samples on a task: plain sampling at one temperature, no top-p, so log-probabilities are exact."""

    max_tokens: int
    min_tokens: int = 0
    temperature: float = 1.0


@dataclass(frozen=True, eq=False)
class Exact:
    """A policy's exact values on a task that can be enumerated; p preferences, k objectives, g points of the true front.

    returns: regularised returns E[r_i] - beta KL (p, k). rewards: E[r_i] (p, k). kl: nats (p,). value: J_policy(w) (p,).
    optimum: J*(w) (p,). base: J_base(w) (p,). front: true front in regularised returns (g, k).
    """

    preferences: Array
    returns: Array
    rewards: Array
    kl: Array
    value: Array
    optimum: Array
    base: Array
    front: Array

    @property
    def gap(self) -> float:
        """Pooled optimality gap, 0 perfect, 1 the base: sum_w (J* - J) / sum_w (J* - J_base); NaN where the base is the best policy."""
        headroom = (self.optimum - self.base).sum()
        return float((self.optimum - self.value).sum() / headroom) if headroom > ROUNDING else float("nan")


class Front(NamedTuple):
    """A reference front: points (m, k) in rewards and the KL (m,) in nats that each spends."""

    points: Points = ()
    kl: tuple[float, ...] = ()


class Task(ABC):
    """Prompts, rewards and the facts of the problem. A task is stateless but for lazily loaded scorers."""

    name: ClassVar[str]
    version: ClassVar[int]
    objectives: ClassVar[tuple[Objective, ...]]
    relation: ClassVar[Relation]
    base: ClassVar[str] = "nano"
    decoding: ClassVar[Decoding]
    beta: ClassVar[float]
    preference: ClassVar[tuple[float, ...]]  # the one stated user of the single track
    reference_point: ClassVar[tuple[float, ...]]  # of the hypervolume, frozen with the version
    utilities: ClassVar[tuple[Utility, ...]] = (LINEAR,)
    draws: ClassVar[int] = 1  # answers per test prompt and preference
    front: ClassVar[Front] = Front()  # the reference front, frozen with the version; empty where none is
    fetches: ClassVar[bool] = False  # whether it needs models or data from elsewhere
    kl_budget: ClassVar[float | None] = None  # nats: the median KL of the single-objective experts, frozen with the version

    @property
    def k(self) -> int:
        """Number of objectives."""
        return len(self.objectives)

    @property
    def sources(self) -> dict[str, str]:
        """What was fetched from elsewhere, and at which commit: part of a record's key. {} where nothing was."""
        return {}

    @property
    def key(self) -> str:
        """What experts are stored under: two tasks with one key must reward alike."""
        return f"{self.name}@{self.version}"

    @abstractmethod
    def prompts(self, split: Split) -> Texts:
        """Return the prompts of a split: fixed, ordered, and disjoint from every other split."""

    @abstractmethod
    def score(self, prompts: Texts, responses: Texts) -> Array:
        """Return rewards (n, k) in [0, 1], larger is better; row i depends on pair i alone."""

    def missing(self) -> str:
        """Return in one sentence what must be fetched or mended before this task works, and how; '' where everything is at hand."""
        return ""

    def gold(self, prompts: Texts, responses: Texts) -> Array | None:
        """Return rewards (n, k) by scorers no method may train on, or None where the task has none."""
        return None

    def exact(self, policy: "Policy", preferences: Array) -> Exact | None:
        """Return the policy's exact values at preferences (p, k), or None where not all answers can be listed."""
        return None
