"""A sampling law made from another: everything is that of the other but what a subclass says anew."""

from dataclasses import dataclass

from experiments.lift.estimate import Interval, SamplingLaw

__all__ = ["DerivedLaw"]


@dataclass(frozen=True)
class DerivedLaw:
    """The law of another estimate, to be changed in part.

    Args:
        law: the other.
    """

    law: SamplingLaw

    @property
    def difference(self) -> float:
        """That of the other."""
        return self.law.difference

    @property
    def baseline(self) -> float:
        """That of the other."""
        return self.law.baseline

    @property
    def standard_error(self) -> float:
        """That of the other."""
        return self.law.standard_error

    @property
    def df(self) -> float:
        """Those of the other."""
        return self.law.df

    @property
    def one_sided(self) -> bool:
        """Whether the other's is."""
        return self.law.one_sided

    def quantile(self, tail: float) -> float:
        """That of the other."""
        return self.law.quantile(tail)

    def tail(self) -> float:
        """That of the other."""
        return self.law.tail()

    def distances(self, quantile: float) -> Interval:
        """Those of the other at this quantile."""
        return self.law.distances(quantile)

    def relative_limits(self, quantile: float, verdict: int) -> Interval:
        """Those of the other at this quantile."""
        return self.law.relative_limits(quantile, verdict)
