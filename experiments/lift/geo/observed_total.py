"""The distribution of an effect on a total that was observed, in responses: effect and counterfactual share one error."""

import math

from experiments.lift.estimate.lift_estimate import StudentDistribution

__all__ = ["is_rounding", "observed_total_distribution"]

# What is smaller than this share of the response comes from rounding: a model that fits perfectly does not know its error.
ROUNDING = 1e-9


def is_rounding(error: float, response: float) -> bool:
    """Whether an error of a total says no more than how computers round; `response` is the size of what was added up."""
    return not error > ROUNDING * abs(response)


def observed_total_distribution(
    effect: float, error: float, df: float, observed: float, response: float
) -> StudentDistribution:
    """Effect ± t_df·error, counterfactual = observed − effect; nothing is known where the error is rounding.

    Args:
        effect: estimated effect on the total.
        error: its standard error.
        df: degrees of freedom.
        observed: the total.
        response: total of the treated geos over all days.
    """
    if not math.isfinite(error) or is_rounding(error, response):
        return StudentDistribution(effect, math.inf, math.inf, observed - effect)
    return StudentDistribution(effect, error, df, observed - effect, error, -(error**2))
