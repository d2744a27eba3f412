"""The lift between two arms with few conversions, per user: score limits of each arm, combined."""

import math
from dataclasses import dataclass

from cpalab.refusal import refuse
from experiments.lift.estimate.arm_sums import ArmStatistics
from experiments.lift.estimate.lift_estimate import Interval

__all__ = ["SmallCountDistribution", "score_limits"]


def score_limits(mean: float, users: int, quantile: float, dispersion: float = 1.0, binary: bool = True) -> Interval:
    """The means m with (ȳ − m)² ≤ q²·V(m)/n: the limits of one arm at quantile q.

    V(m) = m(1 − m) for a binary outcome (Wilson 1927), V(m) = φ·m for counts with dispersion φ (the Poisson
    score interval for φ = 1: Barker 2002). Zero conversions give a positive upper limit.
    """
    k = quantile**2 / users
    curvature = 1 + k if binary else 1.0
    slope = 2 * mean + k * (1.0 if binary else dispersion)
    root = slope + math.sqrt(max(0.0, slope**2 - 4 * curvature * mean**2))
    return (2 * mean**2 / root if root else 0.0), root / (2 * curvature)


@dataclass(frozen=True)
class SmallCountDistribution:
    """Difference and ratio of two rates from the score limits of each arm (recovered variance estimates).

    With arm limits (l, u), the difference T − B has lower limit T − B − √((T − l_T)² + (u_B − B)²) and,
    mirrored, an upper one; the ratio R = T/B has the limits at which T − R·B, built in the same way, touches
    zero. For binary outcomes the first is Newcombe's hybrid score interval. The p-value is the level at which
    the limit touches zero.

    Args:
        treated, control: statistics of a count of conversions per user.

    Raises:
        LiftInputError: an arm with nobody, or outcomes that are not counts.

    Source: Newcombe (1998), Statistics in Medicine 17(8), method 10; Donner and Zou (2012), Statistical
    Methods in Medical Research 21(4), for the ratio.
    """

    treated: ArmStatistics
    control: ArmStatistics

    def __post_init__(self) -> None:
        """Refuse arms whose outcome is not a count."""
        problems = [
            f"{name}: users={arm.users}, sum={arm.sum}, sum_squares={arm.sum_squares} must be whole "
            "counts of at least one user; use method='welch' for values"
            for name, arm in (("treated", self.treated), ("control", self.control))
            if arm.users < 1 or not arm.is_count
        ]
        refuse(problems)

    @property
    def difference(self) -> float:
        """Difference of the rates."""
        return self.treated.mean - self.control.mean

    @property
    def baseline(self) -> float:
        """Rate of the control arm."""
        return self.control.mean

    @property
    def standard_error(self) -> float:
        """√(V(ȳ_T)/n_T + V(ȳ_C)/n_C) at the rates found; infinite where nobody or everybody converted."""
        arms = (self.treated, self.control)
        variance = sum(
            (arm.mean * (1 - arm.mean) if self._binary else self._dispersion * arm.mean) / arm.users for arm in arms
        )
        return math.sqrt(variance) if variance > 0 else math.inf

    @property
    def df(self) -> float:
        """Infinite: the score test is a normal one."""
        return math.inf

    @property
    def _binary(self) -> bool:
        return self.treated.is_binary and self.control.is_binary

    @property
    def _dispersion(self) -> float:
        # φ = pooled variance / pooled mean. Repeat buyers make it exceed 1; few users cannot show that it is
        # below.
        pooled = self.treated + self.control
        return max(1.0, pooled.variance / pooled.mean) if pooled.users > 1 and pooled.sum else 1.0

    def _limits(self, arm: ArmStatistics, quantile: float) -> Interval:
        return score_limits(arm.mean, arm.users, quantile, self._dispersion, self._binary)

    @property
    def one_sided(self) -> bool:
        """Each limit is found on its own side."""
        return True

    def quantile(self, tail: float) -> float:
        """The normal quantile that leaves `tail` above it."""
        from scipy.special import ndtri

        return -float(ndtri(tail))

    def distances(self, quantile: float) -> tuple[float, float]:
        """How far the limits lie below and above the difference of the rates."""
        treated, control = self.treated.mean, self.control.mean
        treated_lower, treated_upper = self._limits(self.treated, quantile)
        control_lower, control_upper = self._limits(self.control, quantile)
        return (
            math.hypot(treated - treated_lower, control_upper - control),
            math.hypot(treated_upper - treated, control - control_lower),
        )

    def tail(self) -> float:
        """The tail probability at whose quantile the limit towards zero touches zero; 0.5 for equal rates."""
        from scipy.optimize import brentq
        from scipy.special import ndtr

        if self.difference == 0:
            return 0.5
        side = 0 if self.difference > 0 else 1

        def beyond_zero(quantile: float) -> float:
            return self.distances(quantile)[side] - abs(self.difference)

        largest = 1.0
        while beyond_zero(largest) < 0:
            largest *= 2
        return float(ndtr(-brentq(beyond_zero, 0.0, largest, xtol=1e-14, rtol=1e-14)))

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
        lower = a / (product + math.sqrt(max(0.0, product**2 - a * b))) if a else 0.0
        # Upper end: (T − R·B)² = (u_T − T)² + R²·(B − l_B)², the larger root.
        a = treated_upper * (2 * treated - treated_upper)
        b = control_lower * (2 * control - control_lower)
        upper = (product + math.sqrt(max(0.0, product**2 - a * b))) / b if b > 0 else math.inf
        return lower - 1, upper - 1
