"""What switching ads off would cost, as a share of the conversions made with them, against a margin (non-inferiority)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from cpalab.refusal import refuse
from cpalab.result import Result
from experiments.lift.estimate.lift_estimate import LiftEstimate, level_problems, significance

__all__ = ["MarginTest", "margin_test"]

SMALLEST_TAIL = 1e-12


@dataclass(frozen=True)
class MarginTest(Result):
    """Whether switching the ads off costs less than a margin, and whether it changes next to nothing.

    With T and C the response with and without ads, the cost of switching off is x = 1 − C/T = L/(1 + L), L the relative lift.
    `noninferior` at level 1 − α: the upper limit of x, one-sided at α, lies below the margin. `equivalent`: the lower one
    lies above −margin too (two one-sided tests).

    Attributes:
        lift: the estimate, of the ads' effect.
        margin: as a share of the response with ads.
        levels: confidence levels to report.

    Source: Schuirmann (1987), Journal of Pharmacokinetics and Biopharmaceutics 15(6), for two one-sided tests.
    """

    lift: LiftEstimate
    margin: float
    levels: tuple[float, ...]

    @property
    def switching_off_costs(self) -> float:
        """x, as a share; nan where the lift has no baseline."""
        return _share(self.lift.relative_lift)

    def limits(self, level: float) -> tuple[float, float]:
        """Lower and upper limit of x, each one-sided at this level."""
        return self._limits(significance(level))

    def _limits(self, tail: float) -> tuple[float, float]:
        distribution = self.lift.distribution
        low, high = distribution.relative_limits(distribution.quantile(tail), 0)
        return _share(low), _share(high)

    @property
    def noninferiority_p_value(self) -> float:
        """The smallest α at which the upper limit lies below the margin; 1 where none does."""
        return self._p_value(lambda tail: self._limits(tail)[1] < self.margin)

    @property
    def equivalence_p_value(self) -> float:
        """The smallest α at which both limits lie within the margin; 1 where none does."""
        low = self._p_value(lambda tail: self._limits(tail)[0] > -self.margin)
        return max(self.noninferiority_p_value, low)

    def _p_value(self, within: Callable[[float], bool]) -> float:
        """Bisection over tails on a logarithmic scale: limits move outwards as the tail shrinks."""
        if not within(0.5):
            return 1.0
        low, high = math.log(SMALLEST_TAIL), math.log(0.5)
        if within(SMALLEST_TAIL):
            return SMALLEST_TAIL
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (low, middle) if within(math.exp(middle)) else (middle, high)
        return math.exp(high)

    def to_frame(self) -> pd.DataFrame:
        """One row per level: x, its one-sided limits (as shares), p-values and verdicts."""
        noninferiority, equivalence = self.noninferiority_p_value, self.equivalence_p_value
        rows = []
        for level in self.levels:
            low, high = self.limits(level)
            rows.append(
                {
                    "level": level,
                    "share_lost_by_switching_off": self.switching_off_costs,
                    "share_lost_by_switching_off_lower": low,
                    "share_lost_by_switching_off_upper": high,
                    "margin_share": self.margin,
                    "noninferiority_p_value": noninferiority,
                    "noninferior": high < self.margin,
                    "equivalence_p_value": equivalence,
                    "equivalent": -self.margin < low and high < self.margin,
                }
            )
        return pd.DataFrame(rows)

    def summary(self) -> str:
        """One sentence at the highest level."""
        level = max(self.levels)
        low, high = self.limits(level)
        at = f"({100 * level:g}%, one-sided; p = {self.noninferiority_p_value:z.3g})"
        if math.isnan(high) or high >= 1:
            return (
                "What switching the ads off would cost has no upper limit here: too few to tell whether it is harmless."
            )
        if high >= self.margin:
            return (
                f"Switching the ads off may cost up to {high:z.1%} of the conversions made with them {at}: a loss below "
                f"the margin of {self.margin:z.1%} is not shown."
            )
        gained = f" and brings at most {-low:z.1%} more" if low < 0 else ""
        both = f"{gained}: equivalent within the margin" if low > -self.margin else ""
        return (
            f"Switching the ads off costs at most {max(high, 0.0):z.1%} of the conversions made with them {at}, less than "
            f"the margin of {self.margin:z.1%}{both}."
        )


def margin_test(lift: LiftEstimate, margin: float, levels: Sequence[float] = (0.90, 0.95)) -> MarginTest:
    """The reading of a lift against a margin that was chosen before the test.

    Args:
        lift: effect of the ads, with its baseline. For a test that took ads away, `removed_ads_lift` of it.
        margin: the largest loss that would be accepted, as a share of the conversions made with ads; 0.05 is 5 %.
        levels: confidence levels to report.

    Raises:
        LiftInputError: a margin outside 0 … 1, or levels that are none.

    Example:
        >>> from experiments.lift import ArmStatistics, margin_test, user_holdout_test
        >>> treated, control = ArmStatistics(9000, 450, 450), ArmStatistics(1000, 40, 40)  # conversions are 0 or 1
        >>> test = user_holdout_test(treated, control, cost_micros=900_000_000)
        >>> margin_test(test.lift, margin=0.5).equivalence_p_value < 0.05
        True
    """
    problems = level_problems(levels)
    if not 0 < margin < 1:
        problems.append(f"margin: {margin} must lie between 0 and 1; write 0.05 for 5 %")
    refuse(problems)
    return MarginTest(lift, margin, tuple(levels))


def _share(relative_lift: float) -> float:
    """L/(1 + L): what is lost, as a share of what there is with ads."""
    if math.isnan(relative_lift):
        return math.nan
    if relative_lift == math.inf:
        return 1.0
    return relative_lift / (1 + relative_lift) if relative_lift > -1 else -math.inf
