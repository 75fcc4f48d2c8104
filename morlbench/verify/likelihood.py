"""Are the stated likelihoods (nll) of answers those that the base gives? A sample of each probe is read by it again.

An answer is stored as text and not as it was sampled, so it is read in the tokenizer's tokens, and as ended if it could be longer.
Of true answers of `nano` 95 in 100 then agree within NEAR, most of them to the last digit; SHARE must, and the sample's mean within
MEAN.
Which answers are read follows from all of them and a word drawn by the verifier. Leaves out tasks that can be listed: they state no
likelihood.
"""

from typing import TYPE_CHECKING

import numpy as np

from morlbench.metric import Evidence, Probe
from morlbench.protocol import LIKELIHOOD_OF
from morlbench.seeds import derive
from morlbench.store import key_of
from morlbench.task import Task
from morlbench.verify import Fault
from morlbench.verify.checkout import Checkout

if TYPE_CHECKING:
    from morlbench.lm.base import Base

SAMPLE = 128  # answers of a probe
NEAR = 0.02  # nats per token
SHARE = 0.85
MEAN = 0.1


def likelihoods(run: Evidence, task: Task, base: "Base | None", checkout: Checkout) -> list[Fault]:
    """Check that the base's and the front's answers to a text task state their likelihood, and that it is the base's own."""
    if task.base == "exact":
        told = f"states a likelihood; runs on {task.name} do not"
        return [Fault("kl", f"probe {probe.name!r} {told}") for probe in run.probes if probe.nll is not None]
    found = []
    for probe in run.probes:
        if probe.nll is None:
            if probe.name in LIKELIHOOD_OF:
                found.append(Fault("kl", f"probe {probe.name!r} lacks the likelihood (nll) that every run on {task.name} states"))
        elif base is not None:
            found += _again(probe, task, base, checkout)
    return found


def _again(probe: Probe, task: Task, base: "Base", checkout: Checkout) -> list[Fault]:
    """Compare a sample of the probe's likelihoods with the base's own."""
    prompts, stored = task.prompts("test"), np.asarray(probe.nll).reshape(-1)
    p, _, draws, _ = probe.rewards.shape
    asked = [prompts[int(i)] for _ in range(p) for i in probe.prompts for _ in range(draws)]
    rng = np.random.default_rng(derive(0, key_of(answers=probe.responses, nll=stored.tolist(), nonce=checkout.nonce)))
    rows = sorted(rng.permutation(len(stored))[:SAMPLE].tolist())
    mine, own = stored[rows], checkout.nll(task, base, [(asked[i], probe.responses[i]) for i in rows])
    share, apart = float((np.abs(own - mine) <= NEAR).mean()), float(abs(own.mean() - mine.mean()))
    if share >= SHARE and apart <= MEAN:
        return []
    told = f"{share:.0%} of {len(rows)} likelihoods of probe {probe.name!r} are the base's own, on average {own.mean():.3f} nats per token"
    return [Fault("kl", f"{told} where {mine.mean():.3f} is stated")]
