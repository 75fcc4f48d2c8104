"""How the objectives of a task relate: four measures of every pair, and the label they bear out.

Correlation of the rewards over the base's answers says what comes together anyway; within prompts it is what a policy gradient
sees first; the cosine of the objectives' gradients at the base is where training starts; transfer says where it ends: what
the expert of one objective gains (or loses) on another, as a share of what that other's own expert gains. The loss of the ideal
point is the share of the experts' own gains that equal weights give up.
Measuring is `morlbench.lm.relate`, showing `morlbench.relation_page`; here are the numbers.

The label. A pair counts by its transfer where experts were trained, else by its cosine where that is told apart from noise:
beyond 2.4 standard errors, and beyond more where there are several pairs (`limit`). All pairs have one label: that label.
Pairs have different labels: `mixed`. One label told, but single prompts of either sign, pairs not told apart, or cosines
told apart that differ: that label or `mixed`. Nothing told apart, or nothing measured: the declared label stands, whatever
it is, and tables and the card say that it is declared alone, for noise contradicts no label and bears none out. Leaves out
the noise of transfer itself, which is of one seed.
"""

from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from morlbench.preference import Array
from morlbench.task import Relation, Split

SLIGHT = 0.15  # a relation nearer to zero than this counts as none
UNTOLD = "not told apart"
BATCHES = 8  # of answers, over which the standard error of a cosine is taken
GAIN = 0.01  # reward an expert must gain on its own objective before a share of it means anything


@dataclass(frozen=True)
class Effort:
    """How much is spent: answers to each prompt of the split, responses each expert trains on (0: no experts), and the seed."""

    draws: int = 8
    responses: int = 2_048
    seed: int = 0
    split: Split = "dev"


@dataclass(frozen=True, eq=False)
class Measured:
    """The relation of k objectives as measured; matrices (k, k), nan where unknown.

    transfer[i, j]: what the expert of i gains on j, as a share of what j's own expert gains. means: rewards (k,) by policy
    name. prompts: correlations (n,) of the two objectives prompt by prompt, where they are exact; else empty. errors: standard
    errors of the cosines, 0 where those are exact, nan where noise made a squared length negative; None where they were never taken.
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
    errors: Array | None = None

    @property
    def told(self) -> tuple[Relation | None, ...]:
        """The label of every pair by its transfer, else by its cosine; None for a pair that is not told apart."""
        return tuple(
            label_of(value) or cosine for value, cosine in zip(_both_ways(self.transfer).tolist(), self._cosines_told, strict=True)
        )

    @property
    def _cosines_told(self) -> tuple[Relation | None, ...]:
        values, margins = _both_ways(self.cosine).tolist(), _both_ways(self.margins).tolist()
        return tuple(label_of(value, margin) for value, margin in zip(values, margins, strict=True))

    @property
    def margins(self) -> Array:
        """How far from zero a cosine (k, k) must lie to be told apart; nan where its error is not known."""
        k = len(self.names)
        return np.full((k, k), np.nan) if self.errors is None else np.asarray(self.errors * limit(k * (k - 1) // 2))

    @property
    def doubtful(self) -> NDArray[np.bool_]:
        """Which cosines (k, k) are known but not told apart from noise."""
        known, margins, k = np.isfinite(self.cosine), self.margins, range(len(self.names))
        return np.array([[i != j and known[i, j] and label_of(self.cosine[i, j], margins[i, j]) is None for j in k] for i in k])

    @property
    def supported(self) -> tuple[Relation, ...]:
        """The labels that the measures bear out; the module says by which rule."""
        seen = tuple(label for label in get_args(Relation) if label in self.told)
        if not seen:
            return get_args(Relation)
        by_prompt = {label_of(value) for value in self.prompts} >= {"competing", "correlated"}
        turned = len({label for label in self._cosines_told if label}) > 1
        mixed = by_prompt or turned or len(seen) > 1 or None in self.told
        single = seen if len(seen) == 1 else ()
        return (*single, "mixed") if mixed else single

    @property
    def verdict(self) -> str:
        """What tables say was measured."""
        if any(self.told):
            return " or ".join(self.supported)
        return "not known" if self.errors is None else UNTOLD

    def row(self) -> dict[str, object]:
        """Return everything as JSON values, numbers to four digits."""
        matrices: dict[str, object] = {name: _rounded(matrix) for name, matrix in self._matrices().items()}
        loss = None if np.isnan(self.ideal_loss) else round(self.ideal_loss, 4)
        means = {name: [round(x, 4) for x in values] for name, values in self.means.items()}
        facts = {
            "task": self.task,
            "declared": self.declared,
            "supported": list(self.supported),
            "base": self.base,
            "names": list(self.names),
        }
        matrices["errors"] = None if self.errors is None else _rounded(self.errors)
        return facts | matrices | {"ideal_loss": loss, "means": means, "prompts": [round(x, 4) for x in self.prompts]}

    def _matrices(self) -> dict[str, Array]:
        return {"correlation": self.correlation, "within": self.within, "cosine": self.cosine, "transfer": self.transfer}


def read(row: dict[str, object]) -> Measured:
    """Return what `Measured.row` wrote, now or before it wrote errors."""
    from pydantic import TypeAdapter

    matrix = TypeAdapter(list[list[float | None]])
    errors = None if row.get("errors") is None else np.array(matrix.validate_python(row["errors"]), dtype=float)
    arrays = {n: np.array(matrix.validate_python(row[n]), dtype=float) for n in ("correlation", "within", "cosine", "transfer")}
    loss = TypeAdapter(float | None).validate_python(row["ideal_loss"])
    return Measured(
        task=str(row["task"]), declared=TypeAdapter[Relation](Relation).validate_python(row["declared"]), base=str(row["base"]),
        names=TypeAdapter(tuple[str, ...]).validate_python(row["names"]), **arrays, ideal_loss=float("nan") if loss is None else loss,
        means=TypeAdapter(dict[str, tuple[float, ...]]).validate_python(row["means"]),
        prompts=TypeAdapter(tuple[float, ...]).validate_python(row["prompts"]), errors=errors,
    )  # fmt: skip


def correlate(rewards: Array) -> Array:
    """Return the correlation (k, k) of rewards (n, k); nan for an objective that never varies."""
    centred = rewards - rewards.mean(0)
    return cosines(centred.T @ centred)


def cosines(gram: Array) -> Array:
    """Return G_ij / sqrt(G_ii G_jj) (k, k), clipped to [-1, 1]; nan where a diagonal entry is 0 or negative, but for rounding."""
    return np.asarray(np.clip(_ratios(gram), -1, 1))


def jackknife(without: Array) -> Array:
    """Return standard errors (k, k) of the cosines of inner products, given those without each of the batches (b, k, k).

    nan everywhere for fewer batches than BATCHES, and where one of them makes the difference whether a squared length is positive.
    """
    if len(without) < BATCHES:
        return np.full(without.shape[1:], np.nan)
    values = np.stack([_ratios(gram) for gram in without])  # not clipped: at 1 a clipped cosine would seem to have no error
    return np.asarray(np.sqrt((len(values) - 1) * values.var(0)))


def limit(pairs: int) -> float:
    """Return how many standard errors tell a cosine apart: by Student's t at 5%, shared among the pairs (Bonferroni).

    2.4 for one pair, 4.0 for ten: where no pair is related, at most about one measurement in twenty tells any apart.
    """
    return float(stdtrit(BATCHES - 1, 1 - 0.025 / max(pairs, 1)))


def _ratios(gram: Array) -> Array:
    diagonal = np.diag(gram)
    lengths = np.sqrt(np.where(diagonal > 1e-12 * max(diagonal.max(), 0), diagonal, np.nan))
    return np.asarray(gram / np.outer(lengths, lengths))


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


def _both_ways(matrix: Array) -> Array:
    """Return the mean of the two directions for every pair of objectives."""
    return np.asarray(((matrix + matrix.T) / 2)[np.triu_indices(len(matrix), 1)])


def label_of(value: float, margin: float = 0) -> Relation | None:
    """Return the label of a value that is known but for a margin, None where the margin leaves more than one."""
    if abs(value) > SLIGHT and abs(value) > margin:  # no comparison holds for nan
        return "competing" if value < 0 else "correlated"
    return "independent" if abs(value) + margin <= SLIGHT else None


def _rounded(matrix: Array) -> list[list[float | None]]:
    return [[round(float(x), 4) if np.isfinite(x) else None for x in row] for row in matrix]
