"""Train one policy on weights that a controller changes between steps, after looking at dev answers.

The loop is shared by bandits, Markov decisions and hypervolume guidance; each brings a controller, a function from the dev
mean (k,) to the weights (k,) of the coming steps. The first look is charged as search, later ones in the same ledger part as
training. The same prompts and draws are used at every look, so that changes are of the policy and not of the sample.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from morlbench.bench import Bench
from morlbench.errors import BadInput
from morlbench.lm.adapter import Adapter
from morlbench.lm.meta import dev_mean
from morlbench.lm.policy import base_policy, single_policy
from morlbench.lm.train import Plan, steered
from morlbench.lm.trained import Settings
from morlbench.preference import Array
from morlbench.seeds import derive

Controller = Callable[[Array], Array]  # dev mean (k,) -> weights (k,) of the next steps; their sum scales the reward
EVERY = 8  # steps between looks
ANSWERS = 32  # dev answers of one look


@dataclass(frozen=True)
class Pace:
    """Steps to train, steps between looks at dev, and answers of one look."""

    steps: int
    every: int
    answers: int

    @property
    def looks(self) -> int:
        """How often dev is looked at: before the first step, then after every `every` steps but the last."""
        return 1 + (self.steps - 1) // self.every if self.steps else 0

    def cost(self, batch: int) -> int:
        """Return the scored responses of the whole training."""
        return self.steps * batch + self.looks * self.answers


def pace(responses: int, batch: int) -> Pace:
    """Return the longest training that fits; with fewer than eight looks' worth of steps, dev is looked at more often."""
    every = max(1, min(EVERY, responses // (8 * batch)))
    steps = responses // batch
    while steps and Pace(steps, every, ANSWERS).cost(batch) > responses:
        steps -= 1
    return Pace(steps, every, ANSWERS)


class Moving:
    """A steer that follows w·r with weights (k,) that may be replaced at any step."""

    def __init__(self, weights: Array) -> None:
        self.weights = weights

    def scalar(self, rewards: Array) -> Array:
        """Return w·r (n,)."""
        return np.asarray(rewards @ self.weights)

    def mix(self, gram: Array) -> Array | None:
        """Follow the scalar."""
        return None


def train_dynamic(bench: Bench, controller: Controller, name: str, settings: Settings, *, seed: int) -> Adapter:
    """Spend what is left of the budget on one adapter, steered by the controller; raises BadInput if that is too little."""
    plan = pace(bench.left, settings.batch)
    if not plan.steps:
        least = Pace(1, 1, ANSWERS).cost(settings.batch)
        raise BadInput(f"the budget of {bench.budget} responses is too small: {name} needs {least} for one batch and one look at dev")
    steer, look = Moving(np.asarray(bench.preference)), derive(seed, "look")

    def after(step: int, read: Callable[[], Adapter]) -> None:
        if step % plan.every == 0 and step < plan.steps:
            now = single_policy(bench.base, bench.decoding, read())
            steer.weights = controller(dev_mean(bench, now, plan.answers, seed=look))

    first = base_policy(bench.base, bench.decoding)
    with bench.part(f"{name} first look", plan.answers, kind="search"):
        steer.weights = controller(dev_mean(bench, first, plan.answers, seed=look))
    training = Plan(settings, plan.steps * settings.batch, seed, after=after)
    return steered(bench, steer, name, training, aside=(plan.looks - 1) * plan.answers)
