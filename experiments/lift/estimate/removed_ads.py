"""A lift seen from the other side: what ads gave (conversions), from a test that took them away."""

from dataclasses import dataclass

from experiments.lift.estimate.derived_distribution import DerivedDistribution
from experiments.lift.estimate.lift_estimate import Interval, LiftEstimate, StudentDistribution

__all__ = ["RemovedAdsDistribution", "removed_ads_lift"]


@dataclass(frozen=True)
class RemovedAdsDistribution(DerivedDistribution):
    """The distribution of −difference, whose baseline (no ads) is what was observed, and so is known.

    Args:
        distribution: of the change that taking ads away made; its baseline is the response with ads, estimated.
    """

    @property
    def difference(self) -> float:
        """Response with ads less response without."""
        return -self.distribution.difference

    @property
    def baseline(self) -> float:
        """Response without ads, as observed."""
        return self.distribution.baseline + self.distribution.difference

    def distances(self, quantile: float) -> Interval:
        """Those of the change, with ends swapped."""
        below, above = self.distribution.distances(quantile)
        return above, below

    def relative_limits(self, quantile: float, verdict: int) -> Interval:  # noqa: ARG002 (a known baseline needs none)
        """Limits of the difference over the known baseline."""
        below, above = self.distances(quantile)
        return (self.difference - below) / self.baseline, (self.difference + above) / self.baseline


def removed_ads_lift(lift: LiftEstimate) -> LiftEstimate:
    """The lift of ads from the estimate of what taking them away changed; p-values are the same, intervals change sign."""
    distribution = lift.distribution
    if isinstance(distribution, StudentDistribution):
        observed = distribution.baseline + distribution.difference
        return LiftEstimate(
            StudentDistribution(-distribution.difference, distribution.standard_error, distribution.df, observed),
            lift.scale,
        )
    return LiftEstimate(RemovedAdsDistribution(distribution), lift.scale)
