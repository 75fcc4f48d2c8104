"""Measure this task and write the facts into its card: `python -m morlbench.tasks.fluency_vs_helpfulness.facts --write`.

Run it again after the base or the scorer changed. Scorer accuracy on the labelled pairs, the base's rewards on dev prompts,
thresholds, and what an expert of each objective reaches (two trainings, `--responses 0` leaves them out) with the reference
point that follows. The numbers the task itself holds (thresholds, reference_point in __init__.py) are printed, not edited:
changing them is a new version of the task.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from morlbench.bench import Bench
from morlbench.lm.adapter import Adapter
from morlbench.lm.base import Base, load_base
from morlbench.lm.policy import base_policy, single_policy
from morlbench.lm.rewards import text, validation
from morlbench.lm.train import Recipe, expert, one_hot
from morlbench.lm.trained import usual
from morlbench.preference import Array
from morlbench.store import Store
from morlbench.task import Split, Texts

from . import FOLDER, FluencyVsHelpfulness
from .rewards import fluency, helpfulness

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@dataclass(frozen=True)
class Samples:
    """Answers (n,) to prompts of one split, with raw and scaled rewards (n, 2) and the mean KL to the base in nats."""

    prompts: Texts
    answers: Texts
    raw: Array
    scaled: Array
    kl: float


def draw(base: Base, split: Split, draws: int, adapter: Adapter | None = None) -> Samples:
    """Return `draws` answers to every prompt of the split, from the base or from one adapter on it."""
    task = FluencyVsHelpfulness()
    prompts = task.prompts(split) * draws
    policy = single_policy(base, task.decoding, adapter) if adapter else base_policy(base, task.decoding)
    even = np.full((len(prompts), task.k), 1 / task.k)
    responses = policy.respond(prompts, even, seed=0)
    answers = responses.texts
    kl = policy.kl(prompts, even, responses)
    raw = np.stack([fluency(answers), helpfulness(prompts, answers)], axis=1)
    return Samples(prompts, answers, raw, task.score(prompts, answers), 0.0 if kl is None else float(kl.mean()))


def accuracies(every: int = 1) -> list[validation.Accuracy]:
    """Return the scorers' accuracy on every so many of the committed pairs, by objective and kind."""
    pairs = validation.read(FOLDER / "pairs.jsonl")[::every]

    def of(objective: str) -> list[validation.Pair]:
        return [pair for pair in pairs if pair.objective == objective]

    fluent = validation.accuracy(lambda prompts, answers: fluency(answers), of("fluency"))
    return fluent + validation.accuracy(helpfulness, of("helpfulness"))


def describe(sampled: Samples) -> str:
    """Return the distribution of both objectives on base samples and what follows from it, as markdown."""
    head = ["objective", "unit", "mean", "std", *(f"{q:.0%}" for q in QUANTILES)]
    lines = ["| " + " | ".join(head) + " |", "|---|---|" + "---:|" * (len(head) - 2)]
    for i, objective in enumerate(FluencyVsHelpfulness.objectives):
        for unit, values in ((objective.unit or "raw", sampled.raw[:, i]), ("scaled", sampled.scaled[:, i])):
            numbers = [float(values.mean()), float(values.std()), *(float(np.quantile(values, q)) for q in QUANTILES)]
            lines.append(f"| {objective.name} | {unit} | " + " | ".join(f"{x:.3f}" for x in numbers) + " |")
    medians = ", ".join(f"{float(np.median(column)):.3f}" for column in sampled.scaled.T)
    outside = [float(((column <= 0) | (column >= 1)).mean()) for column in sampled.scaled.T]
    ended = np.mean([text.finished(answer) for answer in sampled.answers])
    lines += [
        "",
        f"- thresholds (medians of base samples): ({medians})",
        f"- correlation of the objectives: {_correlation(sampled.scaled):.2f}; within prompts: {_within(sampled):.2f}",
        f"- samples at an end of the range: {outside[0]:.1%}, {outside[1]:.1%}",
        f"- answers that end before the token limit: {ended:.0%}",
    ]
    return "\n".join(lines)


def _within(sampled: Samples) -> float:
    """Correlation after each prompt's mean is taken away: what a policy gradient sees."""
    _, group = np.unique(np.array(sampled.prompts), return_inverse=True)
    counts = np.bincount(group)[:, None]
    means = np.stack([np.bincount(group, weights=column) for column in sampled.scaled.T], axis=1) / counts
    return _correlation(sampled.scaled - means[group])


def _correlation(values: Array) -> float:
    """Pearson correlation of the two columns."""
    centred = values - values.mean(0)
    return float((centred[:, 0] * centred[:, 1]).mean() / np.sqrt((centred**2).mean(0).prod()))


def compare(base: Base, split: Split, draws: int, responses: int) -> str:
    """Train one expert per objective on `responses` answers each; return what each reaches and the reference point."""
    task = FluencyVsHelpfulness()
    found = {"base": draw(base, split, draws)}
    with TemporaryDirectory() as folder:
        bench = Bench(task, base, 2 * responses, Store(Path(folder)))
        for i, objective in enumerate(task.objectives):
            adapter = expert(bench, Recipe(one_hot(task.k, i), settings=usual(base)), responses=responses, seed=0)
            found[f"{objective.name} expert"] = draw(base, split, draws, adapter)
    means = np.stack([sampled.scaled.mean(0) for sampled in found.values()])  # (3, k)
    lines = ["| policy | " + " | ".join(o.name for o in task.objectives) + " | KL, nats |", "|---|" + "---:|" * (task.k + 1)]
    for (name, sampled), row in zip(found.items(), means, strict=True):
        lines.append(f"| {name} | " + " | ".join(f"{x:.3f}" for x in row) + f" | {sampled.kl:.1f} |")
    point = np.maximum(means.min(0) - 0.1 * (means.max(0) - means.min(0)), 0)
    lines += ["", "- reference point: (" + ", ".join(f"{x:.3f}" for x in point) + ")"]
    return "\n".join(lines)


def write(facts: str, card: Path = FOLDER / "README.md") -> None:
    """Replace what stands between the card's two `measured` marks."""
    before, mark, rest = card.read_text(encoding="utf-8").partition("<!-- measured -->")
    _, end, after = rest.partition("<!-- end of measured -->")
    card.write_text(f"{before}{mark}\n{facts}\n{end}{after}", encoding="utf-8")


def main() -> None:
    """Measure what the command line asks for, print it, and with `--write` put it into the card."""
    parser = argparse.ArgumentParser(description="Measured facts of fluency-vs-helpfulness.")
    parser.add_argument("--base", default="nano")
    parser.add_argument("--split", default="dev", choices=("train", "dev", "adapt", "test"))
    parser.add_argument("--draws", type=int, default=8, help="answers to each prompt")
    parser.add_argument("--responses", type=int, default=2048, help="scored answers each expert trains on; 0 trains none")
    parser.add_argument("--write", action="store_true", help="write the facts into the card")
    parser.add_argument("--show", action="store_true", help="show samples of the base along both objectives too")
    chosen = parser.parse_args()
    base = load_base(chosen.base)
    sampled = draw(base, chosen.split, chosen.draws)
    parts = [
        "Accuracy of the scorers on the labelled pairs:",
        validation.markdown(accuracies()),
        f"{len(sampled.answers)} answers of `{base.identity}` to the {chosen.split} prompts:",
        describe(sampled),
    ]
    if chosen.responses:
        title = (
            f"Mean rewards on the {chosen.split} prompts, of the base and of one expert per objective ({chosen.responses} answers, seed 0):"
        )
        parts += [title, compare(base, chosen.split, chosen.draws, chosen.responses)]
    print("\n\n".join(parts))
    if chosen.write:
        write("\n\n".join(parts))
    if chosen.show:
        print(_ladder(sampled))


def _ladder(sampled: Samples) -> str:
    lines = []
    for i, objective in enumerate(FluencyVsHelpfulness.objectives):
        order = np.argsort(sampled.scaled[:, i])
        for place in (0.02, 0.25, 0.5, 0.75, 0.98):
            j = int(order[int(place * len(order))])
            lines.append(f"{objective.name} at {place:.0%}: {sampled.scaled[j]} {sampled.prompts[j]!r}\n  {sampled.answers[j]!r}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
