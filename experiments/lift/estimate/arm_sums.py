"""Sums over the users of one arm: how many they are, Σy and Σy², from which every test is computed."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from cpalab.refusal import refuse

__all__ = ["ArmStatistics", "PairStatistics"]

# Σy² and (Σy)²/n are computed by different roundings: a set of equal outcomes may miss equality by this much.
ROUNDING = 1e-9


@dataclass(frozen=True)
class ArmStatistics:
    """Sufficient statistics of one arm's outcome y per user; arms of several shards add up with `+`.

    Args:
        users: number of users assigned to the arm, whether or not an ad reached them.
        sum: Σy over these users (conversions, or value in any unit).
        sum_squares: Σy² over these users.

    Raises:
        LiftInputError: negative counts, sums that are not finite, or sums no set of outcomes can have.

    Example:
        >>> import numpy as np
        >>> from experiments.lift import ArmStatistics
        >>> ArmStatistics.from_values(np.array([0.0, 1.0, 1.0, 0.0])).mean
        0.5
    """

    users: int
    sum: float
    sum_squares: float

    def __post_init__(self) -> None:
        """Refuse sums that no set of outcomes can have."""
        problems = []
        if self.users < 0:
            problems.append(f"users: {self.users} must not be negative; give the number of users assigned")
        if not (math.isfinite(self.sum) and math.isfinite(self.sum_squares)):
            problems.append(
                f"sum, sum_squares: {self.sum}, {self.sum_squares} must be finite; remove missing and huge outcomes"
            )
        elif self.sum**2 > max(self.users, 0) * self.sum_squares * (1 + ROUNDING):
            problems.append(
                f"sum_squares: {self.sum_squares} must be at least sum² / users for users={self.users}, "
                f"sum={self.sum}; give Σy², not a variance"
            )
        refuse(problems)

    @classmethod
    def from_values(cls, values: ArrayLike) -> Self:
        """The statistics of one outcome per user (array of shape `(users,)`)."""
        outcomes = np.asarray(values, dtype=np.float64)
        # Sums that leave the range of numbers are refused in words.
        with np.errstate(over="ignore", invalid="ignore"):
            return cls(int(outcomes.size), float(outcomes.sum()), float(outcomes @ outcomes))

    @classmethod
    def from_converters(cls, users: int, converters: int) -> Self:
        """The statistics of an outcome that is 1 for `converters` of the users and 0 for the others."""
        return cls(users, float(converters), float(converters))

    def __add__(self, other: Self) -> Self:
        """The statistics of both sets of users together."""
        return type(self)(self.users + other.users, self.sum + other.sum, self.sum_squares + other.sum_squares)

    @property
    def mean(self) -> float:
        """ȳ = Σy / n; not a number where the arm has nobody."""
        return self.sum / self.users if self.users else math.nan

    @property
    def is_count(self) -> bool:
        """Whether the sums are those of whole, non-negative numbers (conversions, not money)."""
        whole = float(self.sum).is_integer() and float(self.sum_squares).is_integer()
        return whole and 0 <= self.sum <= self.sum_squares

    @property
    def is_binary(self) -> bool:
        """Whether every user converted once or not at all: for whole numbers, Σy = Σy² says just that."""
        return self.is_count and self.sum == self.sum_squares and self.sum <= self.users

    @property
    def variance(self) -> float:
        """s² = (Σy² − n·ȳ²) / (n − 1), or p(1 − p) where the outcome is binary; nan if unknown."""
        if self.users == 0:
            return math.nan
        if self.is_binary:
            return self.mean * (1 - self.mean)
        if self.users < 2:
            return math.nan
        return max(0.0, self.sum_squares - self.users * self.mean**2) / (self.users - 1)

    @property
    def mean_variance(self) -> float:
        """Sampling variance of the mean, s² / n."""
        return self.variance / self.users if self.users else math.nan

    @property
    def dispersion(self) -> float:
        """φ = s² / ȳ of a count, at least 1 (Poisson's); above 1 where few users convert often."""
        return max(1.0, self.variance / self.mean) if self.users > 1 and self.sum > 0 else 1.0

    @property
    def effective_buyers(self) -> float:
        """(Σy)² / Σy²: how many users of equal value would carry as much information about the sum."""
        return self.sum**2 / self.sum_squares if self.sum_squares > 0 else 0.0


@dataclass(frozen=True)
class PairStatistics:
    """Sufficient statistics of two variables per user of one arm: an outcome y and a second variable x.

    x is the pre-period outcome (covariate adjustment), the denominator of a ratio metric, or the cost of the
    user.

    Args:
        outcome: Σy and Σy².
        other: Σx and Σx² over the same users.
        sum_products: Σxy.

    Raises:
        LiftInputError: different numbers of users, or a sum of products no set of pairs can have.

    Example:
        >>> import numpy as np
        >>> from experiments.lift import PairStatistics
        >>> PairStatistics.from_values(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0])).covariance
        2.0
    """

    outcome: ArmStatistics
    other: ArmStatistics
    sum_products: float

    def __post_init__(self) -> None:
        """Refuse sums that no set of outcomes can have."""
        problems = []
        if self.outcome.users != self.other.users:
            problems.append(
                f"other: {self.other.users} users must be the {self.outcome.users} users of the outcome; "
                "give both variables for every user"
            )
        largest = math.sqrt(max(0.0, self.outcome.sum_squares * self.other.sum_squares))
        if not abs(self.sum_products) <= largest * (1 + ROUNDING):
            problems.append(f"sum_products: {self.sum_products} must not exceed √(Σx²·Σy²) = {largest:z.6g}; give Σxy")
        refuse(problems)

    @classmethod
    def from_values(cls, outcome: ArrayLike, other: ArrayLike) -> Self:
        """The statistics of two variables per user (arrays of shape `(users,)`)."""
        y, x = np.asarray(outcome, dtype=np.float64), np.asarray(other, dtype=np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            return cls(ArmStatistics.from_values(y), ArmStatistics.from_values(x), float(x @ y))

    def __add__(self, arm: Self) -> Self:
        """The statistics of both sets of users together."""
        return type(self)(self.outcome + arm.outcome, self.other + arm.other, self.sum_products + arm.sum_products)

    @property
    def users(self) -> int:
        """Number of users."""
        return self.outcome.users

    @property
    def covariance(self) -> float:
        """s_xy = (Σxy − n·x̄·ȳ) / (n − 1); nan below two users."""
        if self.users < 2:
            return math.nan
        plain = (self.sum_products - self.users * self.outcome.mean * self.other.mean) / (self.users - 1)
        # Rounding must not leave a covariance where one of the two does not vary.
        largest = math.sqrt(self.outcome.variance * self.other.variance)
        return max(-largest, min(plain, largest))
