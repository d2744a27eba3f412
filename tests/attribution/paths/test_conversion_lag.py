"""Conversion lag."""

import math

import pytest

from attribution.paths.build import build_paths
from attribution.paths.conversion_lag import conversion_lag
from attribution.paths.paths import Paths
from cpalab.refusal import InvalidInputError


def built(ages, extra=()):
    """One conversion per age of its only touch in days; `extra` users have another, older touch."""
    users = list(range(len(ages)))
    t = {"user_id": users + list(extra), "time": [50.0] * len(users) + [49.0] * len(extra)}
    t["channel"] = ["a"] * len(t["time"])
    return build_paths(t, {"user_id": [*users, 99], "time": [*(50 + age for age in ages), 60.0]})


def test_shares_count_conversions_up_to_and_including_each_lag():
    lag = conversion_lag(built([1 / 48, 0.5, 1.0, 7.0, 8.0, 20.0, 29.0, 0.0]))
    assert lag.share == (2 / 8, 4 / 8, 5 / 8, 6 / 8)
    assert lag.conversions == 8


def test_share_of_single_touch_paths():
    assert conversion_lag(built([1.0, 1.0, 1.0, 1.0], extra=[2])).single_touch_share == 0.75


def test_says_it_in_a_sentence():
    text = conversion_lag(built([0.0, 2.0])).summary()
    assert "50.0% within 1 hour, 50.0% within 1 day, 100.0% within 7 days" in text
    assert conversion_lag(built([0.0])).to_frame()["lag_days"].tolist() == [1 / 24, 1, 7, 14]


def test_without_touches_there_is_no_lag():
    lag = conversion_lag(built([]))
    assert math.isnan(lag.single_touch_share)
    assert lag.summary() == "No conversion had a touch."


def test_counts_alone_have_no_times():
    with pytest.raises(InvalidInputError, match="keep_journeys=True"):
        conversion_lag(Paths.from_rows(["a"], [1]))
