"""Cost per incremental conversion as a confidence set: the unit of the cost, per conversion."""

import math
import sys
from dataclasses import dataclass

from cpalab.refusal import refuse
from experiments.lift.estimate.fieller import RatioSet, fieller_set
from experiments.lift.estimate.lift_estimate import Alternative, Interval, LiftEstimate, StudentDistribution

__all__ = ["CostPerIncrementalConversion", "cost_per_incremental_conversion"]

LARGEST = sys.float_info.max


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
                f"{100 * self.level:g}% for {-self.cost:z,.2f} less): the money bought none, and no cost per incremental "
                "conversion exists."
            )
        if self.bounded and self.alternative != "two-sided":
            return (
                f"An incremental conversion cost {self.point:z,.2f}, at most {self.upper:z,.2f} "
                f"({100 * self.level:g}%, one-sided)."
            )
        if self.bounded:
            return (
                f"An incremental conversion cost {self.point:z,.2f} "
                f"({100 * self.level:g}% interval {self.lower:z,.2f} to {self.upper:z,.2f})."
            )
        point = f"Estimate {self.point:z,.2f}"
        if math.isnan(self.point):
            # Of the two signs that differ, the cost's says what was done.
            point = (
                "No incremental conversions detected" if self.cost > 0 else "No conversions lost for the money saved"
            )
        least = f"at least {self.lower:z,.2f}" if 0 < self.lower < math.inf else "of any size"
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
    estimated cost (its counterfactual comes from a control) takes Fieller's set of C/L.

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
        LiftInputError: cost or its error not finite, a covariance no two errors can have, or an estimated
            cost with a lift from small counts, whose limits have no variance to combine it with.
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
    if cost_standard_error > 0 and not isinstance(lift.distribution, StudentDistribution):
        problems.append(
            f"cost_standard_error: {cost_standard_error} must be 0 with a lift from small counts; "
            "use method='welch' for the lift"
        )
    refuse(problems)
    sign = lift.verdict(level, alternative)
    fewest, most = lift.interval(level, alternative)
    if cost_standard_error == 0:
        prices = _fixed_cost_set(cost, fewest, most, sign)
    else:
        prices = fieller_set(
            cost,
            lift.difference,
            cost_standard_error**2,
            lift.standard_error**2,
            covariance,
            lift.critical_value(level, alternative),
            denominator_differs=sign != 0,
        )
        if alternative != "two-sided":
            prices = _one_sided_set(prices)
    return CostPerIncrementalConversion(cost, lift.difference, level, prices, sign, fewest, most, alternative)


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
