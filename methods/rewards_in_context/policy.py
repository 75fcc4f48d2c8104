"""The served policy of `rewards-in-context`: one adapter that is asked a rewritten prompt and judged on the original."""

from dataclasses import dataclass

import numpy as np

from morlbench.lm.exact import enumerate_answers
from morlbench.lm.mixing import Mixture
from morlbench.lm.policy import LMPolicy, base_policy, rows_in_pass, teacher_force
from morlbench.method import Responses
from morlbench.preference import LINEAR, Array, Utility
from morlbench.task import Texts

from .coding import Coding, Mapping, targets


@dataclass(frozen=True, eq=False)
class RewardsPolicy:
    """An adapter's policy whose prompts are rewritten with the target rewards of each row's preference."""

    inner: LMPolicy  # one adapter, blind to the preference
    coding: Coding
    mapping: Mapping

    def asked(self, prompts: Texts, preferences: Array) -> Texts:
        """Return the prompts as the adapter reads them."""
        return self.coding(prompts, targets(preferences, self.mapping))

    def respond(self, prompts: Texts, preferences: Array, *, utility: Utility = LINEAR, seed: int) -> Responses:
        """Sample one answer per prompt; see `method.Policy`."""
        return self.inner.respond(self.asked(prompts, preferences), preferences, seed=seed)

    def kl(self, prompts: Texts, preferences: Array, responses: Responses, *, utility: Utility = LINEAR) -> Array | None:
        """Return KL (n,) in nats to the base asked the original prompt, along the sampled ids."""
        own, base = self.inner.mixture, base_policy(self.inner.mixture.base, self.inner.decoding).mixture
        rewritten, size, parts = self.asked(prompts, preferences), rows_in_pass(own.base, self.inner.decoding), []
        for start in range(0, len(prompts), size):
            rows = slice(start, start + size)
            n = len(prompts[rows])
            log_p, exists = teacher_force(own, rewritten[rows], responses.ids[rows], np.ones((n, 1)))
            reference, _ = teacher_force(base, prompts[rows], responses.ids[rows], np.zeros((n, 0)))
            steps = (log_p - reference).mul_(log_p.exp()).nan_to_num_().sum(-1)  # (n, t); in place: no blocks are larger
            parts.append((steps * exists).sum(1).double().cpu().numpy())
        return np.asarray(np.maximum(np.concatenate(parts), 0.0))

    def explain(self, prompts: Texts, preferences: Array, *, utility: Utility = LINEAR) -> Array | None:
        """Return None: a target reward is no weight."""
        return None

    def sequence_log_probs(self, prompts: Texts, preferences: Array) -> Array:
        """Return log pi(y|x) (p, n, V^t) at preferences (p, k), answers in lexicographic order; see `lm.exact.Enumerable`."""
        weights = np.ones((1, len(prompts), 1))
        return np.concatenate([self._listed(self.asked(prompts, np.tile(w, (len(prompts), 1))), weights) for w in preferences])

    def _listed(self, rewritten: Texts, weights: Array) -> Array:
        mixture: Mixture = self.inner.mixture
        return enumerate_answers(mixture, self.inner.decoding, rewritten, weights)
