"""The floor of the parametrisation: how near an adapter gets to pi*_w when it is shown pi*_w, `python -m morlbench.lm.floor TASK ...`.

The closed-form optimum is fitted by supervised learning: answers drawn from pi*_w on train prompts, cross-entropy against its
next-word probabilities, with the same low-rank updates and readout that reinforcement learning has. What gap remains on the
test prompts is due to the parametrisation and to prompts never seen, not to the search. Nothing here is part of a run.
"""

import argparse
import sys
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from morlbench import closed_form, console
from morlbench.closed_form import Problem
from morlbench.errors import BadInput, MorlbenchError
from morlbench.lm.adapter import Adapter
from morlbench.lm.base import Base, load_base
from morlbench.lm.bases import PROMPT_WORDS, WORDS
from morlbench.lm.exact import enumerate_answers
from morlbench.lm.exact_task import ExactTask, all_answers, read
from morlbench.lm.mixing import Hook, Mixture
from morlbench.lm.policy import single_policy
from morlbench.preference import Array
from morlbench.registry import load

SCALE = 2.0  # alpha / rank, as the experts have it


@dataclass(frozen=True)
class Fit:
    """How the optimum is fitted."""

    steps: int = 6_000
    batch: int = 128
    rate: float = 3e-3  # the peak of a one-cycle schedule
    rank: int = 8
    prompts: int = 256
    seed: int = 0


def floor(task: ExactTask, base: Base, preference: Array, fit: Fit = Fit()) -> float:
    """Return the gap at one preference (k,) of an adapter fitted to pi*_w."""
    found = fitted(task, base, preference, fit)
    exact = task.exact(single_policy(base, task.decoding, found), preference[None])
    if exact is None:
        raise MorlbenchError("an adapter's answers could not be listed")
    return exact.gap


def fitted(task: ExactTask, base: Base, preference: Array, fit: Fit) -> Adapter:
    """Return the adapter after supervised learning of pi*_w on train prompts."""
    teacher = _Teacher(task, base, preference, fit)
    model = _Student(base, fit)
    optimiser = torch.optim.AdamW(model.parameters(), lr=fit.rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, fit.rate, total_steps=fit.steps)
    for _ in range(fit.steps):
        words, targets = teacher.draw(fit.batch)
        own = model(words)[:, PROMPT_WORDS - 1 :]
        loss = -(targets.exp() * own).sum(-1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return model.adapter()


class _Teacher:
    """pi*_w on train prompts: draws answers and states the next-word log-probabilities along them."""

    def __init__(self, task: ExactTask, base: Base, preference: Array, fit: Fit) -> None:
        prompts, self._length = task.prompts("train")[: fit.prompts], task.decoding.max_tokens
        log_base = enumerate_answers(Mixture(base, ()), task.decoding, prompts, np.zeros((1, len(prompts), 0)))[0]
        best = closed_form.optimal_policy(Problem(log_base, task.table_of(prompts), task.beta), preference)
        self._next = closed_form.next_words(best, len(WORDS), self._length)
        self._cdf = np.exp(best).cumsum(1)
        self._prompts = np.array([read(prompt, PROMPT_WORDS) for prompt in prompts])
        self._rng = np.random.default_rng(fit.seed)

    def draw(self, b: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return inputs (b, prompt + t - 1) and target log-probabilities (b, t, V)."""
        rows = self._rng.integers(0, len(self._prompts), b)
        points = self._rng.random(b) * self._cdf[rows, -1]
        answers = np.array([np.searchsorted(self._cdf[row], point) for row, point in zip(rows, points, strict=True)])
        words = np.hstack([self._prompts[rows], all_answers(self._length)[answers][:, :-1]])
        targets = np.stack([step[rows, answers // len(WORDS) ** (self._length - j)] for j, step in enumerate(self._next)], 1)
        return torch.as_tensor(words), torch.as_tensor(targets, dtype=torch.float32)


class _Student(nn.Module):
    """The base with trainable low-rank updates and readout, attached by hooks for each forward pass."""

    def __init__(self, base: Base, fit: Fit) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(fit.seed)
        self._base, self._targets = [base], base.targets()  # in a list: the base is no part of this module
        shapes = [tuple(torch.as_tensor(module.weight).shape) for module in self._targets.values()]
        self._down = [nn.Parameter(_uniform(fit.rank, size, rng)) for _, size in shapes]
        self._up = [nn.Parameter(torch.zeros(size, fit.rank)) for size, _ in shapes]
        self._both = nn.ParameterList([*self._down, *self._up])  # so that the optimiser finds them
        self.readout = nn.Parameter(torch.zeros_like(base.final_norm().readout.weight))

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        """Return next-word log-probabilities (b, t, V) after words (b, t)."""
        base = self._base[0]
        pairs = zip(self._targets.values(), self._down, self._up, strict=True)
        hooks = [module.register_forward_hook(_low_rank(a, b)) for module, a, b in pairs]
        hooks.append(base.final_norm().readout.register_forward_hook(lambda _module, inputs, output: output + inputs[0] @ self.readout.T))
        try:
            return torch.as_tensor(torch.log_softmax(base.model(input_ids=words).logits, -1))
        finally:
            for hook in hooks:
                hook.remove()

    def adapter(self) -> Adapter:
        """Return what was learnt."""
        pairs = zip(self._targets, self._down, self._up, strict=True)
        return Adapter({name: (a.detach(), SCALE * b.detach()) for name, a, b in pairs}, self.readout.detach())


def _low_rank(a: torch.Tensor, b: torch.Tensor) -> Hook:
    def hook(_module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(output + SCALE * (inputs[0] @ a.T) @ b.T)

    return hook


def _uniform(rank: int, size: int, rng: torch.Generator) -> torch.Tensor:
    return torch.as_tensor((torch.rand(rank, size, generator=rng) * 2 - 1) / size**0.5)


def main() -> None:
    """Print the floor of each exact task named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m morlbench.lm.floor", description=__doc__)
    parser.add_argument("tasks", nargs="+", help="exact tasks, e.g. exact-competing")
    names, loaded = parser.parse_args().tasks, load_base("exact")
    for name in names:
        task = load("tasks", name)()
        if not isinstance(task, ExactTask):
            raise BadInput(f"task {name!r} is not an exact task; expected one such as 'exact-competing'")
        asked = [task.preference, *map(tuple, np.eye(task.k).tolist())]
        gaps = ", ".join(f"{floor(task, loaded, np.array(w)):.3f} at {w}" for w in asked)
        print(f"{name}: gap of a supervised fit of pi*: {gaps}", flush=True)


if __name__ == "__main__":
    sys.exit(console.guarded(main))
