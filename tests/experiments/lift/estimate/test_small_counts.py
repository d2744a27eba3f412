"""Arms with few conversions: score limits, against published intervals and by their coverage."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri
from statsmodels.stats.proportion import proportion_confint

from cpalab.refusal import LiftInputError
from experiments.lift.estimate.arm_sums import ArmStatistics
from experiments.lift.estimate.lift_estimate import LiftEstimate, significance
from experiments.lift.estimate.small_counts import SmallCountDistribution, score_limits
from experiments.lift.user.user_test import user_lift

Z = 1.959963984540054


def converters(n1, x1, n0, x0):
    return LiftEstimate(
        SmallCountDistribution(ArmStatistics.from_converters(n1, x1), ArmStatistics.from_converters(n0, x0))
    )


@given(st.integers(1, 10_000), st.floats(0, 1), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_arm_limits_are_wilsons(users, share, level):
    count = round(share * users)
    found = score_limits(count / users, users, -float(ndtri((1 - level) / 2)))
    expected = proportion_confint(count, users, 1 - level, method="wilson")
    assert found == pytest.approx(expected, abs=1e-12)


def test_arm_limits_keep_their_digits_where_everyone_converts():
    # All of n: n / (n + q²) and 1, exactly.
    for users in (1, 100, 10_000, 100_000_000):
        assert score_limits(1.0, users, 0.6745) == pytest.approx((users / (users + 0.6745**2), 1.0), abs=1e-15)


def test_arm_limits_of_counts_are_the_poisson_score_limits():
    # (x + q²/2 ± q√(x + q²/4)) / n
    lower, upper = score_limits(7 / 1000, 1000, Z, binary=False)
    centre, half = 7 + Z**2 / 2, Z * math.sqrt(7 + Z**2 / 4)
    assert (lower, upper) == pytest.approx(((centre - half) / 1000, (centre + half) / 1000))


@pytest.mark.parametrize(
    ("n1", "x1", "n0", "x0", "interval"),
    [  # Newcombe (1998), table II, method 10, to the digits printed
        (70, 56, 80, 48, (0.0524, 0.3339)),
        (10, 9, 10, 3, (0.1705, 0.8090)),
        (7, 6, 7, 2, (0.0582, 0.8062)),
        (56, 5, 29, 0, (-0.0381, 0.1926)),
        (10, 0, 20, 0, (-0.1611, 0.2775)),
        (10, 0, 10, 0, (-0.2775, 0.2775)),
        (10, 10, 20, 0, (0.6791, 1.0000)),
        (10, 10, 10, 0, (0.6075, 1.0000)),
    ],
)
def test_newcombes_published_intervals(n1, x1, n0, x0, interval):
    assert converters(n1, x1, n0, x0).interval(0.95) == pytest.approx(interval, abs=5.1e-5)


@given(
    st.integers(1, 500),
    st.integers(0, 15),
    st.integers(1, 500),
    st.integers(0, 15),
    st.sampled_from([0.8, 0.9, 0.95, 0.99]),
    st.sampled_from(["two-sided", "greater", "less"]),
)
def test_difference_ratio_and_p_value_agree(n1, x1, n0, x0, level, alternative):
    lift = converters(n1, min(x1, n1), n0, min(x0, n0))
    significant = lift.p_value(alternative) < significance(level)
    lower, upper = lift.interval(level, alternative)
    assert (not lower <= 0 <= upper) == significant
    lower, upper = lift.relative_interval(level, alternative)
    assert (not lower <= 0 <= upper) == significant
    if alternative == "two-sided":
        assert lower >= -1
        point = lift.relative_lift
        if not math.isnan(point):
            assert lower - 1e-9 <= point <= upper + 1e-9


def test_the_bound_at_the_p_value_is_zero():
    lift = converters(40, 9, 60, 4)
    quantile = LiftEstimate(lift.distribution).distribution.quantile(lift.p_value() / 2)
    below, _ = lift.distribution.distances(quantile)
    assert lift.difference - below == pytest.approx(0.0, abs=1e-12)


def test_the_ratio_inverts_the_test_of_a_weighted_difference():
    lift = converters(200, 12, 300, 6)
    lower, upper = (1 + bound for bound in lift.relative_interval(0.95))
    t, b = 12 / 200, 6 / 300
    (t_low, t_high), (b_low, b_high) = score_limits(t, 200, Z), score_limits(b, 300, Z)
    assert t - lower * b == pytest.approx(math.hypot(t - t_low, lower * (b_high - b)))
    assert upper * b - t == pytest.approx(math.hypot(t_high - t, upper * (b - b_low)))


def test_no_conversion_anywhere_is_no_certainty():
    lift = converters(1000, 0, 1000, 0)
    assert lift.p_value() == 1.0
    lower, upper = lift.interval()
    assert lower < 0 < upper
    assert math.isnan(lift.relative_lift)
    assert lift.relative_interval() == (-1.0, math.inf)


def test_a_control_without_conversions_leaves_the_relative_lift_open_above():
    lift = converters(1000, 30, 1000, 0)
    assert lift.relative_lift == math.inf
    lower, upper = lift.relative_interval()
    assert lower > 0
    assert upper == math.inf


def test_repeat_conversions_widen_the_interval():
    once = user_lift(ArmStatistics(1000, 20, 20), ArmStatistics(1000, 10, 10))
    often = user_lift(ArmStatistics(1000, 20, 60), ArmStatistics(1000, 10, 30))
    assert np.diff(often.interval())[0] > 1.5 * np.diff(once.interval())[0]


def test_values_and_empty_arms_are_refused():
    with pytest.raises(LiftInputError) as refusal:
        SmallCountDistribution(ArmStatistics(0, 0.0, 0.0), ArmStatistics(5, 2.5, 3.25))
    assert len(refusal.value.lines) == 2


def miss_shares(control_events, repeat, replications, seed, holdout_users=10_000, ratio=9, lift=0.2):
    """Shares of tests whose 95 % interval misses the true difference, by score limits and by Welch."""
    rng = np.random.default_rng(seed)
    rate = control_events / holdout_users
    treated_rate = rate * (1 + lift)
    score = welch = 0
    for _ in range(replications):
        arms = []
        for users, share in ((ratio * holdout_users, treated_rate), (holdout_users, rate)):
            buyers = rng.binomial(users, share / (1.5 if repeat else 1.0))
            # Half of the buyers of a repeat world buy twice: 1.5 conversions each, 2.5 squared.
            twice = rng.binomial(buyers, 0.5) if repeat else 0
            arms.append(ArmStatistics(users, buyers + twice, buyers + 3 * twice))
        truth = treated_rate - rate
        low, high = user_lift(*arms, method="score").interval(0.95)
        score += not low <= truth <= high
        low, high = user_lift(*arms, method="welch").interval(0.95)
        welch += not low <= truth <= high
    return score / replications, welch / replications


@pytest.mark.parametrize(("control_events", "repeat"), [(5, False), (20, False), (20, True)])
def test_coverage_with_few_conversions_in_a_ten_percent_holdout(control_events, repeat, binomial_band):
    # 4,000 seeded tests at 95 %: a band of 3.3 standard errors, and .01 because counts are discrete and φ is
    # estimated.
    score, welch = miss_shares(control_events, repeat, 4_000, seed=control_events)
    assert score == pytest.approx(0.05, abs=binomial_band(0.05, 4_000) + 0.01)
    if control_events == 5:
        assert welch > 0.05 + binomial_band(0.05, 4_000)  # the negative control
