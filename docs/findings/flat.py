"""Why do merged parameters beat mixed logits on exact-flat? `python docs/findings/flat.py SEED ...`

The suspicion: an expert is trained on words it samples, so what it says of words it no longer samples is arbitrary, and a sum of
logarithms counts a wrong -15 in full. The test: the same trained experts, mixed in the log after each expert's log-ratio to the
base at every word is limited to [-c, c]. If the suspicion is right, some c mends the mixture. What came of it stands in relation.md.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from morlbench import registry
from morlbench.bench import Bench
from morlbench.lm.adapter import Adapter
from morlbench.lm.base import load_base
from morlbench.lm.meta import by_preference, objective_experts
from morlbench.lm.mixing import Mixture
from morlbench.lm.policy import LMPolicy
from morlbench.lm.trained import Settings
from morlbench.preference import lattice
from morlbench.seeds import derive
from morlbench.store import Store, default_root

LIMITS = (np.inf, 12.0, 8.0, 6.0, 4.0, 3.0, 2.0)
BUDGET = 32_768


class Limited(Mixture):
    """A log mix whose experts may differ from the base by at most `limit` nats at any word; the base is the last adapter's zero."""

    limit: float = np.inf

    def combine(self, hidden: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Return next-word log-probabilities (n, keep, V); the last of the copies is the base itself."""
        states = hidden.view(self.copies, len(weights), *hidden.shape[1:])
        log_p = self._log_softmax(self.base.head(states))
        ratios = (log_p[:-1] - log_p[-1:]).clamp(-self.limit, self.limit)
        w = weights.T[:-1, :, None, None].to(ratios.dtype)
        return torch.log_softmax(log_p[-1] + (ratios * w).sum(0), -1)


def main(seeds: list[int]) -> None:
    """Print the pooled gap by limit for each seed, and that of merged parameters."""
    task, base = registry.load("tasks", "exact-flat")(), load_base("exact")
    for seed in seeds:
        bench = Bench(task, base, BUDGET, Store(Path(default_root())))
        settings = Settings(rate=base.rate)
        mixture = objective_experts(bench, responses=BUDGET, seed=derive(seed, "train"), level="parameters", settings=settings)
        gaps = {"parameters": task.exact(by_preference(bench, mixture), lattice(2)).gap}
        first = mixture.adapters[0]
        zero = Adapter({name: (a, torch.zeros_like(b)) for name, (a, b) in first.factors.items()}, _zeros(first.readout))
        for limit in LIMITS:
            limited = Limited(base, (*mixture.adapters, zero), "logits")
            limited.limit = limit
            policy = LMPolicy(limited, bench.decoding, lambda p, w, u: np.hstack([w, np.zeros((len(w), 1))]))
            gaps[f"logits, c = {limit:g}"] = task.exact(policy, lattice(2)).gap
        print(f"seed {seed}: " + ", ".join(f"{name}: {gap:.3f}" for name, gap in gaps.items()), flush=True)


def _zeros(readout: torch.Tensor | None) -> torch.Tensor | None:
    return None if readout is None else torch.zeros_like(readout)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [0])
