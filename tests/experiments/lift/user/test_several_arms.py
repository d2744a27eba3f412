"""Several channels against one holdout: the same columns as for one, with inference that holds for all of them."""

import math

import numpy as np
import pandas as pd
import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.estimate.arm_sums import ArmStatistics
from experiments.lift.estimate.multiplicity import against_shared_control
from experiments.lift.estimate.welch import welch_lift
from experiments.lift.user.several_arms import arms_of, several_arms_test
from experiments.lift.user.user_table import user_table_test


def users(rates, each=4_000, seed=1):
    """A table with `each` users per arm, who convert at these rates."""
    rng = np.random.default_rng(seed)
    arm = np.repeat(list(rates), each)
    converts = rng.random(arm.size) < np.repeat(list(rates.values()), each)
    return pd.DataFrame(
        {
            "user_id": np.arange(arm.size),
            "arm": arm,
            "conversions": converts.astype(int),
            "cost": np.where(arm == "control", 0.0, 0.1),
        }
    )


RATES = {"control": 0.05, "search": 0.08, "social": 0.06, "video": 0.05}


def test_arms_are_those_beside_the_control_where_there_are_several():
    assert arms_of(users(RATES)) == ["search", "social", "video"]
    assert arms_of(users({"control": 0.1, "treated": 0.1})) == []
    # A single stranger, or one beside treated, is a slip of the pen, which the reading of two arms names.
    assert arms_of(users({"control": 0.1, "treatd": 0.1})) == []
    assert arms_of(users({"control": 0.1, "treated": 0.1, "treatd": 0.1})) == []
    assert arms_of(pd.DataFrame({"conversions": [1]})) == []


def test_every_arm_is_read_against_the_control_by_dunnett():
    table = users(RATES)
    test = several_arms_test(table, (0.95,))
    by_arm = {arm: ArmStatistics.from_values(rows["conversions"]) for arm, rows in table.groupby("arm")}
    lifts = {arm: welch_lift(by_arm[arm], by_arm["control"]) for arm in ("search", "social", "video")}
    family = against_shared_control(lifts, by_arm["control"].mean_variance)
    frame = test.to_frame().set_index("arm")
    for arm, lift in family.lifts.items():
        assert frame.loc[arm, "p_value"] == pytest.approx(lift.p_value())
        lower, upper = lift.scaled(4_000).interval(0.95)
        assert frame.loc[arm, "incremental_conversions_lower"] == pytest.approx(lower)
        assert frame.loc[arm, "incremental_conversions_upper"] == pytest.approx(upper)
        alone = user_table_test(table[table["arm"].isin([arm, "control"])].replace(arm, "treated"), (0.95,))
        assert frame.loc[arm, "p_value"] > alone.conversions.p_value


def test_p_value_interval_and_price_of_every_arm_agree():
    frame = several_arms_test(users(RATES)).to_frame()
    assert len(frame) == 6
    for row in frame.to_dict("records"):
        found = row["p_value"] < 1 - row["level"]
        assert row["significant"] == found
        assert (row["incremental_conversions_lower"] > 0 or row["incremental_conversions_upper"] < 0) == found
        if row["incremental_conversions"] > 0:
            assert math.isfinite(row["cost_per_incremental_conversion_upper"]) == found


def test_users_in_two_arms_are_refused():
    table = users(RATES)
    table.loc[0, "user_id"] = 15_999
    with pytest.raises(LiftInputError, match="user_id: 1 users in several rows or arms must have one"):
        several_arms_test(table)


def test_the_false_alarm_rate_holds_for_the_family():
    # 400 tests of three arms without effect at 90 %: 10 % ± 3.3·√(.1·.9/400) = 5 %; the seed makes it one and the same draw.
    rng = np.random.default_rng(3)
    alarms = 0
    for _ in range(400):
        counts = rng.binomial(2_000, 0.2, 4)
        arms = [ArmStatistics.from_converters(2_000, int(count)) for count in counts]
        family = against_shared_control(
            {str(k): welch_lift(arm, arms[0]) for k, arm in enumerate(arms[1:])}, arms[0].mean_variance
        )
        alarms += any(lift.verdict(0.90) != 0 for lift in family.lifts.values())
    assert abs(alarms / 400 - 0.10) < 0.05


@pytest.mark.parametrize(("label", "words"), [("Control", "did you mean control"), ("treatd", "did you mean treated")])
def test_a_misspelt_arm_is_no_channel(label, words):
    table = users(RATES)
    table.loc[table.index[:40], "arm"] = label
    with pytest.raises(LiftInputError, match=words):
        several_arms_test(table)


def test_an_arm_of_one_person_is_refused():
    table = users(RATES)
    table.loc[0, "arm"] = "radio"
    with pytest.raises(LiftInputError, match="arm: radio has 1 user and must have at least 2"):
        several_arms_test(table)


def test_a_holdout_without_conversions_claims_nothing():
    # 30 and 28 of 3,000 against 0 of 300: Fisher's exact p is .106 and .173 for each alone.
    made = {"control": (300, 0), "search": (3_000, 30), "social": (3_000, 28)}
    frame = pd.DataFrame([(arm, n, x, 300.0 * (x > 0)) for arm, (n, x) in made.items()])
    frame.columns = ["arm", "users", "conversions", "cost"]
    test = several_arms_test(frame, (0.95,))
    assert (test.to_frame()["p_value"] > 0.1).all()
    assert np.isinf(test.to_frame()["cost_per_incremental_conversion_upper"]).all()
    assert test.summary().count("No conversion in the control arm: too few to tell") == 1


def test_value_is_read_for_all_arms_together():
    """Limits of value are those of an arm alone at the level that the joint critical value leaves it."""
    table = users(RATES)
    table = table.assign(value=table["conversions"] * 40.0)
    frame = several_arms_test(table, (0.95,)).to_frame().set_index("arm")
    arm = frame.index[0]
    pair = table[table["arm"].isin([arm, "control"])]
    alone = user_table_test(pair.assign(arm=pair["arm"].where(pair["arm"] == "control", "treated")), (0.95,)).to_frame()
    low, high = "incremental_value_lower", "incremental_value_upper"
    assert frame.loc[arm, "incremental_value"] == pytest.approx(alone["incremental_value"][0])
    assert frame.loc[arm, high] - frame.loc[arm, low] > alone[high][0] - alone[low][0]
