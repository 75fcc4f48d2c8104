"""What inference costs: the policy and its base timed in turn in one process, and the rows the model really ran.

Memory is counted, not sampled: the bytes of all weights used and of the largest key-value cache, which on a CPU no
counter reports. Leaves out anything about answers' quality.
"""

import resource
import statistics
import sys
import time

import numpy as np
import torch

from morlbench.bench import Bench
from morlbench.lm.base import Base
from morlbench.lm.policy import LMPolicy, base_policy
from morlbench.method import Policy
from morlbench.metric import Speed
from morlbench.task import Decoding, Task

ROWS, REPEATS = 16, 3


def compare_speed(policy: Policy, bench: Bench, task: Task) -> Speed:
    """Return speed and memory of `policy` and of the base, from REPEATS interleaved rounds of at most ROWS adapt prompts.

    Each round and each first token has prompts of its own, which no method has met: a policy that remembers prompts is timed
    on new ones. What a policy scores meanwhile leaves no line in the ledger.
    """
    base, lines = bench.base, len(bench.ledger)
    fresh = task.prompts("adapt")
    fresh *= -(-2 * REPEATS // len(fresh))  # a task with hardly any is asked again what it has
    count = max(1, min(ROWS, len(fresh) // REPEATS - 1))
    rounds = [fresh[i * count : (i + 1) * count] for i in range(REPEATS)]
    preferences = np.full((count, task.k), 1 / task.k)
    plain = base_policy(base, task.decoding)
    first = base_policy(base, Decoding(1, temperature=task.decoding.temperature))
    meters: dict[str, list[tuple[float, int, float, int]]] = {"policy": [], "base": []}
    begin_first: list[float] = []
    for prompts in rounds:
        for name, who in (("policy", policy), ("base", plain)):
            meters[name].append(_measure(who, base, prompts, preferences))
        start = time.perf_counter()
        first.respond(prompts[:1], preferences[:1], seed=0)
        begin_first.append(time.perf_counter() - start)
    speeds = {name: statistics.median(tokens / seconds for seconds, tokens, _, _ in rows) for name, rows in meters.items()}
    passes = statistics.median(p / max(t, 1) for _, t, p, _ in meters["policy"])
    base_first = statistics.median(begin_first)
    ratio = meters["policy"][0][3] / max(meters["base"][0][3], 1)
    weights = sum(p.numel() * p.element_size() for p in base.model.parameters())
    extra = sum(a.parameters * 4 for a in policy.mixture.adapters) if isinstance(policy, LMPolicy) else 0
    cache = base.cache_bytes * (task.decoding.max_tokens + 32) * count
    first_own = _first_token(policy, fresh[-REPEATS:], preferences)
    del bench.ledger[lines:]
    return Speed(
        tokens_per_second=speeds["policy"], base_tokens_per_second=speeds["base"],
        first_token_seconds=first_own, base_first_token_seconds=base_first,
        peak_bytes=int(weights + extra + cache * ratio), base_peak_bytes=int(weights + cache), passes_per_token=passes,
    )  # fmt: skip


def peak_memory() -> int:
    """Return the process's peak memory in bytes: resident, and where a GPU is used the peak of its tensors as well."""
    here = in_bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return here + (torch.cuda.max_memory_allocated() if torch.cuda.is_initialized() else 0)  # type: ignore[no-untyped-call]


def in_bytes(maxrss: int) -> int:
    """Return what `getrusage` states as peak memory in bytes."""
    return maxrss if sys.platform == "darwin" else maxrss * 1024


def _measure(policy: Policy, base: Base, prompts: tuple[str, ...], preferences: np.ndarray) -> tuple[float, int, float, int]:
    """Return seconds, tokens sampled, rows run for single tokens, and the widest batch."""
    rows: list[int] = []
    widest = [0]

    def count(_module: torch.nn.Module, _inputs: object, kwargs: dict[str, torch.Tensor]) -> None:
        ids = kwargs["input_ids"]
        rows.append(ids.shape[0])
        widest[0] = max(widest[0], ids.shape[0])

    handle = base.backbone.register_forward_pre_hook(count, with_kwargs=True)
    begin = time.perf_counter()
    try:
        answers = policy.respond(prompts, preferences, seed=0)
    finally:
        handle.remove()
    return time.perf_counter() - begin, answers.tokens, float(sum(rows)), widest[0]


def _first_token(policy: Policy, prompts: tuple[str, ...], preferences: np.ndarray) -> float | None:
    """Return the median seconds to a prompt's first token, over prompts, by a policy with its answers cut to one token."""
    if not isinstance(policy, LMPolicy):
        return None
    short = LMPolicy(policy.mixture, Decoding(1, temperature=policy.decoding.temperature), policy.gate, policy.explains)
    times = []
    for prompt in prompts:
        begin = time.perf_counter()
        short.respond((prompt,), preferences[:1], seed=0)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)
