"""Looks planned beforehand: boundaries, error rates, power, and a lift that may be read at a look."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.estimate.arm_sums import ArmStatistics
from experiments.lift.estimate.cost_ratio import cost_per_incremental_conversion
from experiments.lift.estimate.lift_estimate import LiftEstimate, StudentDistribution, significance
from experiments.lift.sequential.confidence_sequence import always_valid
from experiments.lift.sequential.group_sequential import BOUNDARIES, GroupSequentialPlan, first_crossing_probabilities
from experiments.lift.user.user_test import user_holdout_test, user_lift

FIXED = 1.959963984540054


def test_classical_boundaries_are_the_published_ones(reference):
    for name, constants in reference("group_sequential/bounds.json")["classical"].items():
        looks, alpha = (float(part) for part in name.removeprefix("K").split("_alpha"))
        for boundary, constant in (("pocock", "pocock_C"), ("obrien_fleming", "obf_C")):
            plan = GroupSequentialPlan.equally_spaced(int(looks), boundary)
            bounds = plan.critical_values(1 - alpha)
            assert bounds[-1] == pytest.approx(constants[constant], abs=6e-5)
            shape = np.sqrt(np.arange(1, looks + 1) / looks) if boundary == "obrien_fleming" else 1.0
            np.testing.assert_allclose(bounds * shape, bounds[-1])


def test_spending_boundaries_are_the_published_ones(reference):
    published = reference("group_sequential/bounds.json")["lan_demets_K5_alpha0.05"]
    for boundary, name in (("obrien_fleming", "obf"), ("pocock", "pocock"), ("power", "power2")):
        plan = GroupSequentialPlan.equally_spaced(5, f"lan_demets_{boundary}")
        np.testing.assert_allclose(plan.critical_values(), published[name], atol=6e-5)


def test_naive_peeking_errs_as_often_as_published(reference):
    # The negative control: a fixed-sample critical value at every look.
    for looks, rate in reference("group_sequential/bounds.json")["naive_peeking_typeI_at_1.96"].items():
        fractions = np.arange(1, int(looks) + 1) / int(looks)
        error = first_crossing_probabilities(np.full(fractions.size, FIXED), fractions).sum()
        assert error == pytest.approx(rate, abs=1e-4)


def simulated_crossing(bounds, fractions, expected_t, replications, seed):
    rng = np.random.default_rng(seed)
    steps = np.diff(fractions, prepend=0.0)
    score = rng.normal(expected_t * steps, np.sqrt(steps), (replications, steps.size)).cumsum(axis=1)
    return (np.abs(score) / np.sqrt(fractions) >= bounds).any(axis=1).mean()


@pytest.mark.parametrize("looks", [5, 20, 100])
def test_no_boundary_errs_more_often_than_alpha(looks, binomial_band):
    # 20,000 seeded tests without effect per boundary; 3.3 standard errors.
    fractions = np.arange(1, looks + 1) / looks
    for boundary in ("obrien_fleming", "lan_demets_pocock"):
        bounds = GroupSequentialPlan.equally_spaced(looks, boundary).critical_values()
        error = simulated_crossing(bounds, fractions, 0.0, 20_000, seed=looks)
        assert error == pytest.approx(0.05, abs=binomial_band(0.05, 20_000))
    naive = simulated_crossing(np.full(looks, FIXED), fractions, 0.0, 20_000, seed=looks)
    assert naive > 0.05 + 10 * binomial_band(0.05, 20_000)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_power_is_the_share_of_simulated_tests_that_stop(boundary, binomial_band):
    # 20,000 seeded tests with an effect per boundary; 3.3 standard errors.
    plan = GroupSequentialPlan((0.3, 0.55, 0.8, 1.0), boundary)
    stopped = simulated_crossing(plan.critical_values(0.9), np.array(plan.information_fractions), 2.5, 20_000, seed=3)
    assert stopped == pytest.approx(plan.power(2.5, 0.9), abs=binomial_band(plan.power(2.5, 0.9), 20_000))


def test_one_look_at_the_end_is_the_fixed_test():
    lift = LiftEstimate(StudentDistribution(2.3, 1.0, baseline=10.0, baseline_standard_error=0.5, covariance=-0.25))
    for boundary in BOUNDARIES:
        read = GroupSequentialPlan.equally_spaced(1, boundary).at_look(lift, 1)
        assert read.p_value() == pytest.approx(lift.p_value(), rel=1e-6)
        assert read.interval() == pytest.approx(lift.interval(), rel=1e-6)
        assert read.relative_interval() == pytest.approx(lift.relative_interval(), rel=1e-6)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_p_value_interval_and_price_of_a_look_agree(boundary):
    plan = GroupSequentialPlan.equally_spaced(3, boundary)
    for look in (1, 2, 3):
        for z in (0.3, 1.5, 2.0, 2.4, 3.6, -2.4, 9.0):
            lift = plan.at_look(LiftEstimate(StudentDistribution(z, 1.0)), look)
            crossed = abs(z) > plan.critical_values()[look - 1]
            lower, upper = lift.interval()
            assert (lift.p_value() < significance(0.95)) == crossed == (not lower <= 0 <= upper)
            assert cost_per_incremental_conversion(lift, 100.0).bounded == crossed


def test_a_plan_says_what_it_does():
    plan = GroupSequentialPlan.equally_spaced(2)
    frame = plan.to_frame()
    assert frame["error_spent"].iloc[-1] == pytest.approx(0.05, abs=1e-8)
    assert frame["information_fraction"].tolist() == [0.5, 1.0]
    assert "error rate is 0.05" in plan.summary()


def test_bad_plans_are_refused():
    with pytest.raises(LiftInputError, match="ascend"):
        GroupSequentialPlan((0.5, 0.4, 1.0))
    with pytest.raises(LiftInputError, match="ascend"):
        GroupSequentialPlan((0.5,))
    with pytest.raises(LiftInputError, match="one of"):
        GroupSequentialPlan((1.0,), "haybittle")
    with pytest.raises(LiftInputError, match="at least 1"):
        GroupSequentialPlan.equally_spaced(0)
    with pytest.raises(LiftInputError, match="looks planned"):
        GroupSequentialPlan.equally_spaced(2).at_look(LiftEstimate(StudentDistribution(1.0, 1.0)), 3)


def test_an_extreme_statistic_has_a_tiny_p_value():
    lift = GroupSequentialPlan.equally_spaced(2).at_look(LiftEstimate(StudentDistribution(50.0, 1.0)), 1)
    assert 0 < lift.p_value() < 1e-9
    assert math.isfinite(lift.interval(0.999999)[0])


def test_the_effect_on_the_exposed_is_read_at_the_same_look():
    treated, control = ArmStatistics.from_converters(5_000, 400), ArmStatistics.from_converters(5_000, 330)
    unexposed = ArmStatistics.from_converters(2_000, 130)
    test = user_holdout_test(treated, control, 10**9, unexposed=unexposed)
    early = replace(test, lift=GroupSequentialPlan.equally_spaced(4).at_look(test.lift, 2))
    exposed = early.lift_of_exposed
    assert exposed.p_value() == early.lift.p_value() > test.lift.p_value()
    assert exposed.critical_value() == early.lift.critical_value() > test.lift.critical_value()


def test_few_conversions_keep_the_error_rate_over_all_looks(binomial_band):
    # 4,000 seeded holdouts of a tenth without effect, 25 conversions in the control at the end, five looks, 5 %; an excess
    # of 3.3 standard errors fails. Welch's statistic crosses in 8.7 % of them.
    plan, replications, looks = GroupSequentialPlan.equally_spaced(5, "pocock"), 4_000, 5
    rng = np.random.default_rng(1)
    users = {"treated": 2_250, "control": 250}
    counts = {arm: rng.binomial(n, 0.02, (replications, looks)).cumsum(axis=1) for arm, n in users.items()}

    @cache
    def found(look, treated, control):
        arms = [
            ArmStatistics.from_converters(look * n, x) for n, x in zip(users.values(), (treated, control), strict=True)
        ]
        return plan.at_look(user_lift(*arms), look).verdict(0.95) != 0

    alarms = [
        any(found(k + 1, int(treated[k]), int(control[k])) for k in range(looks))
        for treated, control in zip(counts["treated"], counts["control"], strict=True)
    ]
    assert np.mean(alarms) <= 0.05 + binomial_band(0.05, replications)
    assert np.mean(alarms) > 0.03


def test_small_counts_read_early_never_contradict_themselves():
    plan = GroupSequentialPlan.equally_spaced(3, "obrien_fleming")
    for treated, control in ((9, 0), (20, 5), (40, 9), (3, 3), (2, 12), (0, 0)):
        fixed = user_lift(ArmStatistics.from_converters(900, treated), ArmStatistics.from_converters(300, control))
        for lift in (plan.at_look(fixed, 2), always_valid(fixed, 0.5)):
            assert lift.p_value() >= fixed.p_value()
            for level in (0.8, 0.95):
                lower, upper = lift.interval(level)
                significant = lift.p_value() < significance(level)
                assert significant == (not lower <= 0 <= upper)
                assert cost_per_incremental_conversion(lift, 100.0, level=level).bounded == significant
