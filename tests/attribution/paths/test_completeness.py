"""Conversion lag in Google's buckets, and completeness corrected for conversions still to come."""

import numpy as np
import pandas as pd
import pytest

from attribution.paths.build import build_paths
from attribution.paths.conversion_lag import BUCKET_EDGES_DAYS, completeness
from attribution.paths.paths import Paths
from attribution.paths.settings import PathSettings
from cpalab.refusal import InvalidInputError


def observed(clicked, lag, until):
    """Paths of one click per person, converting after `lag` days if that is before the end of observation."""
    seen = clicked + lag <= until
    touches = pd.DataFrame({"user_id": np.arange(len(clicked)), "time": clicked, "channel": "a"})
    bought = pd.DataFrame({"user_id": np.flatnonzero(seen), "time": (clicked + lag)[seen]})
    return build_paths(touches, bought, PathSettings(lookback_days=90, observed_until=until))


def test_by_hand():
    # Lags 1 (click 10 days old), 1 (2 days old), 4 (10 days old): of lags up to 4, two had touches at least 4 old.
    paths = observed(np.array([0.0, 8.0, 0.0]), np.array([1.0, 1.0, 4.0]), 10.0)
    found = completeness(paths)
    assert found.lag_days.tolist() == [1, 4]
    assert found.share.tolist() == [0.5, 1.0]
    assert found.observed_share.tolist() == pytest.approx([2 / 3, 1])
    assert (found.at(0.9), found.at(1), found.at(5)) == (0, 0.5, 1)


def test_a_touch_exactly_as_old_as_a_lag_could_have_shown_it():
    # At risk of lag 4: touches 10, 4 and 10 days old when observation ends, so one of three.
    found = completeness(observed(np.array([0.0, 6.0, 0.0]), np.array([1.0, 1.0, 4.0]), 10.0))
    assert found.share.tolist() == pytest.approx([2 / 3, 1])


def test_recovers_the_lag_of_growing_traffic_where_the_naive_share_does_not():
    # False-alarm rate below 1 in 10^4: the share of 10,000 or more lags has a standard error below 0.005, and 0.02
    # is four of them. Touches get more frequent, so short lags are over-represented.
    rng = np.random.default_rng(5)
    clicked = 60 * np.sqrt(rng.random(40_000))
    lag = np.minimum(rng.exponential(10, 40_000), 29.9)
    found = completeness(observed(clicked, lag, 60.0))
    truth = 1 - np.exp(-7 / 10)
    assert found.at(7) == pytest.approx(truth, abs=0.02)
    naive = np.interp(7, found.lag_days, found.observed_share)
    assert naive - truth > 0.05


def test_without_recent_touches_it_is_the_observed_share():
    rng = np.random.default_rng(1)
    found = completeness(observed(rng.random(500), rng.random(500) * 20, 100.0))
    assert found.share == pytest.approx(found.observed_share)


def test_buckets_are_googles_and_hold_everything():
    lag = np.array([0.0, 0.99, 1.0, 13.5, 14.0, 20.9, 45.0, 89.9])
    frame = completeness(observed(np.zeros(8), lag, 200.0)).to_frame()
    assert list(frame["from_days"]) == list(BUCKET_EDGES_DAYS)
    counts = frame.set_index("from_days")["share"] * 8
    assert counts[counts > 0.5].round().to_dict() == {0: 2, 1: 1, 13: 1, 14: 2, 45: 1, 60: 1}
    assert frame["share"].sum() == pytest.approx(1)
    assert frame["completeness"].iloc[-1] == 1


def test_nothing_and_no_times():
    assert completeness(observed(np.zeros(1), np.array([5.0]), 1.0)).summary() == "No conversion had a touch."
    with pytest.raises(InvalidInputError, match="counts only"):
        completeness(Paths.from_rows(["a"], [1]))


def test_summary():
    found = completeness(observed(np.zeros(4), np.array([0.5, 2.0, 9.0, 20.0]), 100.0))
    assert found.summary() == (
        "Of the conversions a day's touches bring, 25% after 1 days, 50% after 7 days, 75% after 14 days, "
        "100% after 30 days (4 conversions seen)."
    )
