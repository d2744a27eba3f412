"""Structural time series: forecast errors of sums, coverage, and an effect that is there."""

import numpy as np
import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.geo.methods.structural import structural_time_series
from experiments.lift.geo.methods.tbr import time_based_regression
from experiments.lift.geo.panel import GeoExperiment, GeoPanel, geo_experiment


def test_without_a_wandering_level_it_is_the_time_based_regression(sales_experiment):
    experiment = sales_experiment()
    ours = structural_time_series(experiment, (0.95,))
    published = time_based_regression(experiment, (0.95,), errors="independent")
    assert ours.lift.difference == pytest.approx(published.lift.difference, rel=1e-3)
    assert ours.lift.interval(0.95) == pytest.approx(published.lift.interval(0.95), rel=5e-3)
    limits = ["effect_lower", "effect_upper", "cumulative_effect_lower", "cumulative_effect_upper"]
    # The first days' sums are small beside what the two fits differ by: a thousandth of a month's effect.
    small = 1e-3 * abs(published.lift.difference)
    np.testing.assert_allclose(ours.series[limits], published.series[limits], rtol=5e-3, atol=small)


def test_the_limits_of_the_last_day_are_those_of_the_lift(panel_of_geos):
    panel = panel_of_geos(3, rho=0.8)
    test = structural_time_series(geo_experiment(panel, panel.geos[:3], "2026-03-02", "2026-03-21"), (0.8, 0.9))
    last = test.series.iloc[-1]
    assert (last["cumulative_effect_lower"], last["cumulative_effect_upper"]) == pytest.approx(test.lift.interval(0.9))


def test_a_season_the_controls_lack_is_learnt():
    rng = np.random.default_rng(1)
    days = np.arange(112)
    control = rng.normal(100.0, 5.0, (3, 112))
    treated = control.mean(axis=0) + 20 * np.sin(2 * np.pi * days / 7) + rng.normal(0, 1.0, 112)
    treated[84:] += 3.0
    panel = GeoPanel(("a", "b", "c", "d"), np.datetime64("2026-01-01") + days, np.vstack([treated, control]))
    experiment = GeoExperiment(panel, np.arange(4) == 0, 84, 28)
    seasonal = structural_time_series(experiment, season_days=7)
    plain = structural_time_series(experiment)
    assert seasonal.lift.difference == pytest.approx(28 * 3.0, abs=3.3 * seasonal.lift.standard_error)
    assert seasonal.lift.standard_error < 0.5 * plain.lift.standard_error


def coverage(replications, seed):
    """Share of 90 % intervals that hold zero, where the level is a random walk."""
    rng = np.random.default_rng(seed)
    held = 0
    for _ in range(replications):
        control = rng.normal(100.0, 5.0, (2, 80))
        treated = control.mean(axis=0) + rng.normal(0, 0.5, 80).cumsum() + rng.normal(0, 1.0, 80)
        panel = GeoPanel(("a", "b", "c"), np.datetime64("2026-01-01") + np.arange(80), np.vstack([treated, control]))
        lower, upper = structural_time_series(GeoExperiment(panel, np.arange(3) == 0, 66, 14)).lift.interval(0.9)
        held += lower <= 0 <= upper
    return held / replications


def test_intervals_cover_where_the_level_wanders(binomial_band):
    # Variances are estimated and taken as known: .03 less than .90 is allowed, and 3.3 standard errors.
    assert coverage(80, 2) >= 0.90 - 0.03 - binomial_band(0.90, 80)


@pytest.mark.study
def test_intervals_cover_in_the_long_run(binomial_band):
    assert coverage(2_000, 3) >= 0.90 - 0.03 - binomial_band(0.90, 2_000)


def test_few_days_are_refused(panel_of_geos):
    panel = panel_of_geos(1)
    with pytest.raises(LiftInputError, match="at least 21"):
        structural_time_series(geo_experiment(panel, ["g00"], "2026-01-15", "2026-01-20"), season_days=7)
    with pytest.raises(LiftInputError, match="at least 2"):
        structural_time_series(geo_experiment(panel, ["g00"], "2026-03-02", "2026-03-20"), season_days=-3)
