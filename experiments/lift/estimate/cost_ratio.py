"""Cost per incremental conversion as a confidence set: the unit of the cost, per conversion."""

import math
import sys
from dataclasses import dataclass

from cpalab.refusal import refuse
from experiments.lift.estimate.fieller import RatioSet, fieller_set
from experiments.lift.estimate.lift_estimate import Alternative, Interval, LiftEstimate, StudentDistribution

__all__ = ["CostPerIncrementalConversion", "cost_per_incremental_conversion", "in_money"]

LARGEST = sys.float_info.max


def in_money(amount: float) -> str:
    """With cents; below one unit of money with three significant digits, so that no small price reads as nothing."""
    if abs(amount) >= 1 or amount == round(amount, 2) or not math.isfinite(amount):
        return f"{amount:z,.2f}"
    return f"{amount:z#.3g}"


@dataclass(frozen=True)
class CostPerIncrementalConversion:
    """What one more conversion cost, with every value the lift test leaves possible.

    The set is bounded exactly where the lift differs from zero at the same level. Otherwise it is the
    complement of an interval and runs through infinity: the ads may have done nothing, `upper` is infinite.

    Attributes:
        cost: incremental cost the ratio is of.
        incremental_conversions: estimated lift, in conversions.
        level: confidence level of the set.
        confidence_set: all values the test does not reject, negative ones (conversions lost) included.
        lift_sign: +1 or −1 where the lift differs from zero at this level, else 0.
        fewest_conversions, most_conversions: the lift interval at this level.
        alternative: of the lift test; one-sided ones bound the price from above only.

    Example:
        >>> from experiments.lift import ArmStatistics, user_holdout_test
        >>> treated, control = ArmStatistics(9000, 450, 450), ArmStatistics(1000, 40, 40)  # conversions are 0 or 1
        >>> test = user_holdout_test(treated, control, cost_micros=900_000_000)
        >>> price = test.cost_per_incremental_conversion(0.95)
        >>> round(price.point, 2), price.upper  # the lift may be zero
        (10.0, inf)
    """

    cost: float
    incremental_conversions: float
    level: float
    confidence_set: RatioSet
    lift_sign: int
    fewest_conversions: float
    most_conversions: float
    alternative: Alternative = "two-sided"

    @property
    def kind(self) -> str:
        """`interval`, `complement` or `whole_line`, the shape of the confidence set."""
        return self.confidence_set.kind

    @property
    def bounded(self) -> bool:
        """Whether both ends of the set are finite; so exactly where p < 1 − level."""
        return self.confidence_set.bounded

    @property
    def point(self) -> float:
        """Cost ÷ lift; nan where nothing was spent, or money was spent and nothing gained: a negative price would look cheap.

        Money saved and conversions lost (a go-dark test) is a price too: both signs cancel.
        """
        gained = self.incremental_conversions > 0 and self.cost > 0
        saved = self.incremental_conversions < 0 and self.cost < 0
        return self.cost / self.incremental_conversions if gained or saved else math.nan

    @property
    def harmful(self) -> bool:
        """Whether more money came with fewer conversions beyond doubt, or less money with more: there is no price at all."""
        return self.lift_sign != 0 and self.cost != 0 and math.isnan(self.point)

    @property
    def lower(self) -> float:
        """The lowest price the data leave possible; infinite where `harmful`, nan where nothing was spent."""
        return self._prices[0]

    @property
    def upper(self) -> float:
        """The highest one; infinite where the lift interval includes zero, nan where nothing was spent."""
        return self._prices[1]

    @property
    def _prices(self) -> Interval:
        # Negative members of the set are not prices but conversions lost; the set with them is
        # `confidence_set`.
        if self.cost == 0:
            return math.nan, math.nan
        if self.harmful:
            return math.inf, math.inf
        prices = [(max(low, 0.0), high) for low, high in self.confidence_set.components if high >= 0]
        return (prices[0][0] if prices else math.inf), (prices[-1][1] if prices and self.bounded else math.inf)

    def contains(self, value: float) -> bool:
        """Whether the test leaves this cost per incremental conversion possible (`math.inf`: no effect)."""
        return self.confidence_set.contains(value)

    def summary(self) -> str:
        """What may be said of the price, in one or two sentences."""
        if self.cost == 0:
            return "No money was spent, so an incremental conversion has no cost to report."
        if self.harmful and self.cost > 0:
            return (
                f"The ads lost conversions (lift at most {self.most_conversions:z,.4g} "
                f"at {100 * self.level:g}%): no amount of money bought one, and no cost per incremental "
                "conversion exists."
            )
        if self.harmful:
            return (
                f"Less money came with more conversions (at least {self.fewest_conversions:z,.4g} more at "
                f"{100 * self.level:g}% for {in_money(-self.cost)} less): the money bought none, and no cost per incremental "
                "conversion exists."
            )
        if self.bounded and self.alternative != "two-sided":
            return (
                f"An incremental conversion cost {in_money(self.point)}, at most {in_money(self.upper)} "
                f"({100 * self.level:g}%, one-sided)."
            )
        if self.bounded:
            return (
                f"An incremental conversion cost {in_money(self.point)} "
                f"({100 * self.level:g}% interval {in_money(self.lower)} to {in_money(self.upper)})."
            )
        point = f"Estimate {in_money(self.point)}"
        if math.isnan(self.point):
            # Of the two signs that differ, the cost's says what was done.
            point = (
                "No incremental conversions detected" if self.cost > 0 else "No conversions lost for the money saved"
            )
        least = f"at least {in_money(self.lower)}" if 0 < self.lower < math.inf else "of any size"
        return (
            f"{point}; the lift interval includes zero at {100 * self.level:g}%, so the cost per incremental "
            f"conversion is {least} and has no upper end."
        )


def cost_per_incremental_conversion(
    lift: LiftEstimate,
    cost: float,
    *,
    level: float = 0.95,
    cost_standard_error: float = 0.0,
    covariance: float = 0.0,
    alternative: Alternative = "two-sided",
) -> CostPerIncrementalConversion:
    """{θ: |C − θL| ≤ q·se(C − θL)}, from the statistic and the quantile of the lift test itself.

    A fixed cost C turns the lift interval [l, u] into [C/u, C/l], through infinity where it includes zero. An
    estimated cost (its counterfactual comes from a control) takes Fieller's set of C/L; where the limits of the lift lie
    unevenly about it (few conversions), se(L) is the distance to the limit on the side of each end, over q.

    Args:
        lift: incremental conversions, in conversions (scale a rate difference by the number of users first).
        cost: incremental cost, in any unit of money; the result is in the same unit. Negative for a go-dark
            test.
        level: confidence level.
        cost_standard_error: standard error of the incremental cost; 0 for money known to be paid.
        covariance: covariance of incremental cost and incremental conversions.
        alternative: of the lift test. One-sided, the set is {θ: C − θL ≥ −q·se(C − θL)} (signs turned for `less`): prices up
            to an upper end, which exists where that test finds the lift.

    Raises:
        LiftInputError: cost or its error not finite, or a covariance no two errors can have.

    Example:
        >>> from experiments.lift import ArmStatistics, cost_per_incremental_conversion, user_holdout_test
        >>> treated, control = ArmStatistics(9000, 540, 540), ArmStatistics(1000, 20, 20)
        >>> lift = user_holdout_test(treated, control, cost_micros=None).incremental_conversions
        >>> round(cost_per_incremental_conversion(lift, 900.0).point, 2)
        2.5
    """
    problems = []
    if not math.isfinite(cost):
        problems.append(f"cost: {cost} must be finite; give the money paid")
    if not (math.isfinite(cost_standard_error) and cost_standard_error >= 0):
        problems.append(
            f"cost_standard_error: {cost_standard_error} must be finite and not negative; 0 for a fixed cost"
        )
    elif covariance != 0 and abs(covariance) > cost_standard_error * lift.standard_error * (1 + 1e-9):
        problems.append(
            f"covariance: {covariance} must not exceed the product of the standard errors "
            f"({cost_standard_error * lift.standard_error:z.6g}); give it in money × conversions"
        )
    refuse(problems)
    sign = lift.verdict(level, alternative)
    fewest, most = lift.interval(level, alternative)
    if cost_standard_error == 0:
        prices = _fixed_cost_set(cost, fewest, most, sign)
    else:
        prices = _estimated_cost_set(lift, cost, cost_standard_error, covariance, level, alternative)
        if alternative != "two-sided":
            prices = _one_sided_set(prices)
    return CostPerIncrementalConversion(cost, lift.difference, level, prices, sign, fewest, most, alternative)


def _estimated_cost_set(
    lift: LiftEstimate, cost: float, cost_error: float, covariance: float, level: float, alternative: Alternative
) -> RatioSet:
    """Fieller's set of C/L: far from zero by the limit of the lift nearest to zero, near it by the other."""
    quantile, differs = lift.critical_value(level, alternative), lift.verdict(level, alternative) != 0
    even = isinstance(lift.distribution, StudentDistribution) or quantile == 0
    errors = (lift.standard_error, lift.standard_error)
    if not even:
        below, above = (lift.scale * distance / quantile for distance in lift.distribution.distances(quantile))
        errors = (below, above) if lift.difference > 0 else (above, below)
        if not (math.isfinite(below) and math.isfinite(above)):
            return RatioSet("whole_line", ((-math.inf, math.inf),))

    def with_error(lift_error: float) -> RatioSet:
        shared = covariance * lift_error / lift.standard_error if math.isfinite(lift.standard_error) else 0.0
        return fieller_set(
            cost, lift.difference, cost_error**2, lift_error**2, shared, quantile, denominator_differs=differs
        )

    far = with_error(errors[0])
    if even or abs(cost) <= quantile * cost_error:
        # Where the cost may be zero, both ends lie beyond it, on the far side.
        return far
    near = with_error(errors[1])
    if far.kind == "whole_line":
        return far
    positive = cost * lift.difference >= 0  # the sign of the price: its near end is the one towards zero
    if far.bounded:
        (low, high), (other_low, other_high) = far.components[0], _ends_near_zero(near)
        return RatioSet("interval", ((other_low, high),) if positive else ((low, other_high),))
    gap_low, gap_high = _gap(far)
    near_low, near_high = _ends_near_zero(near)
    ends = (gap_low, near_low) if positive else (near_high, gap_high)
    outside = ((-math.inf, ends[0]), (ends[1], math.inf))
    return RatioSet("complement", tuple(part for part in outside if part[0] < math.inf and part[1] > -math.inf))


def _gap(prices: RatioSet) -> Interval:
    """The open interval that an unbounded set leaves out."""
    left = [high for low, high in prices.components if math.isinf(low) and low < 0]
    right = [low for low, high in prices.components if math.isinf(high) and high > 0]
    return (left[0] if left else -math.inf), (right[0] if right else math.inf)


def _ends_near_zero(prices: RatioSet) -> Interval:
    """Where the set begins above zero, and where it ends below: its ends, or those of the gap about zero that it leaves."""
    if prices.bounded:
        return prices.components[0]
    low, high = _gap(prices)
    return high, low


def _one_sided_set(prices: RatioSet) -> RatioSet:
    """What a test of one side leaves of Fieller's set: all prices up to its upper end, or all there are."""
    if not prices.bounded:
        return RatioSet("whole_line", ((-math.inf, math.inf),))
    low, high = prices.components[0]
    return RatioSet("interval", ((min(low, 0.0), high),))


def _fixed_cost_set(cost: float, fewest: float, most: float, sign: int) -> RatioSet:
    """{C/L: L in the lift interval}, which excludes zero where `sign` is not 0."""
    if sign != 0:
        # The smallest positive bound would overflow the quotient; the largest finite price is as far as
        # numbers go.
        ends = sorted(max(-LARGEST, min(cost / bound, LARGEST)) for bound in (fewest, most))
        return RatioSet("interval", ((ends[0], ends[1]),))
    everything = RatioSet("whole_line", ((-math.inf, math.inf),))
    if cost == 0 or (math.isinf(fewest) and math.isinf(most)):
        return everything
    through = [
        cost / bound if bound else math.copysign(math.inf, cost * side) for bound, side in ((fewest, -1), (most, 1))
    ]
    low, high = min(through), max(through)
    outside = ((-math.inf, low), (high, math.inf))
    return RatioSet("complement", tuple(part for part in outside if part[0] < math.inf and part[1] > -math.inf))
