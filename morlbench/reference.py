"""A text task's reference front: what policies trained for one preference each reach, frozen with the task's version.

Each of q policies spends a whole budget on one preference and answers the test prompts. The policy that serves a preference is
chosen on one half of the prompts and worth what it earns on the other (`morlbench.crossfit`), so the front is not raised by
luck. Methods may exceed it: their points spend KL as they like. Training is `morlbench.lm.reference`; here is what is kept, in a
task's front.json, and how it is read without torch.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from morlbench import crossfit, front
from morlbench.errors import BadInput
from morlbench.preference import Array, lattice
from morlbench.store import write_bytes

FILE = "front.json"
ENOUGH = 12  # preferences beyond two objectives (SCIENCE protocol)
DIGITS = 4
Points = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Reference:
    """A frozen front (m, k) and the q policies behind it: what each was trained for, its mean rewards (q, k) and KL (q,) in nats."""

    version: int
    base: str
    responses: int
    seed: int
    preferences: Points
    means: Points
    kl: tuple[float, ...]
    front: Points

    def save(self, folder: Path) -> None:
        """Write front.json into the task's folder."""
        write_bytes(folder / FILE, (json.dumps(asdict(self), indent=1) + "\n").encode())


def wanted(k: int) -> Array:
    """Return the preferences (q, k) that get a policy each: the lattice at k = 2, beyond it 12 of its points, far apart."""
    found = lattice(k)
    if k == 2 or len(found) <= ENOUGH:
        return found
    picked = [int(found[:, i].argmax()) for i in range(k)]
    while len(picked) < max(ENOUGH, k + 1):  # the farthest point from all that are picked (Gonzalez 1985)
        distance = np.abs(found[:, None] - found[picked]).sum(-1).min(1)
        picked.append(int(distance.argmax()))
    return np.asarray(found[picked])


def make(version: int, base: str, responses: int, seed: int, preferences: Array, rewards: Array, kl: Array) -> Reference:
    """Return the reference of policies (q, k) by their rewards (q, n, d, k) on n test prompts and mean KL (q,)."""
    points = crossfit.points(rewards, np.arange(rewards.shape[1]), preferences)
    kept = front.nondominated(points.round(DIGITS))
    return Reference(
        version, base, responses, seed, _tuples(preferences.round(6)), _tuples(rewards.mean((1, 2)).round(DIGITS)),
        tuple(float(x) for x in kl.round(2)), _tuples(kept[np.lexsort(kept.T[::-1])]),
    )  # fmt: skip


def read(folder: Path, version: int, k: int) -> Points:
    """Return the front (m, k) frozen in a task's folder, () where none is; raise BadInput where it is of another version or k."""
    path = folder / FILE
    if not path.is_file():
        return ()
    held = json.loads(path.read_text(encoding="utf-8"))
    points = _tuples(np.array(held["front"], dtype=float))
    if held["version"] != version:
        raise BadInput(f"{path} is of version {held['version']}, the task of version {version}: run `python -m morlbench.lm.reference`")
    if any(len(point) != k for point in points):
        raise BadInput(f"{path} holds points of {len(points[0])} objectives, the task {k}: run `python -m morlbench.lm.reference`")
    return points


def markdown(found: Reference, names: tuple[str, ...]) -> str:
    """Return the policies and the front as a card's section."""
    lines = ["| trained for | " + " | ".join(names) + " | KL, nats |", "|---|" + "---:|" * (len(names) + 1)]
    for w, means, kl in zip(found.preferences, found.means, found.kl, strict=True):
        lines.append(f"| {', '.join(f'{x:.2g}' for x in w)} | " + " | ".join(f"{x:.3f}" for x in means) + f" | {kl:.1f} |")
    points = "; ".join(f"({', '.join(f'{x:.3f}' for x in point)})" for point in found.front)
    return "\n".join([
        f"{len(found.preferences)} policies of `{found.base}`, {found.responses:,} scored responses each, seed {found.seed}; "
        "mean rewards on the test prompts:", "", *lines, "", f"Cross-fitted front: {points}.",
    ])  # fmt: skip


def _tuples(points: Array) -> Points:
    return tuple(tuple(float(x) for x in row) for row in points)
