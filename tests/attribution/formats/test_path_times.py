"""Counted paths with times: models of time read them as they read touches, and what could mean two things is refused."""

import numpy as np
import pandas as pd
import pytest

from attribution.formats.registry import read_data
from attribution.model import load_model
from attribution.paths.build import build_paths
from attribution.paths.conversion_lag import conversion_lag
from attribution.paths.settings import PathSettings
from cpalab.refusal import InvalidInputError

TIMED = pd.DataFrame(
    {
        "path": ["a > b", "b > a > a", "b", ""],
        "conversions": [2, 1, 0, 1],
        "value": [20.0, 5.0, 0.0, 3.0],
        "nulls": [1, 0, 4, 0],
        "days_before_conversion": ["9 > 2", "20 > 3 > 0.5", "7", ""],
    }
)


@pytest.fixture(scope="module")
def as_touches():
    """The same journeys, each person's touches and conversion one by one; times are days, the end is day 30."""
    touches, orders = [], []
    for row in TIMED.itertuples(index=False):
        days = [float(day) for day in row.days_before_conversion.split(" > ") if day]
        for copy in range(row.conversions + row.nulls):
            user = f"{row.path} {copy}"
            touches += [(user, 30 - day, name) for day, name in zip(days, row.path.split(" > "), strict=False)]
            if copy < row.conversions:
                orders.append((user, 30.0, row.value / row.conversions))
    return build_paths(
        pd.DataFrame(touches, columns=["user_id", "time", "channel"]),
        pd.DataFrame(orders, columns=["user_id", "time", "value"]),
        PathSettings(observed_until=30.0),
    )


MODELS = ("time_decay", "time_decay(half_life_days=2)", "platform(click_days=5)", "poisson_intensity", "linear")


@pytest.mark.parametrize("model", MODELS)
def test_models_of_time_credit_them_as_they_do_the_touches(as_touches, model):
    given = load_model(model)
    counted, built = (given.fit(paths).credit(paths) for paths in (read_data(TIMED).paths, as_touches))
    assert counted.channels == built.channels
    np.testing.assert_allclose(counted.conversions, built.conversions, atol=1e-9)
    np.testing.assert_allclose(counted.value_micros, built.value_micros, atol=2)


def test_lags_are_those_of_the_last_touch():
    lag = conversion_lag(read_data(TIMED).paths, lag_days=(1.0, 2.0))
    assert (lag.share, lag.conversions) == ((1 / 3, 1.0), 3)


def test_hours_and_flags_as_marketing_attribution_models_writes_them():
    frame = pd.DataFrame(
        {
            "journey_id": ["J:0", "J:1", "J:2"],
            "channels_agg": ["a > b", "a > b", "b"],
            "time_till_conv_agg": ["48.0 > 0.0", "24.0 > 0.0", "0.0"],
            "converted_agg": [True, False, True],
        }
    )
    paths = read_data(frame).paths
    assert (paths.conversions.tolist(), paths.nulls.tolist()) == ([1.0, 1.0], [0.0, 1.0])
    assert sorted(paths.journeys.age_days.tolist()) == [0.0, 0.0, 0.0, 1.0, 2.0]


def test_a_draw_takes_every_conversion_for_a_person():
    rng = np.random.default_rng(1)
    paths = read_data(
        pd.DataFrame({"path": ["a > b"], "conversions": [400], "nulls": [600], "age_days": ["1 > 0"]})
    ).paths
    draws = [paths.resampled(rng).total_conversions for _ in range(300)]
    # Binomial: 400 ± 15.5; a standard deviation outside 12.4 … 18.6 is a false alarm of 1 in 100,000.
    assert 12.4 < np.std(draws) < 18.6


def test_another_name_keeps_the_times():
    paths = read_data(TIMED).paths.renamed({"b": "a"})
    assert paths.channels == ("a",)
    assert load_model("time_decay").fit(paths).credit(paths).conversions.tolist() == [3.0]


@pytest.mark.parametrize("cell", ["2 > 9", "9", "9 > x", "9 > -1", "9 > 2 > 1", "inf > 1", None])
def test_times_that_do_not_fit_the_path_are_refused(cell):
    frame = TIMED.assign(days_before_conversion=[cell, *TIMED["days_before_conversion"][1:]])
    with pytest.raises(InvalidInputError, match="a number for each touch, oldest first"):
        read_data(frame)


def test_one_number_a_path_is_no_time_of_touches():
    frame = TIMED.drop(columns="days_before_conversion").assign(**{"days to key event": [9, 20, 7, 0]})
    data = read_data(frame)
    assert data.paths.journeys is None
    assert "is one number a path" in data.report.summary()
    with pytest.raises(InvalidInputError, match="days_before_conversion"):
        load_model("time_decay").fit(data.paths).credit(data.paths)
