"""Time-based regression: published figures to all digits, calibration under autocorrelation, costs."""

import math
import re

import numpy as np
import pytest
from scipy.special import stdtr, stdtrit

from cpalab.refusal import LiftInputError
from experiments.lift.estimate.lift_estimate import significance
from experiments.lift.geo.methods.tbr import time_based_regression, time_regression
from experiments.lift.geo.panel import GeoExperiment, GeoPanel, geo_experiment


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
    one_sided = published["tbr_onesided90"]
    assert test.cost == pytest.approx(one_sided["incr.cost"], rel=1e-12)
    lower, upper = test.lift.interval(0.90, "greater")
    assert lower / test.cost == pytest.approx(one_sided["lower"], rel=1e-10)
    assert upper == math.inf
    assert test.lift.difference / test.cost - lower / test.cost == pytest.approx(one_sided["precision"], rel=1e-9)
    above = published["tbr_thr3"]
    assert test.probability_above(above["thres"]) == pytest.approx(above["prob"], abs=5e-4)  # printed to three digits


@pytest.mark.parametrize("cooldown", [False, True])
def test_published_probability_of_a_positive_return(reference, sales_experiment, cooldown):
    published = reference("tbr_gbr_salesandcost/matched_markets.json")[
        f"iroas_fixed_cost_cooldown{cooldown}_tails1_level0.9"
    ]
    test = time_based_regression(sales_experiment(23 if cooldown else 0), errors="independent")
    assert test.probability_above(published["posterior_threshold"]) == pytest.approx(published["probability"])


@pytest.mark.parametrize("cooldown", [False, True])
def test_published_cumulative_effect_and_its_limits_of_every_day(reference, sales_experiment, cooldown):
    published = reference("tbr_gbr_salesandcost/matched_markets.json")[
        f"response_cumulative_cooldown{cooldown}_level0.9_tails2"
    ]
    test = time_based_regression(sales_experiment(23 if cooldown else 0), (0.90,), errors="independent")
    window = test.series[test.series["period"] != "pre"]
    assert window["date"].dt.strftime("%Y-%m-%d").tolist() == [day["date"] for day in published]
    for ours, theirs in (("", "estimate"), ("_lower", "lower"), ("_upper", "upper")):
        wanted = [day[theirs] for day in published]
        np.testing.assert_allclose(window[f"cumulative_effect{ours}"], wanted, rtol=1e-9)
    half_width = (window["cumulative_effect_upper"] - window["cumulative_effect_lower"]) / 2
    np.testing.assert_allclose(half_width, [day["precision"] for day in published], rtol=1e-9)
    np.testing.assert_allclose(half_width / -stdtrit(40, 0.05), [day["scale"] for day in published], rtol=1e-9)
    # Their probability of a positive sum of effects, one-sided, is all but certain from the first day on.
    t = window["cumulative_effect"] / (half_width / -stdtrit(40, 0.05))
    np.testing.assert_allclose(stdtr(40, t), [day["probability"] for day in published], rtol=1e-12)


def test_limits_of_a_day_are_those_of_the_published_covariance_of_the_coefficients(reference, sales_experiment):
    # Not differences of cumulative limits, which narrow from 2,089 to 178 within the month.
    ols = reference("tbr_gbr_salesandcost/matched_markets.json")["pre_period_ols"]
    experiment = sales_experiment()
    x = experiment.control.sum(axis=0)[experiment.window]
    rows = np.column_stack([np.ones(x.size), x])
    variance = ols["sigma"] ** 2 + np.einsum("ti,ij,tj->t", rows, np.array(ols["cov_params"]), rows)
    window = time_based_regression(experiment, (0.90,), errors="independent").series[experiment.window]
    half_width = -stdtrit(ols["df_resid"], 0.05) * np.sqrt(variance)
    np.testing.assert_allclose(window["effect_lower"], window["effect"] - half_width, rtol=1e-7)
    np.testing.assert_allclose(window["effect_upper"], window["effect"] + half_width, rtol=1e-7)
    assert (2 * half_width > 2_016).all()


@pytest.mark.parametrize("errors", ["independent", "autoregressive"])
def test_the_limits_of_the_last_day_are_those_of_the_lift(errors, sales_experiment):
    test = time_based_regression(sales_experiment(23), (0.80, 0.95), errors=errors)
    last = test.series.iloc[-1]
    assert (last["cumulative_effect_lower"], last["cumulative_effect_upper"]) == pytest.approx(test.lift.interval(0.95))
    before = test.series[test.series["period"] == "pre"]
    assert before[["effect_lower", "cumulative_effect_upper"]].isna().all(axis=None)


def daily_coverage(autoregressive, errors, rho, replications, seed, pre_days=60, test_days=14):
    """Shares of simulated windows without effect whose 90 % limits of a day, and of a running total, hold zero."""
    rng = np.random.default_rng(seed)
    held = []
    for _ in range(replications):
        x = rng.normal(100.0, 5.0, pre_days + test_days)
        y = 10 + 0.9 * x + autoregressive(rng, rho, (x.size,))
        dates = np.datetime64("2026-01-01") + np.arange(x.size)
        panel = GeoPanel(("control", "treated"), dates, np.vstack([x, y]))
        experiment = GeoExperiment(panel, np.array([False, True]), pre_days, test_days)
        window = time_based_regression(experiment, (0.90,), errors=errors).series[pre_days:]
        held.append(
            [
                (window[f"{effect}_lower"] <= 0) & (window[f"{effect}_upper"] >= 0)
                for effect in ("effect", "cumulative_effect")
            ]
        )
    return np.mean(held, axis=0)


def test_daily_and_running_limits_cover_on_every_day(autoregressive, binomial_band):
    # 300 seeded windows: 2 × 14 shares under independent errors at 3.3 standard errors, all within in all but 3 % of
    # seeds; under autocorrelation their means may lie .04 lower, as ρ is estimated from 60 days.
    shares = daily_coverage(autoregressive, "independent", 0.0, 300, seed=5)
    assert np.abs(shares - 0.90).max() <= binomial_band(0.90, 300)
    shares = daily_coverage(autoregressive, "autoregressive", 0.5, 300, seed=6)
    assert (shares.mean(axis=1) >= 0.90 - 0.04 - binomial_band(0.90, 300)).all()


def gone_dark(panel_of_geos):
    """Three geos without ads in the test, whose cost before it wandered."""
    panel = panel_of_geos(3, lift=-0.3, treated=(0, 1, 2), noise=0.02)
    spend = np.random.default_rng(8).normal(50.0, 1.0, panel.response.shape)
    spend[:3, 60:] = 0.0
    dark = GeoPanel(panel.geos, panel.dates, panel.response, spend)
    return geo_experiment(dark, panel.geos[:3], "2026-03-02", "2026-03-21")


def test_a_return_of_an_estimated_cost_and_of_a_go_dark_test_has_a_probability_too(panel_of_geos):
    test = time_based_regression(gone_dark(panel_of_geos))
    assert test.cost < 0 < test.cost_standard_error
    point, (lower, upper) = test.return_on_ad_spend(0.90)
    assert test.probability_above(point) == pytest.approx(0.5)
    # Fieller's limits are the thresholds that 5 % lie above and below.
    assert test.probability_above(lower) == pytest.approx(0.95)
    assert test.probability_above(upper) == pytest.approx(0.05)


def test_where_there_is_no_law_or_no_cost_there_is_no_probability_of_a_return(panel_of_geos):
    panel = panel_of_geos(3, lift=0.1, treated=(0, 1, 2), cost_per_day=4.0)
    experiment = geo_experiment(panel, panel.geos[:3], "2026-03-02", "2026-03-21")
    conformal = time_based_regression(experiment, errors="block_conformal")
    assert "effect_lower" not in conformal.series
    with pytest.raises(LiftInputError, match="block_conformal"):
        conformal.probability_above(1.0)
    bare = GeoPanel(panel.geos, panel.dates, panel.response)
    free = time_based_regression(geo_experiment(bare, panel.geos[:3], "2026-03-02", "2026-03-21"))
    with pytest.raises(LiftInputError, match="cost"):
        free.probability_above(1.0)
    with pytest.raises(LiftInputError, match="threshold"):
        time_based_regression(experiment).probability_above(math.nan)


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


def check_published_coverage(reference, autoregressive, rows, replications):
    # Both shares are simulated, theirs by 4,000 tests: 3.3 standard errors of the difference, a false alarm in a thousand
    # per row.
    published = reference("tbr_mde/observed_tbr_coverage_ar1.json")
    for seed, name in enumerate(rows or published):
        days = re.fullmatch(r"npre(\d+)_m(\d+)_rho([\d.]+)", name)
        rho, design = float(days[3]), (int(days[1]), int(days[2]))
        theirs = published[name]
        error = math.sqrt(theirs * (1 - theirs) * (1 / replications + 1 / 4_000))
        found = coverage(autoregressive, "independent_errors", rho, replications, seed, *design)
        assert found == pytest.approx(theirs, abs=3.3 * error), name
        if rho >= 0.2:
            # 42 days tell less of ρ than 90: the correction closes at least half of the gap there.
            corrected = coverage(autoregressive, "autoregressive_errors", rho, replications, seed, *design)
            assert 0.90 - corrected < (0.90 - theirs) / 2, name


def test_published_coverage_of_few_days(reference, autoregressive):
    check_published_coverage(reference, autoregressive, ("npre42_m28_rho0.0", "npre42_m28_rho0.6"), 500)


@pytest.mark.study
def test_published_coverage_of_every_setting(reference, autoregressive):
    check_published_coverage(reference, autoregressive, None, 4_000)


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
    test = time_based_regression(gone_dark(panel_of_geos))
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


def test_what_cannot_be_fitted_is_refused(panel_of_geos):
    panel = panel_of_geos(5)
    flat = GeoPanel(panel.geos, panel.dates, np.ones_like(panel.response))
    with pytest.raises(LiftInputError, match="must vary"):
        time_based_regression(geo_experiment(flat, ["g00"], "2026-03-02", "2026-03-21"))
    with pytest.raises(LiftInputError, match="start the table earlier"):
        time_based_regression(geo_experiment(panel, ["g00"], "2026-01-04", "2026-03-21"))
    with pytest.raises(LiftInputError, match="level"):
        time_based_regression(geo_experiment(panel, ["g00"], "2026-03-02", "2026-03-21"), (0.2,))
