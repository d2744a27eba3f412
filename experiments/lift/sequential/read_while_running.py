"""The distribution of a lift that is read while its test runs: the statistic of the fixed test against another quantile."""

import math
from dataclasses import dataclass

from cpalab.refusal import refuse
from experiments.lift.estimate.derived_distribution import DerivedDistribution
from experiments.lift.estimate.lift_estimate import SamplingDistribution, StudentDistribution, normal_parameters
from experiments.lift.estimate.permutation import PermutationDistribution
from experiments.lift.estimate.small_counts import SmallCountDistribution

__all__ = ["EarlyReadingDistribution", "normal_distribution"]


def normal_distribution(distribution: SamplingDistribution) -> SamplingDistribution:
    """The distribution with a normal statistic: as it is for small counts, with infinite degrees of freedom for large arms.

    Raises:
        LiftInputError: a distribution by placebos or of several arms, which has no normal statistic.
    """
    if not isinstance(distribution, SmallCountDistribution | PermutationDistribution | StudentDistribution):
        refuse(["lift: one by test inversion must not be read early; use a method with a standard error"])
    return (
        distribution
        if isinstance(distribution, SmallCountDistribution | PermutationDistribution)
        else StudentDistribution(**normal_parameters(distribution))
    )


@dataclass(frozen=True)
class EarlyReadingDistribution(DerivedDistribution):
    """The distribution of a fixed test, from `normal_distribution`, whose quantiles and p-value a subclass replaces."""

    @property
    def df(self) -> float:
        """Infinite: the statistic is normal."""
        return math.inf

    @property
    def one_sided(self) -> bool:
        """Boundaries of several readings are built for two sides."""
        return False

    @property
    def z(self) -> float:
        """The normal statistic: the quantile at which the interval touches zero."""
        from scipy.special import ndtri

        if isinstance(self.distribution, StudentDistribution):
            return abs(self.distribution.difference) / self.distribution.standard_error
        return -float(ndtri(self.distribution.tail()))
