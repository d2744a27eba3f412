"""Calibration of user-level tests, as gates: coverage, error rates and prices at every rate, lift and split of the arms.

A band is 3.3 standard errors of a simulated share: one gate in a thousand fails by luck, so that a family of fifty fails once
in twenty seeds. Seeds are fixed. `make study` has 20,000 tests for each share, `make test` a few of them.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtr

from experiments.lift.estimate.arm_sums import ArmStatistics, PairStatistics
from experiments.lift.estimate.cost_ratio import cost_per_incremental_conversion
from experiments.lift.estimate.lift_estimate import LiftEstimate, StudentDistribution, significance
from experiments.lift.estimate.welch import adjusted_lift
from experiments.lift.user.plan import UserTestDesign
from experiments.lift.user.user_test import user_lift

MANY = 20_000
Z = 1.959963984540054
LIFTS = (0.0, 0.05, 0.2)


@dataclass(frozen=True)
class Cell:
    """Two arms of converters: users of each, rate without ads, lift; at least 50 conversions are expected in each."""

    treated_users: int
    control_users: int
    rate: float
    lift: float

    @property
    def effect(self) -> float:
        return self.rate * self.lift


# 0.1 %, 2 % and 20 %; even arms, and a 10 % holdout. The holdout expects 100 conversions and more. At 0.1 % the even arms
# expect the fewest that the gate allows.
EVEN = [Cell(n, n, rate, lift) for rate, n in ((0.001, 50_000), (0.02, 20_000), (0.2, 20_000)) for lift in LIFTS]
HOLDOUT = [Cell(9 * n, n, rate, lift) for rate, n in ((0.001, 100_000), (0.02, 5_000), (0.2, 5_000)) for lift in LIFTS]


def agrees(lift: LiftEstimate, level: float = 0.95) -> LiftEstimate:
    """The estimate, after p < α ⇔ zero outside of the interval ⇔ a bounded price were found to be one event."""
    low, high = lift.interval(level)
    significant = lift.p_value() < significance(level)
    price = cost_per_incremental_conversion(lift, 1_000.0, level=level)
    assert significant == (not low <= 0 <= high) == price.bounded == (not price.contains(math.inf)), lift
    return lift


def misses(cell, method, replications, seed):
    """Shares of seeded tests whose 95 % interval lies above, and below, the true difference of the rates."""
    rng = np.random.default_rng(seed)
    treated = rng.binomial(cell.treated_users, cell.rate * (1 + cell.lift), replications)
    control = rng.binomial(cell.control_users, cell.rate, replications)

    @cache  # counts repeat
    def side(x1, x0):
        arms = (
            ArmStatistics.from_converters(cell.treated_users, x1),
            ArmStatistics.from_converters(cell.control_users, x0),
        )
        low, high = agrees(user_lift(*arms, method)).interval(0.95)
        return int(low > cell.effect), int(high < cell.effect)

    found = [side(x1, x0) for x1, x0 in zip(treated.tolist(), control.tolist(), strict=True)]
    above, below = np.mean(found, axis=0)
    return float(above), float(below)


def adjusted_misses(cell, slopes, replications, seed, carried_over=0.4):
    """As `misses`, adjusted for a purchase before the test: of those who bought then, 40 % buy again without ads."""
    rng = np.random.default_rng(seed)
    before = cell.rate
    of_others = (cell.rate - carried_over * before) / (1 - before)
    above = below = 0
    tables = []
    for users, lift in ((cell.treated_users, cell.lift), (cell.control_users, 0.0)):
        again, first = before * carried_over * (1 + lift), (1 - before) * of_others * (1 + lift)
        shares = [again, first, before - again, 1 - before - first]
        tables.append(rng.multinomial(users, shares, replications)[:, :3])
    for treated, control in zip(*(table.tolist() for table in tables), strict=True):
        arms = [
            PairStatistics(
                ArmStatistics.from_converters(users, again + first),
                ArmStatistics.from_converters(users, again + only_before),
                again,
            )
            for users, (again, first, only_before) in (
                (cell.treated_users, treated),
                (cell.control_users, control),
            )
        ]
        low, high = agrees(adjusted_lift(*arms, slopes)).interval(0.95)  # type: ignore[call-arg]  # unpacked
        above += low > cell.effect
        below += high < cell.effect
    return above / replications, below / replications


def check_coverage(cells, methods, replications, binomial_band):
    # 20,000 tests: .945 … .955, the gate, which is 3.3 standard errors and a hair less; fewer: 3.3 of theirs.
    band = 0.005 if replications >= MANY else binomial_band(0.95, replications)
    for seed, cell in enumerate(cells):
        for method in methods:
            simulate = adjusted_misses if method in ("pooled", "per_arm") else misses
            above, below = simulate(cell, method, replications, seed)
            assert 1 - above - below == pytest.approx(0.95, abs=band), (cell, method, above, below)


def larger(cells, times):
    return [Cell(times * c.treated_users, times * c.control_users, c.rate, c.lift) for c in cells]


def test_intervals_of_even_arms_cover_at_every_rate_and_lift(binomial_band):
    # Nine cells, two methods: a family of 18, false alarm about 0.02.
    check_coverage(EVEN, ("welch", "score"), 400, binomial_band)
    check_coverage(EVEN[::4], ("pooled", "per_arm"), 1_000, binomial_band)


def test_intervals_of_a_ten_percent_holdout_cover_at_every_rate_and_lift(binomial_band):
    # A family of 18.
    check_coverage(HOLDOUT[:3], ("score", "auto"), 1_000, binomial_band)
    check_coverage(HOLDOUT[3:], ("auto",), 300, binomial_band)
    check_coverage(larger(HOLDOUT, 5)[::4], ("welch", "pooled"), 500, binomial_band)


@pytest.mark.study
def test_intervals_of_even_arms_cover_in_the_long_run(binomial_band):
    check_coverage(EVEN, ("welch", "score", "auto", "pooled", "per_arm"), MANY, binomial_band)


@pytest.mark.study
def test_intervals_of_a_ten_percent_holdout_cover_in_the_long_run(binomial_band):
    check_coverage(HOLDOUT, ("score", "auto"), MANY, binomial_band)
    # A mean's normal distribution needs more conversions in the small arm (500 here): see the next test.
    check_coverage(larger(HOLDOUT, 5), ("welch", "pooled", "per_arm"), MANY, binomial_band)


@pytest.mark.study
def test_a_hundred_conversions_in_a_ten_percent_holdout_are_too_few_for_welch(binomial_band):
    # The negative control: at 100 conversions the skew of the control's mean puts most misses above the truth; coverage lies
    # at the lower edge of the gate or below. The score limits and `auto` pass it with the same draws.
    for seed, cell in enumerate(HOLDOUT[:3]):
        for above, below in (misses(cell, "welch", MANY, seed), adjusted_misses(cell, "pooled", MANY, seed)):
            assert above > 0.025 + binomial_band(0.025, MANY)
            assert below < 0.025 - binomial_band(0.025, MANY)


def uniform_p_values(method, replications, seed):
    """p-values of seeded tests without effect. Conversions are many: p-values of few lie on a few steps."""
    rng = np.random.default_rng(seed)
    if method == "values":
        # Value per buyer, skewed, of 400 users in each arm: continuous, so p-values have no steps at all.
        draws = rng.gamma(2.0, 30.0, (replications, 2, 400))
        arms = [[ArmStatistics.from_values(values) for values in pair] for pair in draws]
        return np.array([agrees(user_lift(*pair)).p_value() for pair in arms])
    users, rate = 500_000, 0.2
    if method in ("pooled", "per_arm"):
        tables = rng.multinomial(users, [0.08, 0.12, 0.12, 0.68], (replications, 2))[..., :3].tolist()
        return np.array(
            [
                agrees(
                    adjusted_lift(  # type: ignore[call-arg]  # unpacked
                        *(
                            PairStatistics(
                                ArmStatistics.from_converters(users, both + after),
                                ArmStatistics.from_converters(users, both + before),
                                both,
                            )
                            for both, after, before in pair
                        ),
                        method,
                    )
                ).p_value()
                for pair in tables
            ]
        )
    counts = rng.binomial(users, rate, (replications, 2)).tolist()
    return np.array(
        [
            agrees(user_lift(*(ArmStatistics.from_converters(users, x) for x in pair), method)).p_value()  # type: ignore[call-arg]  # unpacked
            for pair in counts
        ]
    )


def check_uniform(methods, replications, binomial_band):
    # Per method three shares at 3.3 standard errors and a Kolmogorov-Smirnov test at 0.001: a false alarm in 250. The steps
    # of the p-values of counts, .002 at most, are far below what that test sees in 20,000 (.014).
    for seed, method in enumerate(methods):
        found = uniform_p_values(method, replications, seed)
        for alpha in (0.01, 0.05, 0.10):
            assert np.mean(found < alpha) == pytest.approx(alpha, abs=binomial_band(alpha, replications)), (
                method,
                alpha,
            )
        assert stats.kstest(found, "uniform").pvalue > 1e-3, method


def test_p_values_without_an_effect_are_uniform(binomial_band):
    check_uniform(("welch", "score", "pooled", "per_arm", "values"), 1_000, binomial_band)


@pytest.mark.study
def test_p_values_without_an_effect_are_uniform_in_the_long_run(binomial_band):
    check_uniform(("auto", "score", "pooled", "per_arm", "values"), MANY, binomial_band)


def price_shares(expected_t, method, replications, seed, users=200_000, rate=0.02, cost=1_000.0):
    """Shares of seeded tests whose 95 % price set holds the true price (infinite at no effect), and is bounded."""
    rng = np.random.default_rng(seed)
    if method == "normal":
        estimates = rng.normal(expected_t, 1.0, replications).tolist()
        lifts = [LiftEstimate(StudentDistribution(x, 1.0)) for x in estimates]
        effect = expected_t
    else:
        # The effect whose expected t is wanted: e = t·√((p(1 − p) + (p + e)(1 − p − e))/n).
        effect = 0.0
        for _ in range(20):
            effect = expected_t * math.sqrt((rate * (1 - rate) + (rate + effect) * (1 - rate - effect)) / users)
        counts = rng.binomial(users, [rate + effect, rate], (replications, 2)).tolist()
        lifts = [user_lift(*(ArmStatistics.from_converters(users, x) for x in pair), method) for pair in counts]  # type: ignore[call-arg]  # unpacked
    prices = [cost_per_incremental_conversion(agrees(lift), cost, level=0.95) for lift in lifts]
    true_price = cost / effect if effect else math.inf
    return (
        float(np.mean([price.contains(true_price) for price in prices])),
        float(np.mean([price.bounded for price in prices])),
    )


def check_prices(methods, replications, binomial_band):
    # Five expected t, two shares each at 3.3 standard errors (.005 for the coverage of 20,000): a false alarm in a hundred
    # per method.
    for method in methods:
        for expected_t in (0.0, 0.5, 1.0, 2.0, 4.0):
            covered, bounded = price_shares(expected_t, method, replications, seed=int(10 * expected_t))
            power = float(ndtr(expected_t - Z) + ndtr(-expected_t - Z))
            room = 0.005 if replications >= MANY else binomial_band(0.95, replications)
            assert covered == pytest.approx(0.95, abs=room), (method, expected_t)
            assert bounded == pytest.approx(power, abs=binomial_band(power, replications)), (method, expected_t)


def test_price_sets_hold_the_true_price_and_are_bounded_as_often_as_the_test_finds_the_lift(binomial_band):
    check_prices(("normal", "welch"), 1_000, binomial_band)


@pytest.mark.study
def test_price_sets_hold_the_true_price_in_the_long_run(binomial_band):
    check_prices(("normal", "auto", "score"), MANY, binomial_band)


# The designs whose reported detectable lift is tried: even arms, a 10 % holdout, half exposed, one-sided, value.
DESIGNS = (
    (UserTestDesign(0.02), 60_000),
    (UserTestDesign(0.02, 0.9), 100_000),
    (UserTestDesign(0.01, 0.8, share_exposed=0.5), 200_000),
    (UserTestDesign(0.02, alternative="greater", level=0.90), 60_000),
    (UserTestDesign(0.8, outcome_sd=6.0), 50_000),
)


def found_at_the_detectable_lift(design, users, replications, seed):
    """Share of new seeded tests that find the smallest lift that the plan says is found with 80 %."""
    rng = np.random.default_rng(seed)
    lift = design.minimum_detectable_lift(users, 0.80)
    treated = round(users * design.treated_share)
    sizes = (treated, users - treated)
    means = (design.baseline_rate + design.effect(lift), design.baseline_rate)
    if design.outcome_sd is None:
        counts = rng.binomial(sizes, means, (replications, 2)).tolist()
        arms = [[ArmStatistics.from_converters(n, x) for n, x in zip(sizes, pair, strict=True)] for pair in counts]
    else:
        # Value per user: the mean of many and its own variance, each with its sampling distribution.
        variance = design.outcome_sd**2
        draws = rng.normal(means, np.sqrt(variance / np.array(sizes)), (replications, 2)).tolist()
        arms = [
            [ArmStatistics(n, n * mean, (n - 1) * variance + n * mean**2) for n, mean in zip(sizes, pair, strict=True)]
            for pair in draws
        ]
    return float(np.mean([user_lift(*pair).verdict(design.level, design.alternative) == 1 for pair in arms]))


def test_the_detectable_lift_of_a_user_level_test_is_found_with_the_power_it_is_reported_for():
    # 1,000 tests: .8 ± .04 is 3.2 standard errors, for five designs a false alarm in 140.
    for seed, (design, users) in enumerate(DESIGNS):
        assert found_at_the_detectable_lift(design, users, 1_000, seed) == pytest.approx(0.80, abs=0.04), design


@pytest.mark.study
def test_the_detectable_lift_is_found_so_often_in_the_long_run(binomial_band):
    # The plan's normal power beside tests of counts: 3.3 standard errors, and .005 for its approximation.
    for seed, (design, users) in enumerate(DESIGNS):
        found = found_at_the_detectable_lift(design, users, MANY, seed)
        assert found == pytest.approx(0.80, abs=binomial_band(0.80, MANY) + 0.005), design
