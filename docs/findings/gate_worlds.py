"""The exact worlds of docs/findings/gate.md: every arm's answers listed, so that exploring is a draw and judging is a sum.

A world is one split of a contextual task under one pair of experts, ideal (closed form, mixed word by word, by default log-linearly,
as `mod` does) or trained. It knows of every arm and prompt the probability of all 4,096 answers, their rewards, and the KL to the
base along each, which is what `LMPolicy.kl` would return.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from morlbench import closed_form
from morlbench.bench import Bench
from morlbench.closed_form import Problem, next_words
from morlbench.lm.base import Base
from morlbench.lm.bases import WORDS
from morlbench.lm.contextual import ContextualTask
from morlbench.lm.exact import enumerate_answers
from morlbench.lm.exact_task import _base_table
from morlbench.lm.headroom import mixtures
from morlbench.lm.meta import protected_recipe
from morlbench.lm.mixing import Mixture
from morlbench.lm.pooled import pooled_states
from morlbench.lm.train import expert
from morlbench.lm.trained import Settings
from morlbench.methods.moe_cmab.arms import arms
from morlbench.methods.moe_cmab.context import _log_ratios
from morlbench.methods.moe_cmab.features import Components
from morlbench.preference import Array, Utility, lattice
from morlbench.store import Store, default_root
from morlbench.task import Split, Texts

Rows = NDArray[np.int64]
ARMS = arms(2)  # (11, 2), in the order of the lattice
COMPONENTS = 16
RESPONSES = 16_384  # per trained expert


@dataclass(frozen=True, eq=False)
class World:
    """Arms' log-probabilities (a, n, c), a problem of n prompts and c answers, and the context z of each kind (n, .)."""

    arms: Array
    problem: Problem
    context: dict[str, Array]

    @property
    def prompts(self) -> int:
        """Number of prompts n."""
        return len(self.problem.rewards)

    @cached_property
    def paths(self) -> Array:
        """KL to the base along each answer (a, n, c), nats: the full KL over the words at each of its prefixes, summed."""
        base = next_words(self.problem.log_base, len(WORDS), 4)
        total = np.zeros((*self.arms.shape[:2], 1))
        for own, reference in zip(next_words(self.arms, len(WORDS), 4), base, strict=True):
            total = np.repeat(total + (np.exp(own) * (own - reference)).sum(-1), len(WORDS), axis=2)
        return total

    @cached_property
    def rewards(self) -> Array:
        """Expected rewards (a, n, k)."""
        return np.einsum("anc,nck->ank", np.exp(self.arms), self.problem.rewards)

    @cached_property
    def kl(self) -> Array:
        """Exact KL to the base (a, n), nats."""
        return np.asarray((np.exp(self.arms) * (self.arms - self.problem.log_base)).sum(2))

    @cached_property
    def _cdf(self) -> tuple[Array, Array]:
        return np.exp(self.arms).cumsum(2), np.exp(self.problem.log_base).cumsum(1)

    def answer(self, rows: Rows, arm: Rows, rng: np.random.Generator) -> tuple[Array, Array]:
        """Sample an answer to each prompt from its arm; return rewards (m, k) and KL along it (m,)."""
        chosen = _drawn(self._cdf[0][arm, rows], rng)
        return self.problem.rewards[rows, chosen], self.paths[arm, rows, chosen]

    def base_rewards(self, rows: Rows, rng: np.random.Generator) -> Array:
        """Return the rewards (m, k) of one base answer to each prompt."""
        return self.problem.rewards[rows, _drawn(self._cdf[1][rows], rng)]

    def utilities(self, utility: Utility) -> Array:
        """Return exact expected utilities (p, a, n) at the lattice's preferences."""
        shares = np.exp(self.arms)
        return np.stack([np.einsum("anc,nc->an", shares, utility(self.problem.rewards, w)) for w in lattice(2)])


def ideal(task: ContextualTask, base: Base, level: Literal["logits", "probabilities"] = "logits") -> dict[Split, World]:
    """Return the worlds of dev, adapt and test prompts under closed-form experts that are mixed at `level`."""
    found, raw = {}, {}
    for split in ("train", "dev", "adapt", "test"):
        problem = _problem(task, base, task.prompts(split))
        experts = np.stack([closed_form.optimal_policy(problem, w) for w in np.eye(2)])
        first = next_words(experts, len(WORDS), 4)[0] - next_words(problem.log_base, len(WORDS), 4)[0]  # (2, n, 1, V)
        raw[split] = first.clip(-20, 20).transpose(1, 0, 2, 3).reshape(len(problem.rewards), -1)
        if split != "train":
            found[split] = (mixtures(problem, len(WORDS), 4, level), problem)
    return _with_context(task, base, found, raw)


def trained(task: ContextualTask, base: Base, seed: int, level: str = "hidden") -> dict[Split, World]:
    """Return the worlds of dev and test prompts under experts trained as `moe-cmab` trains them, kept in the store, mixed at `level`."""
    bench = Bench(task, base, 2 * RESPONSES, Store(default_root()))
    adapters = [
        expert(bench, protected_recipe(2, i, "projected", 0.3, Settings(rate=base.rate)), responses=RESPONSES, seed=seed) for i in range(2)
    ]
    mixture = Mixture(base, adapters, level)
    found = {}
    for split in ("dev", "test"):
        prompts = task.prompts(split)
        weights = np.repeat(ARMS[:, None], len(prompts), axis=1)
        found[split] = (enumerate_answers(mixture, task.decoding, prompts, weights), _problem(task, base, prompts))
    raw = {split: _log_ratios(mixture, task.prompts(split)) for split in ("train", "dev", "test")}
    return _with_context(task, base, found, raw)


def _with_context(
    task: ContextualTask, base: Base, found: dict[Split, tuple[Array, Problem]], ratios: dict[Split, Array]
) -> dict[Split, World]:
    """Reduce both contexts as the method does: components fitted on train prompts, without labels."""
    raw = {"log-ratio": ratios, "hidden": {split: pooled_states(base, task.prompts(split)) for split in ratios}}
    fitted = {kind: Components.fit(of["train"], COMPONENTS) for kind, of in raw.items()}
    worlds = {}
    for split, (log_arms, problem) in found.items():
        context = {kind: fitted[kind].transform(raw[kind][split]) for kind in raw}
        worlds[split] = World(log_arms, problem, context | {"none": np.zeros((len(problem.rewards), 0))})
    return worlds


def _problem(task: ContextualTask, base: Base, prompts: Texts) -> Problem:
    return Problem(_base_table(base, prompts, task.decoding), task.table_of(prompts), task.beta)


def _drawn(cdf: Array, rng: np.random.Generator) -> Rows:
    """Return one index per row of cumulative probabilities (m, c)."""
    point = rng.random(len(cdf)) * cdf[:, -1]
    return np.asarray((cdf < point[:, None]).sum(1).clip(max=cdf.shape[1] - 1))
