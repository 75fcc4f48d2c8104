"""Train a conditioned policy: its module in place, by TRL on a twin of the base, each group of answers at a preference of its own.

Leaves out what a policy is made of and how it serves (`morlbench.lm.conditioned`), and TRL's side (`morlbench.lm.conditioned_trainer`).
"""

import copy
import tempfile
from typing import TYPE_CHECKING

from morlbench.bench import Bench
from morlbench.errors import MorlbenchError
from morlbench.lm.average import Average
from morlbench.lm.conditioned import Conditioned, Features, Sampling
from morlbench.lm.libraries import check_prompts, placeholder_reward, prompt_dataset, trl_arguments
from morlbench.lm.train import Plan, whole_batches
from morlbench.preference import LINEAR, Utility

if TYPE_CHECKING:
    from morlbench.lm.conditioned_trainer import ConditionedTrainer


def train(
    bench: Bench, conditioned: Conditioned, name: str, plan: Plan, *, utility: Utility = LINEAR, features: Features | None = None
) -> None:
    """Train the module in place, in a ledger part of that name, and leave in it the average of its weights over the steps.

    plan.responses is rounded down to whole batches; BadInput where not even one batch is left.
    """
    from morlbench.lm.trainer import AfterStep, light_head, undisturbed

    plan = whole_batches(bench, name, plan)
    check_prompts(bench.prompts("train"), plan.settings)
    with bench.part(name, plan.responses), undisturbed(), light_head(), tempfile.TemporaryDirectory() as scratch:
        before = bench.spent_in_part
        trainer = _trainer(bench, conditioned, plan, scratch)
        trainer.steer, trainer.features = Sampling(bench, utility, seed=plan.seed), features
        mean = Average(conditioned)
        trainer.add_callback(AfterStep(mean.add))
        trainer.train()
        scored = bench.spent_in_part.minus(before).responses
        if scored != plan.responses:
            raise MorlbenchError(f"training scored {scored} responses; {plan.responses} were planned")
        conditioned.load_state_dict(mean.weights, strict=False)
    bench.trainable_parameters += sum(weight.numel() for weight in conditioned.parameters() if weight.requires_grad)


def _trainer(bench: Bench, conditioned: Conditioned, plan: Plan, scratch: str) -> "ConditionedTrainer":
    """Return a trainer of the module on a twin of the base, which TRL patches."""
    from morlbench.lm.conditioned_trainer import Bare, ConditionedTrainer

    base = copy.copy(bench.base)
    base.model = bench.base.twin()
    base.model.add_module("conditioned", conditioned.to(base.device))  # so that the optimiser finds its weights
    settings, steps = plan.settings, plan.responses // plan.settings.batch
    arguments = trl_arguments(bench, settings, steps, scratch, seed=plan.seed, rows=settings.batch)
    arguments.beta = 0.0  # or TRL would look for the reference on a hub
    trainer = ConditionedTrainer(
        model=base.model, reward_funcs=[placeholder_reward], args=arguments, train_dataset=prompt_dataset(bench.prompts("train")),
        processing_class=base.tokenizer,
    )  # fmt: skip
    trainer.beta, trainer.ref_model = bench.beta, Bare(base.model)
    trainer.bench, trainer.vectors, trainer.base, trainer.conditioned = bench, False, base, conditioned
    return trainer
