"""What serving and training cost, as ratios: `make bench`, or `pytest tests/benchmark/bench_lm.py --benchmark-only -s`.

A soup asked for 11 preferences against one adapter on as many rows; a training step through TRL against a bare loop of the
same mathematics (sampling, two log-probability passes, leave-one-out loss, one backward pass, one AdamW step); a step of a gradient
method, which needs every objective's gradient, against one of plain scalarisation; the share of scoring in a step (`-k scoring`).
"""

import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from morlbench import registry
from morlbench.bench import Bench
from morlbench.lm.adapter import Adapter
from morlbench.lm.base import Base, load_base
from morlbench.lm.mixing import Mixture
from morlbench.lm.policy import LMPolicy, sample, teacher_force
from morlbench.lm.rewards import answer
from morlbench.lm.rewards.memo import forget
from morlbench.lm.train import Plan, Recipe, train
from morlbench.lm.trained import Settings
from morlbench.lm.trainer import leave_one_out
from morlbench.preference import Array, lattice
from morlbench.store import Store
from morlbench.task import Decoding, Task, Texts
from tests.test_base import Text

DECODING = Decoding(24)
ROUNDS = 5
ANSWERS = Path(answer.__file__).with_name("answers.jsonl")


def random_adapter(base: Base, seed: int) -> Adapter:
    generator = torch.Generator().manual_seed(seed)
    size = base.model.config.hidden_size

    def normal(*shape: int) -> torch.Tensor:
        return 0.01 * torch.randn(*shape, generator=generator)

    factors = {name: (normal(8, m.weight.shape[1]), normal(m.weight.shape[0], 8)) for name, m in base.targets().items()}  # type: ignore[index, union-attr]
    return Adapter(factors, normal(size, size))


def interleaved(first: Callable[[], object], second: Callable[[], object]) -> float:
    """Return the median over ROUNDS of first / second, timed in turn."""
    ratios = []
    for _ in range(ROUNDS):
        seconds = []
        for call in (first, second):
            begin = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - begin)
        ratios.append(seconds[0] / seconds[1])
    return statistics.median(ratios)


def test_a_soup_of_11_preferences_costs_little_more_than_one_adapter(benchmark: BenchmarkFixture) -> None:
    base = load_base("nano")
    two = Mixture(base, [random_adapter(base, i) for i in (1, 2)])
    one = Mixture(base, [random_adapter(base, 1)])
    prompts = tuple(f"How do I get started with task {i}?" for i in range(64)) * 11
    weights = np.repeat(lattice(2), 64, 0)

    seeds = itertools.count()  # a mixture remembers its answers

    def soup(count: int) -> None:
        LMPolicy(two, DECODING, lambda p, w, u: w).respond(prompts[:count], weights[:count], seed=next(seeds))

    def single() -> None:
        LMPolicy(one, DECODING, lambda p, w, u: w[:, :1] * 0 + 1).respond(prompts, weights, seed=next(seeds))

    soup(64)
    ratio = interleaved(lambda: soup(len(prompts)), single)
    benchmark.extra_info["soup / one adapter"] = ratio
    print(f"\nsoup of 11 preferences x 64 prompts / one adapter, same rows: {ratio:.2f}")
    benchmark.pedantic(lambda: soup(64), rounds=3)


def test_a_trl_step_costs_little_more_than_a_bare_loop(benchmark: BenchmarkFixture) -> None:
    base, settings, steps = load_base("nano"), Settings(), 4
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Text(), base, 10**6, Store(Path(folder)))

        def through_trl(count: int) -> float:
            begin = time.perf_counter()
            with bench.part("bench", settings.batch * count):
                train(bench, Recipe((1.0, 0.0), settings=settings), Plan(settings, settings.batch * count, 0))
            return time.perf_counter() - begin

        through_trl(1)
        trl = statistics.median((through_trl(1 + steps) - through_trl(1)) / steps for _ in range(3))
        bare = bare_step(bench, settings)
        bare()
        plain = statistics.median(timed(bare) for _ in range(ROUNDS))
    benchmark.extra_info["TRL / bare"] = trl / plain
    print(f"\nstep of {settings.batch} answers through TRL {trl:.2f} s / bare loop {plain:.2f} s = {trl / plain:.2f}")
    benchmark.pedantic(bare, rounds=1)


@pytest.mark.parametrize("task", ["exact-scale-2", "exact-scale-3", "exact-scale-5", "exact-scale-10", "fluency-vs-helpfulness"])
def test_a_gramian_step_costs_little_more_than_a_scalar_one(benchmark: BenchmarkFixture, task: str) -> None:
    made = registry.load("tasks", task)()
    base, settings, steps = load_base("nano" if made.base == "nano" else "exact"), Settings(), 8
    w = tuple(np.full(made.k, 1 / made.k).tolist())

    def seconds(recipe: Recipe, count: int) -> float:
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(made, base, 10**6, Store(Path(folder)))
            with bench.part("bench", settings.batch * count):
                return timed(lambda: train(bench, recipe, Plan(settings, settings.batch * count, 0)))

    def step(recipe: Recipe) -> float:
        return (seconds(recipe, 1 + steps) - seconds(recipe, 1)) / steps

    scalar, gramian = Recipe(w, settings=settings), Recipe(w, gradients="mgda", settings=settings)
    step(scalar)
    ratios = [step(gramian) / step(scalar) for _ in range(3)]
    benchmark.extra_info["Gramian / scalar"] = statistics.median(ratios)
    print(
        f"\n{task} (k = {made.k}): step of a Gramian method / scalar: {min(ratios):.2f} {statistics.median(ratios):.2f} {max(ratios):.2f}"
    )
    benchmark.pedantic(lambda: None, rounds=1)


@pytest.mark.parametrize("task", ["assistant-10", "fluency-vs-helpfulness"])
def test_the_share_of_scoring_in_a_training_step(benchmark: BenchmarkFixture, monkeypatch: pytest.MonkeyPatch, task: str) -> None:
    cls, base, settings, steps = registry.load("tasks", task), load_base("nano"), Settings(), 3
    score, scoring = cls.score, [0.0]

    def watched(self: Task, prompts: Texts, responses: Texts) -> Array:
        begin = time.perf_counter()
        found = score(self, prompts, responses)
        scoring[0] += time.perf_counter() - begin
        return found

    monkeypatch.setattr(cls, "score", watched)

    def seconds(count: int) -> tuple[float, float]:
        """Return the seconds of `count` steps and of the scoring in them, from texts that no scorer remembers."""
        forget()
        scoring[0] = 0.0
        with tempfile.TemporaryDirectory() as folder:
            made = cls()
            bench = Bench(made, base, 10**6, Store(Path(folder)))
            recipe = Recipe((1 / made.k,) * made.k, settings=settings)
            with bench.part("bench", settings.batch * count):
                return timed(lambda: train(bench, recipe, Plan(settings, settings.batch * count, 0))), scoring[0]

    seconds(1)
    rounds = [[(more - one) / steps for more, one in zip(seconds(1 + steps), seconds(1), strict=True)] for _ in range(3)]
    shares = sorted(part / whole for whole, part in rounds)
    benchmark.extra_info["scoring / step"] = shares[1]
    print(f"\n{task}: scoring of {settings.batch} answers, share of a step: {' '.join(f'{share:.0%}' for share in shares)}")
    benchmark.pedantic(lambda: None, rounds=1)


def test_scoring_64_answers_on_ten_objectives_takes_one_and_a_half_seconds(benchmark: BenchmarkFixture) -> None:
    task = registry.load("tasks", "assistant-10")()
    texts = [json.loads(line)["text"] for line in ANSWERS.read_text(encoding="utf-8").splitlines()]
    prompts = task.prompts("test")[:64]
    assert len(set(prompts)) == 64
    task.score(prompts[:1], ("A first answer, so that every model is loaded.",))
    begun = itertools.count()

    def unmet() -> tuple[tuple[Texts, Texts], dict[str, object]]:
        start = next(begun) * 64
        return (prompts, tuple(f"{texts[(start + i) % len(texts)]} That is answer {start + i}." for i in range(64))), {}

    benchmark.pedantic(task.score, setup=unmet, rounds=7)
    assert benchmark.stats["median"] <= 1.5  # of the batches: a single one may be over


def timed(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def bare_step(bench: Bench, settings: Settings) -> Callable[[], None]:
    """Return one optimiser step of the same loss without TRL, on the base's own weights copied into a LoRA by hooks."""
    base = bench.base
    adapter = random_adapter(base, 0)
    tensors = [t.requires_grad_(True) for pair in adapter.factors.values() for t in pair]
    optimiser = torch.optim.AdamW(tensors, lr=1e-6)
    prompts = tuple(p for p in bench.prompts("train")[: settings.batch // settings.group] for _ in range(settings.group))
    ones, rng = np.ones((settings.batch, 1)), np.random.default_rng(0)

    def step() -> None:
        mixture = Mixture(base, [adapter])
        with torch.no_grad():
            ids = sample(mixture, prompts, ones, rng.random((settings.batch, bench.decoding.max_tokens)))
        with bench.part("bare", settings.batch):
            rewards = bench.score(prompts, tuple(map(base.decode, ids)))[:, :1]
        answers = tuple(ids)
        own, mask = likelihood(mixture, prompts, answers, ones)
        with torch.no_grad():
            old, _ = likelihood(mixture, prompts, answers, ones)
            reference, _ = likelihood(Mixture(base, ()), prompts, answers, ones[:, :0])
        signal = rewards - bench.beta * ((old - reference) * mask).sum(1, keepdim=True).numpy()
        advantage = torch.as_tensor(leave_one_out(signal, settings.group)[:, 0], dtype=torch.float32)
        loss = -(((own - old) * mask).sum(1).exp() * advantage).mean()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()

    return step


def likelihood(mixture: Mixture, prompts: Texts, answers: tuple[tuple[int, ...], ...], w: Array) -> tuple[torch.Tensor, torch.Tensor]:
    """Return log-probabilities of the answers' tokens (n, t) and their mask; gradients flow where they are on."""
    undecorated = teacher_force.__wrapped__  # type: ignore[attr-defined]
    log_p, mask = undecorated(mixture, prompts, answers, w)
    chosen = torch.tensor([list(a) + [0] * (mask.shape[1] - len(a)) for a in answers])
    return log_p.gather(2, chosen[:, :, None])[:, :, 0], mask
