"""What a record keeps of a task and a method, taken from the live objects; loads no torch, so that a key is known before a run.

Leaves out the evidence itself: see `morlbench.metric`.
"""

from morlbench.configure import fields
from morlbench.method import Method
from morlbench.metric import MethodFacts, TaskFacts
from morlbench.task import Task


def facts(task: Task, stated: tuple[float, ...], sources: tuple[tuple[str, str], ...] | None = None) -> TaskFacts:
    """Return the task's facts as a record keeps them; its sources are looked for unless they are given."""
    found = tuple(sorted(task.sources.items())) if sources is None else sources
    return TaskFacts(
        name=task.name, version=task.version, objectives=tuple(o.name for o in task.objectives), relation=task.relation, beta=task.beta,
        preference=stated, reference_point=task.reference_point, utilities=task.utilities, max_tokens=task.decoding.max_tokens,
        front=task.front.points, front_kl=task.front.kl, kl_budget=task.kl_budget, sources=found,
    )  # fmt: skip


def method_facts(method: Method) -> MethodFacts:
    """Return the method's facts with all its settings, defaults included."""
    settings = {name: getattr(method, name) for name in fields(type(method))}
    return MethodFacts(method.name, method.version, method.family, method.track, settings, tuple(method.utilities))
