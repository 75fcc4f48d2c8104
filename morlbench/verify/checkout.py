"""What this checkout knows: its tasks, methods and bundled bases, and what their scorers say, each asked once.

Only names the registry lists are loaded, so a record cannot make code run. A base is loaded if it is bundled; nothing is ever
downloaded for a stranger's record.
"""

import secrets
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from morlbench import registry
from morlbench.bench import checked
from morlbench.errors import BadInput
from morlbench.method import Adaptive, Method, Responses
from morlbench.preference import Array
from morlbench.seeds import derive
from morlbench.task import Decoding, Task, Texts

if TYPE_CHECKING:
    from morlbench.lm.base import Base

Pair = tuple[str, str]  # a prompt and an answer
BUNDLED = ("nano", "exact")


class Checkout:
    """Tasks, methods, bases and scores, kept for as long as records are verified."""

    def __init__(self) -> None:
        self.nonce = secrets.token_hex(8)  # for what is drawn from a record, so that its author cannot know the draw
        self._tasks: dict[str, Task | None] = {}
        self._bases: dict[str, Base] = {}
        self._scores: dict[tuple[str, str, str], Array] = {}
        self._tokens: dict[tuple[str, Texts], int] = {}
        self._answers: dict[tuple[str, str, int], Texts] = {}
        self._nll: dict[tuple[str, str, str, str], float] = {}

    def task(self, name: str) -> Task | None:
        """Return the task of that name, None if this checkout has none."""
        if name not in self._tasks:
            self._tasks[name] = registry.load("tasks", name)() if name in registry.names("tasks") else None
        return self._tasks[name]

    def method(self, name: str) -> type[Method] | None:
        """Return the method's class, None if this checkout has none."""
        return registry.load("methods", name) if name in registry.names("methods") else None

    def trains(self, name: str) -> bool:
        """Say whether the method of that name trains adapters on the base: then its policy's KL and probabilities are known."""
        from morlbench.lm.trained import Trained

        cls = self.method(name)
        return cls is not None and issubclass(cls, Trained)

    def adapts(self, name: str) -> bool:
        """Say whether the module of the method of that name holds a policy that learns from ratings."""
        cls = self.method(name)
        kinds = [value for value in vars(sys.modules[cls.__module__]).values() if isinstance(value, type)] if cls else []
        return any(kind is not Adaptive and issubclass(kind, Adaptive) for kind in kinds)

    def base(self, identity: str) -> "Base | None":
        """Return the bundled base with exactly these weights, None if there is none."""
        name = identity.rpartition("-")[0]
        if name not in BUNDLED:
            return None
        if name not in self._bases:
            from morlbench.lm.base import load_base

            self._bases[name] = load_base(name)
        found = self._bases[name]
        return found if found.identity == identity else None

    def score(self, task: Task, prompts: Sequence[str], responses: Sequence[str]) -> Array:
        """Return the task's own rewards (n, k); a pair met before is not scored again."""
        keys = [(task.name, prompt, response) for prompt, response in zip(prompts, responses, strict=True)]
        if new := [key for key in dict.fromkeys(keys) if key not in self._scores]:
            found = checked(task.score(tuple(key[1] for key in new), tuple(key[2] for key in new)), len(new), task)
            self._scores.update(zip(new, found, strict=True))
        return np.array([self._scores[key] for key in keys]).reshape(len(keys), task.k)

    def gold(self, task: Task, prompts: Sequence[str], responses: Sequence[str]) -> Array | None:
        """Return the rewards (n, k) of the task's held-out scorers, None where it has none."""
        found = task.gold(tuple(prompts), tuple(responses))
        return None if found is None else checked(found, len(responses), task)

    def nll(self, task: Task, base: "Base", pairs: Sequence[Pair]) -> Array:
        """Return the nats per token under the base (n,) of each answer, its text read again; a pair met before is not asked again."""
        keys = [(task.name, base.identity, *pair) for pair in pairs]
        if new := [key for key in dict.fromkeys(keys) if key not in self._nll]:
            found = _nll_of(base, task.decoding, [key[2:] for key in new])
            self._nll.update(zip(new, found.tolist(), strict=True))
        return np.array([self._nll[key] for key in keys])

    def tokens(self, base: "Base", texts: Texts) -> int:
        """Return how many tokens the texts hold by the base's tokenizer."""
        key = (base.identity, texts)
        if key not in self._tokens:
            self._tokens[key] = base.count_tokens(texts)
        return self._tokens[key]

    def base_answers(self, task: Task, base: "Base", seed: int) -> Texts:
        """Return what the base answers to every test prompt in a run of that seed: no method has a say in it."""
        key = (task.name, base.identity, seed)
        if key not in self._answers:
            from morlbench.lm.policy import base_policy

            prompts = tuple(prompt for prompt in task.prompts("test") for _ in range(task.draws))
            even = np.full((len(prompts), task.k), 1 / task.k)
            self._answers[key] = base_policy(base, task.decoding).respond(prompts, even, seed=derive(seed, "test")).texts
        return self._answers[key]

    def built(self, cls: type[Method], settings: dict[str, object]) -> Method | None:
        """Return the method with these settings, None if it does not take them."""
        from morlbench.configure import build

        try:
            return build(cls, settings)
        except BadInput:
            return None


def _nll_of(base: "Base", decoding: Decoding, pairs: Sequence[Pair]) -> Array:
    """Return nats per token (n,) of answers to prompts; one with fewer tokens than it may have has ended."""
    from morlbench.lm.policy import base_nll

    prompts, texts = zip(*pairs, strict=True)
    read = [tuple(ids) for ids in base.tokenizer(list(texts), add_special_tokens=False)["input_ids"]]
    ended = tuple(ids + base.ends[:1] if len(ids) < decoding.max_tokens else ids for ids in read)
    return base_nll(base, decoding, prompts, Responses(texts, ended))
