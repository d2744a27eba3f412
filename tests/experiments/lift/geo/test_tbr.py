"""Time-based regression: published figures to all digits, calibration under autocorrelation, costs."""

import math

import numpy as np
import pytest
from scipy.special import stdtrit

from experiments.lift.estimate import significance
from experiments.lift.geo.panel import GeoPanel, geo_experiment
from experiments.lift.geo.tbr import time_based_regression, time_regression
from experiments.lift.refusal import LiftInputError


def test_the_regression_before_the_test_is_the_published_one(reference, sales_experiment):
    published = reference("tbr_gbr_salesandcost/matched_markets.json")["pre_period_ols"]
    experiment = sales_experiment()
    x = experiment.control.sum(axis=0)
    fitted = time_regression(experiment.treated.sum(axis=0), np.column_stack([np.ones(x.size), x]), experiment.pre_days)
    assert fitted.df == published["df_resid"]
    assert math.sqrt(fitted.residuals @ fitted.residuals / fitted.df) == pytest.approx(published["sigma"])
    slope = (fitted.counterfactual[1] - fitted.counterfactual[0]) / (x[1] - x[0])
    assert slope == pytest.approx(published["slope"], rel=1e-9)


@pytest.mark.parametrize("cooldown", [False, True])
@pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
@pytest.mark.parametrize("tails", [1, 2])
def test_published_return_on_ad_spend(reference, sales_experiment, cooldown, level, tails):
    published = reference("tbr_gbr_salesandcost/matched_markets.json")[
        f"iroas_fixed_cost_cooldown{cooldown}_tails{tails}_level{level}"
    ]
    test = time_based_regression(sales_experiment(23 if cooldown else 0), (level,), errors="independent")
    assert test.cost == pytest.approx(published["incremental_cost"], rel=1e-12)
    assert test.cost_standard_error == 0
    alternative = "two-sided" if tails == 2 else "greater"
    lower, upper = test.lift.interval(level, alternative)
    assert test.lift.difference == pytest.approx(published["incremental_response"], rel=1e-10)
    assert lower == pytest.approx(published["incremental_response_lower"], rel=1e-9)
    assert upper == pytest.approx(published["incremental_response_upper"], rel=1e-9)
    if tails == 2:
        point, bounds = test.return_on_ad_spend(level)
        assert point == pytest.approx(published["estimate"], rel=1e-10)
        assert bounds == pytest.approx((published["lower"], published["upper"]), rel=1e-9)
        # There the relative lift is simulated: two digits.
        relative = test.lift.relative_interval(level)
        wanted = published["relative_lift_lower"], published["relative_lift_upper"]
        assert relative == pytest.approx(wanted, rel=1e-2)


def test_published_r_package(reference, sales_experiment):
    published = reference("tbr_gbr_salesandcost/geoexperimentsresearch_1.0.3.json")
    test = time_based_regression(sales_experiment(), (0.9, 0.95), errors="independent")
    assert test.lift.standard_error == pytest.approx(published["tbr_causal"]["se"], rel=1e-10)
    assert test.return_on_ad_spend(0.95)[1] == pytest.approx(
        (published["tbr_twosided95"]["lower"], published["tbr_twosided95"]["upper"]), rel=1e-10
    )


def test_published_cumulative_effect_of_every_day(reference, sales_experiment):
    published = reference("tbr_gbr_salesandcost/matched_markets.json")[
        "response_cumulative_cooldownFalse_level0.9_tails2"
    ]
    experiment = sales_experiment()
    series = time_based_regression(experiment, errors="independent").series
    in_test = series[series["period"] == "test"]
    wanted = [day["estimate"] for day in published]
    np.testing.assert_allclose(in_test["cumulative_effect"], wanted, rtol=1e-9)
    x, y = experiment.control.sum(axis=0), experiment.treated.sum(axis=0)
    for days in (1, 10, 28):
        stop = experiment.pre_days + days
        fitted = time_regression(y[:stop], np.column_stack([np.ones(stop), x[:stop]]), experiment.pre_days)
        assert fitted.independent_errors()[0] == pytest.approx(published[days - 1]["scale"], rel=1e-9)


def coverage(autoregressive, errors, rho, replications, seed, pre_days=90, test_days=28):
    """Share of simulated tests without effect whose 90 % interval holds zero."""
    rng = np.random.default_rng(seed)
    noise = autoregressive(rng, rho, (replications, pre_days + test_days))
    held = 0
    for errors_of_days in noise:
        x = rng.normal(100.0, 5.0, errors_of_days.size)
        fitted = time_regression(10 + 0.9 * x + errors_of_days, np.column_stack([np.ones(x.size), x]), pre_days)
        error, df = getattr(fitted, errors)()
        held += abs(fitted.effect) <= -stdtrit(df, 0.05) * error
    return held / replications


def check_coverage(reference, autoregressive, replications, room, binomial_band):
    # 90 % intervals. Independent errors: .90 ± (3.3 standard errors). Autoregressive ones: estimating ρ
    # from 90 days costs up to `room`; the published method, the negative control, covers .73 at ρ = .4 and
    # .60 at ρ = .6.
    band = binomial_band(0.90, replications)
    assert coverage(autoregressive, "independent_errors", 0.0, replications, 1) == pytest.approx(0.90, abs=band)
    assert coverage(autoregressive, "autoregressive_errors", 0.0, replications, 2) == pytest.approx(
        0.90, abs=band + room
    )
    for rho in (0.2, 0.4, 0.6):
        assert coverage(autoregressive, "autoregressive_errors", rho, replications, 3) >= 0.90 - band - room
    published = reference("tbr_mde/observed_tbr_coverage_ar1.json")
    for rho in (0.4, 0.6):
        collapsed = published[f"npre90_m28_rho{rho}"]
        assert coverage(autoregressive, "independent_errors", rho, replications, 4) == pytest.approx(
            collapsed, abs=2 * binomial_band(collapsed, replications)
        )


def test_intervals_hold_under_autocorrelation_and_the_published_ones_do_not(reference, autoregressive, binomial_band):
    check_coverage(reference, autoregressive, 1_000, 0.015, binomial_band)


@pytest.mark.study
def test_intervals_hold_under_autocorrelation_in_the_long_run(reference, autoregressive, binomial_band):
    check_coverage(reference, autoregressive, 4_000, 0.015, binomial_band)
    assert coverage(autoregressive, "autoregressive_errors", 0.4, 4_000, 5) >= 0.87


@pytest.mark.parametrize("errors", ["independent", "autoregressive", "block_conformal"])
def test_p_value_interval_and_price_agree(errors, panel_of_geos):
    for seed in range(12):
        panel = panel_of_geos(seed, lift=0.03 * (seed % 3), treated=(0, 1, 2), cost_per_day=4.0)
        experiment = geo_experiment(panel, panel.geos[:3], "2026-03-02", "2026-03-21")
        test = time_based_regression(experiment, errors=errors)
        for level in test.levels:
            lower, upper = test.lift.interval(level)
            low, high = test.lift.relative_interval(level)
            significant = test.p_value < significance(level)
            assert significant == (not lower <= 0 <= upper) == (not low <= 0 <= high)
            assert test.cost_per_incremental_conversion(level).bounded == significant


def test_a_certain_effect_is_found(panel_of_geos):
    panel = panel_of_geos(3, lift=0.5, treated=(0, 1, 2), cost_per_day=7.0, noise=0.02)
    experiment = geo_experiment(panel, panel.geos[:3], "2026-03-02", "2026-03-21")
    test = time_based_regression(experiment)
    assert test.lift.relative_lift == pytest.approx(0.5, abs=0.05)
    assert test.cost == pytest.approx(3 * 20 * 7.0)
    assert test.to_frame()["cost_per_incremental_conversion"][0] == pytest.approx(test.cost / test.lift.difference)
    assert "An incremental conversion cost" in test.summary()
    assert test.series["cumulative_effect"].iloc[-1] == pytest.approx(test.lift.difference)


def test_a_go_dark_test_prices_what_was_lost(panel_of_geos):
    rng = np.random.default_rng(8)
    panel = panel_of_geos(3, lift=-0.3, treated=(0, 1, 2), noise=0.02)
    spend = rng.normal(50.0, 1.0, panel.response.shape)
    spend[:3, 60:] = 0.0
    dark = GeoPanel(panel.geos, panel.dates, panel.response, spend)
    test = time_based_regression(geo_experiment(dark, panel.geos[:3], "2026-03-02", "2026-03-21"))
    assert test.cost == pytest.approx(-3 * 20 * 50.0, rel=0.02)
    assert test.cost_standard_error > 0
    assert test.lift.difference < 0
    price = test.cost_per_incremental_conversion(0.95)
    assert 0 < price.lower < price.point < price.upper < math.inf
    assert "Money was saved" in test.summary()


def test_estimated_cost_covaries_with_the_response(panel_of_geos):
    # Days on which treated geos sold more than predicted are days on which they cost more, by construction.
    panel = panel_of_geos(4, lift=0.3, treated=(0, 1, 2))
    spend = 0.1 * panel.response
    spend[:3, 60:] *= 2
    test = time_based_regression(
        geo_experiment(
            GeoPanel(panel.geos, panel.dates, panel.response, spend),
            panel.geos[:3],
            "2026-03-02",
            "2026-03-21",
        ),
        errors="independent",
    )
    assert test.cost_covariance == pytest.approx(test.lift.standard_error * test.cost_standard_error, rel=1e-6)


def test_the_unit_of_the_response_does_not_matter(panel_of_geos):
    panel = panel_of_geos(10)
    first, second = (
        time_based_regression(
            geo_experiment(
                GeoPanel(panel.geos, panel.dates, unit * panel.response, panel.cost),
                ["g00"],
                "2026-03-02",
                "2026-03-21",
            )
        )
        for unit in (1.0, 1e15)
    )
    assert second.lift.difference == pytest.approx(1e15 * first.lift.difference)
    assert second.p_value == pytest.approx(first.p_value)


def test_what_cannot_be_fitted_is_refused(panel_of_geos):
    panel = panel_of_geos(5)
    flat = GeoPanel(panel.geos, panel.dates, np.ones_like(panel.response))
    with pytest.raises(LiftInputError, match="must vary"):
        time_based_regression(geo_experiment(flat, ["g00"], "2026-03-02", "2026-03-21"))
    with pytest.raises(LiftInputError, match="start the table earlier"):
        time_based_regression(geo_experiment(panel, ["g00"], "2026-01-04", "2026-03-21"))
    with pytest.raises(LiftInputError, match="level"):
        time_based_regression(geo_experiment(panel, ["g00"], "2026-03-02", "2026-03-21"), (0.2,))
