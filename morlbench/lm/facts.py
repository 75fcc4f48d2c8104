"""Measure text tasks and write what was found: `python -m morlbench.lm.facts TASK ... --write`.

Run it again after the base, a scorer or a task changed. It measures the scorers' accuracy on the labelled pairs, the base's
rewards on dev prompts, the thresholds, the relation of the objectives and, with `--responses`, one expert per objective and
equal weights, from which the reference point and the KL budget follow. With `--write` the numbers a task holds go to its
facts.json, the tables between the marks of its card, and the content's fingerprint to frozen.json. Without experts
(`--responses 0`) the reference point is provisional: one standard deviation below the base's means.
"""

import argparse
import json
import sys

import numpy as np
import torch

from morlbench import console, registry
from morlbench.check.folder import QUANTILES
from morlbench.check.frozen import freeze
from morlbench.errors import BadInput
from morlbench.lm.base import Base, load_base
from morlbench.lm.relate import Samples, Trained, of_samples, train
from morlbench.lm.rewards import text, validation
from morlbench.lm.rewards.pairs import PER_KIND, pairs
from morlbench.lm.text_task import TextTask
from morlbench.marks import put
from morlbench.preference import Array
from morlbench.relation import Effort, Measured
from morlbench.relation_page import markdown
from morlbench.store import Store, default_root, write_bytes

MARKS = "<!-- measured -->", "<!-- end of measured -->"


def accuracy_table(task: TextTask, per_kind: int = PER_KIND) -> str:
    """Return the accuracy of every scorer and of its gold scorer on the labelled pairs, by objective and kind, as markdown."""
    lines = ["| objective | what ails the worse answer | scorer | gold | pairs |", "|---|---|---:|---:|---:|"]
    for measure in task.measures:
        made = pairs(measure.name, per_kind)
        first = validation.accuracy(lambda p, a, m=measure: m.objective.scale(m.score(p, a)), made)  # type: ignore[misc]
        second = validation.accuracy(measure.gold, made)
        for one, other in zip(first, second, strict=True):
            lines.append(f"| {one.objective} | {one.kind} | {one.share:.2f} | {other.share:.2f} | {one.count} |")
        shares = [sum(a.share * a.count for a in found) / len(made) for found in (first, second)]
        lines.append(f"| {measure.name} | **all** | {shares[0]:.2f} | {shares[1]:.2f} | {len(made)} |")
    return "\n".join(lines)


def distribution(task: TextTask, base: Samples) -> str:
    """Return how both scorers' rewards of the base's answers are distributed, as markdown."""
    gold = task.gold(base.prompts, base.responses.texts)
    head = ["objective", "mean", "std", *(f"{q:.0%}" for q in QUANTILES), "at an end", "gold mean", "correlation with gold"]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    for i, objective in enumerate(task.objectives):
        own = base.rewards[:, i]
        numbers = [float(own.mean()), float(own.std()), *(float(np.quantile(own, q)) for q in QUANTILES)]
        ends, other = float(((own <= 0) | (own >= 1)).mean()), gold[:, i]
        alike = float(np.corrcoef(own, other)[0, 1]) if own.std() and other.std() else float("nan")
        shown = " | ".join(f"{x:.3f}" for x in numbers)
        lines.append(f"| {objective.name} | {shown} | {ends:.0%} | {other.mean():.3f} | {alike:.2f} |")
    ended = np.mean([text.finished(answer) for answer in base.responses.texts])
    return "\n".join([*lines, "", f"- answers that end before the token limit: {ended:.0%}"])


def reached(task: TextTask, found: Trained) -> str:
    """Return the mean rewards and KL of the base, every expert and equal weights, as markdown; gains in standard errors by prompt."""
    rows = {"base": found.base} | {f"{o.name} expert": s for o, s in zip(task.objectives, found.experts, strict=True)}
    if found.equal is not None:
        rows["equal weights"] = found.equal
    lines = ["| policy | " + " | ".join(o.name for o in task.objectives) + " | KL, nats |", "|---|" + "---:|" * (task.k + 1)]
    lines += [f"| {n} | " + " | ".join(f"{x:.3f}" for x in s.rewards.mean(0)) + f" | {s.kl.mean():.1f} |" for n, s in rows.items()]
    gains = [
        f"{o.name} {gain_in_errors(found.base, s, i):.1f}" for i, (o, s) in enumerate(zip(task.objectives, found.experts, strict=True))
    ]
    return "\n".join([*lines, "", f"- gain of each expert on its own objective, in standard errors paired by prompt: {', '.join(gains)}"])


def gain_in_errors(base: Samples, expert: Samples, objective: int) -> float:
    """Return the expert's mean gain on one objective over the standard error of the gain, paired by prompt."""
    prompts = sorted(set(base.prompts))
    means = [_by_prompt(samples, objective) for samples in (base, expert)]
    gain = np.array([means[1][prompt] - means[0][prompt] for prompt in prompts])
    return float(gain.mean() / (gain.std(ddof=1) / np.sqrt(len(gain))))


def reference_point(found: Trained) -> Array:
    """Return the smallest mean among base and experts minus a margin, not below 0; provisional without experts.

    The margin is a tenth of these means' range, or what puts the point two standard errors of the base's mean (over prompts) below the
    largest of them: where the range is less than that, all policies may lie lower on other prompts.
    """
    base = found.base.rewards
    if not found.experts:
        return np.asarray(np.maximum(base.mean(0) - base.std(0), 0))
    means = np.stack([base.mean(0), *(samples.rewards.mean(0) for samples in found.experts)])
    ranges, errors = means.max(0) - means.min(0), _errors(found.base)
    return np.asarray(np.maximum(means.min(0) - np.maximum(0.1 * ranges, 2 * errors - ranges), 0))


def kl_budget(found: Trained) -> float | None:
    """Return the median of the experts' mean KL in nats, to one digit; None without experts."""
    return round(float(np.median([samples.kl.mean() for samples in found.experts])), 1) if found.experts else None


def report(task: TextTask, found: Trained, measured: Measured) -> str:
    """Return everything between a card's marks."""
    parts = [
        "Accuracy on the labelled pairs (`morlbench/lm/rewards/pairs.py`; a tie counts as wrong):",
        accuracy_table(task),
        f"{len(found.base.prompts)} answers of `{measured.base}` to the dev prompts, scaled rewards:",
        distribution(task, found.base),
        markdown(measured),
    ]
    if found.experts:
        parts += ["Mean rewards on the dev prompts after training (seed 0):", reached(task, found)]
    kind = "" if found.experts else " (provisional: no experts were trained)"
    held = (reference_point(found).round(3), np.median(found.base.rewards, 0).round(3))  # as facts.json has them
    shown = [", ".join(f"{x:.3f}" for x in values) for values in held]
    lines = [f"- reference point{kind}: ({shown[0]})", f"- thresholds (medians of the base's answers): ({shown[1]})"]
    if found.experts:
        lines.insert(1, f"- KL budget (the experts' median): {kl_budget(found)} nats")
    return "\n\n".join([*parts, "\n".join(lines)])


def write(task: TextTask, found: Trained, measured: Measured, page: str) -> None:
    """Write facts.json and the card's measured part."""
    facts = {
        "version": task.version, "base": measured.base, "reference_point": reference_point(found).round(3).tolist(),
        "thresholds": np.median(found.base.rewards, 0).round(3).tolist(), "kl_budget": kl_budget(found),
        "quantiles": np.quantile(found.base.rewards, QUANTILES, axis=0).T.round(3).tolist(), "relation": measured.row(),
    }  # fmt: skip
    write_bytes(task.folder / "facts.json", (json.dumps(facts, indent=1) + "\n").encode())
    put(task.folder / "README.md", MARKS, page)


def main() -> None:
    """Measure the tasks of the command line, print, and with `--write` keep what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="+", help="text tasks, e.g. assistant-5")
    parser.add_argument("--base", default="", help="another base than the task's")
    parser.add_argument("--draws", type=int, default=8, help="answers to each dev prompt")
    parser.add_argument("--responses", type=int, default=2048, help="scored answers each expert trains on; 0 trains none")
    parser.add_argument("--threads", type=int, default=0, help="threads of torch; 0 leaves it alone")
    parser.add_argument("--write", action="store_true", help="write facts.json, frozen.json and the card")
    chosen = parser.parse_args()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    effort = Effort(draws=chosen.draws, responses=chosen.responses)
    for name in chosen.tasks:
        task = text_task(name)
        base: Base = load_base(chosen.base or task.base)
        found = train(task, base, effort, Store(default_root()))
        measured = of_samples(task, base, found)
        page = report(task, found, measured)
        print(f"{name}\n\n{page}\n")
        if chosen.write:
            write(task, found, measured, page)
            freeze(name)


def text_task(name: str) -> TextTask:
    """Return the text task of that name, or raise BadInput."""
    cls = registry.load("tasks", name)
    if not issubclass(cls, TextTask):
        raise BadInput(f"task {name!r} is no text task of this family; expected one such as 'assistant-5'")
    return cls()


def _errors(samples: Samples) -> Array:
    """Return the standard error over prompts of each mean reward (k,)."""
    means = np.array([list(_by_prompt(samples, i).values()) for i in range(samples.rewards.shape[1])])
    return np.asarray(means.std(1, ddof=1) / np.sqrt(means.shape[1]))


def _by_prompt(samples: Samples, objective: int) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for prompt, value in zip(samples.prompts, samples.rewards[:, objective].tolist(), strict=True):
        found.setdefault(prompt, []).append(value)
    return {prompt: float(np.mean(values)) for prompt, values in found.items()}


if __name__ == "__main__":
    sys.exit(console.guarded(main))
