"""A lift seen from the other side: what ads gave (conversions), from a test that took them away."""

from dataclasses import dataclass

from experiments.lift.derived_law import DerivedLaw
from experiments.lift.estimate import Interval, LiftEstimate, StudentLaw

__all__ = ["MirroredLaw", "mirrored"]


@dataclass(frozen=True)
class MirroredLaw(DerivedLaw):
    """The law of −difference, whose baseline (no ads) is what was observed, and so is known.

    Args:
        law: of the change that taking ads away made; its baseline is the response with ads, estimated.
    """

    @property
    def difference(self) -> float:
        """Response with ads less response without."""
        return -self.law.difference

    @property
    def baseline(self) -> float:
        """Response without ads, as observed."""
        return self.law.baseline + self.law.difference

    def distances(self, quantile: float) -> Interval:
        """Those of the change, with ends swapped."""
        below, above = self.law.distances(quantile)
        return above, below

    def relative_limits(self, quantile: float, verdict: int) -> Interval:  # noqa: ARG002 (a known baseline needs none)
        """Limits of the difference over the known baseline."""
        below, above = self.distances(quantile)
        return (self.difference - below) / self.baseline, (self.difference + above) / self.baseline


def mirrored(lift: LiftEstimate) -> LiftEstimate:
    """The lift of ads from the estimate of what taking them away changed; p-values are the same, intervals change sign."""
    law = lift.law
    if isinstance(law, StudentLaw):
        observed = law.baseline + law.difference
        return LiftEstimate(StudentLaw(-law.difference, law.standard_error, law.df, observed), lift.scale)
    return LiftEstimate(MirroredLaw(law), lift.scale)
