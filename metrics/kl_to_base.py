"""KL from the base: how far the policy moved to earn its rewards."""

from collections.abc import Sequence

from morlbench import answers
from morlbench.metric import Evidence, Metric, one


class KlToBase(Metric):
    """Mean over lattice preferences, prompts and draws of Σ_t KL(π(·|y_<t) ‖ π_0(·|y_<t)) along the sampled answers,
    or over all answers where they can be enumerated.

    Source: Kullback & Leibler 1951, teacher-forced. Unit: nats per answer; lower is better at equal reward; not
    Pareto-compliant. Misleads on its own: the base has none. Longer answers have more.

    >>> from morlbench.example import example
    >>> KlToBase()([example()])
    1.0
    """

    name = "kl-to-base"
    family = "pareto"
    unit = "nats"
    higher_is_better = False
    headline = True

    def __call__(self, runs: Sequence[Evidence]) -> float:
        """Return the mean over preferences, prompts and draws of KL(policy || base), or over all answers."""
        return float(answers.kl(one(runs)).mean())

    def interval(self, runs: Sequence[Evidence]) -> tuple[float, float] | None:
        """Return the 95% t interval over prompts; none where the value is exact or unknown."""
        run = one(runs)
        kl = run.probe("front").kl
        return None if run.exact is not None or kl is None else answers.mean_interval(kl.mean((0, 2)))
