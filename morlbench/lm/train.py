"""Train LoRA adapters (and the readout) on a bench: experts by recipe, shared through the store.

An expert is content-addressed by task, base, seed, recipe and trainer version. Its learning rate is constant and unwarmed,
so a short training is a bitwise prefix of a long one: checkpoints every 256 responses serve every smaller budget. What is
kept is an average over the steps, which takes the constant rate's noise away. Whoever asks for an expert is charged its
whole cost, stored or not.
"""

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
import torch

from morlbench.bench import Bench, Cost
from morlbench.errors import BadInput, MorlbenchError
from morlbench.lm import adapter as adapters
from morlbench.lm import weighting
from morlbench.lm.adapter import Adapter
from morlbench.lm.average import Average
from morlbench.lm.base import Base
from morlbench.lm.libraries import check_prompts, insert, lora_config, placeholder_reward, prompt_dataset, trl_arguments
from morlbench.lm.trained import STANDARD, Settings
from morlbench.preference import Array, Utility, UtilityName
from morlbench.store import key_of, write_bytes

if TYPE_CHECKING:
    from morlbench.lm.trainer import Steer

TRAINER = 4  # raise when a change makes equal recipes train differently
CHECKPOINT = 256  # responses between stored prefixes
LARGE, ROWS = 50_000_000, 16  # from so many parameters on, loss and gradients see a batch in parts of so many rows: memory, not speed


@dataclass(frozen=True)
class Recipe:
    """What one adapter is trained for.

    weights (k,): the preference it serves (one-hot for an expert). utility: the scalariser. gradients: `scalar` follows
    the scalarised reward; `projected` lets objective `leader` lead and harms no other beyond epsilon; `anchored` is the
    min-norm point with the leader's weight at least .6; mgda, pcgrad and cagrad are the gradient methods of their names.
    """

    weights: tuple[float, ...]
    utility: UtilityName = "linear"
    thresholds: tuple[float, ...] = ()
    gradients: Literal["scalar", "projected", "anchored", "mgda", "pcgrad", "cagrad"] = "scalar"
    leader: int = 0
    epsilon: float = 0.3
    settings: Settings = STANDARD

    @classmethod
    def at(cls, weights: Array, settings: Settings) -> Self:
        """Return the plain recipe for linear utility at weights (k,)."""
        return cls(tuple(map(float, weights)), settings=settings)

    def scalar(self, rewards: Array) -> Array:
        """Return u_w(r) (n,)."""
        return Utility(self.utility, self.thresholds)(rewards, np.asarray(self.weights))

    def mix(self, gram: Array) -> Array | None:
        """Return the gradient weights (k,) of this recipe's rule; None for `scalar`."""
        rules: dict[str, weighting.Weighting] = {
            "projected": partial(weighting.projected, expert=self.leader, epsilon=self.epsilon),
            "anchored": partial(weighting.anchored, expert=self.leader),
            "mgda": weighting.mgda,
            "pcgrad": weighting.pcgrad,
            "cagrad": weighting.cagrad,
        }
        return None if self.gradients == "scalar" else rules[self.gradients](gram)


AfterTurn = Callable[[int, Callable[[], Adapter]], None]  # (finished steps, read the adapter as it is now, not averaged over steps)


@dataclass(frozen=True, eq=False)
class Plan:
    """One training: how, how long, from which seed, where checkpoints go and what it starts from.

    `responses` are those the loss sees. `after` is called when a step is over, inside the open part, and may score more.
    """

    settings: Settings
    responses: int
    seed: int
    folder: Path | None = None
    start: Adapter | None = None
    after: AfterTurn | None = None


def one_hot(k: int, i: int) -> tuple[float, ...]:
    """Return the preference for objective i alone."""
    return tuple(float(j == i) for j in range(k))


def whole_steps(responses: int, settings: Settings = STANDARD) -> int:
    """Return the largest trainable number of responses <= `responses`: checkpoints of 256, or batches below that."""
    unit = CHECKPOINT if responses >= CHECKPOINT else settings.batch
    return responses // unit * unit


def expert(bench: Bench, recipe: Recipe, *, responses: int, seed: int, fresh: bool = False) -> Adapter:
    """Return the adapter after `responses` scored responses of `recipe`, from the store or trained now.

    The cost, cached or not, is charged to the bench in full; `fresh` says that the stored one was trained just now for this
    very bench. Raises BadInput where the budget does not reach one step.
    """
    responses = whole_steps(responses, recipe.settings)
    if responses < recipe.settings.batch:
        raise BadInput(
            f"the budget of {bench.budget} responses is too small: an expert needs at least one batch of {recipe.settings.batch} responses"
        )
    key = _key(bench, recipe, seed)
    part = f"expert {_label(recipe, bench)}"
    with bench.store.lock("expert", key):
        folder = bench.store.path("expert", key)
        if cost := _cost(folder / f"{responses}.json"):
            bench.charge(replace(cost, cached=not fresh), part)
            found = adapters.load(folder / f"{responses}.safetensors")
        else:
            with bench.part(part, responses):
                found = train(bench, recipe, Plan(recipe.settings, responses, seed, folder))
    bench.trainable_parameters += found.parameters
    return found


def stored(bench: Bench, recipe: Recipe, *, responses: int, seed: int) -> bool:
    """Say whether the store holds the expert of `expert` with these arguments."""
    return _cost(bench.store.path("expert", _key(bench, recipe, seed)) / f"{responses}.json") is not None


def free(bench: Bench, recipe: Recipe, *, seed: int) -> bool:
    """Say whether no other process is training that expert just now."""
    return bench.store.free("expert", _key(bench, recipe, seed))


def _cost(path: Path) -> Cost | None:
    """Read what a stored expert cost; None where that file is missing or damaged: then no expert is stored."""
    try:
        return Cost(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _key(bench: Bench, recipe: Recipe, seed: int) -> str:
    """Name an expert; its machine counts, since sums differ in their last digits between GPUs and between numbers of threads."""
    machine = bench.base.gpu or f"cpu-{torch.get_num_threads()}"
    rows = rows_at_once(bench.base, recipe.settings.batch)
    if rows != recipe.settings.batch:
        machine += f"-{rows}"  # rows at once
    rule = {"rule": revision} if (revision := weighting.REVISIONS.get(recipe.gradients)) else {}
    return key_of(
        task=bench.task_key, base=bench.base.identity, seed=seed, recipe=asdict(recipe), trainer=TRAINER, machine=machine, **rule
    )  # fmt: skip


def steered(bench: Bench, steer: "Steer", name: str, plan: Plan, *, aside: int = 0) -> Adapter:
    """Train one adapter by a method's own steer, in a ledger part of that name; nothing is stored.

    plan.responses is rounded down to whole batches; `aside` more may be scored by plan.after. Raises BadInput where not even
    one batch is left.
    """
    plan = whole_batches(bench, name, plan)
    with bench.part(name, plan.responses + aside):
        found = train(bench, steer, plan)
    bench.trainable_parameters += found.parameters
    return found


def retrained(bench: Bench, steer: "Steer", name: str, plan: Plan) -> Adapter:
    """Train on from `plan.start` as `steered` does; what comes of it takes its place, so that both count as one policy."""
    counted = bench.trainable_parameters
    found = steered(bench, steer, name, plan)
    bench.trainable_parameters = counted
    return found


def whole_batches(bench: Bench, name: str, plan: Plan) -> Plan:
    """Return the plan with responses rounded down to whole batches; raise BadInput where not even one is left."""
    batch = plan.settings.batch
    if plan.responses < batch:
        raise BadInput(f"the budget of {bench.budget} responses is too small: {name} needs at least one batch of {batch} responses")
    return replace(plan, responses=plan.responses // batch * batch)


def train(bench: Bench, steer: "Steer", plan: Plan) -> Adapter:
    """Train one adapter inside the bench's open part and return it; with `plan.folder`, leave checkpoints there."""
    from morlbench.lm.trainer import AfterStep, VectorTrainer, light_head, undisturbed

    settings, steps, rows = plan.settings, plan.responses // plan.settings.batch, rows_at_once(bench.base, plan.settings.batch)
    mixes = steer.mix(np.eye(bench.k)) is not None
    check_prompts(bench.prompts("train"), settings)
    with undisturbed(), light_head(), tempfile.TemporaryDirectory() as scratch:
        trainer = VectorTrainer(
            model=bench.base.twin(),
            reward_funcs=[placeholder_reward],
            args=trl_arguments(bench, settings, steps, scratch, seed=plan.seed, rows=settings.batch if mixes else rows),
            train_dataset=prompt_dataset(bench.prompts("train")),
            processing_class=bench.base.tokenizer,
            peft_config=lora_config(bench.base, settings),
        )
        trainer.bench, trainer.steer = bench, steer
        trainer.refer_to(bench.base.model)
        trainer.vectors, trainer.at_once = mixes, rows
        if plan.start is not None:
            insert(trainer.model, plan.start, settings)
        before, begin, aside = bench.spent_in_part, time.perf_counter(), 0
        mean = Average(trainer.model)

        def over(step: int) -> None:
            nonlocal aside
            mean.add(step)
            done = step * settings.batch
            if plan.folder is not None and (done % CHECKPOINT == 0 or step == steps):
                cost = replace(bench.spent_in_part.minus(before), seconds=time.perf_counter() - begin)
                _checkpoint(plan.folder, done, mean.adapter(settings), cost)
            if plan.after is not None:
                first = bench.spent_in_part.responses
                plan.after(step, lambda: mean.current(settings))
                aside += bench.spent_in_part.responses - first

        trainer.add_callback(AfterStep(over))
        trainer.train()
        scored = bench.spent_in_part.minus(before).responses - aside
        if scored != steps * settings.batch:
            raise MorlbenchError(f"training scored {scored} responses; {steps * settings.batch} were planned")
        return mean.adapter(settings)


def _checkpoint(folder: Path, done: int, adapter: Adapter, cost: Cost) -> None:
    """Store the adapter after `done` responses, its cost last: where there is a cost the checkpoint is whole."""
    adapter.save(folder / f"{done}.safetensors")
    write_bytes(folder / f"{done}.json", json.dumps(asdict(cost)).encode())


def rows_at_once(base: Base, batch: int, answers: int = 1) -> int:
    """Return how many rows of a batch, each of so many answers, the loss sees at once.

    That is all, or where the base is large the largest equal part with ROWS answers at most.
    """
    if base.model.num_parameters() < LARGE:
        return batch
    return max(rows for rows in range(1, max(1, ROWS // answers) + 1) if batch % rows == 0)


def _label(recipe: Recipe, bench: Bench) -> str:
    """Name a recipe in the ledger: an objective's name for a one-hot preference, else the weights."""
    lead = recipe.weights.index(1.0) if 1.0 in recipe.weights else None
    name = bench.objectives[lead].name if lead is not None else "w=" + ",".join(f"{w:.3g}" for w in recipe.weights)
    rule = {"scalar": "", "projected": f" projected {recipe.epsilon:g}"}.get(recipe.gradients, f" {recipe.gradients}")
    return name + rule
