"""The served policy of `moe-cmab` with few-step tuning: tuned policies for linear utilities, the gate for all others.

A tuned policy was trained for a linear utility at one preference, on all prompts alike; the gate still knows the others, and a
hidden user, whose feedback says nothing a tuned policy could take in, is served by the gate alone.
"""

from dataclasses import dataclass

import numpy as np

from morlbench.errors import MorlbenchError
from morlbench.lm import exact
from morlbench.lm.policy import LMPolicy
from morlbench.method import Feedback, Responses
from morlbench.preference import LINEAR, Array, Utility
from morlbench.task import Texts

from .policy import GatedPolicy


@dataclass(frozen=True, eq=False)
class TunedPolicy:
    """The gated policy beside the family of policies tuned from it."""

    gated: GatedPolicy
    family: LMPolicy

    def respond(self, prompts: Texts, preferences: Array, *, utility: Utility = LINEAR, seed: int) -> Responses:
        """Sample one answer per prompt; see `method.Policy`."""
        return self._serving(utility).respond(prompts, preferences, utility=utility, seed=seed)

    def kl(self, prompts: Texts, preferences: Array, responses: Responses, *, utility: Utility = LINEAR) -> Array | None:
        """Return KL to the base in nats (n,)."""
        return self._serving(utility).kl(prompts, preferences, responses, utility=utility)

    def explain(self, prompts: Texts, preferences: Array, *, utility: Utility = LINEAR) -> Array | None:
        """Return the gate's weights (n, k) where the gate serves; a tuned policy states none."""
        return self._serving(utility).explain(prompts, preferences, utility=utility)

    def observe(self, feedback: Feedback, *, seed: int) -> GatedPolicy:
        """Return the gate for the user who gave this feedback."""
        return self.gated.observe(feedback, seed=seed)

    def sequence_log_probs(self, prompts: Texts, preferences: Array) -> Array:
        """Return log pi(y|x) (p, n, V^t) at preferences (p, k) under linear utility; see `lm.exact.Enumerable`."""
        found = exact.sequence_log_probs(self.family, prompts, preferences)
        if found is None:
            raise MorlbenchError("the tuned policies' answers could not be listed")
        return np.asarray(found)

    def _serving(self, utility: Utility) -> LMPolicy:
        return self.family if utility.name == "linear" else self.gated
