"""An effect on an observed total, and models that fit to the last digit: their error is not known, so they find nothing."""

import math

import numpy as np
import pytest

from experiments.lift.estimate.lift_estimate import LiftEstimate
from experiments.lift.geo.methods.gbr import geo_based_regression
from experiments.lift.geo.methods.structural import structural_time_series
from experiments.lift.geo.methods.synthetic_control import synthetic_control
from experiments.lift.geo.methods.tbr import time_based_regression
from experiments.lift.geo.methods.trimmed_match import trimmed_match_test
from experiments.lift.geo.observed_total import is_rounding, observed_total_distribution
from experiments.lift.geo.panel import GeoPanel, geo_experiment

DAYS = np.datetime64("2026-01-01") + np.arange(70)


def experiment(response, cost=None, treated=4):
    panel = GeoPanel(tuple(f"g{k}" for k in range(len(response))), DAYS, response, cost)
    return geo_experiment(panel, panel.geos[:treated], "2026-03-01", "2026-03-11")


def test_effect_and_counterfactual_share_one_error():
    lift = LiftEstimate(observed_total_distribution(20.0, 5.0, 30.0, 120.0, 1_000.0))
    assert (lift.difference, lift.baseline, lift.standard_error, lift.df) == (20.0, 100.0, 5.0, 30.0)
    # The total is known, so the relative lift is e / (observed − e) at both ends.
    ends = [bound / (120.0 - bound) for bound in lift.interval(0.95)]
    assert lift.relative_interval(0.95) == pytest.approx(ends)


@pytest.mark.parametrize("error", [0.0, 1e-8, math.inf, math.nan])
def test_an_error_that_is_rounding_or_unknown_says_nothing(error):
    lift = LiftEstimate(observed_total_distribution(1e-7, error, 30.0, 120.0, 1_000.0))
    assert lift.p_value() == 1.0
    assert lift.interval(0.95) == (-math.inf, math.inf)
    assert is_rounding(0.0, 0.0)


METHODS = {
    "time-based regression": time_based_regression,
    "time-based regression, independent": lambda test: time_based_regression(test, errors="independent"),
    "time-based regression, conformal": lambda test: time_based_regression(test, errors="block_conformal"),
    "geo-based regression": geo_based_regression,
    "synthetic control": lambda test: synthetic_control(test, augmentation="none"),
    "augmented synthetic control": synthetic_control,
    "placebos": lambda test: synthetic_control(test, inference="placebo"),
    "structural": structural_time_series,
    "trimmed match": lambda test: trimmed_match_test(test, [(f"g{k}", f"g{k + 4}") for k in range(4)]),
}


@pytest.mark.parametrize("method", METHODS)
def test_geos_in_exact_proportion_show_no_effect(method):
    rng = np.random.default_rng(1)
    for _ in range(3):
        day = 100 + 10 * np.sin(np.arange(70)) + rng.normal(0, 3, 70)
        sizes = np.tile([1.0, 2.3, 0.7, 1.9], 2)  # pairs of equal size
        found = METHODS[method](experiment(sizes[:, None] * day))
        assert found.p_value > 0.1
        low, high = found.lift.interval(0.95)
        assert math.isinf(low)
        assert math.isinf(high)


@pytest.mark.parametrize("spend", [0.1, 0.3, 3.3, 7.7, 0.07, 5.0])
def test_spend_that_did_not_change_is_nothing_spent(spend):
    rng = np.random.default_rng(2)
    response = 100 + 10 * np.sin(np.arange(70)) + rng.normal(0, 3, (8, 70))
    response[:4, 59:] += 20.0
    test = experiment(response, np.full((8, 70), spend))
    for read in (time_based_regression, synthetic_control, structural_time_series):
        found = read(test)
        assert found.cost == 0.0
        assert math.isnan(found.to_frame()["cost_per_incremental_conversion"].iloc[-1])
        assert "No money was spent" in found.summary()
