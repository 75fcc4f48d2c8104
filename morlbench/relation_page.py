"""How a measured relation is shown: as lines of a card, as a table in the terminal and as a figure. Leaves out any number of its own."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from morlbench.preference import Array
from morlbench.relation import UNTOLD, Measured, label_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from rich.table import Table


def markdown(found: Measured) -> str:
    """Return the measures as lines of a card: pair by pair up to three objectives, ranges beyond."""
    head = f"| relation (declared: {found.declared}; measured: {found.verdict}) | value |"
    lines = [head, "|---|---|"]
    for label, matrix in _labels(found):
        lines.append(f"| {label} | {_cosines(found) if matrix is found.cosine else _spread(found, matrix)} |")
    loss = "not measured" if np.isnan(found.ideal_loss) else f"{found.ideal_loss:.2f}"
    return "\n".join([*lines, f"| loss of the ideal point at equal weights | {loss} |"])


def table(found: Measured) -> "Table":
    """Return a terminal table: one row per pair of objectives, one column per measure."""
    from rich.table import Table

    shown = Table(title=f"{found.task} on {found.base}: declared {found.declared}, measured {found.verdict}", box=None)
    for head in ("objectives", "correlation", "within prompts", "gradient cosine", "transfer there", "and back"):
        shown.add_column(head, justify="left" if head == "objectives" else "right")
    for i, j in zip(*np.triu_indices(len(found.names), 1), strict=True):
        before, after = (found.correlation[i, j], found.within[i, j]), (found.transfer[i, j], found.transfer[j, i])
        shown.add_row(f"{found.names[i]}, {found.names[j]}", *map(_number, before), _cosine(found, i, j), *map(_number, after))
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
        doubtful = found.doubtful if matrix is found.cosine else np.zeros(matrix.shape, dtype=bool)
        _draw(axis, label + ("\n(in brackets: not told apart)" if doubtful.any() else ""), matrix, found.names, doubtful)
    loss = "" if np.isnan(found.ideal_loss) else f"; loss of the ideal point {found.ideal_loss:.2f}"
    figure.suptitle(f"{found.task} on {found.base}: declared {found.declared}, measured {found.verdict}{loss}", fontsize=10)
    return save(figure, stem)


def _draw(axis: "Axes", label: str, matrix: Array, names: tuple[str, ...], doubtful: NDArray[np.bool_]) -> None:
    axis.imshow(np.clip(matrix, -1, 1), cmap="RdBu", vmin=-1, vmax=1)
    axis.set_title(label, fontsize=9)
    axis.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=8)
    axis.set_yticks(range(len(names)), names, fontsize=8)
    for (row, column), value in np.ndenumerate(matrix):
        shade = "white" if np.isfinite(value) and abs(value) > 0.6 else "black"
        text = f"({_number(value)})" if doubtful[row, column] else _number(value)
        axis.text(column, row, text, ha="center", va="center", fontsize=8 if len(names) < 6 else 6, color=shade)


def _labels(found: Measured) -> list[tuple[str, Array]]:
    return [
        ("reward correlation on the base's answers", found.correlation),
        ("reward correlation within prompts", found.within),
        ("cosine of the gradients at the base", found.cosine),
        ("transfer between experts", found.transfer),
    ]


def _cosines(found: Measured) -> str:
    """Return the cosines with their errors pair by pair, or beyond three objectives their range and how many are told apart."""
    k = len(found.names)
    pairs = list(zip(*np.triu_indices(k, 1), strict=True))
    if found.errors is None or k > 3:
        known = sum(label_of(found.cosine[i, j], found.margins[i, j]) is not None for i, j in pairs)
        said = "errors not known" if found.errors is None else f"{known} of {len(pairs)} pairs told apart"
        spread = _spread(found, found.cosine)
        return spread if spread == "not measured" else f"{spread} ({said})"
    return ", ".join((f"{found.names[i]} and {found.names[j]} " if k > 2 else "") + _cosine(found, i, j) for i, j in pairs)


def _cosine(found: Measured, i: np.intp, j: np.intp) -> str:
    """Return one cosine with its standard error, and whether it is not told apart."""
    value = _number(found.cosine[i, j])
    if found.errors is None:
        return f"{value} (error not known)" if np.isfinite(found.cosine[i, j]) else value
    error = f" ± {_number(found.errors[i, j])}" if found.errors[i, j] > 0 else ""
    return f"{value}{error}" + ("" if label_of(found.cosine[i, j], found.margins[i, j]) else f", {UNTOLD}")


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


def _number(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "–"
