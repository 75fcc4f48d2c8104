"""Supervised learning of answers given their rewards in the prompt; a preference asks for the rewards it is mapped to (RiC)."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
from pydantic import Field

from morlbench.bench import Bench
from morlbench.errors import BadInput
from morlbench.lm.adapter import Adapter
from morlbench.lm.policy import LMPolicy, base_policy, single_policy
from morlbench.lm.supervised import Fit, imitate
from morlbench.lm.trained import Trained
from morlbench.method import Family, Policy, Track, no_effect, settings
from morlbench.seeds import derive
from morlbench.task import Texts

from .coding import Coding, Mapping, Range, goals, near_front
from .log import Log
from .policy import RewardsPolicy


@settings
class RewardsInContext(Trained):
    """One adapter tuned on (rewards, prompt) -> answer, first from the base's answers, then from its own near the front."""

    name: ClassVar[str] = "rewards-in-context"
    version: ClassVar[int] = 1
    family: ClassVar[Family] = "multi-policy"
    track: ClassVar[Track] = "front"
    mapping: Mapping = "l2"
    offline_share: float = Field(default=0.6, gt=0, le=1)
    stages: int = Field(default=2, ge=0, le=100)
    quantile: float = Field(default=0.7, ge=0, lt=1)
    epochs: float = Field(default=2.0, gt=0, le=100)

    def __post_init__(self) -> None:
        if self.offline_share == 1:
            no_effect(self, "stages", "offline_share=1")
            no_effect(self, "quantile", "offline_share=1")
        elif not self.stages:
            no_effect(self, "offline_share", "stages=0")
            no_effect(self, "quantile", "stages=0")

    def train(self, bench: Bench, *, seed: int) -> Policy:
        """Spend `offline_share` of the budget on base answers and the rest in equal online stages."""
        shared = self.optimiser(bench.base)
        stages = self.stages if self.offline_share < 1 else 0
        offline = int(bench.left * self.offline_share) if stages else bench.left
        share = (bench.left - offline) // stages if stages else 0
        least = min(offline, share) if stages else offline
        if least < shared.batch // 2:
            raise BadInput(
                f"the budget of {bench.budget} responses is too small: rewards-in-context needs {shared.batch // 2} for the base's answers "
                f"and for each of {stages} online stages; here the smallest share is {least}"
            )
        coding = Coding.of(bench.base, tuple(one.name for one in bench.objectives))
        with bench.part("offline", offline):
            first = self._sampled(bench, base_policy(bench.base, bench.decoding), (), offline, derive(seed, "offline"))
            span = Range.of(first.rewards)
            found = self._fit(bench, first, coding, span, Fit(shared, 1, shared.batch, derive(seed, "fit", 0)))
        bench.trainable_parameters += found.parameters
        near, fresh = first.where(near_front(first.rewards, self.quantile)), []
        for stage in range(1, stages + 1):
            with bench.part(f"online {stage}", share):
                own = single_policy(bench.base, bench.decoding, found)
                levels = goals(share, bench.k, np.random.default_rng(derive(seed, "goals", stage)))
                asked = coding(_cycled(bench, share), levels)
                new = self._sampled(bench, own, asked, share, derive(seed, "online", stage))
                fresh.append(new.where(near_front(new.rewards, self.quantile)))
                fit = Fit(shared, 1, shared.batch, derive(seed, "fit", stage), start=found)
                found = self._fit(bench, Log.join([near, *fresh]), coding, span, fit)
        return RewardsPolicy(single_policy(bench.base, bench.decoding, found), coding, self.mapping)

    def _sampled(self, bench: Bench, policy: LMPolicy, asked: Texts, count: int, seed: int) -> Log:
        """Return `count` scored answers of a policy to train prompts, asked in other words where `asked` gives them."""
        prompts = _cycled(bench, count)
        answers = policy.respond(asked or prompts, np.full((count, bench.k), 1 / bench.k), seed=seed)
        return Log(prompts, answers.ids, bench.score(prompts, answers.texts, tokens=answers.tokens))

    def _fit(self, bench: Bench, log: Log, coding: Coding, span: Range, fit: Fit) -> Adapter:
        """Return the adapter after `epochs` passes over a log whose answers stand with the rewards they really had."""
        asked = coding(log.prompts, span.levels(log.rewards))
        steps = max(1, round(self.epochs * len(asked) / fit.batch))
        return imitate(bench, asked, log.answers, replace(fit, steps=steps))


def _cycled(bench: Bench, count: int) -> Texts:
    """Return `count` train prompts, each as often as any other."""
    prompts = bench.prompts("train")
    return tuple(prompts[i % len(prompts)] for i in range(count))
