"""Is all the evidence there that a policy gives, or was some left out because it does not flatter?

Whether a policy knows its KL, can be listed, states weights or learns from ratings shows only once it is trained. So a record is
held to itself, and to what its method's class says: one that trains adapters knows its KL and can be listed, and a module that
holds a policy with `observe` makes policies that learn. What contradicts itself is refused, what is merely absent leaves a doubt.
Leaves out what other records of the method show: see `morlbench.verify.together`.
"""

from morlbench.metric import Evidence
from morlbench.task import Task
from morlbench.verify import Fault, Findings
from morlbench.verify.checkout import Checkout

LINEAR_PROBES = ("front", "stated", "held-out")  # one policy, asked alike


def given(run: Evidence, task: Task, checkout: Checkout) -> Findings:
    """Check that KL, exact values, weights and probes are there where others of the record's parts say they can be."""
    return Findings(_contradictions(run, task), _missing(run, task, checkout))


def kinds(run: Evidence) -> frozenset[str]:
    """Return which optional evidence a record holds, by words that a note can say."""
    held = {
        "a KL of its answers": run.probe("front").kl is not None,
        "exact values": run.exact is not None,
        "stated weights": run.probe("front").weights is not None,
        "the deletion test": any(probe.name.startswith("without-") for probe in run.probes),
        "hidden users": bool(run.all("adapt")),
    }
    return frozenset(word for word, there in held.items() if there)


def _listed(task: Task) -> bool:
    from morlbench.lm.exact_task import ExactTask

    return isinstance(task, ExactTask)


def _contradictions(run: Evidence, task: Task) -> list[Fault]:
    found = []
    probes = [probe for probe in run.probes if probe.name in LINEAR_PROBES]
    if len({probe.weights is None for probe in probes}) > 1:
        found.append(Fault("complete", f"only some of the probes {', '.join(probe.name for probe in probes)} state weights"))
    if task.base == "exact" and len({probe.kl is None for probe in probes}) > 1:
        found.append(Fault("kl", f"only some of the probes {', '.join(probe.name for probe in probes)} state a KL"))
    if run.exact is not None and run.probe("front").kl is None:
        found.append(Fault("kl", "exact values are stated, which hold a KL, and the answers' own KL is not"))
    return found


def _missing(run: Evidence, task: Task, checkout: Checkout) -> list[str]:
    has, name = kinds(run), run.method.name
    trains = checkout.trains(name)
    found = []
    if trains and "a KL of its answers" not in has:
        found.append(f"{name} trains adapters, whose KL is known; the record states none")
    if _listed(task) and (trains or "a KL of its answers" in has) and "exact values" not in has:
        found.append(f"exact values are missing: {task.name} can be listed, and the policy's probabilities are known")
    if run.method.track == "front" and "stated weights" in has and "the deletion test" not in has:
        found.append("the policy states weights, and the deletion test is missing")
    if run.method.track == "front" and checkout.adapts(name) and "hidden users" not in has:
        found.append(f"{name} has a policy that learns from ratings, and the probes of hidden users are missing")
    return found
