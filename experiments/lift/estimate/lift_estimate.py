"""A lift estimate: difference, relative lift, p-value and intervals that cannot contradict each other."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, Protocol, Self

from cpalab.refusal import LiftInputError, refuse
from experiments.lift.estimate.fieller import fieller_set

__all__ = [
    "Alternative",
    "Interval",
    "LiftEstimate",
    "SamplingDistribution",
    "StudentDistribution",
    "alternative_problems",
    "in_words",
    "level_problems",
    "normal_parameters",
    "significance",
]

Alternative = Literal["two-sided", "greater", "less"]
Interval = tuple[float, float]

# A bound that the p-value puts on the far side of zero is moved there by the smallest step there is.
SMALLEST = math.ulp(0.0)


def significance(level: float) -> float:
    """α = 1 − level, as the number a reader would write (0.05 for 0.95, not 0.050000000000000044).

    Raises:
        LiftInputError: a level outside 0.5 … 0.999999.
    """
    if not 0.5 <= level <= 0.999999:
        refuse([f"level: {level} must lie between 0.5 and 0.999999; write 0.95 for 95 %"])
    return round(1 - level, 12)


def level_problems(levels: object) -> list[str]:
    """What is wrong with the confidence levels of a report."""
    if isinstance(levels, str) or not isinstance(levels, Iterable):
        return [f"levels: {levels} must be a sequence of confidence levels; write (0.95,)"]
    given = list(levels)
    if not given:
        return ["levels: () must hold at least one confidence level; write (0.90, 0.95)"]
    problems: list[str] = []
    for level in given:
        try:
            significance(level)
        except TypeError:
            problems.append(f"level: {level} must be a number; write 0.95 for 95 %")
        except LiftInputError as refusal:
            problems += refusal.lines
    return problems


class SamplingDistribution(Protocol):
    """How an estimated difference and its baseline vary: what a `LiftEstimate` reads its inference from."""

    @property
    def difference(self) -> float:
        """Estimated difference."""

    @property
    def baseline(self) -> float:
        """Estimated level without ads."""

    @property
    def standard_error(self) -> float:
        """Standard error of the difference."""

    @property
    def df(self) -> float:
        """Degrees of freedom of the test; infinite for a normal distribution."""

    @property
    def one_sided(self) -> bool:
        """Whether half of its two-sided test is a test of one side at its level; not where signs or several tests mix."""

    def quantile(self, tail: float) -> float:
        """The quantile that leaves probability `tail` above it."""

    def distances(self, quantile: float) -> tuple[float, float]:
        """How far the limits at a quantile lie below and above the difference."""

    def tail(self) -> float:
        """One-sided p-value of zero, against the side on which the difference lies."""

    def relative_limits(self, quantile: float, verdict: int) -> Interval:
        """Limits of difference / baseline at a quantile; `verdict`: the sign the test of zero found, or 0."""


@dataclass(frozen=True)
class StudentDistribution:
    """difference ± t_df · standard_error: means of many users, regressions, geo time series.

    Args:
        difference: estimated effect.
        standard_error: its standard error; infinite where the data cannot tell it (one user in an arm).
        df: degrees of freedom, infinite for a normal distribution.
        baseline: level without ads, the denominator of the relative lift; nan where there is none.
        baseline_standard_error: standard error of the baseline.
        covariance: covariance of difference and baseline. For the mean of an independent control arm it is
            minus the variance of that mean.
    """

    difference: float
    standard_error: float
    df: float = math.inf
    baseline: float = math.nan
    baseline_standard_error: float = 0.0
    covariance: float = 0.0

    @property
    def one_sided(self) -> bool:
        """Student's distribution itself; the distributions of joint and sequential readings are built for two sides."""
        return type(self) is StudentDistribution

    def __post_init__(self) -> None:
        """Refuse numbers that are no estimate."""
        problems = []
        if not math.isfinite(self.difference):
            problems.append(f"difference: {self.difference} must be finite; remove missing outcomes")
        if not self.standard_error > 0:
            problems.append(
                f"standard_error: {self.standard_error} must be positive; "
                "outcomes that never vary say nothing about their error: pass math.inf"
            )
        if not self.df >= 1:
            problems.append(f"df: {self.df} must be at least 1; give more users, pairs or days")
        if not self.baseline_standard_error >= 0:
            problems.append(
                f"baseline_standard_error: {self.baseline_standard_error} must not be negative; "
                "pass 0 for a known baseline"
            )
        refuse(problems)

    def quantile(self, tail: float) -> float:
        """The quantile of Student's distribution that leaves `tail` above it."""
        from scipy.special import ndtri, stdtrit

        return -float(ndtri(tail)) if math.isinf(self.df) else -float(stdtrit(self.df, tail))

    def distances(self, quantile: float) -> tuple[float, float]:
        """The standard error times q, on both sides."""
        return quantile * self.standard_error, quantile * self.standard_error

    def tail(self) -> float:
        """P(T ≥ |difference| / standard_error)."""
        from scipy.special import ndtr, stdtr

        t = abs(self.difference) / self.standard_error
        return float(ndtr(-t)) if math.isinf(self.df) else float(stdtr(self.df, -t))

    def relative_limits(self, quantile: float, verdict: int) -> Interval:
        """Fieller's set of difference / baseline, given that the baseline is positive.

        A baseline that may be zero leaves the lift open at the far end: its set is the complement of an
        interval, of which a positive baseline picks the part on the side of the difference.
        """
        if not self.baseline > 0:
            return -math.inf, math.inf
        lift = fieller_set(
            self.difference,
            self.baseline,
            self.standard_error**2,
            self.baseline_standard_error**2,
            self.covariance,
            quantile,
            denominator_differs=self.baseline > quantile * self.baseline_standard_error,
        )
        if lift.bounded:
            return lift.components[0]
        if verdict > 0 and lift.kind == "complement":
            return lift.components[-1][0], math.inf
        if verdict < 0 and lift.kind == "complement":
            return -math.inf, lift.components[0][1]
        return -math.inf, math.inf


def normal_parameters(distribution: SamplingDistribution) -> dict[str, float]:
    """The fields of a `StudentDistribution` with a normal statistic, for joint or sequential reading of large arms.

    Raises:
        LiftInputError: a distribution from small counts, which has no normal statistic.
    """
    if not isinstance(distribution, StudentDistribution):
        raise LiftInputError(["lift: small counts must not be read jointly; use method='welch'"])
    return {
        "difference": distribution.difference,
        "standard_error": distribution.standard_error,
        "baseline": distribution.baseline,
        "baseline_standard_error": distribution.baseline_standard_error,
        "covariance": distribution.covariance,
    }


@dataclass(frozen=True)
class LiftEstimate:
    """The effect of ads with its whole inference; every number of it follows from one test.

    p < α, an interval at level 1 − α that excludes zero, and a bounded cost per incremental conversion are
    one event on every input: the p-value decides, and a bound that rounding puts past zero moves back.

    Args:
        distribution: sampling distribution of difference and baseline (`StudentDistribution`, `SmallCountDistribution`).
        scale: what both are multiplied by for display, e.g. the number of treated users to turn a rate into
            conversions. It leaves p-value and relative lift as they are.

    Raises:
        LiftInputError: a scale that is not above 0 and finite.

    Example:
        >>> from experiments.lift import ArmStatistics, user_holdout_test
        >>> treated, control = ArmStatistics(9000, 450, 450), ArmStatistics(1000, 40, 40)  # conversions are 0 or 1
        >>> test = user_holdout_test(treated, control, cost_micros=900_000_000)
        >>> low, high = test.lift.interval(0.95)
        >>> low < test.lift.difference < high, test.lift.p_value() > 0.05, low < 0
        (True, True, True)
    """

    distribution: SamplingDistribution
    scale: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a scale that is none."""
        if not (self.scale > 0 and math.isfinite(self.scale)):
            refuse([f"scale: {self.scale} must be positive and finite; an effect on nobody has no size"])

    @property
    def difference(self) -> float:
        """Effect: outcome with ads minus outcome without."""
        return self.scale * self.distribution.difference

    @property
    def baseline(self) -> float:
        """Outcome without ads, in the unit of the difference."""
        return self.scale * self.distribution.baseline

    @property
    def standard_error(self) -> float:
        """Standard error of the difference."""
        return self.scale * self.distribution.standard_error

    @property
    def df(self) -> float:
        """Degrees of freedom of the test."""
        return self.distribution.df

    @property
    def t(self) -> float:
        """Test statistic: difference / standard_error."""
        return self.distribution.difference / self.distribution.standard_error

    @property
    def relative_lift(self) -> float:
        """Lift: difference / baseline; infinite where only the treated converted, nan without a baseline."""
        if self.distribution.baseline == 0 and self.distribution.difference > 0:
            return math.inf
        return self.distribution.difference / self.distribution.baseline if self.distribution.baseline > 0 else math.nan

    def p_value(self, alternative: Alternative = "two-sided") -> float:
        """Probability of a difference at least this far from zero where the ads do nothing."""
        tail = self.distribution.tail()
        if alternative == "two-sided":
            return min(1.0, 2 * tail)
        towards = self.distribution.difference > 0 if alternative == "greater" else self.distribution.difference < 0
        return tail if towards else 1 - tail

    def verdict(self, level: float = 0.95, alternative: Alternative = "two-sided") -> int:
        """+1 or −1, the sign of the effect, where p < 1 − level; 0 where zero cannot be excluded."""
        if not self.p_value(alternative) < significance(level):
            return 0
        return 1 if self.distribution.difference > 0 else -1

    def critical_value(self, level: float = 0.95, alternative: Alternative = "two-sided") -> float:
        """The quantile of the test at a level."""
        alpha = significance(level)
        return self.distribution.quantile(alpha / 2 if alternative == "two-sided" else alpha)

    def interval(self, level: float = 0.95, alternative: Alternative = "two-sided") -> Interval:
        """Confidence interval of the difference; one-sided ones are open (infinite) at the other end."""
        below, above = self.distribution.distances(self.critical_value(level, alternative))
        limits = (
            self.scale * (self.distribution.difference - below),
            self.scale * (self.distribution.difference + above),
        )
        return _agreeing(limits, self.verdict(level, alternative), alternative)

    def relative_interval(self, level: float = 0.95, alternative: Alternative = "two-sided") -> Interval:
        """Confidence interval of the relative lift, with the baseline's own error in it.

        It excludes zero exactly where `interval` does, provided that there is a positive baseline. An end is
        infinite where the baseline may be zero.
        """
        verdict = self.verdict(level, alternative)
        limits = self.distribution.relative_limits(self.critical_value(level, alternative), verdict)
        if math.isinf(limits[0]) and math.isinf(limits[1]):
            return limits
        return _agreeing(limits, verdict, alternative)

    def scaled(self, factor: float) -> Self:
        """The same estimate in another unit: a rate × users, or intention to treat ÷ share exposed."""
        return replace(self, scale=self.scale * factor)

    def summary(self, level: float = 0.95) -> str:
        """One sentence."""
        lower, upper = self.interval(level)
        verdict = {1: "an increase", -1: "a decrease", 0: "no effect can be told from zero"}[self.verdict(level)]
        return (
            f"Difference {self.difference:z,.6g} ({100 * level:g}% interval {lower:z,.6g} to {upper:z,.6g}, "
            f"p = {self.p_value():z.3g}): {verdict}."
        )


def alternative_problems(distribution: SamplingDistribution, alternative: Alternative) -> list[str]:
    """What is wrong with reading a distribution against this alternative."""
    if alternative == "two-sided" or distribution.one_sided:
        return []
    return [
        f"alternative: {alternative} must be two-sided here; tests by permutation, at several looks or of several arms look "
        "at both sides at once"
    ]


def in_words(limits: Interval, form: str = "z,.1f") -> str:
    """`a to b`, `a or more`, `b or less`, or that nothing is excluded."""
    lower, upper = (f"{bound:{form}}" for bound in limits)
    if math.isinf(limits[0]):
        return "unbounded" if math.isinf(limits[1]) else f"{upper} or less"
    return f"{lower} or more" if math.isinf(limits[1]) else f"{lower} to {upper}"


def _agreeing(limits: Interval, verdict: int, alternative: Alternative) -> Interval:
    """The limits, on the side of zero on which the p-value says they lie."""
    lower, upper = limits
    if verdict > 0:
        lower = max(lower, SMALLEST)
    elif verdict < 0:
        upper = min(upper, -SMALLEST)
    else:
        if alternative != "less":
            lower = min(lower, 0.0)
        if alternative != "greater":
            upper = max(upper, 0.0)
    if alternative == "greater":
        return lower, math.inf
    return (-math.inf, upper) if alternative == "less" else (lower, upper)
