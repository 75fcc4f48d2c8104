"""The measured facts on an exact task's card: `python -m morlbench.lm.exact_card NAME ...` writes them into README.md.

How the objectives relate is shown as measured on the base and on the closed-form optimum: reward correlation, cosine of the
objectives' policy gradients at the base (tabular, exact), what the optimum of one objective gains on another, and the share of the
ideal point's gain that equal weights lose, as `morlbench relation` has them.
What stands outside the markers of a card is written by hand.
"""

import sys

import numpy as np

from morlbench import closed_form, console, registry
from morlbench.closed_form import Problem
from morlbench.errors import BadInput
from morlbench.lm.base import Base, load_base
from morlbench.lm.bases import WORDS
from morlbench.lm.contextual import DRAWS, ContextualTask
from morlbench.lm.exact_task import ExactTask
from morlbench.lm.headroom import headroom, mixtures
from morlbench.marks import put
from morlbench.preference import Array, lattice
from morlbench.relation import ideal_loss, transfers

OPEN, CLOSE = "<!-- measured: python -m morlbench.lm.exact_card -->", "<!-- end -->"
PAIR = 2


def facts(task: ExactTask, base: Base) -> str:
    """Return the measured facts as Markdown."""
    problem = task.problem(base)
    parts = [_size(task, problem), _relation(task, problem)]
    if task.k == PAIR:
        parts.append(_front(problem, task))
    if isinstance(task, ContextualTask):
        parts += [_headroom(type(task)(draw), base) for draw in range(DRAWS)]
    return "\n\n".join(parts)


def gradient_cosines(problem: Problem) -> Array:
    """Return cosines (k, k) of the objectives' exact policy gradients at the base, by the logit of every answer."""
    mass = np.exp(problem.log_base)
    mean = np.einsum("nc,nck->nk", mass, problem.rewards)
    gradients = (mass[..., None] * (problem.rewards - mean[:, None])).reshape(-1, problem.k)
    gram = gradients.T @ gradients
    lengths = np.sqrt(np.diag(gram))
    return np.asarray(gram / np.outer(lengths, lengths))


def mixing_gap(problem: Problem, arms: Array) -> float:
    """Return the pooled gap of mixtures (p, n, V^t), one for each lattice preference."""
    asked = lattice(problem.k)
    best = closed_form.optimal_values(closed_form.compress(problem), asked)
    base = (closed_form.values(problem, problem.log_base[None]).returns * asked).sum(1)
    return float((best - closed_form.values(problem, arms).at(asked)).sum() / (best - base).sum())


def write(name: str, base: Base) -> None:
    """Replace the measured part of a task's card; raise MorlbenchError if the card has no markers."""
    cls, folder = registry.load("tasks", name), registry.folder("tasks", name)
    if not issubclass(cls, ExactTask) or folder is None:
        raise BadInput(f"task {name!r} is not an exact task; expected one such as 'exact-competing'")
    put(folder / "README.md", (OPEN, CLOSE), facts(cls(), base))


def _size(task: ExactTask, problem: Problem) -> str:
    prompts = ", ".join(f"{len(task.prompts(split))} {split}" for split in ("train", "dev", "adapt", "test"))
    n, c, _ = problem.rewards.shape
    ends = closed_form.optimal(problem, np.eye(task.k))
    gain = closed_form.optimal_values(problem, np.eye(task.k)) - closed_form.values(problem, problem.log_base[None]).rewards[0]
    return "\n".join([
        f"- {c:,} answers of {task.decoding.max_tokens} words to each of {n} test prompts; prompts: {prompts}; beta {task.beta:g}",
        f"- KL of the ideal single-objective policies: median {np.median(ends.kl):.2f} nats; their gain in value over the base: "
        f"{gain.min():.3f} to {gain.max():.3f}",
    ])  # fmt: skip


def _relation(task: ExactTask, problem: Problem) -> str:
    upper, off = np.triu_indices(task.k, 1), ~np.eye(task.k, dtype=bool)
    asked = np.vstack([np.eye(task.k), np.full(task.k, 1 / task.k)])
    ideal, base = closed_form.optimal(problem, asked).rewards, closed_form.values(problem, problem.log_base[None]).rewards[0]
    rows = [("reward correlation on the base's answers", closed_form.reward_correlation(problem)[upper]),
            ("cosine of the policy gradients at the base", gradient_cosines(problem)[upper]),
            ("transfer between the ideal single-objective policies", transfers(base, ideal[:-1])[off])]  # fmt: skip
    lines = [f"| relation (declared: {task.relation}) | measured |", "|---|---|"]
    for label, values in rows:
        few = " and back ".join(f"{value:.2f}" for value in values)
        shown = few if task.k == PAIR else f"{values.min():.2f} to {values.max():.2f}, mean {values.mean():.2f}"
        lines.append(f"| {label} | {shown} |")
    lines.append(f"| loss of the ideal point at equal weights | {ideal_loss(base, ideal[:-1], ideal[-1]):.2f} |")
    return "\n".join(lines)


def _front(problem: Problem, task: ExactTask) -> str:
    small, asked = closed_form.compress(problem), lattice(2)
    best, base = closed_form.optimal(small, asked), closed_form.values(problem, problem.log_base[None])
    one, two = (o.name for o in task.objectives)
    lines = [f"| w | J* | J base | {one} | {two} | KL (nats) |", "|---|---|---|---|---|---|"]
    for i, w in enumerate(asked):
        cells = (best.at(asked)[i], float(base.returns[0] @ w), *best.rewards[i])
        lines.append(f"| {w[0]:.1f}, {w[1]:.1f} | " + " | ".join(f"{c:.3f}" for c in cells) + f" | {best.kl[i]:.2f} |")
    gaps = {
        level: mixing_gap(problem, mixtures(problem, len(WORDS), task.decoding.max_tokens, level)) for level in ("logits", "probabilities")
    }
    return "\n".join(lines) + (
        "\n\nIdeal experts mixed word by word have a pooled gap (0 the best policies, 1 the base) of "
        f"{gaps['logits']:.3f} in the log (mod) and {gaps['probabilities']:.3f} as probabilities: what each rule cannot go below here."
    )


def _headroom(task: ContextualTask, base: Base) -> str:
    problem = task.problem(base)
    arms = mixtures(problem, len(WORDS), task.decoding.max_tokens)
    lines = [
        f"| lexicon draw {task.draw} | base | random arm | mod | best fixed mixture | per-prompt oracle | headroom |",
        "|" + "---|" * 7,
    ]
    for utility, with_kl in [(u, False) for u in task.utilities] + [(task.utilities[0], True)]:
        found = headroom(problem, arms, utility, with_kl=with_kl)
        cells = (found.base, found.random, found.mod, found.fixed, found.oracle, found.headroom)
        lines.append(f"| {utility.name}{' with KL' if with_kl else ''} | " + " | ".join(f"{c:.3f}" for c in cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Write the card's measured part of every task named on the command line."""
    base = load_base("exact")
    for name in sys.argv[1:]:
        write(name, base)


if __name__ == "__main__":
    sys.exit(console.guarded(main))
