"""Tests of ads that do nothing, with 0 to 25 conversions per arm: no road finds an effect more often than it says.

Each share of false alarms at 95 % lies below 5 % + 3.3·√(.05·.95/R), R tests: one gate in a thousand fails by luck. Seeded.
"""

import math
from functools import cache

import numpy as np
import pytest

from experiments.lift.estimate.arm_sums import ArmStatistics, PairStatistics
from experiments.lift.estimate.cost_ratio import cost_per_incremental_conversion
from experiments.lift.estimate.multiplicity import joint_family
from experiments.lift.user.assigned_units import AssignedUnits
from experiments.lift.user.factorial import CONTRASTS, factorial_test
from experiments.lift.user.user_test import adjusted_test, user_holdout_test, user_lift

TESTS = 4_000
ALPHA = 0.05


def most(tests):
    return ALPHA + 3.3 * math.sqrt(ALPHA * (1 - ALPHA) / tests)


def excludes_zero(lift, tail=ALPHA / 2):
    """Whether the interval excludes zero: the p-value says the same (test_small_counts.py), at thirty times the work."""
    distribution = lift.distribution
    below, above = distribution.distances(distribution.quantile(tail))
    return below < distribution.difference or above < -distribution.difference


# Users treated, users held out, conversions expected in the smaller arm.
ARMS = [
    (treated, control, expected)
    for treated, control in ((300, 300), (3_000, 300), (300, 3_000), (30_000, 300))
    for expected in (0.2, 1.0, 3.4, 8.0, 25.0)
]


@pytest.mark.parametrize(("treated", "control", "expected"), ARMS)
def test_two_arms_adjusted_or_not_and_the_price(treated, control, expected):
    rng = np.random.default_rng(1)
    rate = expected / min(treated, control)
    before = [ArmStatistics.from_converters(n, n // 10) for n in (treated, control)]

    @cache  # counts repeat
    def found(x1, x0):
        arms = [ArmStatistics.from_converters(treated, x1), ArmStatistics.from_converters(control, x0)]
        test = user_holdout_test(*arms, 10_000_000)
        pairs = [PairStatistics(arm, x, arm.sum // 10) for arm, x in zip(arms, before, strict=True)]
        adjusted, said = adjusted_test(test, *pairs)
        # An adjustment may not make more of few conversions than there is.
        assert adjusted.lift == test.lift
        assert "Too few conversions" in said
        significant = excludes_zero(test.lift)
        assert test.cost_per_incremental_conversion(0.95).bounded == significant
        return significant

    drawn = zip(rng.binomial(treated, rate, TESTS).tolist(), rng.binomial(control, rate, TESTS).tolist(), strict=True)
    assert np.mean([found(*counts) for counts in drawn]) < most(TESTS)


@pytest.mark.parametrize(("treated", "control", "expected"), ARMS)
def test_several_arms_with_one_holdout(treated, control, expected):
    rng = np.random.default_rng(2)
    rate, arms = expected / min(treated, control), 3
    loadings = (math.sqrt(treated / (treated + control)),) * arms

    @cache
    def found(x1, x0):
        lift = user_lift(ArmStatistics.from_converters(treated, x1), ArmStatistics.from_converters(control, x0))
        return excludes_zero(joint_family({"one": lift}, loadings).lifts["one"])

    counts = rng.binomial(treated, rate, (TESTS, arms)).tolist()
    held_out = rng.binomial(control, rate, TESTS).tolist()
    # The error of the family: any of its arms.
    family = [any(found(x, x0) for x in row) for row, x0 in zip(counts, held_out, strict=True)]
    assert np.mean(family) < most(TESTS)


def check_factorial(tests, held_out, expected, seed):
    rng = np.random.default_rng(seed)
    users = 4_000
    rate = min(1.0, expected / (users * held_out**2))
    found = dict.fromkeys(CONTRASTS, 0)
    for _ in range(tests):
        first, second = rng.random((2, users)) >= held_out
        test = factorial_test("search", "social", rng.random(users) < rate, first, second)
        for name in CONTRASTS:
            found[name] += excludes_zero(getattr(test, name))
    for name, alarms in found.items():
        assert alarms / tests < most(tests), (name, held_out, expected)


@pytest.mark.parametrize(("held_out", "expected"), [(0.1, 0.5), (0.1, 3.4), (0.5, 5.0)])
def test_factorial_contrasts(held_out, expected):
    check_factorial(400, held_out, expected, 3)


@pytest.mark.study
@pytest.mark.parametrize("held_out", [0.1, 0.2, 0.5])
@pytest.mark.parametrize("expected", [0.2, 1.0, 2.0, 3.4, 8.0, 25.0])
def test_factorial_contrasts_in_the_long_run(held_out, expected):
    check_factorial(TESTS, held_out, expected, 3)


def value_of(rng, users, held_out, rate, spread):
    """Log-normal baskets of buyers, in a table of users whose last are held out."""
    value = np.where(rng.random(users) < rate, np.exp(rng.normal(4.0, spread, users)), 0.0)
    control = np.arange(users) >= users - held_out
    return AssignedUnits(~control, control), value


def check_value(tests, spread, expected):
    rng = np.random.default_rng(4)
    readings = [value_of(rng, 2_000, 200, expected / 200, spread) for _ in range(tests)]
    found = [excludes_zero(units.value(value)[0]) for units, value in readings]
    assert np.mean(found) < most(tests)


@pytest.mark.parametrize(("spread", "expected"), [(1.0, 2.0), (2.0, 10.0)])
def test_value_of_few_buyers_in_a_small_holdout(spread, expected):
    check_value(200, spread, expected)


@pytest.mark.study
@pytest.mark.parametrize("spread", [1.0, 2.0])
@pytest.mark.parametrize("expected", [0.5, 3.4, 10.0, 25.0])
def test_value_of_few_buyers_in_the_long_run(spread, expected):
    check_value(TESTS, spread, expected)


def check_clusters(tests, clusters, users_each, rate, unlike=1.0):
    """Households with rates of their own (gamma, of shape `unlike`)."""
    rng = np.random.default_rng(5)
    found = 0
    for _ in range(tests):
        sizes = 1 + rng.poisson(users_each, sum(clusters))
        own = np.minimum(rate * rng.gamma(unlike, 1 / unlike, sizes.size), 1.0)
        cluster = np.repeat(np.arange(sizes.size), sizes)
        converts = (rng.random(cluster.size) < own[cluster]).astype(np.float64)
        treated = cluster < clusters[0]
        found += excludes_zero(AssignedUnits(treated, ~treated, cluster).conversions(converts)[0])
    assert found / tests < most(tests)


@pytest.mark.parametrize(("clusters", "rate"), [((30, 30), 0.01), ((60, 6), 0.02), ((5, 5), 0.4)])
def test_few_conversions_and_few_clusters(clusters, rate):
    check_clusters(200, clusters, 10, rate)


@pytest.mark.study
@pytest.mark.parametrize(
    ("clusters", "rate"),
    [
        ((40, 40), 0.005),
        ((40, 40), 0.05),
        ((90, 10), 0.01),
        ((90, 10), 0.2),
        ((5, 5), 0.1),
        ((5, 5), 0.5),
        ((20, 20), 0.5),
    ],
)
def test_few_conversions_and_few_clusters_in_the_long_run(clusters, rate):
    check_clusters(TESTS, clusters, 10, rate)


def households(rng, clusters, users_each, rate):
    """The cluster of every user, and a converter's 0 or 1 twice over: households have rates of their own."""
    sizes = 1 + rng.poisson(users_each, clusters)
    own = np.minimum(rate * rng.gamma(1.0, 1.0, clusters), 1.0)
    cluster = np.repeat(np.arange(clusters), sizes)
    return cluster, *((rng.random(cluster.size) < own[cluster]).astype(np.float64) for _ in range(2))


@pytest.mark.study
@pytest.mark.parametrize(("treated", "control", "expected"), [(3_000, 300, 40), (3_000, 3_000, 30), (500, 500, 26)])
def test_an_adjustment_that_is_made_in_the_long_run(treated, control, expected):
    rng, found = np.random.default_rng(11), 0
    for _ in range(TESTS):
        own = np.minimum(rng.gamma(1.0, expected / min(treated, control), treated + control), 1.0)
        before, now = rng.poisson(2 * own).astype(np.float64), (rng.random(own.size) < own).astype(np.float64)
        arms = [PairStatistics.from_values(now[arm], before[arm]) for arm in (slice(treated), slice(treated, None))]
        counts = [ArmStatistics.from_values(now[arm]) for arm in (slice(treated), slice(treated, None))]
        found += excludes_zero(adjusted_test(user_holdout_test(*counts, 1), *arms)[0].lift)
    assert found / TESTS < most(TESTS)


@pytest.mark.study
@pytest.mark.parametrize(("clusters", "rate"), [((60, 60), 0.05), ((150, 60), 0.1), ((100, 100), 0.02)])
def test_an_adjustment_across_clusters_in_the_long_run(clusters, rate):
    rng, found = np.random.default_rng(11), 0
    for _ in range(TESTS):
        cluster, before, now = households(rng, sum(clusters), 10, rate)
        treated = cluster < clusters[0]
        found += excludes_zero(AssignedUnits(treated, ~treated, cluster).adjusted(now, before)[0])
    assert found / TESTS < most(TESTS)


@pytest.mark.study
@pytest.mark.parametrize(("spread", "expected"), [(1.0, 3.4), (1.0, 25.0), (2.0, 10.0)])
def test_value_per_conversion_in_the_long_run(spread, expected):
    rng, found = np.random.default_rng(11), 0
    for _ in range(TESTS):
        units, value = value_of(rng, 2_000, 200, expected / 200, spread)
        lift = units.value_per_conversion(value, (value > 0).astype(np.float64))
        found += lift is not None and excludes_zero(lift)
    assert found / TESTS < most(TESTS)


@pytest.mark.study
@pytest.mark.parametrize(("each", "held_out", "rate"), [(40, 40, 0.01), (60, 10, 0.02), (60, 60, 0.05)])
def test_several_arms_of_clusters_in_the_long_run(each, held_out, rate):
    rng, found = np.random.default_rng(11), 0
    loadings = (math.sqrt(each / (each + held_out)),) * 2
    for _ in range(TESTS):
        cluster, _, now = households(rng, 2 * each + held_out, 8, rate)
        lifts = {}
        for arm in range(2):
            compared = (cluster // each == arm) | (cluster >= 2 * each)
            treated = cluster[compared] < 2 * each
            units = AssignedUnits(treated, ~treated, np.unique(cluster[compared], return_inverse=True)[1])
            lifts[str(arm)] = units.conversions(now[compared])[0]
        found += any(map(excludes_zero, joint_family(lifts, loadings).lifts.values()))
    assert found / TESTS < most(TESTS)


def test_the_price_of_ads_beside_a_control_that_costs_too():
    # Placebo ads: the additional cost is an estimate. A price with an upper end is a false alarm here.
    rng = np.random.default_rng(6)

    @cache
    def bounded(x1, x0):
        arms = ArmStatistics.from_converters(2_000, x1), ArmStatistics.from_converters(200, x0)
        lift = user_lift(*arms).scaled(2_000)
        price = cost_per_incremental_conversion(
            lift, 100.0, cost_standard_error=5.0, covariance=0.2 * lift.standard_error
        )
        assert price.bounded == (lift.p_value() < ALPHA)
        return price.bounded

    drawn = zip(rng.binomial(2_000, 0.02, TESTS).tolist(), rng.binomial(200, 0.02, TESTS).tolist(), strict=True)
    assert np.mean([bounded(*counts) for counts in drawn]) < most(TESTS)


def test_the_normal_interval_that_these_roads_took_before_fails_here():
    # The negative control: Welch's interval of a 10 % holdout that expects two conversions.
    rng = np.random.default_rng(7)
    treated, control = rng.binomial(3_000, 2 / 300, TESTS), rng.binomial(300, 2 / 300, TESTS)

    @cache
    def found(x1, x0):
        arms = ArmStatistics.from_converters(3_000, x1), ArmStatistics.from_converters(300, x0)
        return excludes_zero(user_lift(*arms, "welch"))

    assert np.mean([found(x1, x0) for x1, x0 in zip(treated.tolist(), control.tolist(), strict=True)]) > 0.1
