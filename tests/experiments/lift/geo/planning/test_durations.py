"""Detectable lift by length of the test: the formula against tests of just that lift, and refusals."""

import math

import numpy as np
import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.geo.methods.tbr import time_based_regression
from experiments.lift.geo.panel import GeoExperiment, GeoPanel
from experiments.lift.geo.planning.durations import detectable_lift_by_days

DAYS, TEST_DAYS = 100, 14


def panel(rng, autoregressive, rho):
    """Twelve geos whose days go up and down together; neighbouring errors are alike by ρ."""
    together = 100 + 10 * rng.normal(size=DAYS + TEST_DAYS)
    response = together + 8 * autoregressive(rng, rho, (12, DAYS + TEST_DAYS))
    dates = np.datetime64("2026-01-01") + np.arange(DAYS + TEST_DAYS)
    return GeoPanel(tuple(map(str, range(12))), dates, response)


@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_a_lift_that_is_just_detectable_is_found_as_often_as_wanted(autoregressive, rho):
    # 400 seeded tests at 90 %, each at the lift that its own past calls detectable with a power of .8; the mean of the lifts
    # is near one number, so that the share is near .8: 3.3 standard errors, .066, and .03 for the estimated error.
    rng = np.random.default_rng(1)
    treated, found = [str(k) for k in range(4)], []
    is_treated = np.arange(12) < 4
    for _ in range(400):
        drawn = panel(rng, autoregressive, rho)
        past = GeoPanel(drawn.geos, drawn.dates[:DAYS], drawn.response[:, :DAYS])
        lift = detectable_lift_by_days(past, treated, [TEST_DAYS], level=0.90)["minimum_detectable_lift"].item()
        response = drawn.response.copy()
        response[:4, DAYS:] *= 1 + lift
        test = GeoExperiment(GeoPanel(drawn.geos, drawn.dates, response), is_treated, DAYS, TEST_DAYS)
        found.append(time_based_regression(test, errors="autoregressive").p_value < 0.10)
    assert np.mean(found) == pytest.approx(0.8, abs=0.066 + 0.03)


def test_longer_tests_find_less_and_forgo_more(panel_of_geos):
    table = detectable_lift_by_days(panel_of_geos(1), ["g00", "g01"], [7, 14, 28])
    assert table["test_days"].tolist() == [7, 14, 28]
    assert table["minimum_detectable_lift"].is_monotonic_decreasing
    assert table["conversions_forgone"].is_monotonic_increasing
    response = panel_of_geos(1).response[:2].sum(axis=0).mean()
    expected = table["minimum_detectable_lift"] * response * table["test_days"]
    assert table["conversions_forgone"].tolist() == pytest.approx(expected.tolist())


def test_a_past_that_fits_to_the_last_digit_detects_nothing():
    response = np.outer([1.0, 2.0, 3.0], 100 + np.arange(60) % 7)
    panel = GeoPanel(("a", "b", "c"), np.datetime64("2026-01-01") + np.arange(60), response)
    assert math.isinf(detectable_lift_by_days(panel, ["a"], [14])["minimum_detectable_lift"].item())


def test_impossible_plans_are_refused_all_at_once(panel_of_geos):
    with pytest.raises(LiftInputError) as refusal:
        detectable_lift_by_days(panel_of_geos(1), ["g99"], [0], power=0.1)
    assert [problem.split(":")[0] for problem in refusal.value.lines] == ["treated", "treated", "test_days", "power"]
