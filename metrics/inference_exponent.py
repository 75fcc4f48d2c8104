"""Growth of inference cost with the number of objectives."""

from morlbench.growth import Exponent


class InferenceExponent(Exponent):
    """Slope b of log y = a + b log k over the `exact-scale-*` tasks (or any numbered family), y = forward rows per token.

    Source: least squares on logarithms. Unit: exponent (1 is proportional to k); lower is better; not Pareto-compliant.
    Misleads with its four points: the interval has two degrees of freedom, and budget per objective shrinks with k at a
    fixed budget.

    >>> from morlbench.example import example
    >>> InferenceExponent()([example()])
    Traceback (most recent call last):
    morlbench.metric.NoValue: needs exact-scale-* tasks of at least 3 sizes; given 0
    """

    name = "inference-exponent"
    higher_is_better = False
    headline = True
    quantity = "inference"
