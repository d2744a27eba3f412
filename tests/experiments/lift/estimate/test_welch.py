"""Welch's test, covariate adjustment and ratio metrics, against published vectors and SciPy."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from cpalab.refusal import LiftInputError
from experiments.lift.estimate.arm_sums import ArmStatistics, PairStatistics
from experiments.lift.estimate.welch import adjusted_lift, ratio_metric_lift, welch_lift
from experiments.lift.user.user_test import user_lift


def arm(d):
    return ArmStatistics(d["n"], d["sum"], d.get("sum_squares", d["sum"]))


def pair(d, outcome, other, product):
    return PairStatistics(
        ArmStatistics(d["n"], d[f"{outcome}_sum"], d[f"{outcome}_ss"]),
        ArmStatistics(d["n"], d[f"{other}_sum"], d[f"{other}_ss"]),
        d[product],
    )


def check_absolute(lift, result):
    assert lift.difference == pytest.approx(result["expected"], rel=1e-9)
    assert lift.standard_error == pytest.approx(result["uplift"]["stddev"], rel=1e-9)
    assert lift.p_value() == pytest.approx(result["pValue"], rel=1e-9)
    assert lift.interval(0.95) == pytest.approx(result["ci"], rel=1e-9)


def delta_standard_error(lift, gradient_difference):
    """Standard error of difference / baseline by the delta method, from the distribution's own variances."""
    distribution = lift.distribution
    return math.sqrt(
        distribution.standard_error**2 / distribution.baseline**2
        - 2 * gradient_difference * distribution.covariance / distribution.baseline**3
        + gradient_difference**2 * distribution.baseline_standard_error**2 / distribution.baseline**4
    )


@pytest.mark.parametrize("name", ["welch_mean", "proportion_small"])
def test_published_difference_of_means_and_of_proportions(reference, name):
    vectors = reference("gbstats/gbstats.json")
    inputs = vectors[f"{name}_absolute"]["inputs"]
    lift = user_lift(arm(inputs["b"]), arm(inputs["a"]), method="welch")
    check_absolute(lift, vectors[f"{name}_absolute"]["result"])
    # The relative vectors are by the delta method: same point and variances, but a test of its own.
    relative = vectors[f"{name}_relative"]["result"]
    assert lift.relative_lift == pytest.approx(relative["expected"], rel=1e-9)
    assert delta_standard_error(lift, lift.difference) == pytest.approx(relative["uplift"]["stddev"], rel=1e-9)


def test_relative_and_absolute_tests_agree_where_the_delta_method_contradicts_itself(reference):
    vectors = reference("gbstats/gbstats.json")
    inputs = vectors["welch_mean_absolute"]["inputs"]
    lift = user_lift(arm(inputs["b"]), arm(inputs["a"]))
    assert vectors["welch_mean_absolute"]["result"]["pValue"] < 0.05
    assert vectors["welch_mean_relative"]["result"]["ci"][0] < 0  # p = .02, yet zero is inside
    assert lift.interval(0.95)[0] > 0
    assert lift.relative_interval(0.95)[0] > 0


def test_published_covariate_adjustment(reference):
    vectors = reference("gbstats/gbstats.json")
    inputs = vectors["cuped_absolute"]["inputs"]
    treated, control = (pair(inputs[name], "post", "pre", "pp") for name in "ba")
    lift = adjusted_lift(treated, control)
    check_absolute(lift, vectors["cuped_absolute"]["result"])
    relative = vectors["cuped_relative"]["result"]
    assert lift.relative_lift == pytest.approx(relative["expected"], rel=1e-9)
    # That tool takes the gradient at the unadjusted treated mean, hence with the unadjusted difference.
    plain = welch_lift(treated.outcome, control.outcome)
    assert delta_standard_error(lift, plain.difference) == pytest.approx(relative["uplift"]["stddev"], rel=1e-6)
    check_absolute(plain, vectors["nocuped_absolute"]["result"])


def test_published_ratio_metric(reference):
    vectors = reference("gbstats/gbstats.json")
    inputs = vectors["ratio_absolute"]["inputs"]
    lift = ratio_metric_lift(*(pair(inputs[name], "m", "d", "md") for name in "ba"))
    check_absolute(lift, vectors["ratio_absolute"]["result"])
    relative = vectors["ratio_relative"]["result"]
    assert lift.relative_lift == pytest.approx(relative["expected"], rel=1e-9)
    assert delta_standard_error(lift, lift.difference) == pytest.approx(relative["uplift"]["stddev"], rel=1e-9)


def test_welch_is_scipys():
    rng = np.random.default_rng(3)
    a, b = rng.normal(1, 1, 30), rng.normal(0.5, 3, 12)
    lift = welch_lift(ArmStatistics.from_values(a), ArmStatistics.from_values(b))
    expected = stats.ttest_ind(a, b, equal_var=False)
    interval = expected.confidence_interval(0.9)
    assert lift.t == pytest.approx(expected.statistic)
    assert lift.df == pytest.approx(expected.df)
    assert lift.p_value() == pytest.approx(expected.pvalue)
    assert lift.interval(0.9) == pytest.approx((interval.low, interval.high))


def test_slopes_per_arm_are_the_regression_with_interactions():
    rng = np.random.default_rng(4)
    x1, x0 = rng.normal(2, 1, 400), rng.normal(2.2, 1, 900)
    y1, y0 = 1 + 2 * x1 + rng.normal(0, 1, 400), 0.5 + 0.5 * x0 + rng.normal(0, 1, 900)
    lift = adjusted_lift(PairStatistics.from_values(y1, x1), PairStatistics.from_values(y0, x0), slopes="per_arm")
    w = np.r_[np.ones(400), np.zeros(900)]
    x = np.r_[x1, x0] - np.r_[x1, x0].mean()
    fit = sm.OLS(np.r_[y1, y0], np.column_stack([np.ones(1300), w, x, w * x])).fit(cov_type="HC2")
    assert lift.difference == pytest.approx(fit.params[1])
    # The regression takes the mean of x as known; ours carries its error too: wider where slopes differ.
    known = math.sqrt(lift.standard_error**2 - (2.0 - 0.5) ** 2 * x.var() / 1300)
    assert known == pytest.approx(fit.bse[1], rel=0.02)


def test_adjustment_removes_the_share_the_covariate_explains():
    rng = np.random.default_rng(5)
    x = rng.normal(0, 1, 20_000)
    y = 0.8 * x + 0.6 * rng.normal(0, 1, 20_000)
    arms = [PairStatistics.from_values(y[s], x[s]) for s in (slice(0, 10_000), slice(10_000, None))]
    gain = adjusted_lift(*arms).standard_error ** 2 / welch_lift(*(a.outcome for a in arms)).standard_error ** 2
    assert gain == pytest.approx(1 - 0.8**2, rel=0.05)


def test_a_covariate_that_never_varies_adjusts_nothing():
    rng = np.random.default_rng(6)
    arms = [PairStatistics.from_values(rng.normal(0, 1, 50), np.ones(50)) for _ in range(2)]
    assert adjusted_lift(*arms).interval() == pytest.approx(welch_lift(*(a.outcome for a in arms)).interval())


def test_outcomes_that_never_vary_tell_no_error():
    lift = welch_lift(ArmStatistics.from_values([5.0, 5.0]), ArmStatistics.from_values([2.0, 2.0]))
    assert lift.difference == 3.0
    assert lift.interval() == (-math.inf, math.inf)
    single = welch_lift(ArmStatistics.from_values([5.0]), ArmStatistics.from_values([1.0, 2.5]))
    assert single.p_value() == 1.0
    assert welch_lift(ArmStatistics(1, 1, 1), ArmStatistics(9, 3, 3)).p_value() == 1.0


@pytest.mark.parametrize("estimator", [adjusted_lift, ratio_metric_lift])
def test_one_user_in_an_arm_tells_no_error(estimator):
    one = PairStatistics.from_values([5.0], [2.0])
    many = PairStatistics.from_values([1.0, 2.5, 4.0], [1.0, 1.5, 3.0])
    assert estimator(one, many).p_value() == 1.0


def test_an_arm_with_nobody_is_refused():
    nobody, some = ArmStatistics(0, 0.0, 0.0), ArmStatistics.from_values([1.0, 2.0])
    with pytest.raises(LiftInputError, match=r"control\.users: 0"):
        welch_lift(some, nobody)
    pairs = PairStatistics.from_values([1.0, 2.0], [0.0, 0.0])
    with pytest.raises(LiftInputError, match="denominator"):
        ratio_metric_lift(pairs, pairs)
