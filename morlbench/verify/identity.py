"""Is the record what it says it is: a task, a method and a base as this checkout has them, and all that the protocol asks?

Each check returns faults; none looks at a number that the policy or the ledger gave.
"""

import re
from dataclasses import fields, replace
from pathlib import Path
from typing import get_args

import numpy as np

from morlbench import protocol
from morlbench.bench import BUDGETS
from morlbench.errors import BadInput
from morlbench.facts import facts, method_facts
from morlbench.method import Family, Method, Track
from morlbench.metric import Evidence, MethodFacts, Probe
from morlbench.preference import UtilityName, check_preference
from morlbench.protocol import Question
from morlbench.store import key_of
from morlbench.task import Task
from morlbench.verify import Fault, Findings
from morlbench.verify.checkout import Checkout

KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
HIGHEST_SEED = 10**9
HIGHEST_VERSION = 10**6


def names(run: Evidence, path: Path) -> list[Fault]:
    """Check names, the file's own name and the seed; a name that is no plain word never reaches a path or the registry."""
    found = []
    for word, name in (("task", run.task.name), ("method", run.method.name)):
        if not KEBAB.fullmatch(name) or len(name) > 80:
            found.append(Fault("name", f"field '{word}.name' is {name[:40]!r}; expected a name in kebab-case"))
    if not 0 <= run.seed < HIGHEST_SEED:
        found.append(Fault("seed", f"field 'seed' is {run.seed}; expected 0 to {HIGHEST_SEED - 1}"))
    elif path.name != f"seed-{run.seed}.json":
        found.append(Fault("seed", f"the file is named {path.name} and its seed is {run.seed}"))
    if not 1 <= run.budget <= max(BUDGETS.values()) * 100:
        found.append(Fault("ledger", f"field 'budget' is {run.budget}; expected 1 to {max(BUDGETS.values()) * 100:,}"))
    return found


def same_task(run: Evidence, task: Task) -> list[Fault]:
    """Check every fact the record copied from its task against the task itself."""
    mine = run.task
    if mine.version != task.version:
        return [Fault("task", f"field 'task.version' is {mine.version}; this checkout has {task.name} of version {task.version}")]
    try:
        check_preference(mine.preference, task.k)
    except BadInput as fault:
        return [Fault("task", f"field 'task.preference': {fault}")]
    wanted = facts(task, mine.preference, mine.sources if task.fetches else None)  # nothing is looked for elsewhere
    if not mine.front:  # the front may have been frozen later: see reference.with_front
        wanted = replace(wanted, front=(), front_kl=())
    odd = [field.name for field in fields(wanted) if getattr(mine, field.name) != getattr(wanted, field.name)]
    return [Fault("task", f"field 'task.{name}' is not that of {task.name} version {task.version}") for name in odd]


def same_base(run: Evidence, task: Task) -> list[Fault]:
    """Check that a task whose answers are listed is on the base of listed words, and that no other is."""
    if (task.base == "exact") == (run.base.rpartition("-")[0] == "exact"):
        return []
    wanted = "this checkout's base 'exact'" if task.base == "exact" else "a text base, not 'exact'"
    return [Fault("base", f"field 'base' is {run.base[:60]!r}; {task.name} takes {wanted}")]


def same_method(run: Evidence, checkout: Checkout) -> Findings:
    """Check the method's facts and settings; what this checkout cannot say leaves a doubt.

    A record of an older version is held to the class as it is now: where it fits, only the version is noted.
    """
    mine, cls = run.method, checkout.method(run.method.name)
    if faults := _words(mine):
        return Findings(faults)
    if cls is None:
        return Findings(doubts=[f"method {mine.name} is not in this checkout, so neither its settings nor its costs were checked"])
    if mine.version > cls.version:
        told = f"field 'method.version' is {mine.version}; this checkout has {cls.name} of version {cls.version}"
        return Findings([Fault("method", told)])
    odd = _unlike(mine, cls, checkout)
    if mine.version == cls.version:
        return Findings([Fault("method", told) for told in odd])
    notes = [f"the record is of {cls.name} version {mine.version}, which is now {cls.version}"]
    return Findings(doubts=[f"{told}, and that of version {mine.version} is not here to ask" for told in odd[:1]], notes=notes)


def _words(mine: MethodFacts) -> list[Fault]:
    """Check what needs no method: words of this project's own lists, and a version that can be."""
    known = (("family", mine.family, get_args(Family)), ("track", mine.track, get_args(Track)))
    found = [f"field 'method.{name}' is {own[:20]!r}; expected {', '.join(words)}" for name, own, words in known if own not in words]
    if odd := [word for word in mine.utilities if word not in get_args(UtilityName)]:
        found.append(f"field 'method.utilities' holds {odd[0][:20]!r}; expected {', '.join(get_args(UtilityName))}")
    if not 1 <= mine.version < HIGHEST_VERSION:
        found.append(f"field 'method.version' is {mine.version}; the first is 1")
    return [Fault("method", told) for told in found]


def _unlike(mine: MethodFacts, cls: type[Method], checkout: Checkout) -> list[str]:
    """Return what is not as the method's class has it."""
    built = checkout.built(cls, mine.settings)
    wanted = None if built is None else method_facts(built)
    if wanted is None or key_of(settings=wanted.settings) != key_of(settings=mine.settings):
        return [f"field 'method.settings' are not all the settings of {cls.name} with values it takes"]
    pairs = (("family", mine.family, wanted.family), ("track", mine.track, wanted.track), ("utilities", mine.utilities, wanted.utilities))
    return [f"field 'method.{name}' is not that of {cls.name}" for name, own, other in pairs if own != other]


def complete(run: Evidence, task: Task) -> list[Fault]:
    """Check that every question of the protocol was asked, in order, of every prompt, at every preference, and nothing else."""
    asked = protocol.fixed(task, run.method.track, run.method.utilities, run.task.preference)
    has = {probe.name for probe in run.probes}
    if has & {"adapt", "told"}:
        asked += protocol.of_users(task)
    if any(name.startswith("without-") for name in has):
        asked += protocol.of_deletions(task)
    names = [probe.name for probe in run.probes]
    wanted = [question.name for question in asked]
    if names != wanted:
        missing = [name for name in dict.fromkeys(wanted) if names.count(name) < wanted.count(name)]
        told = f"lacks {', '.join(missing)}" if missing else "holds more than the protocol asks, or in another order"
        return [Fault("complete", f"the record {told}: {len(names)} probes; the protocol asks {len(wanted)}")]
    odd = [(q, why) for q, probe in zip(asked, run.probes, strict=True) if (why := _odd(q, probe))]
    found = [Fault("complete", f"probe {question.name!r} has other {why} than the protocol asks") for question, why in odd]
    if any(name.startswith("without-") for name in has) and run.probe("front").weights is None:
        found.append(Fault("complete", "the deletion test is there, but the policy states no weights"))
    return found


def _odd(question: Question, probe: Probe) -> str:
    if probe.preferences.shape != question.preferences.shape or np.abs(probe.preferences - question.preferences).max() > 1e-9:
        return "preferences"
    if not np.array_equal(probe.prompts, np.arange(question.prompts)):
        return "prompts"
    if probe.rewards.shape[2] != question.draws:
        return "draws"
    same = (probe.utility, probe.user, probe.step) == (question.utility, question.user, question.step)
    return "" if same else "utility, user or step"
