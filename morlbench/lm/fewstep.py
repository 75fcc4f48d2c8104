"""Few-step adaptation: from a combined policy at a preference, a few steps of reinforcement learning at that preference.

A combination is brought to parameter level first: the experts' exact updates sum_i w_i B_i A_i, refactored to one adapter of the
usual rank by their singular values, so that a tuned policy costs what any adapter costs. The experts share their initial A,
hence the sum is nearly of one expert's rank and little is lost. Leaves out combinations of hidden states or logits, which
no single adapter can state: their tuning starts from the parameter mixture of the same weights.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from morlbench.bench import Bench
from morlbench.errors import BadInput
from morlbench.lm.adapter import Adapter
from morlbench.lm.family import spread
from morlbench.lm.train import Plan, Recipe, steered
from morlbench.lm.trained import Settings
from morlbench.preference import Array
from morlbench.seeds import derive


def combined(members: Sequence[Adapter], weights: Array, rank: int) -> Adapter:
    """Return one adapter of `rank` nearest in the Frobenius norm to sum_i w_i of the members' updates, weights (M,); readouts add up."""
    shares = [float(w) for w in weights]
    factors = {}
    for name in members[0].factors:
        down = torch.cat([one.factors[name][0] for one in members])  # (M r, in)
        up = torch.cat([w * one.factors[name][1] for w, one in zip(shares, members, strict=True)], 1)  # (out, M r)
        factors[name] = _refactored(down, up, rank)
    readouts = [w * one.readout for w, one in zip(shares, members, strict=True) if one.readout is not None]
    return Adapter(factors, torch.stack(readouts).sum(0) if len(readouts) == len(members) else None)


def _refactored(down: torch.Tensor, up: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return A (rank, in) and B (out, rank), balanced, whose product is the best approximation of up @ down (out, in)."""
    left, values, right = torch.linalg.svd((up.double() @ down.double()), full_matrices=False)
    root = values[:rank].sqrt()
    a, b = (root[:, None] * right[:rank]).float(), (left[:, :rank] * root).float()
    missing = rank - len(root)  # a layer may be smaller than the rank
    return torch.nn.functional.pad(a, (0, 0, 0, missing)).contiguous(), torch.nn.functional.pad(b, (0, missing)).contiguous()


def affordable(bench: Bench, responses: int, most: int, batch: int) -> Array:
    """Return at most `most` lattice preferences (m, k) far apart, each of which `responses` pay a batch; BadInput below two."""
    count = min(most, responses // batch)
    if count < 2:
        raise BadInput(
            f"the budget of {bench.budget} responses is too small: few-step tuning has {responses} of them and needs a batch of {batch} "
            "for each of at least two preferences"
        )
    return spread(bench.k, count)


def tune_each(
    bench: Bench, known: Array, start: Callable[[Array], Adapter], settings: Settings, *, responses: int, seed: int
) -> list[Adapter]:
    """Return for each preference of known (m, k) the adapter `start` gives, tuned there on an equal share of `responses`."""
    share = responses // len(known)
    return [
        tune(bench, start(w), w, settings, responses=share, seed=derive(seed, "tune", i), name=f"tune {i + 1}") for i, w in enumerate(known)
    ]


def tune(bench: Bench, start: Adapter, preference: Array, settings: Settings, *, responses: int, seed: int, name: str = "tune") -> Adapter:
    """Return `start` after reinforcement learning at preference (k,) on whole batches of `responses`, in a ledger part of its own."""
    recipe = Recipe.at(np.asarray(preference), settings)
    return steered(bench, recipe, name, Plan(settings, responses, seed, start=start))
