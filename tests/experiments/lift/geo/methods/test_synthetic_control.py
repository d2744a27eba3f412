"""Synthetic control: exact weights, inference that holds under autocorrelation, and what must fail."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.estimate.lift_estimate import significance
from experiments.lift.geo.methods.conformal import PlaceboDistribution, block_conformal_p_value
from experiments.lift.geo.methods.did import difference_in_differences
from experiments.lift.geo.methods.synthetic_control import simplex_weights, synthetic_control, synthetic_weights
from experiments.lift.geo.panel import geo_experiment, geo_panel


def test_weights_on_the_simplex_are_optimal():
    # Karush-Kuhn-Tucker: the gradient is the same for every geo in use and no lower for any other.
    rng = np.random.default_rng(1)
    for _ in range(20):
        controls = rng.normal(size=(30, 50))
        target = rng.normal(size=50) + controls[:3].mean(axis=0)
        weights = simplex_weights(target, controls)
        gradient = controls @ (weights @ controls - target)
        used = weights > 1e-9
        assert weights.sum() == pytest.approx(1.0)
        assert weights.min() >= 0
        assert np.ptp(gradient[used]) < 1e-6 * np.abs(gradient).max()
        assert gradient.min() >= gradient[used].max() - 1e-6 * np.abs(gradient).max()


def test_a_target_inside_the_hull_is_met_exactly():
    rng = np.random.default_rng(2)
    controls = rng.normal(size=(5, 40))
    wanted = np.array([0.5, 0.3, 0.2, 0.0, 0.0])
    np.testing.assert_allclose(simplex_weights(wanted @ controls, controls), wanted, atol=1e-8)
    np.testing.assert_allclose(simplex_weights(controls[1], controls), np.eye(5)[1], atol=1e-8)


def test_ridge_reaches_a_target_outside_the_hull():
    rng = np.random.default_rng(3)
    controls = rng.normal(size=(5, 60))
    target = 2.5 * controls[0] + 0.05 * rng.normal(size=60)

    def misfit(augmentation):
        return np.std(target - synthetic_weights(target, controls, augmentation).weights @ controls)

    # Ridge weights sum to 0, so that 2.5 of one geo is out of reach as such: what others allow for is taken.
    assert misfit("ridge") < 0.5 * misfit("none")


def test_weights_sum_to_one_and_a_common_shock_is_no_effect(panel_of_geos):
    # Whatever happens to all geos alike on the days of the test is in the counterfactual too.
    panel = panel_of_geos(5, rho=0.3, lift=0.1, treated=(0,))
    lifts = []
    for factor in (0.7, 1.0, 1.6):
        response = panel.response.copy()
        response[:, 60:] *= factor
        shocked = replace(panel, response=response)
        test = synthetic_control(geo_experiment(shocked, ["g00"], "2026-03-02", "2026-03-21"))
        assert sum(test.fit.weights.values()) == pytest.approx(1.0)
        lifts.append(test.lift.relative_lift)
    assert lifts == pytest.approx([lifts[0]] * 3, rel=1e-9)


def test_levels_must_agree_without_an_intercept(panel_of_geos):
    design = geo_experiment(panel_of_geos(5), ["g00"], "2026-03-02", "2026-03-21")
    free = synthetic_control(design, augmentation="none", scaling="additive", intercept=False)
    controls = design.control
    weights = np.array([free.fit.weights[f"g{k:02d}"] for k in range(1, 20)])
    np.testing.assert_allclose(free.series["counterfactual"], weights @ controls)
    with pytest.raises(LiftInputError, match="growths have one by their nature"):
        synthetic_control(design, intercept=False)
    with pytest.raises(LiftInputError, match="must not be given without ridge"):
        synthetic_control(design, augmentation="none", penalty=1.0)


def test_noise_alone_needs_little_ridge():
    rng = np.random.default_rng(4)
    controls = rng.normal(size=(30, 40))
    fitted = synthetic_weights(rng.normal(size=40), controls, "ridge")
    # The largest candidate penalty shrinks every direction by half or more.
    assert fitted.penalty >= 0.05 * np.linalg.norm(controls, 2) ** 2


@pytest.mark.parametrize("inference", ["block_conformal", "placebo"])
@pytest.mark.parametrize("augmentation", ["none", "ridge"])
def test_p_value_interval_and_price_agree(panel_of_geos, inference, augmentation):
    for seed in range(6):
        panel = panel_of_geos(seed, rho=0.3, lift=0.04 * (seed % 3), treated=(0, 1), cost_per_day=5.0)
        experiment = geo_experiment(panel, panel.geos[:2], "2026-03-02", "2026-03-21")
        test = synthetic_control(experiment, (0.8, 0.9), augmentation=augmentation, inference=inference)
        for level in test.levels:
            lower, upper = test.lift.interval(level)
            low, high = test.lift.relative_interval(level)
            significant = test.p_value < significance(level)
            assert lower <= test.lift.difference <= upper
            assert significant == (not lower <= 0 <= upper) == (not low <= 0 <= high)
            assert test.cost_per_incremental_conversion(level).bounded == significant


def test_a_clear_effect_is_found(panel_of_geos):
    panel = panel_of_geos(7, lift=0.4, treated=(0, 1), noise=0.03, cost_per_day=5.0)
    experiment = geo_experiment(panel, panel.geos[:2], "2026-03-02", "2026-03-21")
    for augmentation in ("none", "ridge"):
        test = synthetic_control(experiment, (0.9,), augmentation=augmentation)
        assert test.lift.relative_lift == pytest.approx(0.4, abs=0.06)
        assert test.p_value < 0.1
        assert test.series["effect"][:60].mean() == pytest.approx(0.0, abs=1e-6 * test.observed)


def test_too_few_days_or_placebos_leave_the_interval_open(panel_of_geos):
    panel = panel_of_geos(8, geos=6, lift=0.9, treated=(0,), noise=0.01, cost_per_day=3.0)
    experiment = geo_experiment(panel, ["g00"], "2026-03-02", "2026-03-21")
    test = synthetic_control(experiment, (0.95,), inference="placebo")
    assert test.p_value == pytest.approx(1 / 6)
    assert test.lift.interval(0.95) == (-np.inf, np.inf)
    assert "no upper end" in test.summary()


def test_placebo_p_values_count_the_treated_too():
    distribution = PlaceboDistribution(5.0, 100.0, tuple(float(x) for x in (-6, 1, 2, -3, 4, 0.5, 0.1, -0.2, 5.0)))
    assert 2 * distribution.tail() == pytest.approx(3 / 10)


def test_the_block_statistic_is_a_moving_sum():
    rng = np.random.default_rng(9)
    residuals, window = rng.normal(size=30), 7
    doubled = np.concatenate([residuals, residuals])
    sums = np.array([abs(doubled[k : k + window].sum()) for k in range(30)])
    assert block_conformal_p_value(residuals, window) == pytest.approx(np.mean(sums >= sums[23] - 1e-12))


def rejections(panel_of_geos, replications, rho, level, augmentation="none"):
    """Shares of panels without effect rejected by blocks of days, and by permuting single days of |Σ|."""
    blocks = days = 0
    for seed in range(replications):
        panel = panel_of_geos(seed, geos=12, days=90, rho=rho)
        experiment = geo_experiment(panel, ["g00"], "2026-03-17", "2026-03-31")
        y, x = experiment.treated.mean(axis=0), experiment.control
        y, x = y - y.mean(), x - x.mean(axis=1, keepdims=True)
        penalty = None if augmentation == "none" else 0.1 * np.linalg.norm(x, 2) ** 2
        residuals = y - synthetic_weights(y, x, augmentation, penalty).weights @ x
        blocks += block_conformal_p_value(residuals, 15) < 1 - level
        rng = np.random.default_rng(seed)
        sums = np.abs([rng.permutation(residuals)[:15].sum() for _ in range(199)])
        days += (1 + np.sum(sums >= abs(residuals[-15:].sum()))) / 200 < 1 - level
    return blocks / replications, days / replications


def check_rejections(panel_of_geos, replications, binomial_band):
    # 10 % tests of panels without effect. Blocks: at most .10 + .03 for the few independent blocks there are,
    # + 3.3 standard errors. Permuting single days under ρ = .6, the negative control: far above.
    allowed = 0.13 + binomial_band(0.13, replications)
    for rho in (0.0, 0.6):
        blocks, days = rejections(panel_of_geos, replications, rho, 0.9)
        assert blocks <= allowed
        if rho:
            assert days > 0.10 + 2 * binomial_band(0.10, replications)
            assert days > blocks


def test_blocks_of_days_keep_the_error_rate_and_single_days_do_not(panel_of_geos, binomial_band):
    check_rejections(panel_of_geos, 300, binomial_band)


@pytest.mark.study
def test_blocks_of_days_keep_the_error_rate_in_the_long_run(panel_of_geos, binomial_band):
    check_rejections(panel_of_geos, 2_000, binomial_band)


def placebo_rejections(panel_of_geos, replications):
    rejected = 0
    for seed in range(replications):
        panel = panel_of_geos(seed, geos=20, days=80, rho=0.6)
        experiment = geo_experiment(panel, ["g00"], "2026-03-02", "2026-03-21")
        rejected += synthetic_control(experiment, augmentation="none", inference="placebo").p_value < 0.11
    return rejected / replications


def test_placebos_keep_the_error_rate(panel_of_geos, binomial_band):
    # 300 seeded panels; p < .11 means rank 1 or 2 of 20 geos. The treated geo is drawn like the others.
    assert placebo_rejections(panel_of_geos, 300) == pytest.approx(0.10, abs=binomial_band(0.10, 300))


def test_a_single_control_is_refused(panel_of_geos):
    panel = panel_of_geos(1, geos=2)
    with pytest.raises(LiftInputError, match="at least 2"):
        synthetic_control(geo_experiment(panel, ["g00"], "2026-03-02", "2026-03-21"))


def table_with_income(seed=4, lift=0.0):
    """Twelve geos; those of high income grow through the test. The past alone hardly tells them apart."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2026-01-01", periods=70).strftime("%Y-%m-%d")
    rows = []
    for k in range(12):
        rich = k % 3 == 0
        growth = 1 + 0.2 * rich * (np.arange(70) >= 56)
        sold = 100 * growth * (1 + 0.02 * rng.normal(size=70))
        if k == 0:
            sold[56:] *= 1 + lift
        rows += [(f"g{k:02d}", date, value, 60.0 + rich * 40 + k / 10) for date, value in zip(dates, sold, strict=True)]
    return pd.DataFrame(rows, columns=["geo", "date", "response", "income"])


def read_with(table, covariates, **options):
    panel = geo_panel(table, covariates=covariates)
    experiment = geo_experiment(panel, ["g00"], "2026-02-26", "2026-03-11")
    return synthetic_control(experiment, augmentation="none", **options)


def test_covariates_find_the_controls_that_are_alike():
    table = table_with_income(lift=0.1)
    past = read_with(table, ())
    matched = read_with(table, ("income",), covariate_weight=56)
    assert abs(matched.lift.relative_lift - 0.1) < 0.03 < past.lift.relative_lift - 0.1
    assert sum(matched.fit.weights[name] for name in ("g03", "g06", "g09")) > 0.9
    assert "income 100 treated" in " ".join(matched.notes)
    none = read_with(table, ("income",), covariate_weight=0.0)
    assert none.lift.difference == pytest.approx(past.lift.difference)


@pytest.mark.parametrize("scaling", ["relative", "additive"])
@pytest.mark.parametrize("inference", ["block_conformal", "placebo"])
def test_the_unit_of_a_covariate_changes_nothing(scaling, inference):
    table = table_with_income(lift=0.1)
    other = table.assign(income=7 - table["income"] * 1_000)
    options = {"scaling": scaling, "inference": inference, "covariate_weight": 5.0}
    tests = [read_with(frame, ("income",), **options) for frame in (table, other)]
    assert tests[0].lift.difference == pytest.approx(tests[1].lift.difference)
    assert tests[0].p_value == pytest.approx(tests[1].p_value)


def test_covariates_that_say_nothing_are_refused_and_other_methods_tell_that_they_use_none():
    table = table_with_income()
    with pytest.raises(LiftInputError, match="alike is 1 before the test in every control geo and must vary"):
        read_with(table.assign(alike=1.0), ("alike",))
    with pytest.raises(LiftInputError, match="covariate_weight: -1 must be days of outcomes from 0 on"):
        read_with(table, ("income",), covariate_weight=-1)
    with pytest.raises(LiftInputError) as error:
        geo_panel(table, covariates=("incme", "response"))
    assert [str(problem).split(";")[0] for problem in error.value.problems] == [
        "covariates: incme must be a column of the table",
        "covariates: response must not be the response too",
    ]
    panel = geo_panel(table, covariates=["income"])
    test = difference_in_differences(geo_experiment(panel, ["g00", "g01"], "2026-02-26", "2026-03-11"))
    assert "Covariates (income) play no part in this reading" in " ".join(test.notes)
