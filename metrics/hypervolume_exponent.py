"""Growth of the relative hypervolume per objective with the number of objectives."""

from morlbench.growth import Exponent


class HypervolumeExponent(Exponent):
    """Slope b of log y = a + b log k over the `exact-scale-*` tasks (or any numbered family), y = (HV / HV of the base)^(1/k).

    Source: least squares on logarithms. Unit: exponent (1 is proportional to k); higher is better; not Pareto-compliant.
    Misleads with its four points: the interval has two degrees of freedom, and budget per objective shrinks with k at a
    fixed budget.

    >>> from morlbench.example import example
    >>> HypervolumeExponent()([example()])
    Traceback (most recent call last):
    morlbench.metric.NoValue: needs exact-scale-* tasks of at least 3 sizes; given 0
    """

    name = "hypervolume-exponent"
    higher_is_better = True
    quantity = "volume"
