"""The law of a lift that is read while its test runs: the statistic of the fixed test against another quantile."""

import math
from dataclasses import dataclass

from experiments.lift.derived_law import DerivedLaw
from experiments.lift.estimate import SamplingLaw, StudentLaw, normal_parameters
from experiments.lift.refusal import refuse
from experiments.lift.small_counts import SmallCountLaw

__all__ = ["EarlyReadingLaw", "normal_law"]


def normal_law(law: SamplingLaw) -> SamplingLaw:
    """The law with a normal statistic: as it is for small counts, with infinite degrees of freedom for large arms.

    Raises:
        LiftInputError: a law by test inversion or placebos, which has no normal statistic.
    """
    if not isinstance(law, SmallCountLaw | StudentLaw):
        refuse(["lift: one by test inversion must not be read early; use a method with a standard error"])
    return law if isinstance(law, SmallCountLaw) else StudentLaw(**normal_parameters(law))


@dataclass(frozen=True)
class EarlyReadingLaw(DerivedLaw):
    """The law of a fixed test, from `normal_law`, whose quantiles and p-value a subclass replaces."""

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

        if isinstance(self.law, StudentLaw):
            return abs(self.difference) / self.standard_error
        return -float(ndtri(self.law.tail()))
