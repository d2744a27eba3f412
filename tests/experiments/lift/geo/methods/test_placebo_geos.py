"""Time-based regression asks the control geos: a slope free of their noise, an error that holds where geos shift."""

import numpy as np
import pytest

from experiments.lift.geo.methods.placebo_geos import placebo_inflation, shared_slope
from experiments.lift.geo.methods.tbr import TimeBasedRegression, time_based_regression
from experiments.lift.geo.panel import GeoExperiment, GeoPanel


def noisy_market(rng, geos=20, days=75, growth=0.2, noise=0.2, shift=0.0):
    """Geos that share a trend and a week, each with noise of its own; `shift`: a step of each where the test begins."""
    size = np.exp(rng.normal(8.0, 0.5, geos))[:, None]
    week = 1 + 0.05 * np.sin(2 * np.pi * np.arange(days) / 7)
    own = noise * rng.normal(size=(geos, days)) + shift * rng.normal(size=(geos, 1)) * (np.arange(days) >= 60)
    return size * week * (1 + growth * np.arange(days) / days) * np.exp(own)


def experiment(response, treated=1):
    geos, days = response.shape
    panel = GeoPanel(tuple(f"g{k:02d}" for k in range(geos)), np.datetime64("2026-01-05") + np.arange(days), response)
    return GeoExperiment(panel, np.arange(geos) < treated, 60, days - 60)


def test_the_slope_is_free_of_the_controls_noise():
    # 400 markets that grow: least squares foretells too little of the growth, for the control is partly noise. The right
    # slope is the ratio of levels; 3.3 standard errors.
    rng = np.random.default_rng(1)
    ratios, plain = [], []
    for _ in range(400):
        response = noisy_market(rng)
        treated, controls = response[0], response[1:]
        x, ratio = controls.sum(axis=0)[:60], treated[:60].mean() / controls[:, :60].sum(axis=0).mean()
        ratios.append(shared_slope(treated, controls, 60) / ratio)
        plain.append(np.cov(treated[:60], x)[0, 1] / np.var(x, ddof=1) / ratio)
    assert np.mean(ratios) == pytest.approx(1.0, abs=3.3 * np.std(ratios) / 20 + 0.02)
    assert np.mean(plain) < 0.85


def test_the_slope_is_least_squares_where_controls_have_no_noise():
    common = 100 + np.cumsum(np.random.default_rng(2).normal(size=80))
    controls = np.outer([1.0, 2.0, 0.5], common)
    treated = 30 + 0.4 * common
    assert shared_slope(treated, controls, 60) == pytest.approx(0.4 / 3.5)
    # A single control geo does not show what it shares.
    assert shared_slope(treated, controls[:1], 60) == pytest.approx(0.4)


def test_a_market_that_grows_is_no_effect():
    # 200 markets without effect: mean effect in points of lift, 3.3 standard errors; least squares is off by over a point.
    rng = np.random.default_rng(3)
    found = {"calibrated": [], "autoregressive": []}
    for _ in range(200):
        design = experiment(noisy_market(rng, noise=0.1))
        for errors, lifts in found.items():
            lifts.append(100 * TimeBasedRegression(errors).found_with_lifts(design, [0.0], 0.9)[1])
    error = 3.3 * np.std(found["calibrated"]) / np.sqrt(200)
    assert np.mean(found["calibrated"]) == pytest.approx(0.0, abs=error)
    assert np.mean(found["autoregressive"]) > 1.0


@pytest.mark.parametrize("shift", [0.0, 0.1])
def test_the_error_holds_where_geos_shift(shift):
    # 200 panels, 10 % tests of 4 treated geos; 3.3 standard errors, .07. A shift of each geo as the test begins is in no day
    # before it: errors that rest on those days are far too small.
    rng = np.random.default_rng(4)
    alarms = {"calibrated": 0, "autoregressive": 0}
    for _ in range(200):
        design = experiment(noisy_market(rng, noise=0.05, shift=shift), treated=4)
        for errors in alarms:
            alarms[errors] += TimeBasedRegression(errors).found_with_lifts(design, [0.0], 0.9)[0][0]
    assert alarms["calibrated"] <= 200 * (0.10 + 0.07)
    if shift:
        assert alarms["autoregressive"] >= 200 * 0.4


def test_few_controls_cannot_calibrate():
    response = noisy_market(np.random.default_rng(5), geos=4)
    assert placebo_inflation(response[1:], 1, 60) is None
    assert "Fewer than four control geos" in time_based_regression(experiment(response)).summary()


def test_what_rests_on_the_past_alone_says_so():
    design = experiment(noisy_market(np.random.default_rng(6)))
    for errors in ("autoregressive", "independent"):
        assert "Errors rest on the days before the test alone" in time_based_regression(design, errors=errors).summary()
    assert "rest on the days" not in time_based_regression(design).summary()
