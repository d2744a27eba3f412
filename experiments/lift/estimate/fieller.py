"""The confidence set of a ratio of two estimates by test inversion, in the unit of the ratio (Fieller)."""

import math
from dataclasses import dataclass
from typing import Literal

__all__ = ["Component", "RatioSet", "fieller_set"]

Component = tuple[float, float]
SetKind = Literal["interval", "complement", "whole_line"]


@dataclass(frozen=True)
class RatioSet:
    """Every value of a ratio that the test does not reject.

    Attributes:
        kind: `interval` (bounded), `complement` (everything outside an open interval: it runs through
            infinity) or `whole_line` (nothing is rejected).
        components: the closed intervals that make up the set, in ascending order.
    """

    kind: SetKind
    components: tuple[Component, ...]

    @property
    def bounded(self) -> bool:
        """Whether the set has two finite ends; so exactly where the denominator differs from zero."""
        return self.kind == "interval"

    def contains(self, value: float) -> bool:
        """Whether the set holds `value`; unbounded sets hold the infinite ratio (denominator zero)."""
        if math.isinf(value):
            return not self.bounded
        return any(lower <= value <= upper for lower, upper in self.components)


def fieller_set(
    numerator: float,
    denominator: float,
    numerator_variance: float,
    denominator_variance: float,
    covariance: float,
    quantile: float,
    denominator_differs: bool,
) -> RatioSet:
    """{θ: (N − θD)² ≤ q²·(V_N − 2θ·C + θ²·V_D)}, the values of N/D a two-sided test at quantile q leaves.

    With a = D² − q²V_D, b = ND − q²C and c = N² − q²V_N this is aθ² − 2bθ + c ≤ 0. The sign of a is that of
    the test of D = 0 at the same quantile, so the set is bounded exactly where that test rejects.

    Args:
        numerator: the estimate N.
        denominator: the estimate D.
        numerator_variance: V_N.
        denominator_variance: V_D.
        covariance: C, the covariance of the two estimates.
        quantile: the two-sided quantile q of the test.
        denominator_differs: the verdict of the test of D = 0. It decides the sign of a, so that rounding at
            the very boundary cannot make set and p-value disagree.

    Source: Fieller (1954), "Some problems in interval estimation", JRSS B 16(2).
    """
    if math.isinf(denominator_variance) or math.isinf(numerator_variance):
        return RatioSet("whole_line", ((-math.inf, math.inf),))
    a = denominator**2 - quantile**2 * denominator_variance
    a = max(a, math.ulp(denominator**2)) if denominator_differs else min(a, 0.0)
    b = numerator * denominator - quantile**2 * covariance
    c = numerator**2 - quantile**2 * numerator_variance
    # b² − ac, multiplied out so that the large terms N²D² cancel on paper and not in floating point.
    discriminant = quantile**2 * (
        denominator**2 * numerator_variance
        + numerator**2 * denominator_variance
        - 2 * numerator * denominator * covariance
        - quantile**2 * (numerator_variance * denominator_variance - covariance**2)
    )
    if not denominator_differs and discriminant <= 0:
        return RatioSet("whole_line", ((-math.inf, math.inf),))
    # The estimate itself lies in the set: where a > 0 a negative discriminant is rounding. Of the two forms
    # of a root, w/a and c/w, neither subtracts nearly equal numbers.
    w = b + math.copysign(math.sqrt(max(discriminant, 0.0)), b)
    near = c / w if w else 0.0
    far = w / a if a else math.copysign(math.inf, -w)
    low, high = min(near, far), max(near, far)
    if denominator_differs:
        return RatioSet("interval", ((low, high),))
    outside = ((-math.inf, low), (high, math.inf))
    return RatioSet("complement", tuple(part for part in outside if part[0] < math.inf and part[1] > -math.inf))
