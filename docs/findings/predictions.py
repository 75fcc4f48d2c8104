"""What theory predicts of methods on an exact task of two objectives: `python docs/findings/predictions.py [TASK ...]`.

A single-policy method maximises some E[s(r)] - beta KL(pi || pi_0); its optimum is pi_0 exp(s / beta), normalised, and what that falls
short of J*(w) at the task's stated preference w is known by summation; training adds an error of its own. As a share of what the
base falls short, so that 0 is the best policy for w and 1 the base. Rules that mix gradients without a preference have no one
optimum: every policy at which the gradients cancel is a fixed point of MGDA and PCGrad, and which of them is reached depends on the
way there, here that of natural gradients from the base. A family of separate policies, each optimal for one of evenly
spread preferences, serves every lattice preference by the best of them: what that lacks is its pooled gap.
"""

import sys
from functools import partial

import numpy as np

from morlbench import closed_form, console, registry
from morlbench.closed_form import Problem
from morlbench.errors import BadInput
from morlbench.lm import weighting
from morlbench.lm.base import load_base
from morlbench.preference import Array, lattice


def main(tasks: list[str]) -> None:
    """Print the stated gap of each method's own optimum, task by task."""
    for name in tasks or ["exact-competing"]:
        task = registry.load("tasks", name)()
        if task.base != "exact" or task.k != 2:
            raise BadInput(f"task {name!r} is not an exact task of two objectives")
        problem: Problem = task.problem(load_base("exact"))
        r, w = problem.rewards, np.array(task.preference)
        sums = normalised(problem, w, 0), normalised(problem, w, 200)
        print(f"{name} at {', '.join(f'{x:g}' for x in w)}")
        print(f"  linear, at the preference             {gap(problem, w, r @ w):.3f}")
        print(f"  chebyshev                             {gap(problem, w, -(w * (1 - r)).max(2) + 0.05 * (r @ w)):.3f}")
        print(f"  linear with half the rewards (f = .5) {gap(problem, w, 0.5 * (r @ w)):.3f}")
        print(f"  equal weights, whatever the preference {gap(problem, w, r.mean(2)):.3f}")
        print(f"  mgda, where its way from the base ends  {gap(problem, w, settled(problem, weighting.mgda)):.3f}")
        print(f"  pcgrad, the same                      {gap(problem, w, settled(problem, partial(weighting.pcgrad, seed=0))):.3f}")
        print(f"  normalised by the base's deviations   {gap(problem, w, sums[0]):.3f}")
        print(f"  normalised by the policy's own        {gap(problem, w, sums[1]):.3f}")
        print(f"  ten optima, the best of them served   {family(problem, 10):.3f} pooled")
        reward, value, base = one_of_two(problem)
        print(f"  two optima, the best of them served   {reward:.3f} by reward, {value:.3f} by return, {base:.3f} with the base pooled")
        (own, spent), (first, more) = rewards_at(problem, w)
        print(f"  reward at w and KL of the optimum for w {own:.3f}, {spent:.2f}; for the first objective alone {first:.3f}, {more:.2f}")


def family(problem: Problem, count: int) -> float:
    """Return the pooled gap over the lattice of `count` optimal policies of which each preference takes the best."""
    first, asked = np.linspace(0, 1, count), lattice(2)
    returns = closed_form.optimal(problem, np.column_stack([first, 1 - first])).returns
    best = closed_form.optimal_values(problem, asked)
    base = asked @ closed_form.values(problem, problem.log_base[None]).returns[0]
    return float((best - (asked @ returns.T).max(1)).sum() / (best - base).sum())


def one_of_two(problem: Problem) -> tuple[float, float, float]:
    """Return the pooled gap of serving one of the two ends' optima: the better in reward, in regularised return, the base among them."""
    asked, found = lattice(2), closed_form.optimal(problem, np.eye(2))
    base = closed_form.values(problem, problem.log_base[None]).returns[0]
    returns = asked @ found.returns.T  # (m, 2)
    best, worst = closed_form.optimal_values(problem, asked), asked @ base

    def pooled(served: Array) -> float:
        return float((best - served).sum() / (best - worst).sum())

    by_reward = np.take_along_axis(returns, (asked @ found.rewards.T).argmax(1)[:, None], 1)[:, 0]
    return pooled(by_reward), pooled(returns.max(1)), pooled(np.maximum(returns.max(1), worst))


def rewards_at(problem: Problem, w: Array) -> list[tuple[float, float]]:
    """Return w·E[r] (KL not paid) and the KL of the best policy for w (2,) and of the best for the first objective alone."""
    found = closed_form.optimal(problem, np.array([w, [1.0, 0.0]]))
    return list(zip((found.rewards @ w).tolist(), found.kl.tolist(), strict=True))


def gap(problem: Problem, w: Array, scalar: Array) -> float:
    """Return (J* - J) / (J* - J_base) at w (2,) of the policy that maximises E[s] - beta KL, s (n, c)."""
    value = closed_form.values(problem, policy(problem, scalar)[None]).at(w[None])[0]
    base = closed_form.values(problem, problem.log_base[None]).at(w[None])[0]
    best = closed_form.optimal_values(problem, w[None])[0]
    return float((best - value) / (best - base))


def policy(problem: Problem, scalar: Array) -> Array:
    """Return log pi (n, c) of pi_0 exp(s / beta), normalised."""
    tilted = problem.log_base + scalar / problem.beta
    top = tilted.max(1, keepdims=True)
    return np.asarray(tilted - top - np.log(np.exp(tilted - top).sum(1, keepdims=True)))


def settled(problem: Problem, rule: weighting.Weighting, steps: int = 600) -> Array:
    """Return the reward (n, c) that the policy reached from the base is the best for, by natural gradients mixed by `rule`.

    The natural gradient of J_i = E[r_i] - beta KL at pi_0 exp(h·r / beta) is r_i - h·r, so that the policy keeps that form and h (k,)
    moves by a - h, a being the rule's weights of the Gramian of these gradients in the metric of the policy.
    """
    held = np.zeros(problem.rewards.shape[2])
    for _ in range(steps):
        shares = np.exp(policy(problem, problem.rewards @ held))[..., None]  # (n, c, 1)
        slopes = problem.rewards - (problem.rewards @ held)[..., None]
        slopes = slopes - (shares * slopes).sum(1, keepdims=True)
        a = rule(np.einsum("nci,ncj->ij", shares * slopes, slopes) / len(shares))
        held = held + 0.02 * (a / a.sum() - held)
    return np.asarray(problem.rewards @ held)


def normalised(problem: Problem, w: Array, rounds: int) -> Array:
    """Return sum_i w_i r_i / std_i (n, c), the deviations per prompt under the base, or after `rounds` under the policy they make."""
    log_p = problem.log_base
    for _ in range(rounds + 1):
        shares = np.exp(log_p)[:, :, None]
        mean = (shares * problem.rewards).sum(1, keepdims=True)
        spread = np.sqrt((shares * (problem.rewards - mean) ** 2).sum(1, keepdims=True))
        scalar = (w * problem.rewards / np.maximum(spread, 1e-3)).sum(2)
        log_p = 0.5 * log_p + 0.5 * policy(problem, scalar)  # half a step, so that it settles
        log_p = log_p - np.log(np.exp(log_p).sum(1, keepdims=True))
    return np.asarray(scalar)


if __name__ == "__main__":
    sys.exit(console.guarded(lambda: main(sys.argv[1:])))
