"""How docs/findings/gate.md explores and judges: one log of answers per seed, gates fitted to it, exact values on test prompts.

Exploration is the method's own: 64 answers of the base, then batches of 64 by mixtures the gate chooses at random preferences.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from gate_worlds import ARMS, Rows, World

from morlbench.lm.contextual import THRESHOLDS
from morlbench.methods.moe_cmab.gate import Gate, GateConfig
from morlbench.preference import LINEAR, Array, Utility, lattice
from morlbench.seeds import derive
from morlbench.task import Split

MARKS = (150, 300, 600, 1000)  # scored responses, the base's included
FIRST, BATCH = 64, 64
RESAMPLES = 2_000
Worlds = dict[Split, World]
Wanted = list[tuple[str, int]]  # gates and the scored responses they have seen
Logs = list[list[dict[str, "Log"]]]  # by world and seed: what the whole gate explored, and what one without context did
NETWORK = "network (NeuralUCB)"
GATES: dict[str, tuple[str, GateConfig]] = {
    "moe-cmab": ("log-ratio", GateConfig()),
    "no context": ("none", GateConfig()),  # explores itself
    "no context, same responses": ("none", GateConfig()),
    "pooled hidden states": ("hidden", GateConfig()),
    "smeared labels": ("log-ratio", GateConfig(labels="smeared")),
    "plug-in": ("log-ratio", GateConfig(labels="plug-in")),
    "disjoint arms": ("log-ratio", GateConfig(model="disjoint")),
    "disjoint, plug-in, pooled": ("hidden", GateConfig(model="disjoint", labels="plug-in")),
    NETWORK: ("log-ratio", GateConfig(model="network")),
    "hats": ("log-ratio", GateConfig(basis="hats")),
    "no caution": ("log-ratio", GateConfig(caution=0)),
}


@dataclass(frozen=True, eq=False)
class Log:
    """What one exploration saw, in order: base rewards, prompts (m,), arms (m,), rewards (m, k), KL (m,), and each step's regret (m,)."""

    base: Array
    rows: Rows
    arms: Rows
    rewards: Array
    kl: Array
    regret: Array

    def gate(self, world: World, kind: str, config: GateConfig, mark: int) -> Gate:
        """Return the gate that has seen the first `mark` scored responses, whoever explored; a network learns batch by batch."""
        gate, end = Gate.start(self.base, 2, world.context[kind].shape[1], config=config), mark - len(self.base)
        for start in range(0, end, BATCH):
            some = slice(start, min(start + BATCH, end))
            gate = gate.update(world.context[kind][self.rows[some]], ARMS[self.arms[some]], self.rewards[some], self.kl[some])
        return gate


def explore(world: World, config: GateConfig, seed: int, utility: Utility = LINEAR, kind: str = "log-ratio") -> Log:
    """Explore as the method does: 64 base answers, then batches of 64 at random preferences."""
    rng = np.random.default_rng(derive(seed, "gate study"))
    log = Log(world.base_rewards(some(world, FIRST, rng), rng), *np.zeros((2, 0), dtype=int), np.zeros((0, 2)), *np.zeros((2, 0)))
    while (spent := FIRST + len(log.rows)) < MARKS[-1]:
        count = min(BATCH, MARKS[-1] - spent)
        rows, w = some(world, count, rng), rng.dirichlet(np.ones(2), count)
        mixtures = log.gate(world, kind, config, spent).choose(world.context[kind][rows], w, utility, rng)
        arm = np.abs(mixtures[:, None] - ARMS).sum(2).argmin(1)
        rewards, kl = world.answer(rows, arm, rng)
        found = worth(world, rows, w, utility) - config.beta * world.kl[:, rows].T  # (m, a)
        regret = found.max(1) - found[np.arange(count), arm]
        log = Log(log.base, *(np.concatenate(pair) for pair in zip(
            (log.rows, log.arms, log.rewards, log.kl, log.regret), (rows, arm, rewards, kl, regret), strict=True)))  # fmt: skip
    return log


@dataclass(frozen=True, eq=False)
class Judged:
    """Mean over lattice preferences of what is had at each test prompt, (w, s, n) of w worlds and s seeds: gates by name and mark."""

    gates: dict[tuple[str, int], Array]
    mod: Array
    fixed: Array
    oracle: Array

    def part(self, world: int) -> "Judged":
        """Return what was found in one world."""
        return self._each(lambda found: found[world : world + 1])

    def by_draw(self, draws: int) -> "Judged":
        """Return the same with the worlds of one draw of lexicons, which differ in their experts' seed, as seeds of one world."""
        return self._each(lambda found: found.reshape(draws, -1, found.shape[2]))

    @property
    def headroom(self) -> float:
        """What the best gate gains over the best fixed mixture in hindsight."""
        return float((self.oracle - self.fixed).mean())

    def share(self, name: str, mark: int) -> str:
        """Return the share of the headroom recovered, with its interval."""
        gain, room = self.gates[name, mark] - self.fixed, self.oracle - self.fixed
        return interval(np.stack([gain, room], -1), lambda pair, s, n: float(np.divide(*_at(pair, s, n).mean((0, 1, 2)))), "{:.2f}")

    def over(self, name: str, other: str | Array, mark: int) -> str:
        """Return the paired difference to another gate at the same mark, or to what (w, s, n) something else is worth."""
        reference = self.gates[other, mark] if isinstance(other, str) else other
        return interval(self.gates[name, mark] - reference)

    def _each(self, change: Callable[[Array], Array]) -> "Judged":
        gates = {key: change(found) for key, found in self.gates.items()}
        return Judged(gates, change(self.mod), change(self.fixed), change(self.oracle))


def judge(worlds: list[Worlds], logs: Logs, utility: Utility, beta: float, wanted: Wanted) -> Judged:
    """Judge gates on test prompts, by exact expectation of u - beta KL; all but one are fitted to the same logs (w, s)."""
    gates: dict[tuple[str, int], list[list[Array]]] = {key: [[] for _ in worlds] for key in wanted}
    ways: list[tuple[Array, Array, Array]] = []
    for i, (split, runs) in enumerate(zip(worlds, logs, strict=True)):
        test = split["test"]
        values = test.utilities(utility) - beta * test.kl  # (p, a, n)
        each = np.arange(len(values))
        ways.append((values[each, each].mean(0), values[each, values.mean(2).argmax(1)].mean(0), values.max(1).mean(0)))
        for log in runs:
            for name, mark in wanted:
                kind, config = GATES[name]
                gate = log["none" if name == "no context" else "log-ratio"].gate(split["dev"], kind, replace(config, beta=beta), mark)
                gates[name, mark][i].append(_served(gate, test, kind, utility, values))
    mod, fixed, oracle = (np.repeat(np.stack(column)[:, None], len(logs[0]), axis=1) for column in zip(*ways, strict=True))
    return Judged({key: np.array(found) for key, found in gates.items()}, mod, fixed, oracle)


def _served(gate: Gate, test: World, kind: str, utility: Utility, values: Array) -> Array:
    """Return what the gate's arms are worth per prompt (n,), averaged over the lattice; values (p, a, n)."""
    p, n = len(values), test.prompts
    mixtures = gate.weights(np.tile(test.context[kind], (p, 1)), np.repeat(lattice(2), n, 0), utility)
    arm = np.abs(mixtures[:, None] - ARMS).sum(2).argmin(1).reshape(p, n)
    return np.asarray(values[np.arange(p)[:, None], arm, np.arange(n)].mean(0))


def interval(values: Array, statistic: Callable[[Array, Rows, Rows], float] | None = None, form: str = "{:+.4f}") -> str:
    """Return a mean over (w, s, n, ...) with its 95% percentile interval: seeds and prompts are resampled within each world."""
    rng = np.random.default_rng(0)
    statistic = statistic or (lambda v, s, n: float(_at(v, s, n).mean()))
    w, s, n = values.shape[:3]
    whole = statistic(values, np.tile(np.arange(s), (w, 1)), np.tile(np.arange(n), (w, 1)))
    found = [statistic(values, rng.integers(s, size=(w, s)), rng.integers(n, size=(w, n))) for _ in range(RESAMPLES)]
    return " ".join((form.format(whole), "({} to {})".format(*(form.format(x) for x in np.quantile(found, (0.025, 0.975))))))


def worth(world: World, rows: Rows, w: Array, utility: Utility) -> Array:
    """Return exact expected utility (m, a) at any preferences (m, k), for the two utilities that are linear in w."""
    value = np.einsum("amk,mk->ma", world.rewards[:, rows], w)
    if utility.name == "linear":
        return value
    assert utility.name == "soft-threshold"
    none = Utility("soft-threshold", THRESHOLDS)(world.problem.rewards, np.zeros(2))  # the penalty alone (n, c)
    return np.asarray(value + np.einsum("anc,nc->na", np.exp(world.arms), none)[rows])


def some(world: World, count: int, rng: np.random.Generator) -> Rows:
    """Return `count` prompts in random order, each as often as any other."""
    return np.concatenate([rng.permutation(world.prompts) for _ in range(count // world.prompts + 1)])[:count]


def _at(values: Array, seeds: Rows, prompts: Rows) -> Array:
    return np.stack([v[s][:, n] for v, s, n in zip(values, seeds, prompts, strict=True)])
