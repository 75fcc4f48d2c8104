"""The served policy of `moe-cmab`: experts, a reader of prompts, a gate, and what is believed of one user."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from morlbench.latent import Posterior
from morlbench.lm.policy import LMPolicy
from morlbench.method import Feedback
from morlbench.preference import Array, Utility
from morlbench.task import Texts

from .context import Reader
from .gate import Gate


@dataclass(frozen=True, eq=False, kw_only=True)
class GatedPolicy(LMPolicy):
    """A mixture whose weights the trained gate chooses; pure, since exploration ended with training."""

    reader: Reader
    state: Gate

    def observe(self, feedback: Feedback, *, seed: int) -> "GatedPolicy":
        """Return the policy for the user who gave this feedback: it serves what is best on average over the posterior.

        The rewards of rated answers are not known here, so the posterior takes the gate's own expectation of the utility
        of the mixture that gave each answer (the preference each was asked at is in the feedback). Ratings are linear in
        the user's utility up to an unknown offset, slope and noise; thumbs follow a logistic curve. The posterior starts anew:
        give all of a user's feedback at once, to the policy that gave the answers.
        """
        z = self.reader(feedback.prompts)
        mixtures = self.state.weights(z, feedback.preferences)
        posterior = Posterior.start(feedback.preferences.shape[1])
        expected = self.state.expected(z, mixtures, posterior.grid)
        posterior = posterior.update_expected(expected, feedback.values, feedback.kind)
        return replace(self, gate=partial(_believing, self.reader, self.state, posterior))


def told(reader: Reader, state: Gate, prompts: Texts, preferences: Array, utility: Utility) -> Array:
    """Return the gate's mixtures (n, m) for stated preferences (n, k)."""
    return state.weights(reader(prompts), preferences, utility)


def _believing(reader: Reader, state: Gate, posterior: Posterior, prompts: Texts, preferences: Array, utility: Utility) -> Array:
    """Return mixtures (n, m) for one user; what preference is asked no longer matters."""
    weights = state.weights_under(reader(prompts), posterior.grid, posterior.probabilities, utility)
    return np.asarray(weights)
