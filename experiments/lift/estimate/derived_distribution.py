"""A sampling distribution made from another: everything is that of the other but what a subclass says anew."""

from dataclasses import dataclass

from experiments.lift.estimate.lift_estimate import Interval, SamplingDistribution

__all__ = ["DerivedDistribution"]


@dataclass(frozen=True)
class DerivedDistribution:
    """The distribution of another estimate, to be changed in part.

    Args:
        distribution: the other.
    """

    distribution: SamplingDistribution

    @property
    def difference(self) -> float:
        """That of the other."""
        return self.distribution.difference

    @property
    def baseline(self) -> float:
        """That of the other."""
        return self.distribution.baseline

    @property
    def standard_error(self) -> float:
        """That of the other."""
        return self.distribution.standard_error

    @property
    def df(self) -> float:
        """Those of the other."""
        return self.distribution.df

    @property
    def one_sided(self) -> bool:
        """Whether the other's is."""
        return self.distribution.one_sided

    def quantile(self, tail: float) -> float:
        """That of the other."""
        return self.distribution.quantile(tail)

    def tail(self) -> float:
        """That of the other."""
        return self.distribution.tail()

    def distances(self, quantile: float) -> Interval:
        """Those of the other at this quantile."""
        return self.distribution.distances(quantile)

    def relative_limits(self, quantile: float, verdict: int) -> Interval:
        """Those of the other at this quantile."""
        return self.distribution.relative_limits(quantile, verdict)
