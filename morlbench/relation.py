"""How the objectives of a task relate: four measures of every pair, and the label they bear out.

Correlation of the rewards over the base's answers says what comes together anyway; within prompts it is what a policy gradient
sees first; the cosine of the objectives' gradients at the base is where training starts; transfer says where it ends: what
the expert of one objective gains (or loses) on another, as a share of what that other's own expert gains. The label follows
transfer where experts were trained, else the cosine. The loss of the ideal point is the share of the experts' own gains that
equal weights give up. Measuring is `morlbench.lm.relate`; here are numbers, the table and the figure.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np

from morlbench.preference import Array
from morlbench.task import Relation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from rich.table import Table

SLIGHT = 0.15  # a relation nearer to zero than this counts as none
GAIN = 0.01  # reward an expert must gain on its own objective before a share of it means anything


@dataclass(frozen=True, eq=False)
class Measured:
    """The relation of k objectives as measured; matrices (k, k), nan where unknown.

    transfer[i, j]: what the expert of i gains on j, as a share of what j's own expert gains. means: rewards (k,) by policy
    name. prompts: correlations (n,) of the two objectives prompt by prompt, where they are exact; else empty.
    """

    task: str
    declared: Relation
    base: str
    names: tuple[str, ...]
    correlation: Array
    within: Array
    cosine: Array
    transfer: Array
    ideal_loss: float
    means: dict[str, tuple[float, ...]]
    prompts: tuple[float, ...] = ()

    @property
    def supported(self) -> tuple[Relation, ...]:
        """The labels that the measures bear out: `mixed` where pairs or prompts differ, the pairs' own label where they agree."""
        known = [_both_ways(m) for m in (self.transfer, self.cosine) if np.isfinite(_both_ways(m)).any()]
        if not known:
            return get_args(Relation)
        signs = {_label(value) for value in known[0][np.isfinite(known[0])].tolist()}
        by_prompt = {_label(value) for value in self.prompts} >= {"competing", "correlated"}
        several = any(len({_label(value) for value in values[np.isfinite(values)].tolist()}) > 1 for values in known)
        mixed = by_prompt or several
        single: tuple[Relation, ...] = tuple(signs) if len(signs) == 1 else ()
        return (*single, "mixed") if mixed else single

    @property
    def agrees(self) -> bool:
        """Whether the declared label is one the measures bear out."""
        return self.declared in self.supported

    def row(self) -> dict[str, object]:
        """Return everything as JSON values, numbers to four digits."""
        matrices = {name: _rounded(matrix) for name, matrix in self._matrices().items()}
        loss = None if np.isnan(self.ideal_loss) else round(self.ideal_loss, 4)
        means = {name: [round(x, 4) for x in values] for name, values in self.means.items()}
        facts = {
            "task": self.task,
            "declared": self.declared,
            "supported": list(self.supported),
            "base": self.base,
            "names": list(self.names),
        }
        return facts | matrices | {"ideal_loss": loss, "means": means, "prompts": [round(x, 4) for x in self.prompts]}

    def _matrices(self) -> dict[str, Array]:
        return {"correlation": self.correlation, "within": self.within, "cosine": self.cosine, "transfer": self.transfer}


def read(row: dict[str, object]) -> Measured:
    """Return what `Measured.row` wrote."""
    from pydantic import TypeAdapter

    matrix = TypeAdapter(list[list[float | None]])
    arrays = {n: np.array(matrix.validate_python(row[n]), dtype=float) for n in ("correlation", "within", "cosine", "transfer")}
    loss = TypeAdapter(float | None).validate_python(row["ideal_loss"])
    return Measured(
        task=str(row["task"]), declared=TypeAdapter[Relation](Relation).validate_python(row["declared"]), base=str(row["base"]),
        names=TypeAdapter(tuple[str, ...]).validate_python(row["names"]), **arrays, ideal_loss=float("nan") if loss is None else loss,
        means=TypeAdapter(dict[str, tuple[float, ...]]).validate_python(row["means"]),
        prompts=TypeAdapter(tuple[float, ...]).validate_python(row["prompts"]),
    )  # fmt: skip


def correlate(rewards: Array) -> Array:
    """Return the correlation (k, k) of rewards (n, k); nan for an objective that never varies."""
    centred = rewards - rewards.mean(0)
    return cosines(centred.T @ centred)


def cosines(gram: Array) -> Array:
    """Return G_ij / sqrt(G_ii G_jj) (k, k), clipped to [-1, 1]; nan where a diagonal entry is 0 or negative, but for rounding."""
    diagonal = np.diag(gram)
    lengths = np.sqrt(np.where(diagonal > 1e-12 * max(diagonal.max(), 0), diagonal, np.nan))
    return np.asarray(np.clip(gram / np.outer(lengths, lengths), -1, 1))


def transfers(base: Array, experts: Array) -> Array:
    """Return transfer (k, k) from the base's means (k,) and the experts' means (k, k), row i that of objective i's expert.

    Column j is nan where j's own expert gained less than GAIN.
    """
    gained = experts - base
    own = np.diag(gained)
    return np.asarray(gained / np.where(own >= GAIN, own, np.nan))


def ideal_loss(base: Array, experts: Array, equal: Array) -> float:
    """Return the share of the experts' own gains that the policy of equal weights (k,) gives up."""
    ideal = np.diag(experts)
    whole = float((ideal - base).sum())
    return float((ideal - equal).sum()) / whole if whole > GAIN else float("nan")


def markdown(found: Measured) -> str:
    """Return the measures as lines of a card: pair by pair up to three objectives, ranges beyond."""
    head = f"| relation (declared: {found.declared}; measured: {' or '.join(found.supported)}) | value |"
    lines = [head, "|---|---|"]
    for label, matrix in _labels(found):
        lines.append(f"| {label} | {_spread(found, matrix)} |")
    loss = "not measured" if np.isnan(found.ideal_loss) else f"{found.ideal_loss:.2f}"
    return "\n".join([*lines, f"| loss of the ideal point at equal weights | {loss} |"])


def table(found: Measured) -> "Table":
    """Return a terminal table: one row per pair of objectives, one column per measure."""
    from rich.table import Table

    shown = Table(title=f"{found.task} on {found.base}: declared {found.declared}, measured {' or '.join(found.supported)}", box=None)
    for head in ("objectives", "correlation", "within prompts", "gradient cosine", "transfer there", "and back"):
        shown.add_column(head, justify="left" if head == "objectives" else "right")
    for i, j in zip(*np.triu_indices(len(found.names), 1), strict=True):
        values = [m[i, j] for m in (found.correlation, found.within, found.cosine, found.transfer)] + [found.transfer[j, i]]
        shown.add_row(f"{found.names[i]}, {found.names[j]}", *(_number(value) for value in values))
    shown.add_row("loss of the ideal point", _number(found.ideal_loss))
    return shown


def plot(found: Measured, stem: Path) -> list[Path]:
    """Draw the four matrices to STEM.png and STEM.svg and return the paths."""
    from matplotlib.figure import Figure

    from morlbench.plot import save

    k = len(found.names)
    size = 2.6 + 0.32 * k
    figure = Figure(figsize=(4 * size, size + 0.7), layout="constrained")
    axes = figure.subplots(1, 4)
    for axis, (label, matrix) in zip(axes, _labels(found), strict=True):
        _draw(axis, label, matrix, found.names)
    loss = "" if np.isnan(found.ideal_loss) else f"; loss of the ideal point {found.ideal_loss:.2f}"
    figure.suptitle(f"{found.task} on {found.base}: declared {found.declared}, measured {' or '.join(found.supported)}{loss}", fontsize=10)
    return save(figure, stem)


def _draw(axis: "Axes", label: str, matrix: Array, names: tuple[str, ...]) -> None:
    axis.imshow(np.clip(matrix, -1, 1), cmap="RdBu", vmin=-1, vmax=1)
    axis.set_title(label, fontsize=9)
    axis.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=8)
    axis.set_yticks(range(len(names)), names, fontsize=8)
    for (row, column), value in np.ndenumerate(matrix):
        shade = "white" if np.isfinite(value) and abs(value) > 0.6 else "black"
        axis.text(column, row, _number(value), ha="center", va="center", fontsize=8 if len(names) < 6 else 6, color=shade)


def _labels(found: Measured) -> list[tuple[str, Array]]:
    return [
        ("reward correlation on the base's answers", found.correlation),
        ("reward correlation within prompts", found.within),
        ("cosine of the gradients at the base", found.cosine),
        ("transfer between experts", found.transfer),
    ]


def _spread(found: Measured, matrix: Array) -> str:
    k = len(found.names)
    upper = list(zip(*np.triu_indices(k, 1), strict=True))
    if not np.isfinite(_pairs(matrix)).any():
        return "not measured"
    if k <= 3:
        return ", ".join(
            (f"{found.names[i]} and {found.names[j]} " if k > 2 else "")
            + (
                _number(matrix[i, j])
                if np.isclose(matrix[i, j], matrix[j, i])
                else f"{_number(matrix[i, j])} and back {_number(matrix[j, i])}"
            )
            for i, j in upper
        )
    values = _pairs(matrix)[np.isfinite(_pairs(matrix))]
    return f"{values.min():.2f} to {values.max():.2f}, mean {values.mean():.2f}"


def _pairs(matrix: Array) -> Array:
    """Return every entry off the diagonal."""
    return np.asarray(matrix[~np.eye(len(matrix), dtype=bool)])


def _both_ways(matrix: Array) -> Array:
    """Return the mean of the two directions for every pair of objectives."""
    return np.asarray(((matrix + matrix.T) / 2)[np.triu_indices(len(matrix), 1)])


def _label(value: float) -> Relation:
    return "competing" if value < -SLIGHT else "correlated" if value > SLIGHT else "independent"


def _number(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "–"


def _rounded(matrix: Array) -> list[list[float | None]]:
    return [[round(float(x), 4) if np.isfinite(x) else None for x in row] for row in matrix]
