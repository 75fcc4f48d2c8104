"""What meta-policies share: how a policy is measured on dev."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from honest import CannedBase

from morlbench.bench import Bench
from morlbench.check.toy import Toy
from morlbench.lm import meta
from morlbench.lm.adapter import Adapter
from morlbench.method import Responses
from morlbench.preference import Array
from morlbench.store import Store
from morlbench.task import Texts

NATS = np.array([1.0, 2.0, 3.0, 6.0])  # 3 on average


@dataclass(frozen=True)
class Echo:
    """Says the prompt again and spends known nats on it; notes what it is asked."""

    kl_known: bool = True
    asked: list[tuple[Texts, Array, int]] = field(default_factory=list)

    def respond(self, prompts: Texts, preferences: Array, *, seed: int) -> Responses:
        self.asked.append((prompts, preferences, seed))
        return Responses(prompts, ((0, 1, 2, 3),) * len(prompts))

    def kl(self, prompts: Texts, preferences: Array, responses: Responses) -> Array | None:
        return NATS if self.kl_known else None


@pytest.fixture
def bench(store: Store) -> Bench:
    return Bench(Toy(), CannedBase(), 256, store)  # type: ignore[arg-type]


@pytest.mark.parametrize(("known", "cost"), [(True, 0.05 * 3.0), (False, 0.0)])
def test_a_regularised_return_is_the_mean_reward_less_beta_times_the_mean_kl(
    known: bool, cost: float, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An echo earns all of the first objective, and of the second the share of the prompt's words that are distinct."""
    policy = Echo(known)
    monkeypatch.setattr(meta, "single_policy", lambda base, decoding, adapter: policy)
    found = meta.returns(bench, Adapter({}), 4, seed=9)
    prompts = Toy().prompts("dev")[:4]
    variety = np.mean([len(set(prompt.split())) / 4 for prompt in prompts])
    assert found == pytest.approx([1.0 - cost, variety - cost])
    ((asked, preferences, seed),) = policy.asked
    assert (asked, preferences.tolist(), seed) == (prompts, [[0.5, 0.5]] * 4, 9)
    assert [(line.part, line.kind, line.cost.responses, line.cost.tokens) for line in bench.ledger] == [("returns", "search", 4, 16)]


def test_dev_prompts_are_always_the_same_each_as_often_as_any_other(bench: Bench) -> None:
    own = Toy().prompts("dev")
    assert meta.dev_prompts(bench, 5) == own[:5]
    assert meta.dev_prompts(bench, 70) == (*own, *own, *own[:6])


def test_a_mean_on_dev_is_of_the_policys_own_answers(bench: Bench) -> None:
    found = meta.dev_mean(bench, Echo(), 8, seed=1)  # type: ignore[arg-type]
    assert found[0] == 1.0
    assert bench.left == 248
