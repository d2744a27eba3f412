"""The user-level holdout test, as the main job calls it."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from cpalab.refusal import LiftInputError
from experiments.lift.estimate.arm_sums import ArmStatistics
from experiments.lift.estimate.lift_estimate import significance
from experiments.lift.user.user_test import user_holdout_test, user_lift

CLEAR = {
    "treated": ArmStatistics.from_converters(90_000, 1_300),
    "control": ArmStatistics.from_converters(10_000, 110),
    "cost_micros": 25_000_000_000,
}


@st.composite
def arms(draw):
    users = draw(st.integers(1, 100_000))
    buyers = draw(st.integers(0, min(users, 400)))
    repeats = draw(st.integers(0, buyers))
    return ArmStatistics(users, buyers + repeats, buyers + 3 * repeats)


@given(arms(), arms(), st.integers(0, 10**12), st.sampled_from(["auto", "welch", "score"]))
def test_p_value_lift_and_price_never_contradict_each_other(treated, control, cost_micros, method):
    levels = (0.8, 0.9, 0.95, 0.99)
    test = user_holdout_test(treated, control, cost_micros, levels, method=method)
    frame = test.to_frame()
    for level, row in zip(levels, frame.itertuples(), strict=True):
        significant = test.p_value < significance(level)
        assert row.significant == significant
        assert (not row.incremental_conversions_lower <= 0 <= row.incremental_conversions_upper) == significant
        assert test.cost_per_incremental_conversion(level).bounded == significant
        if cost_micros == 0:
            assert math.isnan(row.cost_per_incremental_conversion_lower)
            continue
        assert row.cost_per_incremental_conversion_lower >= 0
        if not significant:
            assert row.cost_per_incremental_conversion_upper == math.inf
    assert test.summary()


def test_a_clear_holdout():
    test = user_holdout_test(**CLEAR)
    incremental = test.incremental_conversions
    assert incremental.difference == pytest.approx(1_300 - 9 * 110)
    assert incremental.relative_lift == pytest.approx(310 / 990)
    assert incremental.interval(0.95)[0] > 0
    price = test.cost_per_incremental_conversion(0.95)
    assert price.point == pytest.approx(25_000 / 310)
    low, high = incremental.interval(0.95)
    assert (price.lower, price.upper) == pytest.approx((25_000 / high, 25_000 / low))
    assert "310.0 (95% interval 113.1 to 506.9), a lift of 31.3%" in test.summary()
    assert "An incremental conversion cost 80.65" in test.summary()


def test_the_frame_has_the_platforms_lift_columns():
    frame = user_holdout_test(**CLEAR, levels=(0.8, 0.95)).to_frame()
    assert frame["level"].tolist() == [0.8, 0.95]
    for name in ("incremental_conversions", "relative_conversion_lift", "cost_per_incremental_conversion"):
        assert (frame[f"{name}_lower"] < frame[name]).all()
        assert (frame[name] < frame[f"{name}_upper"]).all()
        assert frame[f"{name}_lower"].is_monotonic_decreasing
        assert frame[f"{name}_upper"].is_monotonic_increasing
    assert frame["cost"].tolist() == [25_000.0, 25_000.0]


def test_an_unclear_holdout_names_no_upper_end():
    test = user_holdout_test(ArmStatistics.from_converters(9_000, 130), ArmStatistics.from_converters(1_000, 13), 10**9)
    assert test.p_value > 0.1
    assert test.to_frame()["cost_per_incremental_conversion_upper"].tolist() == [math.inf, math.inf]
    assert "no upper end" in test.summary()


def test_a_negative_lift_is_never_cheap():
    test = user_holdout_test(
        ArmStatistics.from_converters(90_000, 900), ArmStatistics.from_converters(10_000, 200), 10**9
    )
    frame = test.to_frame()
    assert frame["incremental_conversions"].lt(0).all()
    assert frame["cost_per_incremental_conversion"].isna().all()
    assert np.isinf(frame["cost_per_incremental_conversion_lower"]).all()
    assert "lost conversions" in test.summary()


@pytest.mark.parametrize(("treated", "control"), [(0, 0), (0, 4), (4, 0), (1, 1)])
def test_arms_without_conversions_give_limits_and_no_certainty(treated, control):
    test = user_holdout_test(
        ArmStatistics.from_converters(900, treated), ArmStatistics.from_converters(100, control), 10**8
    )
    assert test.method == "score"
    low, high = test.incremental_conversions.interval(0.95)
    assert low < test.incremental_conversions.difference < high
    assert isinstance(test.to_frame(), pd.DataFrame)


def test_one_user_per_arm_decides_nothing():
    test = user_holdout_test(ArmStatistics.from_converters(1, 1), ArmStatistics.from_converters(1, 0), 10**6)
    assert test.p_value > 0.1


def test_no_money_spent():
    test = user_holdout_test(CLEAR["treated"], CLEAR["control"], 0)
    row = test.to_frame().iloc[-1]
    assert row[["cost_per_incremental_conversion", "cost_per_incremental_conversion_lower"]].isna().all()
    assert math.isnan(row["cost_per_incremental_conversion_upper"])
    assert "No money was spent" in test.summary()


def test_few_expected_conversions_take_the_score_limits_and_many_take_welch():
    many = ArmStatistics.from_converters(10_000, 100)
    assert user_holdout_test(many, many, 1).method == "welch"
    assert user_holdout_test(many, ArmStatistics.from_converters(10_000, 99), 1).method == "score"
    nearly_all = ArmStatistics.from_converters(10_000, 9_950)
    assert user_holdout_test(nearly_all, nearly_all, 1).method == "score"


def test_the_method_hangs_on_what_is_expected_of_an_arm_not_on_what_it_happened_to_have():
    # 2 % of 10,000 is 200, however few of them the holdout had.
    large = ArmStatistics.from_converters(90_000, 1_800)
    for had in (90, 200, 300):
        assert user_holdout_test(large, ArmStatistics.from_converters(10_000, had), 1).method == "welch"
    for had in (30, 45, 110):
        assert user_holdout_test(large, ArmStatistics.from_converters(4_000, had), 1).method == "score"
    # Hardly any is few, whatever the pooled rate promises.
    assert user_holdout_test(large, ArmStatistics.from_converters(10_000, 20), 1).method == "score"


def test_a_small_holdout_covers_where_the_method_changes(binomial_band):
    # 4,000 seeded holdouts of a tenth each, about 100 conversions in the control, 95 %; 3.3 standard errors.
    rng, replications = np.random.default_rng(4), 4_000
    for lift in (0.0, 0.2):
        treated, control = (
            rng.binomial(45_000, 0.02 * (1 + lift), replications),
            rng.binomial(5_000, 0.02, replications),
        )
        intervals = [
            user_lift(ArmStatistics.from_converters(45_000, x), ArmStatistics.from_converters(5_000, y)).interval(0.95)
            for x, y in zip(treated.tolist(), control.tolist(), strict=True)
        ]
        covered = np.mean([low <= 0.02 * lift <= high for low, high in intervals])
        assert covered == pytest.approx(0.95, abs=binomial_band(0.95, replications))


def test_effect_on_the_exposed_is_the_diluted_one_undiluted():
    test = user_holdout_test(**CLEAR, unexposed=ArmStatistics.from_converters(54_000, 400))
    exposed = test.lift_of_exposed
    assert test.share_exposed == pytest.approx(0.4)
    assert exposed.difference == pytest.approx(test.lift.difference / 0.4)
    assert exposed.t == pytest.approx(test.lift.t)
    assert exposed.p_value() == test.p_value
    # 36,000 exposed made 900 conversions, of which 310 were caused.
    assert exposed.difference * 36_000 == pytest.approx(310)
    assert exposed.baseline * 36_000 == pytest.approx(900 - 310)
    assert exposed.relative_lift == pytest.approx(310 / 590)
    assert exposed.relative_lift > test.lift.relative_lift


def test_the_lift_of_the_exposed_covers_at_the_stated_level(binomial_band):
    # 2,000 seeded tests at 95 %, 3.3 standard errors: fails by luck once in a thousand seeds.
    rng = np.random.default_rng(11)
    pi, exposed_rate, organic_rate, effect = 0.3, 0.02, 0.01, 0.006
    covered, replications, n = 0, 2_000, 50_000
    for _ in range(replications):
        reached = rng.binomial(n, pi)
        organic = ArmStatistics.from_converters(n - reached, rng.binomial(n - reached, organic_rate))
        seen = ArmStatistics.from_converters(reached, rng.binomial(reached, exposed_rate + effect))
        would = rng.binomial(n, pi)
        held = rng.binomial(would, exposed_rate) + rng.binomial(n - would, organic_rate)
        test = user_holdout_test(seen + organic, ArmStatistics.from_converters(n, held), 1, unexposed=organic)
        low, high = test.lift_of_exposed.relative_interval(0.95)
        covered += low <= effect / exposed_rate <= high
    assert covered / replications == pytest.approx(0.95, abs=binomial_band(0.95, replications))


def test_exposure_that_is_unknown_or_nobodys_gives_no_effect_on_the_exposed():
    assert user_holdout_test(**CLEAR).lift_of_exposed is None
    nobody_reached = user_holdout_test(**CLEAR, unexposed=CLEAR["treated"])
    assert nobody_reached.lift_of_exposed is None


def test_few_conversions_give_the_effect_on_the_exposed_without_a_relative_interval():
    test = user_holdout_test(
        ArmStatistics.from_converters(900, 30),
        ArmStatistics.from_converters(100, 1),
        10**6,
        unexposed=ArmStatistics.from_converters(450, 5),
    )
    assert test.lift_of_exposed.p_value() == test.p_value
    assert test.lift_of_exposed.relative_interval() == (-math.inf, math.inf)


def test_a_sample_ratio_mismatch_is_said():
    test = user_holdout_test(**CLEAR, planned_treated_share=0.8)
    assert test.sample_ratio.mismatch
    assert "not the ones planned" in test.summary()
    assert not user_holdout_test(**CLEAR, planned_treated_share=0.9).sample_ratio.mismatch


def test_bad_input_is_refused_all_at_once():
    nobody = ArmStatistics(0, 0.0, 0.0)
    with pytest.raises(LiftInputError) as refusal:
        user_holdout_test(nobody, CLEAR["control"], -1, (0.9, 95), planned_treated_share=90)
    assert [problem.split(":")[0] for problem in refusal.value.lines] == [
        "treated.users",
        "cost_micros",
        "level",
        "planned_treated_share",
    ]
    with pytest.raises(LiftInputError, match="at least one confidence level"):
        user_holdout_test(**CLEAR, levels=())
    with pytest.raises(LiftInputError, match="part of the treated arm"):
        user_holdout_test(**CLEAR, unexposed=ArmStatistics.from_converters(90_001, 1))


def rejections(rate, lift, replications, seed, users=20_000):
    """Share of seeded tests that reject no effect at 95 %; `test_gates` has coverage and error rates."""
    rng = np.random.default_rng(seed)
    treated = rng.binomial(users, rate * (1 + lift), replications)
    control = rng.binomial(users, rate, replications)
    rejected = 0
    for x1, x0 in zip(treated, control, strict=True):
        estimate = user_lift(
            ArmStatistics.from_converters(users, int(x1)), ArmStatistics.from_converters(users, int(x0))
        )
        rejected += estimate.p_value() < 0.05
    return rejected / replications


def test_power_is_that_of_the_formula(binomial_band):
    # 4,000 seeded tests, 3.3 standard errors; the formula is the normal power of two proportions.
    users, rate, lift, replications = 100_000, 0.02, 0.1, 4_000
    rejected = rejections(rate, lift, replications, seed=7, users=users)
    treated_rate = rate * (1 + lift)
    error = math.sqrt((treated_rate * (1 - treated_rate) + rate * (1 - rate)) / users)
    t = rate * lift / error
    power = float(ndtr(t - 1.959963985) + ndtr(-t - 1.959963985))
    assert rejected == pytest.approx(power, abs=binomial_band(power, replications))
