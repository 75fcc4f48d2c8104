"""Few-shot adaptation: how fast ratings bring a policy to where telling it the preference would.

A hidden user's preference w is never shown. U is realised linear utility at w, on the same prompts for the adapted policy, for
the one told w, and for the base; users are pooled before dividing, so that one who has nothing to gain cannot blow up the ratio.
KL is not paid for in U, while a policy that is told w serves what is best after KL: one that takes w for more extreme than it is may
gain more by U. On `exact-contextual` `moe-cmab` reaches .95 after 16 ratings on four of five seeds (two of them
are below it again after 256: .93 and .94); were each nat charged at the task's beta, after 64 on three and after 256 on none of
the other two.
"""

import numpy as np

from morlbench import answers
from morlbench.metric import Evidence, NoValue, Probe

ENOUGH = 0.95


def progress(run: Evidence) -> list[tuple[int, float]]:
    """Return (rated responses, Σ_users (U - U_base) / Σ_users (U_told - U_base)) at each checkpoint."""
    adapted = run.all("adapt")
    if not adapted:
        raise NoValue("the policy cannot learn from ratings")
    gain = {probe.user: _gain(run, probe) for probe in run.all("told")}
    missing = {probe.user for probe in adapted} - set(gain)
    if missing:
        raise NoValue(f"hidden user {min(missing)} was never told")
    headroom = sum(gain.values())
    if headroom <= 0:
        raise NoValue("being told the preference gains nothing over the base")
    steps = sorted({probe.step for probe in adapted})
    if any({probe.user for probe in adapted if probe.step == step} != set(gain) for step in steps):
        raise NoValue("some hidden users were not asked at every checkpoint")
    return [(step, sum(_gain(run, probe) for probe in adapted if probe.step == step) / headroom) for step in steps]


def responses_needed(run: Evidence) -> float:
    """Return the first checkpoint whose pooled progress is at least .95."""
    found = progress(run)
    for step, share in found:
        if share >= ENOUGH:
            return float(step)
    raise NoValue(f"not reached: {found[-1][1]:.2f} of the way after {found[-1][0]} ratings")


def _gain(run: Evidence, probe: Probe) -> float:
    return float(np.mean(answers.realised(probe) - answers.realised(answers.base_for(run, probe))))
