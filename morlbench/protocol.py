"""Which questions a finished policy must be asked: names, preferences, prompts and draws, in their order.

`morlbench.probe` asks them and `morlbench.verify` holds records against them; nothing here needs a model. Whether a policy
learns from ratings or can leave an objective out is known only once it is trained, so those questions stand apart.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from morlbench.preference import LINEAR, Array, Utility, held_out, lattice
from morlbench.seeds import derive
from morlbench.task import Task

Number = TypeVar("Number", np.float64, np.int64)
HELD_OUT_PROMPTS, UTILITY_PROMPTS, USER_PROMPTS, DELETION_PROMPTS = 50, 50, 25, 50
FEW = 5  # preferences asked under other utilities and in the deletion test, spread over the lattice
STEPS = (0, 16, 64, 256)  # responses a hidden user has rated
RATED_AT_ONCE = 64  # answers made for users to rate in one batch; all users rate the same
KL_OF = ("base", "front", "stated")  # probes whose KL metrics read; on text tasks that of the others is not computed
LIKELIHOOD_OF = ("base", "front")  # probes of text tasks whose likelihood and gold rewards a run states
USERS = (("rating", 0), ("rating", 1), ("thumb", 2), ("thumb", 3))


@dataclass(frozen=True, eq=False)
class Question:
    """One probe before its answers: p preferences, the first `prompts` test prompts, `draws` answers to each."""

    name: str
    preferences: Array  # (p, k)
    prompts: int
    draws: int = 1
    utility: Utility = LINEAR
    user: int = -1
    step: int = -1


def fixed(task: Task, track: str, utilities: Collection[str], stated: tuple[float, ...]) -> list[Question]:
    """Return the questions every policy of the track is asked; `utilities` are those the method can steer by."""
    k, n = task.k, len(task.prompts("test"))
    wanted = preferences(k, track, stated)
    found = [Question("base", np.full((1, k), 1 / k), n, task.draws), Question("front", wanted, n, task.draws)]
    if track == "single":
        return found
    if not holds(wanted, stated):
        found.append(Question("stated", np.array([stated]), n, task.draws))
    found.append(Question("held-out", held_out(task.name, k), min(n, HELD_OUT_PROMPTS)))
    for utility in task.utilities:
        if utility.name != "linear" and utility.name in utilities:
            found.append(Question("utility", spread(wanted), min(n, UTILITY_PROMPTS), utility=utility))
    return found


def preferences(k: int, track: str, stated: tuple[float, ...]) -> Array:
    """Return the preferences a method of the track is asked at (p, k): the lattice, or for a single policy its one stated user."""
    return lattice(k) if track == "front" else np.array([stated])


def of_users(task: Task) -> list[Question]:
    """Return the questions asked for each hidden user of a policy that learns from ratings."""
    n, found = min(len(task.prompts("test")), USER_PROMPTS), []
    hidden = hidden_users(task)
    for _, user in USERS:
        found += [Question("adapt", hidden[user : user + 1], n, user=user, step=step) for step in STEPS]
        found.append(Question("told", hidden[user : user + 1], n, user=user))
    return found


def of_deletions(task: Task) -> list[Question]:
    """Return the questions of the deletion test, for a policy that states weights and can leave an objective out."""
    n, few = min(len(task.prompts("test")), DELETION_PROMPTS), spread(lattice(task.k))
    return [Question(f"without-{i}", few, n) for i in range(task.k)]


def hidden_users(task: Task) -> Array:
    """Return the hidden users' own preferences (u, k)."""
    return np.random.default_rng(derive(0, "users", task.name)).dirichlet(np.ones(task.k), len(USERS)).round(4)


def holds(wanted: Array, stated: tuple[float, ...]) -> bool:
    """Say whether the stated preference is among the wanted ones (p, k)."""
    return bool((np.abs(wanted - np.array(stated)).max(1) < 1e-9).any())


def spread(wanted: NDArray[Number]) -> NDArray[Number]:
    """Return FEW of the wanted preferences (p, k), or of their places (p,), evenly spread in their order."""
    return wanted.take(np.unique(np.linspace(0, len(wanted) - 1, FEW).round().astype(int)), 0)
