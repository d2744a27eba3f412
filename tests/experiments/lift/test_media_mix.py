"""Lift tests as priors and rows for media mix models."""

import datetime
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cpalab.refusal import LiftInputError
from experiments.lift.estimate.lift_estimate import LiftEstimate, StudentDistribution
from experiments.lift.media_mix import (
    ReturnPrior,
    captured_share,
    pymc_marketing_row,
    recency_discount,
    return_prior,
    robyn_row,
    spend_discount,
)

LIFT = LiftEstimate(StudentDistribution(difference=120.0, standard_error=30.0))


def test_meridians_discounts(reference):
    spend, recency, duration = reference("meridian_calibration/expected.json")["vectors"]
    assert spend_discount(*spend["spend"]) == spend["tau_spend"]
    assert recency_discount(recency["weeks"]) == pytest.approx(recency["tau_recency"], rel=1e-15)
    assert captured_share(duration["alpha"], duration["D"], duration["max_lag"]) == pytest.approx(
        duration["p"], rel=1e-15
    )


def test_a_test_that_saw_everything_yesterday_at_the_models_spend_is_taken_as_it_is():
    prior = return_prior(LIFT, 600.0)
    assert prior == ReturnPrior(mean=0.2, standard_deviation=0.05)


def test_what_came_after_the_test_raises_mean_and_deviation():
    prior = return_prior(LIFT, 600.0, captured=0.5)
    assert prior.mean == pytest.approx(0.4)
    assert prior.standard_deviation == pytest.approx(0.05 * math.sqrt(2.0))


def test_discounts_add_up_under_the_root():
    prior = return_prior(LIFT, 600.0, spend_discount=1.0, recency_discount=1.0, further_discount=1.0)
    assert prior.mean == pytest.approx(0.2)
    assert prior.standard_deviation == pytest.approx(0.05 * 2.0)


@given(st.floats(0.01, 100.0), st.floats(0.001, 50.0))
def test_the_log_normal_has_the_mean_and_the_deviation(mean, deviation):
    mu, sigma = ReturnPrior(mean, deviation).log_normal
    assert math.exp(mu + sigma**2 / 2) == pytest.approx(mean)
    assert mean * math.sqrt(math.expm1(sigma**2)) == pytest.approx(deviation, rel=1e-6)


def test_going_dark_gives_the_same_return():
    dark = LiftEstimate(StudentDistribution(difference=-120.0, standard_error=30.0))
    assert return_prior(dark, -600.0) == return_prior(LIFT, 600.0)
    row = pymc_marketing_row("social", dark, -600.0, spend_before=300.0, periods=4)
    assert row == {"channel": "social", "x": 300.0, "delta_x": -150.0, "delta_y": -30.0, "sigma": 7.5}


def test_a_lift_against_the_spend_is_refused_with_what_to_do():
    with pytest.raises(LiftInputError, match="pool this test") as refusal:
        pymc_marketing_row("social", LIFT, -600.0, spend_before=-1.0, periods=0)
    assert len(refusal.value.lines) == 3


def test_robyn_is_told_the_total_and_no_more_confidence_than_there_is():
    days = {"first_day": datetime.date(2026, 1, 1), "last_day": datetime.date(2026, 1, 28)}
    row = robyn_row("social", LIFT, 600.0, **days, metric="orders")
    assert (row["liftAbs"], row["spend"], row["liftStartDate"], row["liftEndDate"]) == (
        120.0, 600.0, "2026-01-01", "2026-01-28",
    )  # fmt: skip
    assert row["confidence"] == 0.90
    weak = LiftEstimate(StudentDistribution(difference=30.0, standard_error=30.0))
    assert robyn_row("social", weak, 600.0, **days, metric="orders")["confidence"] == pytest.approx(
        1 - 0.3173, abs=1e-4
    )


def test_robyn_is_told_of_a_go_dark_test_what_the_ads_gave():
    # 1,582 conversions lost for 8,400 saved: Robyn's effects are never negative.
    lost = LiftEstimate(StudentDistribution(difference=-1_582.0, standard_error=200.0))
    days = {"first_day": datetime.date(2026, 1, 1), "last_day": datetime.date(2026, 1, 28)}
    row = robyn_row("tv", lost, -8_400.0, **days, metric="orders")
    assert (row["liftAbs"], row["spend"], row["confidence"]) == (1_582.0, 8_400.0, 0.90)
    # Fewer conversions for more money, or more for less: no effect that Robyn knows.
    for lift, spend in ((lost, 8_400.0), (LIFT, -600.0)):
        with pytest.raises(LiftInputError, match="must have the sign of the change of spend"):
            robyn_row("tv", lift, spend, **days, metric="orders")


@pytest.mark.parametrize(
    ("call", "place"),
    [
        (lambda: spend_discount(0.0, 1.0), "test_spend_per_day"),
        (lambda: recency_discount(-1.0), "weeks"),
        (lambda: captured_share(1.0, 0, -1), "carry_over"),
        (lambda: return_prior(LIFT, 0.0, captured=0.0), "captured"),
        (lambda: ReturnPrior(-1.0, 1.0).log_normal, "mean"),
        (
            lambda: robyn_row(
                "a", LIFT, 1.0, first_day=datetime.date(2026, 2, 1), last_day=datetime.date(2026, 1, 1), metric="y"
            ),
            "last_day",
        ),
    ],
)
def test_numbers_that_are_none_are_refused(call, place):
    with pytest.raises(LiftInputError, match=place):
        call()
