"""Measure how a task's objectives relate: exactly on tasks that can be listed, else from samples, gradients and experts.

Gradients are of the expected rewards at the base, by the weights of every linear layer and the readout, with leave-one-out
advantages; inner products are between different batches only, so that the noise two objectives share (they are scored on the
same answers) does not pass for agreement; each cosine has a standard error over the batches (jackknife). Experts and the policy of
equal weights are trained at the task's own beta and come from the store where they can. Leaves out errors of anything but the
cosines: one seed, one draw of answers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from morlbench import closed_form
from morlbench.bench import Bench, Watch
from morlbench.errors import BadInput
from morlbench.lm.adapter import Adapter
from morlbench.lm.base import Base
from morlbench.lm.exact_card import gradient_cosines
from morlbench.lm.exact_task import ExactTask
from morlbench.lm.policy import base_policy, padded, single_policy
from morlbench.lm.train import Recipe, expert, one_hot, whole_steps
from morlbench.lm.trained import STANDARD, usual
from morlbench.method import Responses
from morlbench.preference import Array
from morlbench.relation import BATCHES, Effort, Measured, correlate, cosines, ideal_loss, jackknife, transfers
from morlbench.store import Store
from morlbench.task import Task, Texts

FOLDED = 2**18  # numbers to which a gradient is folded for the errors: inner products keep to about 1/512 of the lengths


@dataclass(frozen=True, eq=False)
class Samples:
    """Answers of one policy (n) with rewards (n, k) and KL to the base (n,) in nats; row i answers prompts[i]."""

    prompts: Texts
    responses: Responses
    rewards: Array
    kl: Array


@dataclass(frozen=True, eq=False)
class Trained:
    """Samples of the base and, where they were trained, of each objective's expert and of equal weights."""

    base: Samples
    experts: tuple[Samples, ...] = ()
    equal: Samples | None = None


def measure(task: Task, base: Base, effort: Effort, store: Store, watch: Watch | None = None) -> Measured:
    """Return the measured relation of any task."""
    if isinstance(task, ExactTask):
        return _exact(task, base)
    return of_samples(task, base, train(task, base, effort, store, watch))


def train(task: Task, base: Base, effort: Effort, store: Store, watch: Watch | None = None) -> Trained:
    """Sample the base, and with effort.responses train and sample one expert per objective and equal weights."""
    plain = sample(task, base, effort)
    responses = whole_steps(effort.responses)
    if effort.responses and not responses:
        raise BadInput(f"{effort.responses} responses are less than one batch of {STANDARD.batch}; 0 trains no experts")
    if not responses:
        return Trained(plain)
    bench = Bench(task, base, (task.k + 1) * responses, store, watch=watch)
    weights = [*(one_hot(task.k, i) for i in range(task.k)), (1 / task.k,) * task.k]
    recipes = [Recipe(w, settings=usual(base)) for w in weights]
    found = [sample(task, base, effort, expert(bench, recipe, responses=responses, seed=effort.seed)) for recipe in recipes]
    return Trained(plain, tuple(found[:-1]), found[-1])


def sample(task: Task, base: Base, effort: Effort, adapter: Adapter | None = None) -> Samples:
    """Return answers to every prompt of the split, `draws` in a row each, from the base or one adapter on it."""
    prompts = tuple(prompt for prompt in task.prompts(effort.split) for _ in range(effort.draws))
    policy = single_policy(base, task.decoding, adapter) if adapter else base_policy(base, task.decoding)
    even = np.full((len(prompts), task.k), 1 / task.k)
    responses = policy.respond(prompts, even, seed=effort.seed)
    kl = policy.kl(prompts, even, responses) if adapter else None
    return Samples(prompts, responses, task.score(prompts, responses.texts), np.zeros(len(prompts)) if kl is None else np.asarray(kl))


def of_samples(task: Task, base: Base, found: Trained) -> Measured:
    """Return the relation that samples and the base's gradients show."""
    k, plain = task.k, found.base
    draws = plain.prompts.count(plain.prompts[0])
    grouped = plain.rewards.reshape(-1, draws, k)
    within = (grouped - grouped.mean(1, keepdims=True)).reshape(-1, k)
    means = {"base": plain.rewards.mean(0)}
    transfer, loss = np.full((k, k), np.nan), float("nan")
    if found.equal is not None:
        experts = np.stack([samples.rewards.mean(0) for samples in found.experts])
        transfer = transfers(means["base"], experts)
        loss = ideal_loss(means["base"], experts, found.equal.rewards.mean(0))
        means |= {f"{o.name} expert": row for o, row in zip(task.objectives, experts, strict=True)}
        means["equal weights"] = found.equal.rewards.mean(0)
    products, without = gradient_products(task, base, plain, draws)
    return Measured(
        task=task.name, declared=task.relation, base=base.identity, names=tuple(o.name for o in task.objectives),
        correlation=correlate(plain.rewards), within=correlate(within), cosine=cosines(products), errors=jackknife(without),
        transfer=transfer, ideal_loss=loss, means={name: tuple(map(float, row)) for name, row in means.items()},
    )  # fmt: skip


def gradient_products(task: Task, base: Base, plain: Samples, draws: int) -> tuple[Array, Array]:
    """Return unbiased inner products (k, k) of the objectives' policy gradients at the base, across BATCHES batches.

    With them those without each of the batches (b, k, k), of folded gradients: to keep whole ones would take gigabytes.
    """
    per_prompt = plain.rewards.reshape(-1, draws, task.k)
    advantages = ((per_prompt - per_prompt.mean(1, keepdims=True)) * draws / max(draws - 1, 1)).reshape(-1, task.k)
    total, folded = torch.zeros(1), list[torch.Tensor]()
    own = np.zeros((task.k, task.k))
    batches = np.array_split(np.arange(len(advantages) // draws), BATCHES)
    with _open(base) as parameters:
        for chosen in (batch for batch in batches if len(batch)):
            rows = (chosen[:, None] * draws + np.arange(draws)).ravel()
            log_p = _log_likelihood(base, task, plain, rows)
            weights = torch.as_tensor(advantages[rows], dtype=log_p.dtype, device=log_p.device)
            gradients = torch.stack([_gradient((log_p * column).sum(), parameters) for column in weights.T])  # (k, parameters)
            own += _inner(gradients)
            total = gradients + total.to(gradients.device)
            folded.append(_folded(gradients))
    return _inner(total) - own, _without(torch.stack(folded))


def _inner(vectors: torch.Tensor) -> Array:
    return np.asarray((vectors @ vectors.T).double().cpu().numpy())


def _folded(gradients: torch.Tensor) -> torch.Tensor:
    """Return gradients (k, parameters) as (k, FOLDED): every number with a fixed random sign, added up FOLDED apart.

    The signs are the same each time, so inner products stay what they were but for noise (a count sketch).
    """
    count = gradients.shape[1]
    signs = torch.randint(2, (count,), dtype=torch.int8, generator=torch.Generator().manual_seed(0)).to(gradients) * 2 - 1
    filled = torch.nn.functional.pad(gradients * signs, (0, -count % FOLDED))
    return filled.view(len(gradients), -1, FOLDED).sum(1)


def _without(folded: torch.Tensor) -> Array:
    """Return inner products (b, k, k) across batches without each of them, from their gradients (b, k, FOLDED)."""
    own = [_inner(batch) for batch in folded]
    total = folded.sum(0)
    return np.stack([_inner(total - batch) - (np.sum(own, axis=0) - mine) for batch, mine in zip(folded, own, strict=True)])


def _gradient(value: torch.Tensor, parameters: list[torch.Tensor]) -> torch.Tensor:
    return torch.cat([g.flatten() for g in torch.autograd.grad(value, parameters, retain_graph=True)])


def _log_likelihood(base: Base, task: Task, plain: Samples, rows: NDArray[np.int64]) -> torch.Tensor:
    """Return log-probabilities (b,) of whole answers at the task's temperature, differentiable."""
    ids, mask = base.encode(tuple(plain.prompts[int(i)] for i in rows))
    tail, exists = padded(tuple(plain.responses.ids[int(i)] for i in rows), base.device)
    whole, whole_mask = torch.cat([ids, tail], 1), torch.cat([mask, exists], 1)
    position = (whole_mask.cumsum(1) - 1).clamp(min=0)
    logits = base.model(input_ids=whole, attention_mask=whole_mask, position_ids=position, use_cache=False).logits
    log_p = (logits[:, -tail.shape[1] - 1 : -1].float() / task.decoding.temperature).log_softmax(-1)
    return torch.as_tensor((log_p.gather(2, tail[..., None])[..., 0] * exists).sum(1))


@contextmanager
def _open(base: Base) -> Iterator[list[torch.Tensor]]:
    """Let gradients reach the linear layers' weights and the readout for as long as the block lasts."""
    parameters = [module.weight for module in base.targets().values()] + [base.final_norm().readout.weight]
    chosen = [p for p in parameters if isinstance(p, torch.Tensor)]
    for parameter in chosen:
        parameter.requires_grad_(True)
    try:
        yield chosen
    finally:
        for parameter in chosen:
            parameter.requires_grad_(False)


def _exact(task: ExactTask, base: Base) -> Measured:
    """Return the relation in closed form: all answers, tabular gradients, and the optimal policies themselves."""
    problem = task.problem(base)
    ends = closed_form.optimal(problem, np.eye(task.k))
    equal = closed_form.optimal(problem, np.full((1, task.k), 1 / task.k)).rewards[0]
    start = closed_form.values(problem, problem.log_base[None]).rewards[0]
    means = {"base": start, "equal weights": equal}
    means |= {f"{o.name} expert": row for o, row in zip(task.objectives, ends.rewards, strict=True)}
    pooled, within, single = _exact_correlations(problem)
    return Measured(
        task=task.name, declared=task.relation, base=base.identity, names=tuple(o.name for o in task.objectives),
        correlation=pooled, within=within, cosine=gradient_cosines(problem), transfer=transfers(start, ends.rewards),
        errors=np.zeros((task.k, task.k)),
        ideal_loss=ideal_loss(start, ends.rewards, equal), means={name: tuple(map(float, row)) for name, row in means.items()},
        prompts=tuple(single) if task.k == 2 else (),
    )  # fmt: skip


def _exact_correlations(problem: closed_form.Problem) -> tuple[Array, Array, list[float]]:
    """Return reward correlations over all prompts, within prompts, and for the first pair prompt by prompt."""
    mass = np.exp(problem.log_base)  # (n, c)
    mean = np.einsum("nc,nck->nk", mass, problem.rewards)
    covariances = np.einsum("nc,nci,ncj->nij", mass, problem.rewards, problem.rewards) - mean[:, :, None] * mean[:, None]
    between = mean - mean.mean(0)
    pooled = cosines(covariances.mean(0) + between.T @ between / len(between))
    return pooled, cosines(covariances.mean(0)), [float(cosines(one)[0, 1]) for one in covariances]
