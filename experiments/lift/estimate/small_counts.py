"""The lift between arms with few conversions, per user: score limits of each arm, combined."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from cpalab.refusal import refuse
from experiments.lift.estimate.arm_sums import ArmStatistics
from experiments.lift.estimate.lift_estimate import Interval

__all__ = ["SmallCountContrast", "SmallCountDistribution", "score_limits"]

# In an arm less than an eleventh the size of another, a single conversion may be a surprise of one in ten that score limits
# take for one in forty: below so many conversions its lower limit is the exact one too (the smaller of both).
UNEVEN = 11
EXACT_BELOW = 25


def score_limits(mean: float, users: int, quantile: float, dispersion: float = 1.0, binary: bool = True) -> Interval:
    """The means m with (ȳ − m)² ≤ q²·V(m)/n: the limits of one arm at quantile q.

    V(m) = m(1 − m) for a binary outcome (Wilson 1927), V(m) = φ·m for counts with dispersion φ (the Poisson
    score interval for φ = 1: Barker 2002). Zero conversions give a positive upper limit.
    """
    k = quantile**2 / users * (1.0 if binary else dispersion)
    curvature = 1 + k if binary else 1.0
    slope = 2 * mean + k
    # slope² − 4·curvature·ȳ², multiplied out: the difference itself would lose ten digits near a mean of 1.
    root = slope + math.sqrt(k * (k + 4 * mean * ((1 - mean) if binary else 1.0)))
    return (2 * mean**2 / root if root else 0.0), root / (2 * curvature)


def _exact_lower_limit(count: float, users: int, quantile: float, dispersion: float, binary: bool) -> float:
    """The mean at which `count` or more is as rare as the normal tail beyond q (Clopper-Pearson; Garwood for counts)."""
    from scipy.special import betaincinv, gammaincinv, ndtr

    if count <= 0:
        return 0.0
    tail = float(ndtr(-quantile))
    if binary:
        return float(betaincinv(count, users - count + 1, tail))
    return float(gammaincinv(count / dispersion, tail)) * dispersion / users


class _ScoreLimits(ABC):
    """Σ w_c·ȳ_c of independent arms of counts, its limits from those of each arm (recovered variance estimates)."""

    @property
    @abstractmethod
    def parts(self) -> tuple[tuple[float, ArmStatistics], ...]:
        """Weight and statistics of every arm."""

    def _refuse_values(self, names: tuple[str, ...]) -> None:
        refuse(
            [
                f"{name}: users={arm.users}, sum={arm.sum}, sum_squares={arm.sum_squares} must be whole "
                "counts of at least one user; use method='welch' for values"
                for name, (_, arm) in zip(names, self.parts, strict=True)
                if arm.users < 1 or not arm.is_count
            ]
        )

    @property
    def difference(self) -> float:
        """The combination of the rates."""
        return math.fsum(weight * arm.mean for weight, arm in self.parts)

    @property
    def standard_error(self) -> float:
        """√(Σ w²·V(ȳ)/n) at the rates found; infinite where nobody or everybody converted."""
        variance = sum(
            weight**2 * (arm.mean * (1 - arm.mean) if self._binary else self._dispersion * arm.mean) / arm.users
            for weight, arm in self.parts
        )
        return math.sqrt(variance) if variance > 0 else math.inf

    @property
    def df(self) -> float:
        """Infinite: the score test is a normal one."""
        return math.inf

    @property
    def one_sided(self) -> bool:
        """Each limit is found on its own side."""
        return True

    @property
    def _exact(self) -> bool:
        """Whether arms of any size take the exact limit too: where several comparisons or cells share an arm."""
        return True

    @property
    def _binary(self) -> bool:
        return all(arm.is_binary for _, arm in self.parts)

    @property
    def _dispersion(self) -> float:
        # φ = pooled variance / pooled mean. Repeat buyers make it exceed 1; few users cannot show that it is
        # below.
        pooled = self.parts[0][1]
        for _, arm in self.parts[1:]:
            pooled = pooled + arm
        return pooled.dispersion

    def _limits(self, arm: ArmStatistics, quantile: float) -> Interval:
        binary, dispersion = self._binary, self._dispersion
        lower, upper = score_limits(arm.mean, arm.users, quantile, dispersion, binary)
        if self._exact or arm.users * UNEVEN < max(other.users for _, other in self.parts):
            if arm.sum < EXACT_BELOW * dispersion:
                lower = min(lower, _exact_lower_limit(arm.sum, arm.users, quantile, dispersion, binary))
            if binary and arm.users - arm.sum < EXACT_BELOW:
                upper = max(upper, 1 - _exact_lower_limit(arm.users - arm.sum, arm.users, quantile, 1.0, binary))
        return lower, upper

    def quantile(self, tail: float) -> float:
        """The normal quantile that leaves `tail` above it."""
        from scipy.special import ndtri

        return -float(ndtri(tail))

    def distances(self, quantile: float) -> tuple[float, float]:
        """How far the limits lie below and above the difference of the rates."""
        below, above = [], []
        for weight, arm in self.parts:
            lower, upper = self._limits(arm, quantile)
            down, up = arm.mean - lower, upper - arm.mean
            below.append(weight * (down if weight > 0 else up))
            above.append(weight * (up if weight > 0 else down))
        return math.hypot(*below), math.hypot(*above)

    def tail(self) -> float:
        """The tail probability at whose quantile the limit towards zero touches zero; 0.5 for equal rates."""
        from scipy.optimize import brentq
        from scipy.special import ndtr

        if self.difference == 0:
            return 0.5
        side = 0 if self.difference > 0 else 1

        def beyond_zero(quantile: float) -> float:
            return self.distances(quantile)[side] - abs(self.difference)

        # The exact limit of a rare event lies below its rate even at the middle of the distribution.
        if beyond_zero(0.0) >= 0:
            return 0.5
        largest = 1.0
        while beyond_zero(largest) < 0:
            largest *= 2
        return float(ndtr(-brentq(beyond_zero, 0.0, largest, xtol=1e-14, rtol=1e-14)))


@dataclass(frozen=True)
class SmallCountDistribution(_ScoreLimits):
    """Difference and ratio of two rates from the score limits of each arm (recovered variance estimates).

    With arm limits (l, u), the difference T − B has lower limit T − B − √((T − l_T)² + (u_B − B)²) and,
    mirrored, an upper one; the ratio R = T/B has the limits at which T − R·B, built in the same way, touches
    zero. For binary outcomes the first is Newcombe's hybrid score interval. The p-value is the level at which
    the limit touches zero. In an arm less than an eleventh the size of the other, with fewer than 25 conversions, the limit
    of the arm that is further away of score and exact (Clopper-Pearson, Garwood) is taken.

    Args:
        treated, control: statistics of a count of conversions per user.
        one_of_several: whether other arms are compared with the same control; then arms of any size take the exact limit too.

    Raises:
        LiftInputError: an arm with nobody, or outcomes that are not counts.

    Source: Newcombe (1998), Statistics in Medicine 17(8), method 10; Donner and Zou (2012), Statistical
    Methods in Medical Research 21(4), for the ratio.
    """

    treated: ArmStatistics
    control: ArmStatistics
    one_of_several: bool = False

    def __post_init__(self) -> None:
        """Refuse arms whose outcome is not a count."""
        self._refuse_values(("treated", "control"))

    @property
    def _exact(self) -> bool:
        return self.one_of_several

    @property
    def parts(self) -> tuple[tuple[float, ArmStatistics], ...]:
        """The treated arm less the control arm."""
        return (1.0, self.treated), (-1.0, self.control)

    @property
    def difference(self) -> float:
        """Difference of the rates."""
        return self.treated.mean - self.control.mean

    @property
    def baseline(self) -> float:
        """Rate of the control arm."""
        return self.control.mean

    def relative_limits(self, quantile: float, verdict: int) -> Interval:  # noqa: ARG002 (the ratio needs no verdict)
        """Limits of T/B − 1; the upper one is infinite where the control has no conversion."""
        treated, control = self.treated.mean, self.control.mean
        if treated == control == 0:
            return -1.0, math.inf
        treated_lower, treated_upper = self._limits(self.treated, quantile)
        control_lower, control_upper = self._limits(self.control, quantile)
        product = treated * control
        # Lower end: (T − R·B)² = (T − l_T)² + R²·(u_B − B)², solved for the smaller positive root.
        a = treated_lower * (2 * treated - treated_lower)
        b = control_upper * (2 * control - control_upper)
        root = product + math.sqrt(max(0.0, product**2 - a * b))
        lower = (a / root if root else math.inf) if a else 0.0
        # Upper end: (T − R·B)² = (u_T − T)² + R²·(B − l_B)², the larger root.
        a = treated_upper * (2 * treated - treated_upper)
        b = control_lower * (2 * control - control_lower)
        upper = (product + math.sqrt(max(0.0, product**2 - a * b))) / b if b > 0 else math.inf
        return lower - 1, upper - 1


@dataclass(frozen=True)
class SmallCountContrast(_ScoreLimits):
    """Σ w_c·ȳ_c over cells, with limits d ∓ √(Σ w_c²·(distance to the limit of cell c on that side)²).

    Args:
        cells: statistics of a count of conversions per user; the first is the level without ads.
        weights: w of each cell.

    Raises:
        LiftInputError: a cell with nobody, or outcomes that are not counts.

    Source: Zou, Huang and Zhang (2009), "A note on confidence interval estimation for a linear function of binomial
    proportions", Computational Statistics & Data Analysis 53(4).
    """

    cells: tuple[ArmStatistics, ...]
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse cells whose outcome is not a count."""
        self._refuse_values(tuple(f"cell {number}" for number in range(len(self.cells))))

    @property
    def parts(self) -> tuple[tuple[float, ArmStatistics], ...]:
        """The cells that count."""
        return tuple(zip(self.weights, self.cells, strict=True))

    @property
    def baseline(self) -> float:
        """Rate of the first cell."""
        return self.cells[0].mean

    def relative_limits(self, quantile: float, verdict: int) -> Interval:  # noqa: ARG002 (nothing is known)
        """Nothing is excluded."""
        return -math.inf, math.inf
