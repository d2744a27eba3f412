"""Totals per arm, as ad platforms report them: read like the rows that they add up."""

import pandas as pd
import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.estimate.arm_sums import ArmStatistics
from experiments.lift.user.several_arms import several_arms_test
from experiments.lift.user.user_table import user_table_test
from experiments.lift.user.user_test import user_holdout_test


def totals(**changes):
    columns = {
        "arm": ["treated", "control"],
        "users": [20_000, 5_000],
        "conversions": [460, 90],
        "cost": [1_500.0, 0.0],
    }
    return pd.DataFrame(columns | changes)


def rows_of(frame):
    """The users that the totals add up, each of whom converted at most once."""
    parts = []
    for arm, users, conversions, cost in frame.itertuples(index=False):
        parts.append(
            pd.DataFrame(
                {"arm": arm, "conversions": [1] * conversions + [0] * (users - conversions), "cost": cost / users}
            )
        )
    table = pd.concat(parts, ignore_index=True)
    return table.assign(user_id=range(len(table)))


def test_they_give_what_sums_give():
    found = user_table_test(totals(), planned_treated_share=0.8)
    arms = [ArmStatistics.from_converters(20_000, 460), ArmStatistics.from_converters(5_000, 90)]
    expected = user_holdout_test(*arms, 1_500_000_000, planned_treated_share=0.8)
    pd.testing.assert_frame_equal(found.to_frame(), expected.to_frame())
    assert not found.conversions.sample_ratio.mismatch
    assert "Read from totals" in found.summary()


def test_they_give_what_the_rows_give():
    pd.testing.assert_frame_equal(user_table_test(totals()).to_frame(), user_table_test(rows_of(totals())).to_frame())


def test_several_arms_are_read_together():
    frame = pd.DataFrame(
        {
            "arm": ["control", "search", "social"],
            "users": [3_000, 3_000, 3_000],
            "conversions": [60, 110, 62],
            "cost": [0.0, 300.0, 150.0],
        }
    )
    found = several_arms_test(frame, (0.95,)).to_frame()
    pd.testing.assert_frame_equal(found, several_arms_test(rows_of(frame), (0.95,)).to_frame())
    assert found["significant"].tolist() == [True, False]


def test_a_cost_of_the_control_is_taken_off():
    found = user_table_test(totals(cost=[1_500.0, 100.0]))
    assert found.conversions.cost_micros == pytest.approx(1_100e6)
    assert "The control arm cost 100.00" in found.summary()


def test_conversions_beyond_the_users_are_counts():
    found = user_table_test(totals(conversions=[30_000, 6_000]))
    assert "more conversions than users" in found.summary()
    arm = found.conversions.treated
    assert arm.variance == pytest.approx(arm.mean, rel=0.01)


def test_everything_wrong_is_named_at_once():
    with pytest.raises(LiftInputError) as refusal:
        user_table_test(totals(arm=["treated", "treated"], users=[10.5, 0], conversions=[-1, 2]))
    assert {line.split(":")[0] for line in refusal.value.lines} == {"arm", "users", "conversions"}
    with pytest.raises(LiftInputError, match="adjusted: must not be given with totals per arm"):
        user_table_test(totals(), adjusted=True)
    rates = totals().drop(columns="conversions").assign(conversion_rate=["1.06%", "0.80%"])
    with pytest.raises(LiftInputError, match="conversions: column is required; conversion_rate is no count"):
        user_table_test(rates)
    with pytest.raises(LiftInputError, match="did you mean cost"):
        user_table_test(totals().rename(columns={"cost": "Spend"}))
