"""A sampling distribution made from another: everything is that of the other but what a subclass says anew."""

from dataclasses import dataclass
from typing import Any

from experiments.lift.estimate.lift_estimate import SamplingDistribution

__all__ = ["DerivedDistribution"]


@dataclass(frozen=True)
class DerivedDistribution:
    """The distribution of another estimate, to be changed in part.

    Args:
        distribution: the other.
    """

    distribution: SamplingDistribution

    def __getattr__(self, name: str) -> Any:
        """What is not said anew is that of the other."""
        if name == "distribution" or name.startswith("__"):  # while it is copied or unpickled there is no other yet
            raise AttributeError(name)
        return getattr(self.distribution, name)
