"""The gate on synthetic problems whose best mixture is known, and the settings of the method around it."""

from dataclasses import fields
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from morlbench.bandit import Explorer
from morlbench.errors import BadInput, BadRecord, MorlbenchError
from morlbench.lm.meta import Experts
from morlbench.methods import moe_cmab
from morlbench.methods.moe_cmab import MoeCmab, Rule
from morlbench.methods.moe_cmab.arms import Basis, arms, hats, quadratics
from morlbench.methods.moe_cmab.context import Context
from morlbench.methods.moe_cmab.features import Components
from morlbench.methods.moe_cmab.gate import Gate, GateConfig, Labels, Model
from morlbench.methods.protected_experts import ProtectedExperts
from morlbench.methods.rewards_in_context import RewardsInContext
from morlbench.preference import LINEAR, Utility

EVEN = np.array([0.5, 0.5])
MIDDLE = np.full((1, 2), 0.5)
HARD = Utility("hard-threshold", (0.5, 0.5))


def contextual_rewards(z: np.ndarray, mixtures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Both rewards rise with the first expert where z_0 > 0 and fall elsewhere: .6 at best, .5 for random mixtures."""
    mean = 0.5 + 0.2 * np.sign(z[:, 0]) * (mixtures[:, 0] - 0.5)
    return mean[:, None] + 0.1 * rng.standard_normal((len(z), 2))


def trained(config: GateConfig, *, seed: int, shuffled: bool = False, rounds: int = 15) -> tuple[Gate, np.random.Generator]:
    rng = np.random.default_rng(seed)
    gate = Gate.start(MIDDLE, 2, 2, config=config, seed=seed)
    for _ in range(rounds):
        z = rng.normal(size=(32, 2))
        mixtures = gate.choose(z, np.tile(EVEN, (32, 1)), LINEAR, rng)
        judged = rng.permutation(z) if shuffled else z  # other prompts' rewards; permuting rewards would leave batch means that tell
        gate = gate.update(z, mixtures, contextual_rewards(judged, mixtures, rng))
    return gate, rng


def value(gate: Gate, rng: np.random.Generator) -> float:
    z = rng.normal(size=(400, 2))
    served = gate.weights(z, np.tile(EVEN, (400, 1)))
    return float((0.5 + 0.2 * np.sign(z[:, 0]) * (served[:, 0] - 0.5)).mean())


CONFIGS = {rule: GateConfig(explorer=Explorer(rule)) for rule in ("linucb", "thompson", "epsilon-greedy", "uniform")}
CONFIGS |= {
    "neural-ucb": GateConfig(model="network"),
    "disjoint": GateConfig(model="disjoint"),
    "plug-in": GateConfig(labels="plug-in"),
    "smeared": GateConfig(labels="smeared"),
    "hats": GateConfig(basis="hats"),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_every_bandit_beats_random_and_ties_with_it_under_shuffled_feedback(name):
    learnt = [value(*trained(CONFIGS[name], seed=s)) for s in range(3)]
    fooled = [value(*trained(CONFIGS[name], seed=s, shuffled=True)) for s in range(6)]
    assert np.mean(learnt) > 0.565
    assert np.mean(fooled) == pytest.approx(0.5, abs=0.03)


def bimodal_rewards(mixtures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Expert 1: .95 with chance .4, else .3 (mean .56). Expert 2: .75 with chance .6, else .05 (mean .47)."""
    first = np.where(rng.random(len(mixtures)) < 0.4, 0.95, 0.3)
    second = np.where(rng.random(len(mixtures)) < 0.6, 0.75, 0.05)
    chosen = np.where(rng.random(len(mixtures)) < mixtures[:, 0], first, second)
    return np.column_stack([chosen, chosen])


@pytest.mark.parametrize(("labels", "least", "most"), [("relabelled", 0.57, 0.6), ("smeared", 0.57, 0.6), ("plug-in", 0.4, 0.53)])
def test_a_threshold_is_met_more_often_by_relabelling_than_by_plugging_in(labels, least, most):
    rng = np.random.default_rng(0)
    gate = Gate.start(MIDDLE, 2, 0, config=GateConfig(explorer=Explorer("uniform"), labels=labels))
    mixtures = arms(2)[rng.integers(11, size=600)]
    gate = gate.update(np.zeros((600, 0)), mixtures, bimodal_rewards(mixtures, rng))
    served = gate.weights(np.zeros((1, 0)), EVEN[None], HARD)[0]
    assert least <= served @ [0.4, 0.6] <= most  # the chance of .95 or .75


def test_a_smeared_utility_has_less_error_than_a_plugged_in_one():
    rng = np.random.default_rng(1)
    soft = Utility("soft-threshold", (0.5, 0.5))
    mixtures = arms(2)[rng.integers(11, size=3_200)]
    mean = np.column_stack([0.3 + 0.4 * mixtures[:, 0], 0.7 - 0.4 * mixtures[:, 0]])
    rewards = mean + 0.2 * rng.standard_normal(mean.shape)
    noise = 0.2 * rng.standard_normal((20_000, 1, 2))
    all_means = np.column_stack([0.3 + 0.4 * arms(2)[:, 0], 0.7 - 0.4 * arms(2)[:, 0]])
    truth = soft(all_means + noise, EVEN).mean(0)  # (11,)
    errors = {}
    for labels in ("smeared", "plug-in"):
        gate = Gate.start(MIDDLE, 2, 0, config=GateConfig(labels=labels)).update(np.zeros((3_200, 0)), mixtures, rewards)
        guess = gate._means(gate._features(np.zeros((1, 0)), arms(2)[None]), EVEN[None], soft)[0]
        errors[labels] = np.abs(guess - truth).max()
    assert errors["smeared"] < 0.05 < errors["plug-in"]


@pytest.mark.parametrize(("strong", "loses"), [(16.0, False), (0.01, True)])
def test_where_context_does_not_matter_the_gate_is_the_best_fixed_mixture(strong, loses):
    """Utility .6 - (a - .5)², noise .1, 16 idle context features, 120 answers."""
    regret = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        z = rng.normal(size=(120, 16))
        mixtures = arms(2)[rng.integers(11, size=120)]
        mean = 0.6 - (mixtures[:, :1] - 0.5) ** 2
        gate = Gate.start(MIDDLE, 2, 16, config=GateConfig(strong=strong, caution=0, basis="hats"))
        gate = gate.update(z, mixtures, mean + 0.1 * rng.standard_normal((120, 2)))
        served = gate.weights(rng.normal(size=(200, 16)), np.tile(EVEN, (200, 1)))
        regret.append(((served[:, 0] - 0.5) ** 2).mean())
    assert (np.mean(regret) > 0.03) == loses
    assert loses or np.mean(regret) < 0.015


def test_without_data_the_gate_serves_the_preference_itself():
    for k in (2, 3, 5):
        preferences = np.vstack([np.eye(k), np.full((1, k), 1 / k), np.full((1, k), 0.1) + np.eye(k)[0] * (1 - 0.1 * k)])
        gate = Gate.start(np.full((1, k), 0.5), k, 3)
        served = gate.weights(np.zeros((len(preferences), 3)), preferences)
        assert served == pytest.approx(preferences, abs=1e-9)


def test_arms_and_their_basis():
    assert arms(2)[3] == pytest.approx([0.3, 0.7])
    assert arms(2).shape == (11, 2)
    assert arms(3).shape == (3 + 1 + 3, 3)
    assert arms(4).sum(1) == pytest.approx(np.ones(11))
    assert hats(np.array([0.3, 0.7])) == pytest.approx([0, 0.8, 0.2, 0, 0])  # between the knots .25 and .5
    assert quadratics(np.array([0.3, 0.7])) == pytest.approx([0.09, 0.49, 0.42])
    assert quadratics(arms(4)).sum(1) == pytest.approx(np.ones(11))
    assert hats(np.array([0.2, 0.3, 0.5])) == pytest.approx([1, 0.2, 0.3, 0.5, 0.06, 0.1, 0.15])
    asked = Gate.start(np.full((1, 3), 0.5), 3, 0).arms(np.array([[0.2, 0.3, 0.5]]))
    assert asked[0, -1] == pytest.approx([0.2, 0.3, 0.5])
    assert Gate.start(MIDDLE, 3, 0).arms(EVEN[None]).shape == (1, 7, 3)  # three experts of two objectives: no arm to state


def test_three_objectives_are_steered_by_preference():
    rng = np.random.default_rng(0)
    gate = Gate.start(np.full((1, 3), 0.3), 3, 0)
    preferences = rng.dirichlet(np.ones(3), 400)
    mixtures = gate.choose(np.zeros((400, 0)), preferences, LINEAR, rng)
    gate = gate.update(np.zeros((400, 0)), mixtures, np.sqrt(mixtures) + 0.05 * rng.standard_normal((400, 3)))
    served = gate.weights(np.zeros((3, 0)), np.eye(3) * 0.94 + 0.02)
    assert (served.argmax(1) == [0, 1, 2]).all()


def test_rows_are_answered_as_if_each_were_asked_alone():
    gate, rng = trained(GateConfig(), seed=0, rounds=4)
    z, preferences = rng.normal(size=(9, 2)), np.repeat([[0.1, 0.9], [0.5, 0.5], [0.8, 0.2]], 3, axis=0)
    for utility in (LINEAR, HARD, Utility("chebyshev")):
        together = gate.weights(z, preferences, utility)
        alone = [gate.weights(z[i : i + 1], preferences[i : i + 1], utility)[0] for i in range(9)]
        assert together.tolist() == np.array(alone).tolist()


def test_relabelled_coefficients_are_the_normal_equations():
    gate, rng = trained(GateConfig(strong=3.0, weak=0.5), seed=1, rounds=3)
    z, mixtures = rng.normal(size=(4, 2)), arms(2)[[0, 3, 6, 10]]
    utility, w = Utility("chebyshev"), np.array([0.3, 0.7])
    rows = [np.kron(quadratics(m), np.append(1, c)) for c, m in zip(gate.z, gate.mixtures, strict=True)]
    prior = np.diag(np.tile([0.5, 3, 3], 3))
    target = [float(utility(r, w) - utility(MIDDLE[0], w)) for r in gate.rewards]
    theta = np.linalg.solve(prior + np.transpose(rows) @ np.array(rows), np.transpose(rows) @ target)
    slow = [np.kron(quadratics(m), np.append(1, c)) @ theta + utility(MIDDLE[0], w) for c, m in zip(z, mixtures, strict=True)]
    assert gate.expected(z, mixtures, w[None], utility)[:, 0] == pytest.approx(slow, abs=1e-10)


def test_a_certain_belief_is_the_preference_itself_and_a_vague_one_its_average():
    gate, rng = trained(GateConfig(), seed=0, rounds=4)
    z, grid = rng.normal(size=(20, 2)), np.array([[0.2, 0.8], [0.6, 0.4]])
    for utility in (LINEAR, Utility("chebyshev")):
        certain = gate.weights_under(z, grid, np.array([0.0, 1.0]), utility)
        assert certain.tolist() == gate.weights(z, np.tile(grid[1], (20, 1)), utility).tolist()
    vague = gate.weights_under(z, grid, EVEN, LINEAR)
    assert vague.tolist() == gate.weights(z, np.tile(EVEN @ grid, (20, 1))).tolist()


@pytest.mark.parametrize("config", [GateConfig(), GateConfig(model="network", explorer=Explorer("thompson", 0.5, 0.2))])
def test_a_gate_survives_its_json(config):
    gate, rng = trained(config, seed=2, rounds=3)
    again = Gate.from_json(gate.to_json())
    z, preferences = rng.normal(size=(30, 2)), rng.dirichlet(np.ones(2), 30)
    assert again.config == gate.config
    assert again.to_json() == gate.to_json()
    assert again.weights(z, preferences, HARD).tolist() == gate.weights(z, preferences, HARD).tolist()
    paid = costly(GateConfig(beta=0.1), n=30)
    assert Gate.from_json(paid.to_json()).kl.tolist() == paid.kl.tolist()
    empty = Gate.start(MIDDLE, 2, 0)
    assert Gate.from_json(empty.to_json()).weights(np.zeros((1, 0)), EVEN[None]).tolist() == [[0.5, 0.5]]


def test_serving_is_pure_and_an_update_leaves_the_old_gate_alone():
    gate, rng = trained(GateConfig(), seed=3, rounds=2)
    z, preferences = rng.normal(size=(10, 2)), np.tile(EVEN, (10, 1))
    before, text = gate.weights(z, preferences), gate.to_json()
    gate.update(z, np.tile([1.0, 0.0], (10, 1)), np.ones((10, 2)))
    assert gate.weights(z, preferences).tolist() == before.tolist()
    assert gate.to_json() == text
    tries = [gate.choose(z, preferences, LINEAR, np.random.default_rng(5)).tolist() for _ in range(2)]
    assert tries[0] == tries[1]


def test_components_are_uncorrelated_ordered_and_of_mean_variance_one():
    rng = np.random.default_rng(0)
    latent = rng.normal(size=(200, 3)) * [5, 2, 1]
    inputs = latent @ rng.normal(size=(3, 500)) + 7
    fitted = Components.fit(inputs, 16)
    z = fitted.transform(inputs)
    assert fitted.count == 3  # the inputs span no more
    covariance = np.cov(z.T, bias=True)
    assert np.trace(covariance) == pytest.approx(3)
    assert covariance == pytest.approx(np.diag(np.diag(covariance)), abs=1e-9)
    assert (np.diff(np.diag(covariance)) < 0).all()
    assert np.linalg.lstsq(np.column_stack([z, np.ones(200)]), latent, rcond=None)[1] == pytest.approx([0, 0, 0], abs=1e-9)
    assert Components.fit(np.ones((5, 4))).transform(np.ones((2, 4))).shape == (2, 0)


def costly(config: GateConfig, *, n: int = 600, seed: int = 0) -> Gate:
    """Both rewards are .5 + .2 a at mixture (a, 1 - a), yet the ends cost KL 8 (a - .5)²: with beta .1, u - beta KL is best at a = .625."""
    rng = np.random.default_rng(seed)
    mixtures = arms(2)[rng.integers(11, size=n)]
    rewards = 0.5 + 0.2 * mixtures[:, :1] + 0.02 * rng.standard_normal((n, 2))
    kl = 8 * (mixtures[:, 0] - 0.5) ** 2 + 0.1 * rng.standard_normal(n)
    return Gate.start(MIDDLE, 2, 0, config=config, seed=seed).update(np.zeros((n, 0)), mixtures, rewards, kl)


@pytest.mark.parametrize("labels", ["relabelled", "smeared", "plug-in"])
@pytest.mark.parametrize("model", ["shared", "disjoint", "network"])
def test_an_end_that_costs_more_kl_than_it_earns_is_left_unless_kl_does_not_count(labels, model):
    for utility in (LINEAR, Utility("chebyshev"), Utility("soft-threshold", (0.4, 0.4))):
        middle, end = (
            costly(GateConfig(labels=labels, model=model, beta=beta)).weights(np.zeros((1, 0)), EVEN[None], utility)[0, 0]
            for beta in (0.1, 0.0)
        )
        assert 0.45 <= middle <= 0.75
        assert end >= 0.9


def test_noise_alone_does_not_move_a_cautious_gate_off_the_preference_but_evidence_does():
    """All arms are worth .5: without caution the best-looking one is served, far from the preference."""
    moved, led = {0.0: [], 2.0: []}, []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        mixtures = arms(2)[rng.integers(11, size=200)]
        noise = 0.2 * rng.standard_normal((200, 2))
        for caution in moved:
            gate = Gate.start(MIDDLE, 2, 0, config=GateConfig(caution=caution))
            flat = gate.update(np.zeros((200, 0)), mixtures, 0.5 + noise)
            moved[caution].append(abs(flat.weights(np.zeros((1, 0)), EVEN[None])[0, 0] - 0.5))
        steep = gate.update(np.zeros((200, 0)), mixtures, 0.3 + 0.4 * mixtures[:, :1] + noise)
        led.append(steep.weights(np.zeros((1, 0)), EVEN[None])[0, 0])
    assert np.mean(moved[0.0]) > 0.3
    assert np.mean(moved[2.0]) < 0.1
    assert np.mean(led) > 0.9


def test_a_linear_utility_with_kl_demands_more_evidence_to_leave_the_preference_than_other_utilities():
    gate = costly(GateConfig(beta=0.01, caution=1e3), n=100)
    served = [gate.weights(np.zeros((1, 0)), EVEN[None], u)[0, 0] for u in (LINEAR, Utility("chebyshev"))]
    assert served == [0.5, 0.5]
    some = next(
        c
        for c in np.geomspace(0.5, 1e3, 60)
        if costly(GateConfig(beta=0.01, caution=c), n=100).weights(np.zeros((1, 0)), EVEN[None])[0, 0] == 0.5
    )
    almost = costly(GateConfig(beta=0.01, caution=some), n=100).weights(np.zeros((1, 0)), EVEN[None], Utility("chebyshev"))
    assert almost[0, 0] > 0.5


def test_kl_is_counted_for_a_believed_preference_and_while_exploring_but_a_users_ratings_do_not_see_it():
    paid, free = (costly(GateConfig(beta=beta)) for beta in (0.1, 0.0))
    z, grid = np.zeros((1, 0)), np.array([[0.2, 0.8], [0.6, 0.4]])
    for utility in (LINEAR, Utility("chebyshev")):
        assert paid.weights_under(z, grid, EVEN, utility)[0, 0] <= 0.75 < free.weights_under(z, grid, EVEN, utility)[0, 0]
        assert (paid.expected(z, EVEN[None], grid, utility) == free.expected(z, EVEN[None], grid, utility)).all()
    tried = [gate.choose(z, EVEN[None], LINEAR, np.random.default_rng(0))[0, 0] for gate in (paid, free)]
    assert tried[0] <= 0.75 < tried[1]


def test_the_penalised_labels_are_u_minus_beta_kl_in_the_normal_equations():
    gate, w = costly(GateConfig(beta=0.1, weak=0.5), n=40), np.array([0.3, 0.7])
    rows = quadratics(gate.mixtures)
    target = Utility("chebyshev")(gate.rewards, w) - Utility("chebyshev")(MIDDLE[0], w) - 0.1 * gate.kl
    theta = np.linalg.solve(0.5 * np.eye(3) + rows.T @ rows, rows.T @ target)
    found = gate._means(gate._features(np.zeros((1, 0)), arms(2)[None]), w[None], Utility("chebyshev"))
    assert found[0] == pytest.approx(quadratics(arms(2)) @ theta, abs=1e-10)


def test_bad_input_is_refused_in_a_sentence():
    gate = Gate.start(MIDDLE, 2, 2)
    with pytest.raises(MorlbenchError, match=r"counts KL \(beta 0.1\) and was given none"):
        Gate.start(MIDDLE, 2, 2, config=GateConfig(beta=0.1)).update(np.zeros((1, 2)), EVEN[None], MIDDLE)
    with pytest.raises(MorlbenchError, match=r"KL of shape \(2,\)"):
        gate.update(np.zeros((1, 2)), EVEN[None], MIDDLE, np.zeros(2))
    with pytest.raises(BadInput, match="quadratic, hats"):
        GateConfig(basis="cubic")
    with pytest.raises(BadInput, match="caution = -1"):
        GateConfig(caution=-1)
    with pytest.raises(BadInput, match="beta = -1"):
        GateConfig(beta=-1)
    with pytest.raises(MorlbenchError, match=r"rewards that are not all finite"):
        gate.update(np.zeros((1, 2)), EVEN[None], np.full((1, 2), np.nan))
    with pytest.raises(MorlbenchError, match=r"context of shape \(1, 3\)"):
        gate.weights(np.zeros((1, 3)), EVEN[None])
    with pytest.raises(MorlbenchError, match="preferences of shape"):
        gate.weights(np.zeros((1, 2)), np.ones((1, 3)) / 3)
    with pytest.raises(BadInput, match="at least 2 experts"):
        Gate.start(np.full((1, 1), 0.5), 1, 2)
    with pytest.raises(BadInput, match="shared, disjoint"):
        GateConfig(model="joint")
    with pytest.raises(BadInput, match="relabelled, smeared"):
        GateConfig(labels="labelled")
    with pytest.raises(BadInput, match="strong"):
        GateConfig(strong=0)
    with pytest.raises(BadRecord, match="train it again"):
        Gate.from_json("{}")
    with pytest.raises(MorlbenchError, match="at least 2 prompts"):
        Components.fit(np.zeros((1, 5)))


def test_a_bonus_is_refused_under_rules_that_have_none():
    assert MoeCmab(exploration=50).exploration == 50
    for rule in ("thompson", "epsilon-greedy", "uniform"):
        assert MoeCmab(rule=rule).exploration == 1
        with pytest.raises(BadInput, match=f"exploration=50 .*rule={rule}.* set rule=linucb"):
            MoeCmab(rule=rule, exploration=50)


def test_the_card_names_every_setting_and_every_choice():
    card = Path(moe_cmab.__file__).with_name("README.md").read_text(encoding="utf-8")
    choices = [choice for kind in (Experts, Rule, Model, Labels, Basis, Context) for choice in get_args(kind)]
    assert not [word for word in [*(field.name for field in fields(MoeCmab)), *choices] if f"`{word}`" not in card]


@pytest.mark.parametrize(
    ("method", "given", "where"),
    [
        (MoeCmab, {"experts": "plain", "epsilon": 0.0}, "epsilon=0 .*experts=plain"),
        (MoeCmab, {"model": "disjoint", "basis": "hats"}, "basis=hats .*model=disjoint"),
        (MoeCmab, {"context": "none", "components": 3}, "components=3 .*context=none"),
        (MoeCmab, {"tuned": 3}, "tuned=3 .*tune_share=0"),
        (ProtectedExperts, {"experts": "anchored", "epsilon": 0.0}, "epsilon=0 .*experts=anchored"),
        (RewardsInContext, {"stages": 0, "offline_share": 0.3}, "offline_share=0.3 .*stages=0"),
        (RewardsInContext, {"stages": 3, "offline_share": 1.0}, "stages=3 .*offline_share=1"),
    ],
)
def test_a_setting_without_effect_is_refused_so_that_one_run_has_one_name(method, given, where):
    with pytest.raises(BadInput, match=f"{where}; leave it out"):
        method(**given)
    other = [name for name in given if name != where.partition("=")[0]]
    method(**{name: given[name] for name in other})  # alone it is fine
