"""What a plugin trains, at which level it mixes and whom it serves what. Nothing is trained: adapters are drawn at random."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from morlbench import registry
from morlbench.bandit import Explorer
from morlbench.bench import Bench
from morlbench.check.toy import LENGTH, Toy
from morlbench.errors import BadInput
from morlbench.exp3 import DynaOpt
from morlbench.lm.adapter import Adapter
from morlbench.lm.base import Base, load_base
from morlbench.lm.family import spread
from morlbench.lm.meta import protected_recipe
from morlbench.lm.policy import LMPolicy, base_policy
from morlbench.lm.train import Plan, Recipe, retrained, steered, whole_steps
from morlbench.lm.trained import Settings, usual
from morlbench.methods.emorl import Emorl
from morlbench.methods.gdpo import Decoupled
from morlbench.methods.gradient_weighted import Influence
from morlbench.methods.meta_morl import MetaMorl
from morlbench.methods.moe_cmab import MoeCmab
from morlbench.methods.moe_cmab.gate import Gate, GateConfig
from morlbench.methods.moe_cmab.policy import GatedPolicy
from morlbench.preference import LINEAR, Array
from morlbench.store import Store
from morlbench.task import Decoding
from tests.test_fewstep import drawn

STATED = (0.7, 0.3)
PROMPTS = Toy().prompts("test")[:3]
ASKED = np.array([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]])
OWN = ((1.0, 0.0), (0.0, 1.0))


class Warm(Toy):
    """The toy task at a temperature that a mixture could forget."""

    decoding: ClassVar[Decoding] = Decoding(LENGTH, min_tokens=LENGTH, temperature=0.7)


@dataclass(eq=False)
class Trainer:
    """Stands in for all training: notes each recipe with its responses and seed, and makes adapters up."""

    base: Base
    asked: list[tuple[Recipe, int, int]] = field(default_factory=list)
    made: list[Adapter] = field(default_factory=list)

    def expert(self, bench: Bench, recipe: Recipe, *, responses: int, seed: int) -> Adapter:
        self.asked.append((recipe, responses, seed))
        self.made.append(drawn(self.base, len(self.made)))
        return self.made[-1]

    def experts(self, bench: Bench, recipes: Sequence[Recipe], *, responses: int, seed: int) -> list[Adapter]:
        return [self.expert(bench, recipe, responses=responses, seed=seed) for recipe in recipes]

    def steered(self, bench: Bench, recipe: Recipe, name: str, plan: Plan) -> Adapter:
        return self.expert(bench, recipe, responses=plan.responses, seed=plan.seed)

    def weights(self, adapter: Adapter) -> tuple[float, ...]:
        """Return what an adapter was trained for."""
        return next(recipe.weights for (recipe, *_), made in zip(self.asked, self.made, strict=True) if made is adapter)

    def returns(self, bench: Bench, adapter: Adapter, answers: int, *, seed: int) -> Array:
        """Return w / |w| of the adapter's w: so w·v is largest for the policy that was trained for w."""
        return np.array(self.weights(adapter)) / np.linalg.norm(self.weights(adapter))


@pytest.fixture(scope="module")
def base() -> Base:
    return load_base("exact")


@pytest.fixture
def trainer(base: Base, monkeypatch: pytest.MonkeyPatch) -> Trainer:
    found = Trainer(base)
    monkeypatch.setattr("morlbench.lm.meta.experts", found.experts)
    return found


def train(name: str, base: Base, folder: Path, budget: int = 256, **settings: object) -> LMPolicy:
    bench = Bench(Warm(), base, budget, Store(folder), preference=STATED)
    policy = registry.load("methods", name)(**settings).train(bench, seed=3)
    assert isinstance(policy, LMPolicy)
    assert policy.decoding is Warm.decoding
    assert policy.mixture.temperature == 0.7
    return policy


def gate(policy: LMPolicy, asked: Array = ASKED) -> Array:
    return policy.gate(PROMPTS[: len(asked)], asked, LINEAR)


# --- one policy ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("linear-scalarization", Recipe(STATED)),
        ("chebyshev", Recipe(STATED, utility="chebyshev")),
        ("mgda", Recipe((0.5, 0.5), gradients="mgda")),
        ("pcgrad", Recipe((0.5, 0.5), gradients="pcgrad")),
        ("cagrad", Recipe((0.5, 0.5), gradients="cagrad")),
    ],
)
def test_a_single_policy_spends_all_on_its_own_rule(
    name: str, recipe: Recipe, base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(base)
    monkeypatch.setattr(f"morlbench.methods.{name.replace('-', '_')}.expert", trainer.expert)
    policies = [train(name, base, tmp_path), train(name, base, tmp_path, rate=0.02, rank=4)]
    ways = (usual(base), Settings(rate=0.02, rank=4))
    assert trainer.asked == [(replace(recipe, settings=settings), 256, 3) for settings in ways]
    assert [policy.mixture.adapters for policy in policies] == [(one,) for one in trainer.made]


# Gradients (2, 0) and (-1, 1), of lengths 2 and √2: each rule weighs them in a way of its own.
GRAM = np.array([[4.0, -2.0], [-2.0, 2.0]])
HALF = math.sqrt(0.5)


@pytest.mark.parametrize(
    ("recipe", "weights"),
    [
        (Recipe(OWN[0]), None),
        (Recipe((0.5, 0.5), gradients="mgda"), (0.5 / (0.5 + HALF), HALF / (0.5 + HALF))),  # the middle of the unit gradients
        (Recipe((0.5, 0.5), gradients="pcgrad"), (1.5, 2.0)),  # g1 + (2 / 2) g2, and g2 + (2 / 4) g1
        (Recipe(OWN[1], gradients="projected", leader=1, epsilon=0.0), (0.5, 1.0)),  # g2 + (2 / 4) g1
        (Recipe(OWN[1], gradients="projected", leader=1, epsilon=1.0), (0.0, 1.0)),
        (Recipe(OWN[1], gradients="anchored", leader=1), (0.2 / (0.2 + 0.6 * HALF), 0.6 * HALF / (0.2 + 0.6 * HALF))),  # .4 and .6
        (Recipe(OWN[0], gradients="anchored", leader=0), (0.3 / (0.3 + 0.4 * HALF), 0.4 * HALF / (0.3 + 0.4 * HALF))),
        # the simplex's w = (1 - x, x) with the least g_w·g_0 + .5 |g_0| |g_w|, where g_0 = (.5, .5) and g_w = (2 - 3 x, x):
        # 1 - x + .3536 sqrt(10 x² - 12 x + 4) falls all the way to x = 1; so d = g_0 + (.5 |g_0| / |g_2|) g_2 and that factor is .25
        (Recipe((0.5, 0.5), gradients="cagrad"), (0.5, 0.75)),
    ],
    ids=["scalar", "mgda", "pcgrad", "projected", "free", "anchored-1", "anchored-0", "cagrad"],
)
def test_a_recipe_weighs_gradients_by_the_rule_that_it_names(recipe: Recipe, weights: tuple[float, float] | None) -> None:
    found = recipe.mix(GRAM)
    assert found is None if weights is None else found == pytest.approx(weights, abs=1e-3)


def test_gdpo_and_gradient_weighting_steer_by_the_stated_preference(base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steers: list[object] = []

    def steered(bench: Bench, steer: object, name: str, plan: Plan) -> Adapter:
        assert (plan.settings, plan.responses, plan.seed) == (usual(base), 256, 3)
        steers.append(steer)
        return drawn(base, 0)

    for name in ("gdpo", "gradient_weighted"):
        monkeypatch.setattr(f"morlbench.methods.{name}.steered", steered)
    train("gdpo", base, tmp_path)
    train("gradient-weighted", base, tmp_path, step=0.2)
    decoupled, influence = steers
    assert decoupled == Decoupled(STATED, usual(base).group)
    assert isinstance(influence, Influence)
    assert influence.step == 0.2
    assert influence.weights.tolist() == list(STATED)


@pytest.mark.parametrize(("name", "paid"), [("dynaopt", 0.02), ("dynaopt-rescaled", 0.5)])
def test_dynaopt_is_paid_by_the_change_itself_or_by_its_rank(
    name: str, paid: float, base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dev utility rises by .02, the first change that is seen, which ranks in the middle of none."""
    controllers: list[DynaOpt] = []

    def train_dynamic(bench: Bench, controller: DynaOpt, name: str, settings: Settings, *, seed: int) -> Adapter:
        controllers.append(controller)
        return drawn(base, 0)

    monkeypatch.setattr(f"morlbench.methods.{name.replace('-', '_')}.train_dynamic", train_dynamic)
    train(name, base, tmp_path, gamma=0.3)
    for dev in (0.2, 0.22):
        controllers[0](np.full(2, dev))
    assert max(controllers[0].bandit.log_weights) == pytest.approx(0.3 * paid)  # gamma pay / (p m), where p m = 1 at first


# --- one expert per objective --------------------------------------------------------------------------------------------


def plain(base: Base, responses: int) -> list[tuple[Recipe, int, int]]:
    return [(Recipe(w, settings=usual(base)), responses, 3) for w in OWN]


@pytest.mark.parametrize(
    ("name", "settings", "level"),
    [
        ("rewarded-soups", {}, "parameters"),
        ("mod", {}, "logits"),
        ("probability-mix", {}, "probabilities"),
        ("combine", {}, "hidden-pre"),
        ("combine", {"level": "factors"}, "factors"),
    ],
)
def test_plain_experts_are_mixed_at_the_methods_own_level_as_asked(
    name: str, settings: dict[str, str], level: str, base: Base, tmp_path: Path, trainer: Trainer
) -> None:
    policy = train(name, base, tmp_path, **settings)
    assert trainer.asked == plain(base, 128)
    assert policy.mixture.level == level
    assert policy.mixture.adapters == tuple(trainer.made)
    assert gate(policy).tolist() == ASKED.tolist()
    assert policy.explains


def test_random_weights_are_the_same_for_every_prompt_and_not_what_is_asked(base: Base, tmp_path: Path, trainer: Trainer) -> None:
    policy = train("random-weights", base, tmp_path)
    assert trainer.asked == plain(base, 128)
    assert policy.mixture.level == "logits"
    found = [gate(policy, np.tile(w, (3, 1))) for w in ASKED]
    assert all(np.ptp(rows, axis=0).max() == 0 and rows.sum(1) == pytest.approx(1) for rows in found)
    assert all(np.abs(rows[0] - w).max() > 0.05 for rows, w in zip(found, ASKED, strict=True))
    assert len({tuple(rows[0]) for rows in found}) == 3


def test_a_shuffled_preference_is_the_prompts_own_and_not_what_is_asked(base: Base, tmp_path: Path, trainer: Trainer) -> None:
    policy = train("shuffled-preference", base, tmp_path)
    assert trainer.asked == plain(base, 128)
    assert policy.mixture.level == "parameters"
    found = [gate(policy, np.tile(w, (3, 1))) for w in ASKED]
    assert found[0].tolist() == found[1].tolist() == found[2].tolist()
    assert found[0].sum(1) == pytest.approx(1)
    assert len({tuple(row) for row in found[0]}) == 3  # one for each prompt


def test_the_single_best_expert_or_the_base_is_told_by_what_each_ones_own_policy_earns_on_dev(
    base: Base, tmp_path: Path, trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here each expert earns most of the other's objective, and the base more than either where both count."""
    counts = []

    def returns(bench: Bench, adapter: Adapter, answers: int, *, seed: int) -> Array:
        counts.append(answers)
        return np.array(OWN[1 - trainer.made.index(adapter)] if adapter in trainer.made else [0.55, 0.55])

    monkeypatch.setattr("morlbench.methods.single_best_expert.returns", returns)
    policy = train("single-best-expert", base, tmp_path)
    assert trainer.asked == plain(base, 115)  # nine tenths of 256 for two
    assert counts == [256 // 3] * 3  # the stand-in for training spends nothing
    assert gate(policy).tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
    asked, own = np.tile([0.5, 0.5], (3, 1)), base_policy(base, policy.decoding)
    said = policy.respond(PROMPTS, asked, seed=1)
    assert said == own.respond(PROMPTS, asked, seed=1)
    assert policy.kl(PROMPTS, asked, said) == pytest.approx(0, abs=1e-6)


def test_a_choice_without_a_dev_answer_for_each_is_refused_before_training(base: Base, tmp_path: Path, trainer: Trainer) -> None:
    with pytest.raises(BadInput, match=r"dev_share=0.01 of 256 responses .* raise it to 0.0117 or more"):
        train("single-best-expert", base, tmp_path, dev_share=0.01)
    assert trainer.asked == []


def test_emorl_mixes_states_after_the_final_norm(base: Base, tmp_path: Path, trainer: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    points, means = np.array([[0.3, 0.7], [0.6, 0.4]]), np.array([[0.9, 0.1], [0.2, 0.8]])
    monkeypatch.setattr(Emorl, "_search", lambda *_: (points, means))
    policy = train("emorl", base, tmp_path)
    assert trainer.asked == plain(base, 102)  # four fifths of 256 for two
    assert policy.mixture.level == "hidden"
    assert gate(policy).tolist() == points[[1, 0, 0]].tolist()  # at (.5, .5) both earn .5


def test_mol_moe_routes_plain_experts(base: Base, tmp_path: Path, trainer: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("morlbench.methods.mol_moe.train", lambda *_, **__: None)
    policy = train("mol-moe", base, tmp_path)
    assert trainer.asked == plain(base, 102)
    assert gate(policy) == pytest.approx(ASKED, abs=1e-3)  # a router that was not trained is rewarded soups


# --- protected experts ---------------------------------------------------------------------------------------------------


def test_a_protected_recipe_is_led_by_its_own_objective_and_holds_epsilon_only_where_it_means_something() -> None:
    own, settings = (0.0, 1.0, 0.0), Settings(rank=2)
    assert protected_recipe(3, 1, "plain", 0.2, settings) == Recipe(own, settings=settings)
    projected = Recipe(own, gradients="projected", leader=1, epsilon=0.2, settings=settings)
    assert protected_recipe(3, 1, "projected", 0.2, settings) == projected
    assert protected_recipe(3, 1, "anchored", 0.2, settings) == replace(projected, gradients="anchored", epsilon=0.0)


@pytest.mark.parametrize(
    ("name", "settings", "rule", "epsilon", "level", "share"),
    [
        ("protected-experts", {}, "projected", 0.3, "logits", 128),
        ("protected-experts", {"epsilon": 0.1, "level": "hidden-1"}, "projected", 0.1, "hidden-1", 128),
        ("protected-experts", {"experts": "anchored"}, "anchored", 0.0, "logits", 128),
        ("moe-cmab", {}, "projected", 0.3, "hidden", 115),  # nine tenths of 256 for two
        ("moe-cmab", {"epsilon": 0.1, "expert_share": 0.5, "level": "parameters"}, "projected", 0.1, "parameters", 64),
        ("moe-cmab", {"experts": "anchored"}, "anchored", 0.0, "hidden", 115),
        ("moe-cmab", {"experts": "plain"}, "scalar", 0.3, "hidden", 115),
    ],
)
def test_every_protected_expert_leads_in_its_own_objective(
    name: str, settings: dict[str, object], rule: str, epsilon: float, level: str, share: int, base: Base, tmp_path: Path, trainer: Trainer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(MoeCmab, "_learn", lambda *_: Gate.start(np.full((1, 2), 0.5), 2, 16))
    policy = train(name, base, tmp_path, **settings)
    wanted = [
        Recipe(w, gradients=rule, leader=0 if rule == "scalar" else i, epsilon=epsilon, settings=usual(base))  # type: ignore[arg-type]
        for i, w in enumerate(OWN)
    ]
    assert trainer.asked == [(recipe, share, 3) for recipe in wanted]
    assert policy.mixture.level == level
    assert policy.mixture.adapters == tuple(trainer.made)
    if name == "protected-experts":
        assert gate(policy).tolist() == ASKED.tolist()


@pytest.mark.parametrize(
    ("settings", "config"),
    [
        ({}, GateConfig(Explorer(rule="linucb"), "shared", "relabelled", Toy.beta, 0.5, "quadratic")),
        ({"penalty": False}, GateConfig(Explorer(rule="linucb"), "shared", "relabelled", 0.0, 0.5, "quadratic")),
        (
            {"exploration": 2.0, "model": "disjoint", "labels": "smeared", "caution": 1.5},
            GateConfig(Explorer(rule="linucb", alpha=2.0), "disjoint", "smeared", Toy.beta, 1.5, "quadratic"),
        ),
        ({"rule": "uniform", "basis": "hats"}, GateConfig(Explorer(rule="uniform"), "shared", "relabelled", Toy.beta, 0.5, "hats")),
    ],
)
def test_the_gate_of_moe_cmab_is_made_as_its_settings_say_and_counts_kl_unless_told_not_to(
    settings: dict[str, object], config: GateConfig, base: Base, tmp_path: Path, trainer: Trainer
) -> None:
    policy = train("moe-cmab", base, tmp_path, **settings)
    assert isinstance(policy, GatedPolicy)
    assert policy.state.config == config
    assert policy.state.kl.max() > 0.1  # what it counts, the KL of the mixtures it tried, is known either way


# --- one policy per preference -------------------------------------------------------------------------------------------


def serves_what_it_trained(policy: LMPolicy, known: Sequence[tuple[float, ...]], made: Sequence[Adapter]) -> bool:
    """Say whether each known preference is served by an adapter trained for it."""
    served = [policy.mixture.adapters[int(gate(policy, np.array([w]))[0].argmax())] for w in known]
    owners = [[w for w, adapter in zip(known, made, strict=True) if adapter is one] for one in served]
    return owners == [[w] for w in known]


def test_a_preference_sweep_serves_each_preference_by_the_policy_trained_for_it(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(base)
    monkeypatch.setattr("morlbench.methods.preference_sweep.experts", trainer.experts)
    for budget, count, share in ((704, 11, 64), (256, 4, 64), (4096, 8, 512)):  # eleven of 372 would take 256 each
        trainer.asked, trainer.made = [], []
        policy = train("preference-sweep", base, tmp_path, budget)
        assert trainer.asked == [(Recipe(tuple(w), settings=usual(base)), share, 3) for w in spread(2, count).tolist()]
        assert serves_what_it_trained(policy, [recipe.weights for recipe, *_ in trainer.asked], trainer.made)


@pytest.mark.parametrize("name", ["optimistic-linear-support", "pgmorl"])
def test_a_search_of_the_front_serves_each_preference_by_the_policy_that_earns_most_there(
    name: str, base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, module = Trainer(base), f"morlbench.methods.{name.replace('-', '_')}"
    for each in ("expert", "returns") if name != "pgmorl" else ("expert", "returns", "steered"):
        monkeypatch.setattr(f"{module}.{each}", getattr(trainer, each))
    policy = train(name, base, tmp_path, 576)
    known = [recipe.weights for recipe, *_ in trainer.asked]
    assert len(known) > 4
    assert all(recipe == Recipe(recipe.weights, settings=usual(base)) for recipe, *_ in trainer.asked)
    for w in known:
        served = policy.mixture.adapters[int(gate(policy, np.array([w]))[0].argmax())]
        assert trainer.weights(served) == pytest.approx(w)


@pytest.mark.parametrize(
    ("name", "budget", "count"),
    [("optimistic-linear-support", 4096, 7), ("optimistic-linear-support", 32_768, 10), ("pgmorl", 4096, 19), ("pgmorl", 32_768, 20)],
)
def test_a_search_of_the_front_divides_its_budget_so_that_little_is_left(
    name: str, budget: int, count: int, base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, module = Trainer(base), f"morlbench.methods.{name.replace('-', '_')}"
    for each in ("expert", "returns") if name != "pgmorl" else ("expert", "returns", "steered"):
        monkeypatch.setattr(f"{module}.{each}", getattr(trainer, each))
    train(name, base, tmp_path, budget)
    assert len(trainer.asked) == count
    looks = [budget // count - responses for _, responses, _ in trainer.asked]
    stored = count if name != "pgmorl" else min(5, count // 4)  # in whole checkpoints, the others in whole batches
    taken = [whole_steps(responses) if i < stored else responses // 64 * 64 for i, (_, responses, _) in enumerate(trainer.asked)]
    assert 0.9 * budget <= sum(taken) + sum(looks) <= budget


def test_optimistic_linear_support_trains_on_what_it_trained_least_while_no_corner_promises_a_gain(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of seven trainings the third finds a gap at (.5, .5), the others none."""
    trainer, gaps, starts = Trainer(base), iter([1.0, 0.0, 0.0, 0.0, 0.0]), list[int]()

    def on(bench: Bench, recipe: Recipe, name: str, plan: Plan) -> Adapter:
        starts.append(next(i for i, one in enumerate(trainer.made) if one is plan.start))
        return trainer.steered(bench, recipe, name, plan)

    module = "morlbench.methods.optimistic_linear_support"
    for name, stand_in in (("expert", trainer.expert), ("returns", trainer.returns), ("retrained", on)):
        monkeypatch.setattr(f"{module}.{name}", stand_in)
    monkeypatch.setattr(f"{module}.next_preference", lambda *_: (np.full(2, 0.5), next(gaps)))
    policy = train("optimistic-linear-support", base, tmp_path, 4096)
    middle, first, second = (0.5, 0.5), *OWN
    assert [recipe.weights for recipe, *_ in trainer.asked] == [first, second, middle, first, second, middle, first]
    assert starts == [0, 1, 2, 3]  # each policy goes on from where it was
    assert {whole_steps(responses) for _, responses, _ in trainer.asked} == {512}
    for w, newest in ((first, 6), (second, 4), (middle, 5)):
        assert policy.mixture.adapters[int(gate(policy, np.array([w]))[0].argmax())] is trainer.made[newest]


def test_a_policy_that_is_trained_on_counts_once(base: Base, tmp_path: Path) -> None:
    bench, settings = Bench(Toy(), base, 128, Store(tmp_path)), Settings(batch=64)
    recipe = Recipe((1.0, 0.0), settings=settings)
    once = steered(bench, recipe, "policy 1", Plan(settings, 64, 0))
    counted = bench.trainable_parameters
    twice = retrained(bench, recipe, "policy 1 on", Plan(settings, 64, 1, start=once))
    assert bench.trainable_parameters == counted == twice.parameters
    assert bench.left == 0


def test_meta_morl_and_modpo_serve_each_preference_by_the_policy_trained_for_it(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, made, meta = list[tuple[float, ...]](), list[Adapter](), drawn(base, 99)

    def tuned(w: Array) -> Adapter:
        known.append(tuple(w.tolist()))
        made.append(drawn(base, len(made)))
        return made[-1]

    def tune_each(bench: Bench, wanted: Array, start: object, settings: Settings, *, responses: int, seed: int) -> list[Adapter]:
        assert callable(start)
        assert all(start(w) is meta for w in wanted)
        return [tuned(w) for w in wanted]

    monkeypatch.setattr(MetaMorl, "_learn", lambda *_: meta)
    monkeypatch.setattr("morlbench.methods.meta_morl.tune_each", tune_each)
    assert serves_what_it_trained(train("meta-morl", base, tmp_path, 704), known, made)
    assert len(known) == 5  # (704 - 352) / 64 batches
    known.clear()
    made.clear()
    module = "morlbench.methods.modpo"
    monkeypatch.setattr(f"{module}.gather", lambda *_, **__: None)
    monkeypatch.setattr(f"{module}.labelled", lambda scored, w, *_, **__: (w, 1.0))
    monkeypatch.setattr(f"{module}.prefer", lambda bench, w, beta, fit: tuned(w))
    assert serves_what_it_trained(train("modpo", base, tmp_path, 704), known, made)
    assert len(known) == 11
