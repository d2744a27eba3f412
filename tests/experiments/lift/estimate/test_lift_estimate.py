"""The lift estimate: one test behind p-value, intervals and relative lift."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cpalab.refusal import LiftInputError
from experiments.lift.estimate.lift_estimate import LiftEstimate, StudentDistribution, significance

LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99, 0.999)

distributions = st.builds(
    StudentDistribution,
    difference=st.floats(-1e3, 1e3),
    standard_error=st.floats(1e-6, 1e3),
    df=st.one_of(st.floats(1, 1e6), st.just(math.inf)),
    baseline=st.floats(0.01, 1e3),
    baseline_standard_error=st.floats(0, 10),
)


def excludes_zero(interval):
    return not interval[0] <= 0 <= interval[1]


@given(distributions, st.sampled_from(LEVELS), st.floats(1e-3, 1e7), st.sampled_from(["two-sided", "greater", "less"]))
def test_p_value_and_intervals_never_contradict_each_other(distribution, level, scale, alternative):
    lift = LiftEstimate(distribution, scale)
    significant = lift.p_value(alternative) < significance(level)
    assert excludes_zero(lift.interval(level, alternative)) == significant
    assert (lift.verdict(level, alternative) != 0) == significant
    relative = lift.relative_interval(level, alternative)
    if relative != (-math.inf, math.inf):
        assert excludes_zero(relative) == significant


@given(st.floats(1e-6, 1e3), st.sampled_from([1.0, 2.5, 30.0, 1e5, math.inf]), st.sampled_from(LEVELS))
def test_they_agree_at_the_very_boundary(standard_error, df, level):
    quantile = LiftEstimate(StudentDistribution(0.0, 1.0, df)).critical_value(level)
    for difference in (
        quantile * standard_error,
        math.nextafter(quantile * standard_error, 0),
        math.nextafter(quantile * standard_error, math.inf),
    ):
        lift = LiftEstimate(StudentDistribution(difference, standard_error, df), scale=1e-3)
        assert excludes_zero(lift.interval(level)) == (lift.p_value() < significance(level))


@given(distributions, st.sampled_from(LEVELS))
def test_bounds_move_only_where_rounding_is_at_stake(distribution, level):
    lift = LiftEstimate(distribution)
    quantile = lift.critical_value(level)
    expected = (
        distribution.difference - quantile * distribution.standard_error,
        distribution.difference + quantile * distribution.standard_error,
    )
    slack = 1e-6 * quantile * distribution.standard_error
    assert lift.interval(level) == pytest.approx(expected, rel=1e-12, abs=slack)


def test_the_law_is_students():
    lift = LiftEstimate(StudentDistribution(2.0, 1.0, df=7))
    assert lift.p_value() == pytest.approx(2 * stats.t.sf(2.0, 7))
    assert lift.p_value("greater") == pytest.approx(stats.t.sf(2.0, 7))
    assert lift.p_value("less") == pytest.approx(stats.t.cdf(2.0, 7))
    half = stats.t.ppf(0.975, 7)
    assert lift.interval(0.95) == pytest.approx((2 - half, 2 + half))
    assert lift.interval(0.975, "greater") == pytest.approx((2 - half, math.inf))
    assert lift.interval(0.975, "less") == pytest.approx((-math.inf, 2 + half))


def test_scale_changes_the_unit_and_nothing_else():
    lift = LiftEstimate(StudentDistribution(0.002, 0.001, 500, baseline=0.01, baseline_standard_error=0.0007))
    people = lift.scaled(1000)
    assert people.difference == pytest.approx(2.0)
    assert people.baseline == pytest.approx(10.0)
    assert people.interval() == pytest.approx(tuple(1000 * bound for bound in lift.interval()))
    assert people.p_value() == lift.p_value()
    assert people.relative_interval() == lift.relative_interval()


def test_relative_lift_carries_the_error_of_its_baseline():
    known = LiftEstimate(StudentDistribution(0.5, 0.2, baseline=1.0))
    estimated = LiftEstimate(
        StudentDistribution(0.5, 0.2, baseline=1.0, baseline_standard_error=0.15, covariance=-(0.15**2))
    )
    assert known.relative_interval() == pytest.approx(known.interval())
    assert np.diff(estimated.relative_interval())[0] > np.diff(known.relative_interval())[0]


def test_a_baseline_that_may_be_zero_leaves_the_relative_lift_open():
    clear = LiftEstimate(StudentDistribution(5.0, 1.0, baseline=1.0, baseline_standard_error=0.9, covariance=-(0.9**2)))
    lower, upper = clear.relative_interval()
    assert lower > 0
    assert math.isinf(upper)
    none = LiftEstimate(StudentDistribution(5.0, 1.0, baseline=0.0))
    assert none.relative_lift == math.inf
    assert none.relative_interval() == (-math.inf, math.inf)
    assert math.isnan(LiftEstimate(StudentDistribution(5.0, 1.0)).relative_lift)


def test_an_unknown_error_excludes_nothing():
    lift = LiftEstimate(StudentDistribution(5.0, math.inf))
    assert lift.p_value() == 1.0
    assert lift.interval() == (-math.inf, math.inf)
    assert lift.verdict() == 0


def test_summary_says_what_may_be_concluded():
    assert "an increase" in LiftEstimate(StudentDistribution(5.0, 1.0)).summary()
    assert "a decrease" in LiftEstimate(StudentDistribution(-5.0, 1.0)).summary()
    assert "no effect can be told from zero" in LiftEstimate(StudentDistribution(1.0, 1.0)).summary()


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0, 95.0, math.nan])
def test_impossible_levels_are_refused(level):
    with pytest.raises(LiftInputError, match=r"write 0\.95"):
        LiftEstimate(StudentDistribution(1.0, 1.0)).interval(level)


def test_what_is_no_estimate_is_refused_with_every_problem():
    with pytest.raises(LiftInputError) as refusal:
        StudentDistribution(math.nan, 0.0, df=0.5, baseline_standard_error=-1)
    assert [problem.split(":")[0] for problem in refusal.value.lines] == [
        "difference",
        "standard_error",
        "df",
        "baseline_standard_error",
    ]
    with pytest.raises(LiftInputError, match="scale"):
        LiftEstimate(StudentDistribution(1.0, 1.0), scale=0.0)


def test_alpha_is_the_number_a_reader_would_write():
    assert significance(0.95) == 0.05
    assert significance(0.9) == 0.1
