"""What a media mix model learns from a lift test: a prior for the return on ad spend, or rows of a calibration table.

Three open models take lift tests in three forms. Meridian takes a prior of the return (conversions or value per money);
pymc-marketing a row of changes (spend, response, error) per test; Robyn the total lift with its dates and spend.
"""

import datetime
import math
from dataclasses import dataclass

from cpalab.refusal import refuse
from experiments.lift.estimate.lift_estimate import LiftEstimate

__all__ = [
    "ReturnPrior",
    "captured_share",
    "pymc_marketing_row",
    "recency_discount",
    "return_prior",
    "robyn_row",
    "spend_discount",
]

WEEKS_PER_YEAR = 52.0


@dataclass(frozen=True)
class ReturnPrior:
    """A prior of the return on ad spend, in response per unit of money.

    Attributes:
        mean: the test's return, raised for what came after the test.
        standard_deviation: the test's standard error, raised for what makes the test differ from the model's period.
    """

    mean: float
    standard_deviation: float

    @property
    def log_normal(self) -> tuple[float, float]:
        """(μ, σ) of the log-normal distribution with this mean and deviation: σ² = ln(1 + (s/m)²), μ = ln m − σ²/2.

        Raises:
            LiftInputError: a mean that is not positive; a log-normal return cannot be negative or zero.
        """
        if not self.mean > 0:
            refuse(
                [f"mean: {self.mean:z.6g} must be positive for a log-normal prior; use a normal one, "
                 "for dropping negative tests makes a model believe in ads more than the tests do"]
            )  # fmt: skip
        variance = math.log1p((self.standard_deviation / self.mean) ** 2)
        return math.log(self.mean) - variance / 2, math.sqrt(variance)


def spend_discount(test_spend_per_day: float, model_spend_per_day: float) -> float:
    """τ_spend = max(a, b) / min(a, b) − 1: how far the test's daily spend lies from the one that is modelled.

    Raises:
        LiftInputError: spend that is not positive.
    """
    given = {"test_spend_per_day": test_spend_per_day, "model_spend_per_day": model_spend_per_day}
    refuse([f"{name}: {value} must be positive; give money per day" for name, value in given.items() if not value > 0])
    return max(given.values()) / min(given.values()) - 1


def recency_discount(weeks: float) -> float:
    """τ_recency = (1 − l) / l with l = 0.5^(weeks / 52): a test loses half its weight per year.

    Args:
        weeks: since the test ended.

    Raises:
        LiftInputError: negative weeks.
    """
    if not weeks >= 0:
        refuse([f"weeks: {weeks} must not be negative; count from the end of the test"])
    return math.expm1(math.log(2.0) * weeks / WEEKS_PER_YEAR)


def captured_share(carry_over: float, test_periods: int, most_periods: int) -> float:
    """P = Σ_{l < D} α^l / Σ_{l ≤ L} α^l: the share of an ad's effect that falls into the test.

    Args:
        carry_over: α, the share of an effect that is left one period later (geometric adstock).
        test_periods: D, periods in which the test counts the response.
        most_periods: L, the longest carry-over that the model allows.

    Raises:
        LiftInputError: α outside 0 … 1, or periods below 1 or 0.
    """
    problems = []
    if not 0 <= carry_over < 1:
        problems.append(f"carry_over: {carry_over} must lie between 0 and 1; it is what is left after one period")
    if test_periods < 1:
        problems.append(f"test_periods: {test_periods} must be at least 1")
    if most_periods < 0:
        problems.append(f"most_periods: {most_periods} must not be negative")
    refuse(problems)
    counted = sum(carry_over**lag for lag in range(min(test_periods, most_periods + 1)))
    return counted / sum(carry_over**lag for lag in range(most_periods + 1))


def return_prior(
    lift: LiftEstimate,
    spend: float,
    *,
    captured: float = 1.0,
    spend_discount: float = 0.0,
    recency_discount: float = 0.0,
    further_factor: float = 0.0,
    further_discount: float = 0.0,
) -> ReturnPrior:
    """Mean = (1/p + γ) · L/C; deviation = se(L)/C · √(1 + τ_spend + τ_recency + (1−p)/p + τ).

    Source: google-meridian 2.1.0, `meridian/model/calibration/roi.py`.

    Args:
        lift: incremental response of the test: conversions, or money where the return is to be money.
        spend: incremental money of the test, C.
        captured: p, the share of the effect that falls into the test (`captured_share`).
        spend_discount: τ_spend (`spend_discount`).
        recency_discount: τ_recency (`recency_discount`).
        further_factor: γ, what the analyst adds to the factor of the mean.
        further_discount: τ, what the analyst adds to the variance factor.

    Raises:
        LiftInputError: spend of zero, a share outside 0 … 1, negative discounts.
    """
    problems = [
        f"{name}: {value} must not be negative"
        for name, value in (
            ("spend_discount", spend_discount), ("recency_discount", recency_discount),
            ("further_discount", further_discount),
        )
        if not value >= 0
    ]  # fmt: skip
    if not 0 < captured <= 1:
        problems.append(f"captured: {captured} must lie between 0 and 1; it is a share of the effect")
    if not (math.isfinite(spend) and spend != 0):
        problems.append(
            f"spend: {spend} must be the money that differed between the arms; without it there is no return"
        )
    refuse(problems)
    widened = 1 + spend_discount + recency_discount + (1 - captured) / captured + further_discount
    return ReturnPrior(
        mean=(1 / captured + further_factor) * lift.difference / spend,
        standard_deviation=lift.standard_error / abs(spend) * math.sqrt(widened),
    )


def pymc_marketing_row(
    channel: str, lift: LiftEstimate, spend: float, *, spend_before: float, periods: float
) -> dict[str, object]:
    """One row of pymc-marketing's lift-test table: channel, x, delta_x, delta_y, sigma, all per period.

    Args:
        channel: the channel's column in the model.
        lift: incremental response over the whole test.
        spend: incremental money of the whole test; negative where the channel went dark.
        spend_before: x, money per period from which the test changed it.
        periods: periods of the model that the test lasted.

    Raises:
        LiftInputError: no money or no periods; or a lift of the other sign than the change of spend, which that model
            refuses. Leaving such a test out biases the model towards ads: pool it with others, or use a prior.
    """
    problems = []
    if not periods > 0:
        problems.append(f"periods: {periods} must be positive; count the model's periods within the test")
    if not (math.isfinite(spend) and spend != 0):
        problems.append(f"spend: {spend} must be the money that differed between the arms")
    elif lift.difference * spend <= 0:
        problems.append(
            f"lift: {lift.difference:z.6g} must have the sign of the change of spend ({spend:z.6g}), or the model refuses "
            "the row; pool this test with others or give its prior, for leaving it out biases the model towards ads"
        )
    if not spend_before >= 0:
        problems.append(f"spend_before: {spend_before} must not be negative")
    refuse(problems)
    return {
        "channel": channel,
        "x": spend_before,
        "delta_x": spend / periods,
        "delta_y": lift.difference / periods,
        "sigma": lift.standard_error / periods,
    }


def robyn_row(
    channel: str,
    lift: LiftEstimate,
    spend: float,
    *,
    first_day: datetime.date,
    last_day: datetime.date,
    metric: str,
    level: float = 0.90,
) -> dict[str, object]:
    """One row of Robyn's calibration input: the lift over the whole test, its dates, spend and confidence.

    Robyn compares `liftAbs` with the effect that it decomposes, |effect − liftAbs| / |liftAbs|, which is never negative: a
    test that took ads away and lost conversions says what the ads gave, so conversions and money both change sign.

    Args:
        channel: the channel's variable in the model.
        lift: incremental response over the whole test.
        spend: incremental money of the whole test; negative where the channel went dark.
        first_day: first day of the test.
        last_day: last day of the test.
        metric: the model's dependent variable.
        level: `confidence` of the row where the test is significant at it; else one minus its two-sided p-value.

    Raises:
        LiftInputError: dates in the wrong order, no change of spend, or fewer conversions for more money: Robyn knows no
            negative effect, and leaving such a test out biases the model towards ads.
    """
    problems = []
    if last_day < first_day:
        problems.append(f"last_day: {last_day} must not come before first_day {first_day}")
    if not (math.isfinite(spend) and spend != 0):
        problems.append(f"spend: {spend} must be the money that differed between the arms")
    elif lift.difference * spend <= 0:
        problems.append(
            f"lift: {lift.difference:z.6g} must have the sign of the change of spend ({spend:z.6g}): Robyn knows no negative "
            "effect; pool this test with others or give its prior, for leaving it out biases the model towards ads"
        )
    refuse(problems)
    return {
        "channel": channel,
        "liftStartDate": first_day.isoformat(),
        "liftEndDate": last_day.isoformat(),
        "liftAbs": abs(lift.difference),
        "spend": abs(spend),
        "confidence": level if lift.verdict(level) else min(level, 1 - lift.p_value()),
        "metric": metric,
        "calibration_scope": "immediate",
    }
