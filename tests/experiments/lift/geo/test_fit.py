"""The fit before the test, and what it warns of."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.lift.geo.methods.default import default_geo_test
from experiments.lift.geo.methods.did import DifferenceInDifferences, difference_in_differences
from experiments.lift.geo.methods.structural import StructuralTimeSeries
from experiments.lift.geo.methods.synthetic_control import SyntheticControl, synthetic_control
from experiments.lift.geo.methods.tbr import TimeBasedRegression, time_based_regression
from experiments.lift.geo.panel import GeoExperiment, GeoPanel, geo_experiment

METHODS = [DifferenceInDifferences(), SyntheticControl(), TimeBasedRegression(), StructuralTimeSeries()]


def experiment(response, treated=1, test_days=20):
    geos, days = response.shape
    dates = np.datetime64("2026-01-01") + np.arange(days)
    panel = GeoPanel(tuple(f"g{k}" for k in range(geos)), dates, response)
    return GeoExperiment(panel, np.arange(geos) < treated, days - test_days, test_days)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: str(method.name))
def test_every_reading_shows_its_fit(panel_of_geos, method):
    panel = panel_of_geos(2, noise=0.01)
    test = method.read(geo_experiment(panel, panel.geos[:6], "2026-03-02", "2026-03-21"))
    fit, row = test.fit, test.to_frame().iloc[0]
    left = (test.series["observed"] - test.series["counterfactual"]).to_numpy()[:60]
    observed = test.series["observed"].to_numpy()[:60]
    assert row["explained_share_before"] == pytest.approx(1 - left.var() / observed.var())
    assert row["autocorrelation_before"] == pytest.approx(np.corrcoef(left[:-1], left[1:])[0, 1])
    assert row["correlation_before"] > 0.9
    assert row["l2_imbalance"] == pytest.approx(np.linalg.norm(left) / 6)
    assert row["standard_error"] == pytest.approx(test.lift.standard_error)
    # The placebo is the same reading of the days before the test.
    earlier = method.read(geo_experiment(panel, panel.geos[:6], "2026-02-10", "2026-03-01"))
    assert fit.placebo == (20, pytest.approx(earlier.lift.relative_lift))
    assert "a placebo on the last 20 days gives a lift of" in test.summary()


def test_weights_are_shown_and_written(panel_of_geos):
    test = synthetic_control(geo_experiment(panel_of_geos(2), ["g00"], "2026-03-02", "2026-03-21"), augmentation="none")
    weights = test.weights_frame()
    assert weights["weight"].sum() == pytest.approx(1)
    assert weights["weight"].is_monotonic_decreasing
    assert (
        test.to_frame()["control_weights"]
        .iloc[0]
        .startswith(f"{weights['geo'].iloc[0]} {weights['weight'].iloc[0]:.3f}")
    )
    assert 0 < test.fit.scaled_l2 <= 1


def test_a_control_that_says_nothing_is_named():
    rng = np.random.default_rng(4)
    unrelated = 1_000 + 50 * rng.normal(size=(6, 80))
    said = default_geo_test(experiment(unrelated)).summary()
    assert "the counterfactual is little more than the treated geos' own past" in said


def test_a_control_that_runs_against_the_treated_geos_is_named():
    rng = np.random.default_rng(4)
    week = np.sin(2 * np.pi * np.arange(80) / 7)
    response = 1_000 * (1 + 0.2 * week * np.where(np.arange(6) == 0, 1, -1)[:, None]) + 20 * rng.normal(size=(6, 80))
    assert (
        "ran against the treated ones before the test (correlation -0."
        in time_based_regression(experiment(response)).summary()
    )


def test_a_drift_before_the_test_is_named():
    rng = np.random.default_rng(4)
    response = 1_000 + 10 * rng.normal(size=(6, 80))
    response[0] *= 1 + 0.3 * np.arange(80) / 80
    assert "drifted by" in difference_in_differences(experiment(response)).summary()


def test_a_relation_that_does_not_hold_in_the_test_is_named():
    rng = np.random.default_rng(4)
    response = 1_000 + 10 * rng.normal(size=(6, 80))
    response[0, 60:] += 100 * rng.normal(size=20)
    assert "the relation fitted before does not hold in it" in difference_in_differences(experiment(response)).summary()


def test_a_perfect_fit_says_why_nothing_is_known():
    response = np.outer([1.0, 2.0, 3.0, 4.0], 100 + np.arange(60) % 7)
    for read in (time_based_regression, difference_in_differences):
        said = read(experiment(response, test_days=14)).summary()
        assert "to the last digit" in said


def test_good_fits_warn_of_nothing(panel_of_geos):
    panel = replace(panel_of_geos(2, noise=0.005, lift=0.1, treated=range(8)), cost=None)
    test = default_geo_test(geo_experiment(panel, panel.geos[:8], "2026-03-02", "2026-03-21"))
    assert test.notes == ()
