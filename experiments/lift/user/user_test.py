"""The user-level lift test: incremental conversions, relative lift and what one of them cost."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self, get_args

import pandas as pd

from cpalab.micros import MICROS
from cpalab.refusal import choice_problems, refuse
from cpalab.result import Result
from experiments.lift.estimate.arm_sums import ArmStatistics, PairStatistics
from experiments.lift.estimate.cost_ratio import CostPerIncrementalConversion, cost_per_incremental_conversion
from experiments.lift.estimate.derived_distribution import DerivedDistribution
from experiments.lift.estimate.few_conversions import few_conversions
from experiments.lift.estimate.lift_estimate import (
    Alternative,
    Interval,
    LiftEstimate,
    SamplingDistribution,
    StudentDistribution,
    alternative_problems,
    in_words,
    level_problems,
)
from experiments.lift.estimate.permutation import PermutationDistribution
from experiments.lift.estimate.small_counts import SmallCountDistribution
from experiments.lift.estimate.welch import adjusted_lift, welch_lift
from experiments.lift.user.sample_ratio import SampleRatioCheck, planned_share_problems, two_arm_check

__all__ = ["LiftMethod", "UserLiftTest", "adjusted_test", "user_holdout_test", "user_lift", "with_bounds"]

LiftMethod = Literal["auto", "welch", "score"]


def user_lift(treated: ArmStatistics, control: ArmStatistics, method: LiftMethod = "auto") -> LiftEstimate:
    """ȳ_T − ȳ_C per assigned user: the intention-to-treat effect.

    Args:
        treated: statistics of the outcome over everybody assigned to see ads.
        control: the same for the holdout.
        method: `welch`; `score` (Newcombe's interval for converters, its Poisson analogue for repeat
            conversions); `auto` takes `score` for counts with fewer than 100 conversions or non-conversions
            expected in an arm at the rate of both together. Choosing by what the smaller arm happened to have would
            choose by its error, and cover too much.

    Raises:
        LiftInputError: an arm with nobody; `score` on outcomes that are not counts.
    """
    counts = treated.is_count and control.is_count
    everybody = treated.users > 0 and control.users > 0
    if method == "score" or (method == "auto" and counts and everybody and few_conversions(treated, control)):
        return LiftEstimate(SmallCountDistribution(treated, control))
    return welch_lift(treated, control)


@dataclass(frozen=True)
class UserLiftTest(Result):
    """A user-level holdout read out: what the ads shown to the treated arm caused, and at which price.

    The estimand of the price is the cost of the ads shown over the orders they caused among the people who
    could see them: the treated arm.

    Attributes:
        treated, control: statistics of conversions per assigned user.
        lift: difference of the conversion rates, per assigned user (intention to treat); baseline: the
            control's rate.
        cost_micros: incremental cost of the treated arm: what was paid for it, less what it would have cost
            anyway.
        levels: confidence levels reported.
        unexposed: statistics of the treated users whom no ad reached, where the record tells.
        sample_ratio: check of the arm sizes against the plan, where a plan was given.
        cost_standard_error_micros, cost_covariance_micros: sampling error of the cost and its covariance with
            the incremental conversions; 0 where the control arm cost nothing.
        alternative: of the test; p-value, intervals and price set all follow it.
        cost_known: whether the money is known; else there is no price.

    Example:
        >>> from experiments.lift import ArmStatistics, user_holdout_test
        >>> treated, control = ArmStatistics(9000, 450, 450), ArmStatistics(1000, 40, 40)  # conversions are 0 or 1
        >>> test = user_holdout_test(treated, control, cost_micros=900_000_000)
        >>> round(test.lift.relative_lift, 2), test.method, test.share_exposed
        (0.25, 'score', nan)
    """

    treated: ArmStatistics
    control: ArmStatistics
    lift: LiftEstimate
    cost_micros: float
    levels: tuple[float, ...]
    unexposed: ArmStatistics | None = None
    sample_ratio: SampleRatioCheck | None = None
    cost_standard_error_micros: float = 0.0
    cost_covariance_micros: float = 0.0
    alternative: Alternative = "two-sided"
    cost_known: bool = True

    def against(self, alternative: Alternative) -> Self:
        """The same test, read for any effect, for an increase (`greater`) or for a decrease (`less`) only.

        Raises:
            LiftInputError: one-sided, where the lift is read at several looks.
        """
        refuse(alternative_problems(self.lift.distribution, alternative))
        return replace(self, alternative=alternative)

    @property
    def method(self) -> str:
        """`welch`, `score` or `permutation`, the test behind every number."""
        distribution = self.lift.distribution
        while isinstance(distribution, DerivedDistribution):
            distribution = distribution.distribution
        if isinstance(distribution, PermutationDistribution):
            return "permutation"
        return "score" if isinstance(distribution, SmallCountDistribution) else "welch"

    @property
    def p_value(self) -> float:
        """P-value of no effect against the alternative."""
        return self.lift.p_value(self.alternative)

    @property
    def incremental_conversions(self) -> LiftEstimate:
        """Rate difference × treated users; baseline: the conversions they would have made without ads."""
        return self.lift.scaled(self.treated.users)

    @property
    def share_exposed(self) -> float:
        """π: share of the treated users whom an ad reached; nan where the record does not tell."""
        if self.unexposed is None:
            return math.nan
        return 1 - self.unexposed.users / self.treated.users

    @property
    def lift_of_exposed(self) -> LiftEstimate | None:
        """Effect per exposed user: intention to treat ÷ π, same t; None where nobody is known exposed.

        The baseline is the rate the exposed would have had without ads, (ȳ_C − Σ_unexposed y / n_T) / π, in
        which π cancels from the relative lift. With few conversions the relative interval is not given (it
        is infinite).

        Source: Gordon et al. (2019), Marketing Science 38(2), eq. 8.
        """
        if self.unexposed is None or not self.share_exposed > 0:
            return None
        factor, distribution = 1 / self.share_exposed, self.lift.distribution
        if isinstance(distribution, DerivedDistribution):
            return LiftEstimate(
                replace(distribution, distribution=self._distribution_of_exposed(distribution.distribution)), factor
            )
        return LiftEstimate(self._distribution_of_exposed(distribution), factor)

    def _distribution_of_exposed(self, distribution: SamplingDistribution) -> SamplingDistribution:
        """Distribution of the lift per assigned user; its baseline is π times the exposed people's rate without ads."""
        if self.unexposed is None or not isinstance(distribution, StudentDistribution):
            organic_rate = 0.0 if self.unexposed is None else self.unexposed.sum / self.treated.users
            several = isinstance(distribution, SmallCountDistribution) and distribution.one_of_several
            return _OfExposed(self.treated, self.control, several, organic_rate)
        # Per treated user, w = y where unexposed and 0 elsewhere; hence Σw² = Σwy.
        organic = ArmStatistics(self.treated.users, self.unexposed.sum, self.unexposed.sum_squares)
        error = organic.mean_variance
        if math.isnan(error) or math.isinf(distribution.standard_error):
            return replace(distribution, baseline=self.control.mean - organic.mean)
        shared = (self.unexposed.sum_squares / self.treated.users - organic.mean * self.treated.mean) / (
            self.treated.users - 1
        )
        # A distribution that is read jointly stays one.
        return replace(
            distribution,
            baseline=self.control.mean - organic.mean,
            baseline_standard_error=math.sqrt(self.control.mean_variance + error),
            covariance=-self.control.mean_variance - shared,
        )

    def cost_per_incremental_conversion(self, level: float = 0.95) -> CostPerIncrementalConversion:
        """Confidence set of cost ÷ incremental conversions, in units of money (micros / 1,000,000)."""
        return cost_per_incremental_conversion(
            self.incremental_conversions,
            self.cost_micros / MICROS,
            level=level,
            cost_standard_error=self.cost_standard_error_micros / MICROS,
            covariance=self.cost_covariance_micros / MICROS,
            alternative=self.alternative,
        )

    def to_frame(self) -> pd.DataFrame:
        """One row per level: the ad platforms' lift columns with their bounds, p-value and verdict.

        Where it is known whom ads reached: `itt` and `att`, in conversions per assigned and per exposed user, and
        `relative_att_lift`, over the rate the exposed would have had without ads; `relative_conversion_lift` is over
        the control's rate, that of everybody assigned.

        `cost` and `cost_per_incremental_conversion` are in units of money. An upper bound may be infinite; a
        price that does not exist is nan.
        """
        return pd.DataFrame([self._row(level) for level in self.levels])

    def _row(self, level: float) -> dict[str, object]:
        incremental = self.incremental_conversions
        interval = incremental.interval(level, self.alternative)
        relative = incremental.relative_interval(level, self.alternative)
        return {
            "level": level,
            "treated_users": self.treated.users,
            "control_users": self.control.users,
            "treated_conversions": self.treated.sum,
            "control_conversions": self.control.sum,
            "cost": self.cost_micros / MICROS if self.cost_known else math.nan,
            **with_bounds("incremental_conversions", incremental.difference, interval),
            **with_bounds("relative_conversion_lift", incremental.relative_lift, relative),
            **self._columns_of_exposed(level),
            **self._columns_of_price(level),
            "p_value": self.p_value,
            "alternative": self.alternative,
            "significant": incremental.verdict(level, self.alternative) != 0,
            "method": self.method,
        }

    def _columns_of_price(self, level: float) -> dict[str, object]:
        if not self.cost_known:
            return {}
        price = self.cost_per_incremental_conversion(level)
        return {
            **with_bounds("cost_per_incremental_conversion", price.point, (price.lower, price.upper)),
            "cost_set_kind": price.kind,
        }

    def _columns_of_exposed(self, level: float) -> dict[str, object]:
        """Effects per assigned (ITT) and per exposed user (ATT), where the record tells whom ads reached."""
        att = self.lift_of_exposed
        if att is None or self.unexposed is None:
            return {}
        return {
            "exposed_users": self.treated.users - self.unexposed.users,
            "share_exposed": self.share_exposed,
            **with_bounds("itt", self.lift.difference, self.lift.interval(level, self.alternative)),
            **with_bounds("att", att.difference, att.interval(level, self.alternative)),
            **with_bounds("relative_att_lift", att.relative_lift, att.relative_interval(level, self.alternative)),
        }

    def _sentences_of_exposed(self, level: float, sides: str) -> list[str]:
        att = self.lift_of_exposed
        if att is None:
            return []
        interval = in_words(att.scaled(1_000).interval(level, self.alternative), "z,.2f")
        relative = att.relative_lift
        lift = (
            f", a lift of {relative:z.1%} over what they would have done without ads" if math.isfinite(relative) else ""
        )
        return [
            f"Ads reached {self.share_exposed:z.1%} of them: effect on the exposed (ATT) {1000 * att.difference:z,.2f} "
            f"conversions per 1,000 ({100 * level:g}% {sides}interval {interval}){lift}."
        ]

    def summary(self) -> str:
        """Lift, price and what may be concluded at the highest level, in a few sentences."""
        level = max(self.levels)
        incremental = self.incremental_conversions
        interval = in_words(incremental.interval(level, self.alternative))
        sides = "" if self.alternative == "two-sided" else "one-sided "
        relative = incremental.relative_lift
        everybody = "" if self.lift_of_exposed is None else " over all assigned (ITT)"
        lift = f", a lift of {relative:z.1%}{everybody}" if math.isfinite(relative) else ""
        sentences = [
            f"Incremental conversions among {self.treated.users:,} people: {incremental.difference:z,.1f} "
            f"({100 * level:g}% {sides}interval {interval}){lift}; p = {self.p_value:z.3g}.",
            *self._sentences_of_exposed(level, sides),
            self.cost_per_incremental_conversion(level).summary()
            if self.cost_known
            else "Without the column cost there is no price of an incremental conversion.",
        ]
        if self.sample_ratio is not None and self.sample_ratio.mismatch:
            sentences.append(self.sample_ratio.summary())
        return " ".join(sentences)


def user_holdout_test(
    treated: ArmStatistics,
    control: ArmStatistics,
    cost_micros: int | None,
    levels: Sequence[float] = (0.90, 0.95),
    *,
    method: LiftMethod = "auto",
    unexposed: ArmStatistics | None = None,
    planned_treated_share: float | None = None,
) -> UserLiftTest:
    """Read a user-level holdout: the lift of the treated arm and what an incremental conversion cost there.

    Args:
        treated: statistics of conversions per user over everybody assigned to it, reached by an ad or not.
        control: the same for the holdout.
        cost_micros: money paid for the ads shown to the treated arm; the control arm sees none and costs
            nothing. None where it is not known.
        levels: confidence levels to report.
        method: see `user_lift`.
        unexposed: statistics of the treated users whom no ad reached, for the effect per exposed user.
        planned_treated_share: share of users that should have been treated, to check the arm sizes.

    Raises:
        LiftInputError: an arm with nobody, a negative cost, impossible levels, shares or unexposed users; all
            at once.

    Example:
        >>> from experiments.lift import ArmStatistics, user_holdout_test
        >>> treated, control = ArmStatistics(9000, 450, 450), ArmStatistics(1000, 40, 40)  # conversions are 0 or 1
        >>> test = user_holdout_test(treated, control, cost_micros=900_000_000)
        >>> round(test.incremental_conversions.difference), round(test.cost_per_incremental_conversion().point)
        (90, 10)
    """
    problems = [
        f"{name}.users: 0 must be at least 1; an arm with nobody has no outcome to compare"
        for name, arm in (("treated", treated), ("control", control))
        if arm.users < 1
    ]
    paid = 0 if cost_micros is None else cost_micros
    if not 0 <= paid < math.inf:
        problems.append(f"cost_micros: {cost_micros} must not be negative; give the money paid in the treated arm")
    problems += level_problems(levels) + choice_problems("method", method, get_args(LiftMethod))
    if unexposed is not None and not (
        unexposed.users <= treated.users and unexposed.sum_squares <= treated.sum_squares
    ):
        problems.append(
            f"unexposed: {unexposed} must be part of the treated arm {treated}; give its users whom no ad reached"
        )
    refuse(problems + planned_share_problems(planned_treated_share))
    check = None
    if planned_treated_share is not None:
        check = two_arm_check((treated.users, control.users), planned_treated_share)
    lift = user_lift(treated, control, method)
    known = cost_micros is not None
    return UserLiftTest(treated, control, lift, paid, tuple(levels), unexposed, check, cost_known=known)


def adjusted_test(
    test: UserLiftTest, treated: PairStatistics, control: PairStatistics, covariate: str = "conversions"
) -> tuple[UserLiftTest, str]:
    """The test with its lift adjusted for a covariate, one slope for each arm, and what to say of it.

    With few conversions in an arm the slopes say little and a normal distribution says too much: the test stays as it is.
    """
    if few_conversions(test.treated, test.control):
        return test, (
            "Too few conversions in an arm for an adjustment: the lift is read without it, by score limits."
            if isinstance(test.lift.distribution, SmallCountDistribution)
            else "Too few conversions in an arm for an adjustment: the lift is read without it."
        )
    return replace(test, lift=adjusted_lift(treated, control, "per_arm")), (
        "Conversions are adjusted for those before the test."
        if covariate == "conversions"
        else f"Conversions are adjusted for {covariate} before the test."
    )


@dataclass(frozen=True)
class _OfExposed(SmallCountDistribution):
    """The small-count distribution of a difference whose baseline, the control's rate less `organic`, has no limits here."""

    organic: float = 0.0

    @property
    def baseline(self) -> float:
        """Rate that the exposed would have had without ads, per treated user."""
        return self.control.mean - self.organic

    def relative_limits(self, quantile: float, verdict: int) -> Interval:  # noqa: ARG002 (nothing is known)
        """Nothing is excluded."""
        return -math.inf, math.inf


def with_bounds(name: str, value: float, bounds: Interval) -> dict[str, float]:
    """The columns of one reported number: itself, `_lower` and `_upper`."""
    return {name: value, f"{name}_lower": bounds[0], f"{name}_upper": bounds[1]}
