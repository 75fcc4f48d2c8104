"""Print the measured facts of this task's card: `python -m morlbench.tasks.fluency_vs_helpfulness.facts [--base nano]`.

Run it again after the base or the scorer changed, and copy what it prints into README.md and, where it names a field of the
task (range, thresholds), into __init__.py. The accuracy of the scorers on the labelled pairs needs no sampling and is
printed first.
"""

import argparse
from dataclasses import dataclass

import numpy as np
from morlbench.tasks.fluency_vs_helpfulness import FOLDER, FluencyVsHelpfulness
from morlbench.tasks.fluency_vs_helpfulness.rewards import fluency, helpfulness

from morlbench.lm.rewards import validation
from morlbench.preference import Array
from morlbench.task import Split, Texts

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@dataclass(frozen=True)
class Samples:
    """Base answers (n,) to prompts of one split, with raw and scaled rewards (n, 2)."""

    prompts: Texts
    answers: Texts
    raw: Array
    scaled: Array


def raw(prompts: Texts, answers: Texts) -> Array:
    """Return both objectives in their own units (n, 2)."""
    return np.stack([fluency(answers), helpfulness(prompts, answers)], axis=1)


def samples(base: str, split: Split, draws: int, seed: int = 0) -> Samples:
    """Draw `draws` answers to every prompt of the split from an untrained base."""
    from morlbench.lm.base import load_base
    from morlbench.lm.policy import base_policy

    task = FluencyVsHelpfulness()
    prompts = task.prompts(split) * draws
    policy = base_policy(load_base(base), task.decoding)
    answers = policy.respond(prompts, np.full((len(prompts), task.k), 1 / task.k), seed=seed).texts
    return Samples(prompts, answers, raw(prompts, answers), task.score(prompts, answers))


def accuracy() -> str:
    """Return the scorers' accuracy on the committed pairs as a markdown table."""
    pairs = validation.read(FOLDER / "pairs.jsonl")
    found = []
    for column, objective in enumerate(FluencyVsHelpfulness.objectives):
        own = [pair for pair in pairs if pair.objective == objective.name]
        found += validation.accuracy(lambda prompts, answers, column=column: raw(prompts, answers)[:, column], own)
    return validation.markdown(found)


def describe(sampled: Samples) -> str:
    """Return the distribution of both objectives on base samples and what follows from it, as markdown."""
    head = ["objective", "unit", "mean", "std", *(f"{q:.0%}" for q in QUANTILES)]
    lines = ["| " + " | ".join(head) + " |", "|---|---|" + "---:|" * (len(head) - 2)]
    for i, objective in enumerate(FluencyVsHelpfulness.objectives):
        for unit, values in ((objective.unit or "raw", sampled.raw[:, i]), ("scaled", sampled.scaled[:, i])):
            numbers = [values.mean(), values.std(), *np.quantile(values, QUANTILES)]
            lines.append(f"| {objective.name} | {unit} | " + " | ".join(f"{x:.3f}" for x in numbers) + " |")
    medians = ", ".join(f"{m:.3f}" for m in np.median(sampled.scaled, axis=0))
    outside = ((sampled.scaled <= 0) | (sampled.scaled >= 1)).mean(0)
    lines += [
        "",
        f"- thresholds (medians of base samples): ({medians})",
        f"- correlation of the objectives: {np.corrcoef(sampled.scaled.T)[0, 1]:.2f}; within prompts: {_within(sampled):.2f}",
        f"- samples at an end of the range: {outside[0]:.1%}, {outside[1]:.1%}",
        f"- answers that end before the token limit: {np.mean([a.rstrip().endswith(('.', '!', '?')) for a in sampled.answers]):.0%}",
    ]
    return "\n".join(lines)


def _within(sampled: Samples) -> float:
    """Correlation after each prompt's mean is taken away: what a policy gradient sees."""
    _, group = np.unique(np.array(sampled.prompts), return_inverse=True)
    counts = np.bincount(group)[:, None]
    means = np.stack([np.bincount(group, weights=column) for column in sampled.scaled.T], axis=1) / counts
    return float(np.corrcoef((sampled.scaled - means[group]).T)[0, 1])


def main() -> None:
    """Print accuracy and, unless `--pairs-only`, the base's distribution on dev prompts with its best and worst samples."""
    parser = argparse.ArgumentParser(description="Measured facts of fluency-vs-helpfulness.")
    parser.add_argument("--base", default="nano")
    parser.add_argument("--split", default="dev", choices=("train", "dev", "adapt", "test"))
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--pairs-only", action="store_true")
    chosen = parser.parse_args()
    print(accuracy())
    if chosen.pairs_only:
        return
    sampled = samples(chosen.base, chosen.split, chosen.draws)
    print(f"\n{len(sampled.answers)} answers of {chosen.base} to {chosen.split} prompts\n\n{describe(sampled)}")
    for i, objective in enumerate(FluencyVsHelpfulness.objectives):
        order = np.argsort(sampled.scaled[:, i])
        for place in (0.02, 0.25, 0.5, 0.75, 0.98):
            j = int(order[int(place * len(order))])
            print(f"\n{objective.name} at {place:.0%}: {sampled.scaled[j].round(2)} {sampled.prompts[j]!r}\n  {sampled.answers[j]!r}")


if __name__ == "__main__":
    main()
