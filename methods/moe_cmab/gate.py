"""The gate of `moe-cmab`: which mixture of the experts to use for this prompt, this preference and this utility.

Arms are mixtures. One ridge regression of the reward vector on φ(x, a) = b(a) ⊗ [1; z(x)] is shared by all arms, with a weak
prior on the context-free part and a strong one on the rest: with little data the gate is the best fixed mixture, with more it
follows the prompt. A utility is not applied to predicted rewards (E[u(r)] is not u(E[r])): the log is *relabelled* with u_w(r)
and regressed again, in closed form. Or it is *smeared* (Duan 1983): averaged over predicted rewards plus the log's own
residuals, which uses the whole vector and has less variance, but supposes that residuals do not depend on the arm; a step
(the hard threshold) is relabelled even then, since shifted rewards cross it by accident where they are discrete.
What an arm costs counts too: the labels are u_w(R) - β KL, with the KL to the base (in nats) that each answer's arm spent and the
task's β, since that is the problem the experts were trained on; with β = 0 the gate chases the utility alone. A user's ratings
say nothing of KL, so `expected`, which explains them, leaves it out.
An arm is served instead of the preference's own only if it is better by `caution` standard errors of their difference (as in
safe policy improvement, Laroche et al. 2019), and by four times as much under a linear utility with KL: there nothing beats the
preference-weighted log-linear mixture of ideal experts, so that only flaws of the experts could be mended.
Serving is greedy and pure; exploration happens in `choose` alone.
Disjoint arms, hats, a network, and *plugged-in* utilities u_w(predicted r) are kept as named ablations.
"""

import json
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from morlbench.bandit import Explorer, Network, Ridge, check_rows
from morlbench.errors import BadInput, BadRecord, MorlbenchError
from morlbench.preference import LINEAR, Array, Utility

from .arms import BASES, Basis, arms

Model = Literal["shared", "disjoint", "network"]
Labels = Literal["relabelled", "smeared", "plug-in"]
HIDDEN = 32
RESIDUALS = 128  # rows of the log, evenly spaced, whose residuals smear a utility
BELIEF = 64  # preferences that stand for a posterior
DOUBT = 4  # times the usual caution where theory says that the preference's own arm is best
TIE = 1e-9  # utility below which arms are tied; the one nearest the preference then wins


@dataclass(frozen=True)
class GateConfig:
    """What may differ between gates: exploration, the model of the reward, how a utility enters, beta and the two prior precisions.

    `beta` is what a nat of KL to the base costs, in units of utility; 0 leaves KL out of account. `caution` is by how many
    standard errors a served arm must beat the mixture that the preference itself states; `basis` is of the mixtures.
    `weak` and `strong` are noise variance over prior variance, of the context-free and the context coefficients.
    """

    explorer: Explorer = field(default_factory=Explorer)
    model: Model = "shared"
    labels: Labels = "relabelled"
    beta: float = 0.0
    caution: float = 0.5
    basis: Basis = "quadratic"
    weak: float = 0.25
    strong: float = 16.0

    def __post_init__(self) -> None:
        if self.model not in get_args(Model):
            raise BadInput(f"unknown gate model {self.model!r}; known: {', '.join(get_args(Model))}")
        if self.labels not in get_args(Labels):
            raise BadInput(f"unknown gate labels {self.labels!r}; known: {', '.join(get_args(Labels))}")
        if self.basis not in get_args(Basis):
            raise BadInput(f"unknown gate basis {self.basis!r}; known: {', '.join(get_args(Basis))}")
        if not 0 <= self.beta < np.inf:
            raise BadInput(f"gate beta = {self.beta:g} is outside [0, inf); expected the task's price of a nat of KL, e.g. 0.05")
        if not 0 <= self.caution < np.inf:
            raise BadInput(f"gate caution = {self.caution:g} is outside [0, inf); expected a number of standard errors, e.g. 1")
        for name, value in (("weak", self.weak), ("strong", self.strong)):
            if not 0 < value < np.inf:
                raise BadInput(f"gate prior {name} = {value:g} is outside (0, inf); expected a precision such as 0.25")


@dataclass(frozen=True, eq=False)
class Gate:
    """A gate and all it has seen: context z (n, c), mixtures (n, m), rewards (n, k), KL (n,); base rewards (b, k) centre its labels."""

    config: GateConfig
    base: Array
    z: Array
    mixtures: Array
    rewards: Array
    kl: Array
    network: Network | None = None

    @classmethod
    def start(cls, base: Array, experts: int, context: int, *, config: GateConfig | None = None, seed: int = 0) -> "Gate":
        """Return a gate without data, from rewards (b, k) of the base's own answers on dev prompts; b = 1 is their mean."""
        base = np.atleast_2d(np.asarray(base, dtype=float))
        check_rows("base rewards", base, base.shape)
        config = config or GateConfig()
        arms(experts)
        size = context + BASES[config.basis](np.zeros(experts)).shape[-1]
        network = Network.start(size, HIDDEN, seed=seed) if config.model == "network" else None
        return cls(config, base, np.zeros((0, context)), np.zeros((0, experts)), np.zeros((0, base.shape[1])), np.zeros(0), network)

    def arms(self, preferences: Array) -> Array:
        """Return the arms (n, a, m) of each row: the fixed ones and, beyond two experts, the stated preference itself."""
        fixed = arms(self._experts)
        rows = np.broadcast_to(fixed, (len(preferences), *fixed.shape))
        if self._experts == 2 or preferences.shape[1] != self._experts:
            return rows
        return np.concatenate([rows, preferences[:, None]], axis=1)

    def weights(self, z: Array, preferences: Array, utility: Utility = LINEAR) -> Array:
        """Return the mixture (n, m) the gate serves for context z (n, c) and preferences (n, k): greedy, no randomness."""
        self._check(z, preferences)
        arms_ = self.arms(preferences)
        features = self._features(z, arms_)
        means = self._means(features, preferences, utility)
        distinct, row = np.unique(preferences, axis=0, return_inverse=True)
        caution = self.config.caution * (DOUBT if utility.name == "linear" and self.config.beta else 1)
        return self._serve(arms_, features, means, self._noise(distinct, utility)[row.ravel()], preferences, caution)

    def weights_under(self, z: Array, grid: Array, belief: Array, utility: Utility = LINEAR) -> Array:
        """Return the mixture (n, m) that is best on average over preferences (g, k) with probabilities (g,)."""
        average = np.tile(belief @ grid, (len(z), 1))
        self._check(z, average)
        if utility.name == "linear":
            return self.weights(z, average)
        arms_ = self.arms(average)
        features = self._features(z, arms_)
        likely = grid[np.searchsorted(belief.cumsum() / belief.sum(), (np.arange(BELIEF) + 0.5) / BELIEF)]
        distinct, count = np.unique(likely, axis=0, return_counts=True)
        each = [c * self._means(features, np.tile(w, (len(z), 1)), utility) for w, c in zip(distinct, count, strict=True)]
        noise = self._ridge.noise(self._labels(distinct, utility) @ count[:, None] / BELIEF - self._price[:, None])
        return self._serve(arms_, features, np.sum(each, axis=0) / BELIEF, noise, average, self.config.caution)

    def choose(self, z: Array, preferences: Array, utility: Utility, rng: np.random.Generator) -> Array:
        """Return mixtures (n, m) to try next, exploring by the configured rule."""
        self._check(z, preferences)
        arms_ = self.arms(preferences)
        features = self._features(z, arms_)
        distinct, row = np.unique(preferences, axis=0, return_inverse=True)
        noise = self._noise(distinct, utility)[row.ravel()]
        means = self._means(features, preferences, utility) - _tie(arms_, preferences)
        return _take(arms_, self.config.explorer.choose(means, features, self._ridge, noise, rng))

    def update(self, z: Array, mixtures: Array, rewards: Array, kl: Array | None = None) -> "Gate":
        """Return the gate that has also seen rewards (n, k) of answers from mixtures (n, m) in context z (n, c).

        kl (n,): nats from the base that the mixture spent on each answer; None where beta is 0 and it is not asked for.
        """
        if kl is None and self.config.beta:
            raise MorlbenchError(f"the gate counts KL (beta {self.config.beta:g}) and was given none; expected one value per answer")
        kl = np.zeros(len(rewards)) if kl is None else kl
        check_rows("KL", kl, (len(rewards),))
        check_rows("context", z, (len(rewards), self.z.shape[1]))
        check_rows("mixtures", mixtures, (len(rewards), self._experts))
        check_rows("rewards", rewards, (len(rewards), self.rewards.shape[1]))
        z, mixtures = np.vstack([self.z, z]), np.vstack([self.mixtures, mixtures])
        rewards, kl = np.vstack([self.rewards, rewards]), np.append(self.kl, kl)
        network = self.network
        if network is not None and len(rewards):
            targets = np.column_stack([rewards - self.base.mean(0), self.config.beta * kl])
            network = network.fit(np.hstack([self._basis(mixtures), z]), targets)
        return replace(self, z=z, mixtures=mixtures, rewards=rewards, kl=kl, network=network)

    def expected(self, z: Array, mixtures: Array, grid: Array, utility: Utility = LINEAR) -> Array:
        """Return expected utilities (n, g), without KL, of answers from mixtures (n, m), for each preference of a grid (g, k)."""
        features = self._features(z, mixtures[:, None])[:, 0]
        offset = utility(self.base[:, None], grid).mean(0)
        return np.asarray(features @ self._ridge.coefficients(self._labels(grid, utility)) + offset)

    def to_json(self) -> str:
        """Return the whole state as JSON text; `from_json` gives back an equal gate."""
        arrays = {name: [list(array.shape), array.ravel().tolist()] for name, array in self._arrays().items()}
        return json.dumps({"config": asdict(self.config), "arrays": arrays})

    @classmethod
    def from_json(cls, text: str) -> "Gate":
        """Read what `to_json` wrote, or raise BadRecord."""
        try:
            state = json.loads(text)
            config = dict(state["config"])
            config["explorer"] = Explorer(**config["explorer"])
            arrays = {name: np.array(values, dtype=float).reshape(shape) for name, (shape, values) in state["arrays"].items()}
            network = Network(arrays.pop("network")) if "network" in arrays else None
            return cls(GateConfig(**config), arrays["base"], arrays["z"], arrays["mixtures"], arrays["rewards"], arrays["kl"], network)
        except (KeyError, TypeError, ValueError) as problem:
            raise BadRecord(f"this is not a stored gate ({problem}); train it again") from None

    @property
    def _experts(self) -> int:
        return int(self.mixtures.shape[1])

    def _basis(self, mixtures: Array) -> Array:
        return BASES[self.config.basis](mixtures)

    def _arrays(self) -> dict[str, Array]:
        network = {} if self.network is None else {"network": self.network.weights}
        return {"base": self.base, "z": self.z, "mixtures": self.mixtures, "rewards": self.rewards, "kl": self.kl, **network}

    @cached_property
    def _ridge(self) -> Ridge:
        features = self._features(self.z, self.mixtures[:, None])[:, 0]
        return Ridge.empty(self._prior, self.rewards.shape[1]).update(features, self.rewards)

    @property
    def _price(self) -> Array:
        """What the KL of each logged answer costs (n,), in units of utility."""
        return np.asarray(self.config.beta * self.kl)

    @cached_property
    def _residuals(self) -> Array:
        """What the regression left unexplained, (at most RESIDUALS, k)."""
        if not len(self.rewards):
            return self.rewards
        rows = np.unique(np.linspace(0, len(self.rewards) - 1, RESIDUALS).astype(int))
        return np.asarray((self.rewards - self._predict(self._ridge.features))[rows])

    @cached_property
    def _prior(self) -> Array:
        if self.network is not None:
            return np.full(HIDDEN + 1, self.config.weak)
        of_arm = np.append(self.config.weak, np.full(self.z.shape[1], self.config.strong))
        shape = self._basis(np.zeros(self._experts)).shape[-1] if self.config.model == "shared" else len(arms(self._experts)) + 1
        return np.tile(of_arm, shape)

    def _features(self, z: Array, mixtures: Array) -> Array:
        """Return φ (n, a, d) of context z (n, c) and mixtures (n, a, m)."""
        repeated = np.broadcast_to(z[:, None], (*mixtures.shape[:2], z.shape[1]))
        if self.network is not None:
            return self.network.features(np.concatenate([self._basis(mixtures), repeated], axis=-1))
        basis = self._basis(mixtures) if self.config.model == "shared" else _one_hot(mixtures)
        context = np.concatenate([np.ones((*mixtures.shape[:2], 1)), repeated], axis=-1)
        size = basis.shape[-1] * context.shape[-1]
        return np.asarray((basis[..., None] * context[..., None, :]).reshape(*mixtures.shape[:2], size))

    def _serve(self, arms_: Array, features: Array, means: Array, noise: Array, preferences: Array, caution: float) -> Array:
        """Return the arm (n, m) of the largest mean (n, a), less `caution` standard errors of its difference to the preference's own.

        noise (n,), or (1,) for all rows: the standard deviation of one answer's utility around its mean.
        """
        means = means - _tie(arms_, preferences)
        if caution and arms_.shape[-1] == preferences.shape[-1]:
            own = np.abs(arms_ - preferences[:, None]).sum(-1).argmin(1)
            step = features - features[np.arange(len(own)), own][:, None]
            means = means - caution * noise[:, None] * self._ridge.width(step)
        return _take(arms_, means.argmax(1))

    def _means(self, features: Array, preferences: Array, utility: Utility) -> Array:
        """Return predicted u - beta KL (n, a), up to a constant per row."""
        price = np.einsum("nad,d->na", features, self._ridge.coefficients(self._price))
        return np.asarray(self._utilities(features, preferences, utility) - price)

    def _utilities(self, features: Array, preferences: Array, utility: Utility) -> Array:
        if self.config.labels == "plug-in":
            return utility(self._predict(features), preferences[:, None])
        if self.config.labels == "smeared" and utility.name not in ("linear", "hard-threshold") and len(self._residuals):
            predicted = self._predict(features)
            return np.asarray(np.mean([utility(predicted + e, preferences[:, None]) for e in self._residuals], axis=0))
        distinct, row = np.unique(preferences, axis=0, return_inverse=True)
        theta = self._ridge.coefficients(self._labels(distinct, utility))  # (d, distinct)
        return np.asarray(np.einsum("nad,dn->na", features, theta[:, row.ravel()]))

    def _labels(self, preferences: Array, utility: Utility) -> Array:
        """Return the log relabelled (n, p): u_w of each raw reward vector, less its mean over the base's answers."""
        return np.asarray(utility(self.rewards[:, None], preferences) - utility(self.base[:, None], preferences).mean(0))

    def _noise(self, preferences: Array, utility: Utility) -> Array:
        """Return the standard deviation (p,) of u - beta KL of one answer around its regression."""
        return self._ridge.noise(self._labels(preferences, utility) - self._price[:, None])

    def _predict(self, features: Array) -> Array:
        centre = self.base.mean(0)
        return np.asarray(features @ self._ridge.coefficients(self.rewards - centre) + centre)

    def _check(self, z: Array, preferences: Array) -> None:
        check_rows("context", z, (len(preferences), self.z.shape[1]))
        check_rows("preferences", preferences, (len(z), self.rewards.shape[1]))


def _one_hot(mixtures: Array) -> Array:
    """Return which arm (..., a + 1) each mixture is: the nearest fixed one, or the last if none is near (the preference)."""
    fixed = arms(mixtures.shape[-1])
    distance = np.abs(mixtures[..., None, :] - fixed).sum(-1)
    position = np.where(distance.min(-1) < TIE, distance.argmin(-1), len(fixed))
    return np.asarray(np.eye(len(fixed) + 1)[position])


def _tie(arms_: Array, preferences: Array) -> Array:
    """Return a hair's breadth of utility (n, a) against arms far from the preference; it decides only between equals."""
    if arms_.shape[-1] != preferences.shape[-1]:
        return np.zeros(arms_.shape[:2])
    return np.asarray(TIE * np.abs(arms_ - preferences[:, None]).sum(-1))


def _take(arms_: Array, chosen: NDArray[np.int64]) -> Array:
    return np.asarray(arms_[np.arange(len(arms_)), chosen])
