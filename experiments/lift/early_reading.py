"""The law of a lift that is read while its test runs: the statistic of the fixed test against another quantile."""

import math
from dataclasses import dataclass

from experiments.lift.estimate import Interval, SamplingLaw, StudentLaw, normal_parameters
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
class EarlyReadingLaw:
    """A law with a normal statistic whose quantiles and p-value a subclass replaces.

    Args:
        law: of the fixed test, from `normal_law`.
    """

    law: SamplingLaw

    @property
    def difference(self) -> float:
        """That of the fixed test."""
        return self.law.difference

    @property
    def baseline(self) -> float:
        """That of the fixed test."""
        return self.law.baseline

    @property
    def standard_error(self) -> float:
        """That of the fixed test."""
        return self.law.standard_error

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

    def distances(self, quantile: float) -> tuple[float, float]:
        """Those of the fixed test at this quantile."""
        return self.law.distances(quantile)

    def relative_limits(self, quantile: float, verdict: int) -> Interval:
        """Those of the fixed test at this quantile."""
        return self.law.relative_limits(quantile, verdict)
