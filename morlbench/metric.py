"""What a metric is: a pure function of stored evidence, never of a live model.

`Evidence` is all a metric may see of one run. A metric that a run cannot show raises `NoValue(reason)`; tables print a dash
with that reason.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from morlbench.bench import Line
from morlbench.errors import MorlbenchError
from morlbench.preference import LINEAR, Array, Utility
from morlbench.task import Exact

MetricFamily = Literal["utility", "pareto", "training", "inference", "stability", "adaptation", "scalability", "explainability"]
FAMILIES: tuple[MetricFamily, ...] = (
    "utility", "pareto", "training", "inference", "stability", "adaptation", "scalability", "explainability"
)  # fmt: skip


class NoValue(MorlbenchError):
    """This metric has no value for this evidence; the message is the reason shown beside the dash."""


UNLISTED = "not all answers of this task or policy can be listed"


@dataclass(frozen=True, eq=False)
class Probe:
    """One question asked of a finished policy, and its answers: p preferences, n prompts, d draws, k objectives.

    name: 'front' (the lattice, or a single policy's one stated preference), 'stated' (the stated preference where the lattice lacks
    it), 'held-out', 'base' (the base model, p = 1), 'utility' (another utility), 'adapt' (a hidden user after `step` ratings), 'told'
    (the same user's preference told), 'without-I' (objective I, from 0, deleted; fewer prompts).
    """

    name: str
    preferences: Array  # (p, k)
    rewards: Array  # (p, n, d, k)
    prompts: NDArray[np.int64]  # (n,) positions in the test split (adapt/told too)
    responses: tuple[str, ...]  # (p * n * d), preference-major, then prompt, then draw
    kl: Array | None = None  # (p, n, d) nats
    weights: Array | None = None  # (p, n, k) stated by `explain`
    nll: Array | None = None  # (p, n, d) nats per token of the answer under the base
    gold: Array | None = None  # (p, n, d, k) rewards by the task's held-out scorers
    utility: Utility = LINEAR
    user: int = -1
    step: int = -1  # responses this user has rated

    @cached_property
    def means(self) -> Array:
        """Mean reward per preference (p, k), read-only: it is computed once."""
        found = np.asarray(self.rewards.mean((1, 2)))
        found.setflags(write=False)
        return found

    @cached_property
    def linear(self) -> Array:
        """Linear utility per preference and prompt (p, n), averaged over draws; read-only: it is computed once."""
        found = np.asarray(LINEAR(self.rewards, self.preferences[:, None, None]).mean(2))
        found.setflags(write=False)
        return found


@dataclass(frozen=True)
class TaskFacts:
    """What a record keeps of its task, so that it scores alone."""

    name: str
    version: int
    objectives: tuple[str, ...]
    relation: str
    beta: float
    preference: tuple[float, ...]
    reference_point: tuple[float, ...]
    utilities: tuple[Utility, ...]
    front: tuple[tuple[float, ...], ...] = ()  # frozen reference front in rewards; () where none is frozen yet
    max_tokens: int = 0
    kl_budget: float | None = None  # nats: the median expert's KL, frozen with the version; None where not frozen yet
    front_kl: tuple[float, ...] = ()  # nats: what each point of the front spends
    sources: tuple[tuple[str, str], ...] = ()  # what the task fetched from elsewhere, at which commit, and the number format it scores in


@dataclass(frozen=True)
class MethodFacts:
    """What a record keeps of its method."""

    name: str
    version: int
    family: str
    track: str
    settings: dict[str, object]
    utilities: tuple[str, ...] = ("linear",)


@dataclass(frozen=True)
class Speed:
    """Inference of the policy and of its base, measured interleaved in one process."""

    tokens_per_second: float
    base_tokens_per_second: float
    first_token_seconds: float | None  # None where the policy cannot be cut to one token
    base_first_token_seconds: float
    peak_bytes: int
    base_peak_bytes: int
    passes_per_token: float


@dataclass(frozen=True)
class Costs:
    """Everything that may differ between two equal runs, and what was spent."""

    lines: tuple[Line, ...] = ()
    speed: Speed | None = None
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0
    trainable_parameters: int = 0


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that a metric may see of one run."""

    task: TaskFacts
    method: MethodFacts
    base: str
    budget: int
    seed: int
    probes: tuple[Probe, ...]
    costs: Costs
    exact: Exact | None = None

    def probe(self, name: str) -> Probe:
        """Return the one probe of that name, or raise NoValue if there is none or it is empty."""
        found = self.all(name)
        if not found:
            raise NoValue(f"the record holds no '{name}' probe")
        if not found[0].rewards.size:
            raise NoValue(f"the record's '{name}' probe is empty")
        return found[0]

    def all(self, name: str) -> tuple[Probe, ...]:
        """Return every probe of that name, in order."""
        return tuple(probe for probe in self.probes if probe.name == name)

    @property
    def k(self) -> int:
        """Number of objectives."""
        return len(self.task.objectives)


def one(runs: Sequence[Evidence]) -> Evidence:
    """Return the first of the runs, or raise NoValue if none was given."""
    if not runs:
        raise NoValue("no run was given")
    return runs[0]


class Metric(ABC):
    """A number from evidence. `over` says what the sequence holds: one run, one method's seeds, its budgets, or its tasks."""

    name: ClassVar[str]
    family: ClassVar[MetricFamily]
    unit: ClassVar[str]
    higher_is_better: ClassVar[bool]
    pareto_compliant: ClassVar[bool] = False
    over: ClassVar[Literal["run", "seeds", "budgets", "tasks"]] = "run"
    headline: ClassVar[bool] = False  # shown in the short table of a run
    rewards_alone: ClassVar[bool] = False  # whether KL costs nothing in it, at least where answers are sampled

    @abstractmethod
    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the value; raise NoValue(reason) where the evidence has none."""

    def interval(self, runs: Sequence[Evidence]) -> tuple[float, float] | None:
        """Return a 95% interval over the prompts of one run (or that the formula gives); None where there is none."""
        return None

    def note(self, runs: Sequence[Evidence]) -> str:
        """Return a remark a table shows beside the value, such as that it is approximate; usually none."""
        return ""
