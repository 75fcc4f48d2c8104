"""A text task's reference front: what policies trained for one preference each reach, frozen with the task's version.

Each of q policies spends a whole budget on one preference and answers the test prompts. The policy that serves a preference is
chosen on one half of the prompts and worth what it earns on the other (`morlbench.crossfit`), which takes most of the luck out of
choosing; of the points found this way the dominated ones are dropped. Methods may exceed the front: their points spend KL as
they like. Training is `morlbench.lm.reference`; here is what is kept, in a task's front.json, and read without torch.
"""

import json
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError

from morlbench import crossfit, front, registry
from morlbench.errors import BadInput
from morlbench.metric import Evidence
from morlbench.preference import Array, far_apart, lattice
from morlbench.record import RunRecord
from morlbench.store import write_bytes
from morlbench.task import Front, Points

FILE = "front.json"
POLICIES = 12  # beyond two objectives; more where there are more corners
DIGITS = 4


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A frozen front (m, k) with the KL (m,) of its points in nats, and the q policies behind it.

    preferences (q, k): what each was trained for; means (q, k) and kl (q,): what it reached on the test prompts, each answered
    `draws` times.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", allow_inf_nan=False)

    version: int
    base: str
    responses: int
    draws: int
    seed: int
    preferences: Points
    means: Points
    kl: tuple[float, ...]
    front: Points
    front_kl: tuple[float, ...]

    def save(self, folder: Path) -> None:
        """Write front.json into the task's folder."""
        write_bytes(folder / FILE, (json.dumps(asdict(self), indent=1) + "\n").encode())


def wanted(k: int, stated: tuple[float, ...]) -> Array:
    """Return the preferences (q, k) that get a policy each: the lattice at k = 2, beyond it corners and points far apart.

    The task's stated preference is always among them.
    """
    found, own = lattice(k), np.array([stated])
    fixed = np.eye(k) if k > 2 else found
    if np.abs(fixed - own).max(1).min() > 1e-9:
        fixed = np.concatenate([fixed, own])
    return np.array([*fixed, *far_apart(found, fixed, max(POLICIES - len(fixed), 0))]) if k > 2 else fixed


def measured(rewards: Array, kl: Array, preferences: Array, *, version: int, base: str, responses: int, seed: int) -> Reference:
    """Return the reference of q policies by rewards (q, n, d, k) and KL (q, n, d) of d answers to each of n test prompts."""
    q, n, draws, k = rewards.shape
    both = np.concatenate([rewards, kl[..., None]], -1)  # KL goes with the rewards; nothing is chosen by it
    weights = np.concatenate([preferences, np.zeros((q, 1))], 1)
    found = crossfit.chosen_means(both, np.arange(n), weights).round(DIGITS)
    kept = front.nondominated(found[:, :k])
    places = [int(np.abs(found[:, :k] - point).max(1).argmin()) for point in kept]
    return Reference(
        version=version, base=base, responses=responses, draws=draws, seed=seed, preferences=_tuples(preferences.round(6)),
        means=_tuples(rewards.mean((1, 2)).round(DIGITS)), kl=_row(kl.mean((1, 2))), front=_tuples(kept), front_kl=_row(found[places, k]),
    )  # fmt: skip


def load(folder: Path) -> Reference | None:
    """Return what a task's folder holds of its front, None where it holds none; raise BadInput where the file is not such a thing."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        return TypeAdapter(Reference).validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise BadInput(f"{path}: {where}: {first['msg']}; delete it, or write it again with `python -m morlbench.lm.reference`") from None


def read(folder: Path, version: int, k: int) -> Front:
    """Return the front frozen for this version of a task, an empty one where there is none; raise BadInput where it has another k."""
    found = load(folder)
    if found is None or found.version != version:
        return Front()
    if any(len(point) != k for point in found.front):
        raise BadInput(f"{folder / FILE}: its points are of {len(found.front[0])} objectives, the task of {k}; delete it")
    return Front(found.front, found.front_kl)


def judged(record: RunRecord) -> RunRecord:
    """Return the record with its task's front, though that was frozen later."""
    return replace(record, evidence=with_front(record.evidence))


def with_front(run: Evidence) -> Evidence:
    """Return a run as judged beside its task's front: its own copy, else the one that was frozen for that version since it was made.

    No answer and no reward depends on the front, and making one takes hours, so records do not wait for it.
    """
    if run.task.front or run.exact is not None or run.task.name not in registry.names("tasks"):
        return run
    points, kl = _frozen(run.task.name, run.task.version, run.k)
    return replace(run, task=replace(run.task, front=points, front_kl=kl)) if points else run


@cache
def _frozen(task: str, version: int, k: int) -> Front:
    folder = registry.folder("tasks", task)
    return Front() if folder is None else read(folder, version, k)


def markdown(found: Reference, names: tuple[str, ...]) -> str:
    """Return the policies and the front as a card's section."""
    head = "| " + " | ".join(names) + " | KL, nats |"
    lines = [f"| trained for {head}", "|---|" + "---:|" * (len(names) + 1)]
    for w, means, kl in zip(found.preferences, found.means, found.kl, strict=True):
        lines.append(f"| {', '.join(f'{x:.2g}' for x in w)} {_cells(means, kl)}")
    lines += ["", "The front, cross-fitted:", "", head, "|" + "---:|" * (len(names) + 1)]
    lines += [_cells(point, kl) for point, kl in zip(found.front, found.front_kl, strict=True)]
    return "\n".join([
        f"{len(found.preferences)} policies of `{found.base}`, {found.responses:,} scored responses each, seed {found.seed}; "
        f"mean rewards over {found.draws} answers to each test prompt:", "", *lines,
    ])  # fmt: skip


def _cells(means: tuple[float, ...], kl: float) -> str:
    return "| " + " | ".join(f"{x:.3f}" for x in means) + f" | {kl:.1f} |"


def _tuples(points: Array) -> Points:
    return tuple(tuple(float(x) for x in row) for row in points)


def _row(values: Array) -> tuple[float, ...]:
    return tuple(float(x) for x in values.round(2))
