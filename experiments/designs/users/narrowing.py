"""What narrows a user-level test: the holdout share that would halve its interval, and the share that is best (shares)."""

import math
from dataclasses import dataclass

from experiments.lift.user.user_test import UserLiftTest

__all__ = ["Narrowing", "narrowing"]

PEOPLE_OR_DAYS_TO_HALVE = 4  # standard errors fall with the square root of people, and of days at a steady rate


@dataclass(frozen=True)
class Narrowing:
    """How the width of a test depends on the share held out.

    Attributes:
        share: held out now.
        halving_share: the smallest share with half the width; nan where no share halves it.
        best_share: the share with the narrowest interval.
        best_width: that width over the width now.
    """

    share: float
    halving_share: float
    best_share: float
    best_width: float

    def summary(self) -> str:
        """What it takes, in a few words."""
        if math.isnan(self.best_share):
            return "unknown: in one arm no outcome varies"
        if not math.isnan(self.halving_share):
            return f"hold out {self.halving_share:z.0%} instead of {self.share:z.0%}"
        best = f"{self.best_share:z.0%} held out narrows it by {1 - self.best_width:z.0%}"
        return f"cannot be halved by holding out more people; {best}"


def narrowing(test: UserLiftTest) -> Narrowing:
    """v(s) = σ_T² / (1 − s) + σ_C² / s, the squared width per person assigned, solved for v(s) = v(s₀) / 4.

    The variances of the outcome are those that the arms of this test had. The root is that of
    (v/4)·s² + (σ_T² − σ_C² − v/4)·s + σ_C² = 0; the best share is σ_C / (σ_T + σ_C).
    """
    with_ads, without = test.treated.variance, test.control.variance
    share = test.control.users / (test.treated.users + test.control.users)
    if not (with_ads > 0 and without > 0):  # an arm without any conversion does not show how much outcomes vary
        return Narrowing(share, math.nan, math.nan, math.nan)
    now = with_ads / (1 - share) + without / share
    best_share = math.sqrt(without) / (math.sqrt(with_ads) + math.sqrt(without))
    best_width = (math.sqrt(with_ads) + math.sqrt(without)) / math.sqrt(now)
    wanted = now / 4
    middle = with_ads - without - wanted
    discriminant = middle**2 - 4 * wanted * without
    halving_share = (-middle - math.sqrt(discriminant)) / (2 * wanted) if discriminant >= 0 else math.nan
    return Narrowing(share, halving_share, best_share, best_width)
