"""One-sided readings: p-value, interval, price set and verdict are one event on every input, as two-sided ones are."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cpalab.refusal import LiftInputError
from experiments.lift.estimate.arm_sums import ArmStatistics
from experiments.lift.estimate.cost_ratio import cost_per_incremental_conversion
from experiments.lift.estimate.lift_estimate import LiftEstimate, StudentDistribution, in_words
from experiments.lift.estimate.multiplicity import against_shared_control
from experiments.lift.geo.methods.synthetic_control import synthetic_control
from experiments.lift.geo.methods.tbr import time_based_regression
from experiments.lift.geo.panel import geo_experiment, geo_panel
from experiments.lift.sequential.group_sequential import GroupSequentialPlan
from experiments.lift.user.user_table import user_table_test
from experiments.lift.user.user_test import user_holdout_test

sides = st.sampled_from(["greater", "less"])
numbers = st.floats(-1e6, 1e6)


@given(
    difference=numbers,
    error=st.floats(1e-3, 1e6),
    df=st.sampled_from([1.0, 5.0, math.inf]),
    cost=numbers,
    cost_error=st.floats(0, 1e5),
    correlation=st.floats(-1, 1),
    level=st.floats(0.5, 0.999),
    alternative=sides,
)
def test_p_value_interval_and_price_never_contradict_each_other(
    difference, error, df, cost, cost_error, correlation, level, alternative
):
    lift = LiftEstimate(StudentDistribution(difference, error, df, 10.0, 1.0))
    price = cost_per_incremental_conversion(
        lift, cost, level=level, cost_standard_error=cost_error, covariance=correlation * cost_error * error,
        alternative=alternative,
    )  # fmt: skip
    found = lift.p_value(alternative) < round(1 - level, 12)
    lower, upper = lift.interval(level, alternative)
    assert (lower, upper)[alternative == "greater"] == (math.inf if alternative == "greater" else -math.inf)
    assert found == (lower > 0 or upper < 0)
    assert found == (lift.verdict(level, alternative) != 0)
    assert found == price.bounded
    if not math.isnan(price.point):
        assert price.lower <= price.point <= price.upper or price.upper == pytest.approx(price.point)
        assert found == math.isfinite(price.upper)


def test_a_one_sided_price_ends_where_the_lift_interval_does():
    lift = LiftEstimate(StudentDistribution(100.0, 40.0))
    price = cost_per_incremental_conversion(lift, 500.0, alternative="greater")
    # 100 − 1.6449 · 40 conversions at least.
    assert (price.lower, price.upper) == (0.0, pytest.approx(500.0 / (100.0 - 1.6448536 * 40.0)))
    assert "at most 14.62 (95%, one-sided)" in price.summary()
    # A cost that is all but known gives the same end by Fieller's route.
    nearly = cost_per_incremental_conversion(lift, 500.0, cost_standard_error=1e-6, alternative="greater")
    assert nearly.upper == pytest.approx(price.upper)
    saved = cost_per_incremental_conversion(LiftEstimate(StudentDistribution(-100.0, 40.0)), -500.0, alternative="less")
    assert saved.upper == pytest.approx(price.upper)


def test_a_user_test_reads_one_sided():
    arms = ArmStatistics.from_converters(5_000, 620), ArmStatistics.from_converters(5_000, 560)
    both = user_holdout_test(*arms, 1_000_000_000, (0.95,))
    one = both.against("greater")
    assert one.p_value == pytest.approx(both.p_value / 2)
    row, other = one.to_frame().iloc[0], both.to_frame().iloc[0]
    assert (row["alternative"], other["alternative"]) == ("greater", "two-sided")
    assert (bool(row["significant"]), bool(other["significant"])) == (True, False)
    assert row["incremental_conversions_upper"] == math.inf
    assert row["relative_conversion_lift_lower"] > 0
    assert math.isfinite(row["cost_per_incremental_conversion_upper"])
    assert "one-sided interval" in one.summary()
    assert "or more" in one.summary()
    less = both.against("less")
    assert less.p_value == pytest.approx(1 - one.p_value)
    assert less.to_frame()["incremental_conversions_lower"].iloc[0] == -math.inf


def test_few_conversions_and_values_read_one_sided():
    arms = ArmStatistics.from_converters(500, 22), ArmStatistics.from_converters(500, 11)
    both = user_holdout_test(*arms, 1_000_000, (0.95,))
    assert both.method == "score"
    assert both.against("greater").p_value == pytest.approx(both.p_value / 2)
    table = pd.DataFrame({"user_id": range(400), "arm": ["treated", "control"] * 200, "cost": 1.0, "value": 3.0})
    table["conversions"] = (np.arange(400) % 3 == 0).astype(int)
    table["value"] = table["conversions"] * np.arange(400)
    table.loc[table["arm"] == "control", "cost"] = 0.0
    frame = user_table_test(table, (0.9,)).against("less").to_frame()
    assert frame["incremental_value_lower"].iloc[0] == -math.inf
    assert math.isfinite(frame["incremental_value_upper"].iloc[0])


@pytest.fixture
def experiment():
    rng = np.random.default_rng(1)
    common = 100 + 10 * np.sin(np.arange(60) / 3)
    rows = [
        (geo, day, common[k] * size + rng.normal(0, 1) + 8 * (geo == "a" and k >= 40), 5.0 * (geo == "a" and k >= 40))
        for geo, size in (("a", 1.0), ("b", 1.2), ("c", 0.8), ("d", 1.1))
        for k, day in enumerate(pd.date_range("2026-01-01", periods=60).astype(str))
    ]
    panel = geo_panel(pd.DataFrame(rows, columns=["geo", "date", "response", "cost"]))
    return geo_experiment(panel, ["a"], "2026-02-10", "2026-03-01")


def test_a_geo_test_reads_one_sided(experiment):
    both = time_based_regression(experiment, (0.95,))
    one = both.against("greater")
    assert one.p_value == pytest.approx(both.p_value / 2)
    row = one.to_frame().iloc[0]
    assert row["incremental_conversions_upper"] == math.inf
    assert (
        row["cost_per_incremental_conversion_upper"] < both.to_frame()["cost_per_incremental_conversion_upper"].iloc[0]
    )


def test_tests_that_look_at_both_sides_refuse(experiment):
    with pytest.raises(LiftInputError, match="alternative: greater must be two-sided here"):
        synthetic_control(experiment, (0.95,)).against("greater")
    arms = ArmStatistics.from_converters(5_000, 620), ArmStatistics.from_converters(5_000, 560)
    test = user_holdout_test(*arms, 1_000_000)
    plan = GroupSequentialPlan.equally_spaced(2, "pocock")
    family = against_shared_control({"a": test.lift, "b": test.lift}, 1e-6)
    for lift in (plan.at_look(test.lift, 1), family.lifts["a"]):
        assert not lift.distribution.one_sided
    assert synthetic_control(experiment, (0.95,)).against("two-sided").p_value > 0


def test_intervals_in_words():
    assert in_words((1.0, 2.0)) == "1.0 to 2.0"
    assert in_words((1.0, math.inf)) == "1.0 or more"
    assert in_words((-math.inf, -0.01)) == "0.0 or less"
    assert in_words((-math.inf, math.inf)) == "unbounded"
