"""A user test read early: intervals that hold over all readings, and value left for the end."""

import numpy as np
import pandas as pd
import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.sequential.confidence_sequence import always_valid
from experiments.lift.sequential.early_reading import EarlyReading
from experiments.lift.sequential.group_sequential import GroupSequentialPlan
from experiments.lift.user.user_table import user_table_test


@pytest.fixture(scope="module")
def test_of_users():
    """Two thousand users, with value."""
    rng = np.random.default_rng(3)
    arm = np.where(np.arange(2000) % 2, "treated", "control")
    bought = rng.poisson(np.where(arm == "treated", 0.5, 0.4))
    return user_table_test(
        pd.DataFrame(
            {"user_id": np.arange(2000), "arm": arm, "conversions": bought, "cost": 1.0, "value": 3.0 * bought}
        )
    )


def test_a_planned_look_has_the_intervals_of_its_plan(test_of_users):
    read = EarlyReading(look=2, looks=5).of(test_of_users)
    plan = GroupSequentialPlan.equally_spaced(5, "lan_demets_obrien_fleming")
    assert read.conversions.lift == plan.at_look(test_of_users.conversions.lift, 2)
    pocock = EarlyReading(look=2, looks=5, boundary="pocock").of(test_of_users)
    assert pocock.conversions.lift == GroupSequentialPlan.equally_spaced(5, "pocock").at_look(
        test_of_users.conversions.lift, 2
    )
    assert "Look 2 of 5" in read.summary()


def test_a_running_test_has_intervals_that_always_hold(test_of_users):
    read = EarlyReading(information_fraction=0.4).of(test_of_users)
    assert read.conversions.lift == always_valid(test_of_users.conversions.lift, 0.4)
    assert "Read while it runs" in read.summary()


def test_value_is_left_for_the_end(test_of_users):
    assert test_of_users.incremental_value is not None
    read = EarlyReading(look=1, looks=2).of(test_of_users)
    assert (read.incremental_value, read.value_per_conversion) == (None, None)
    assert "Value is left out" in read.notes[-1]


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({}, ["look, information_fraction: one of both must be given"]),
        ({"look": 2}, ["look, looks: both must be given"]),
        ({"looks": 2}, ["look, looks: both must be given"]),
        ({"boundary": "pocock"}, ["boundary: pocock must not be given without `look` and `looks`"]),
        ({"look": 1, "looks": 2, "boundary": "pocok"}, ["boundary: pocok must be one of"]),
        (
            {"look": 1, "information_fraction": 0.5},
            ["both must be given", "information_fraction: must not be given with"],
        ),
    ],
)
def test_what_is_no_plan_is_refused_at_once(given, problems):
    with pytest.raises(LiftInputError) as refusal:
        EarlyReading(**given)
    assert len(refusal.value.lines) == len(problems)
    for line, problem in zip(refusal.value.lines, problems, strict=True):
        assert problem in line
