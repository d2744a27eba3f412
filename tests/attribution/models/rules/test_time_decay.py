"""Time decay, against published vectors and its two limits."""

import json
import math
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.models.rules.rules import LastClick, Linear
from attribution.models.rules.time_decay import TimeDecay
from attribution.paths.build import build_paths
from attribution.paths.paths import Paths
from attribution.paths.settings import PathSettings
from cpalab.refusal import InvalidInputError

VECTORS = json.loads(
    (Path(__file__).parents[3] / "reference" / "attribution" / "09_time_decay_and_rules.json").read_text()
)
SETTINGS = PathSettings(lookback_days=100)


def journey(days_before, channels=None, end=100.0, value_micros=0):
    """Return the paths of one person who converts so many days after each touch."""
    channels = channels or [f"touch {i}" for i in range(len(days_before))]
    times = [end - days for days in days_before]
    return build_paths(
        {"user_id": [1] * len(times), "time": times, "channel": channels},
        {"user_id": [1], "time": [end], "value_micros": [value_micros]},
        SETTINGS,
    )


def shares(model, days_before):
    paths = journey(days_before)
    return model.credit(paths).conversions


def test_published_lesson():
    assert shares(TimeDecay(7), [28, 21, 14, 7]) == pytest.approx(VECTORS["adobe_style_lesson"]["exact"], rel=1e-12)


def test_the_default_half_life_is_the_platforms_week():
    assert "half-life 1 week" in VECTORS["google_ads_api_enum"]["source"]
    assert TimeDecay().half_life_days == 7


def test_published_lesson_to_the_digits_printed():
    assert shares(TimeDecay(7), [28, 21, 14, 7]) == pytest.approx(VECTORS["adobe_style_lesson"]["published"], abs=5e-5)


def test_published_half_life_of_one_day():
    newest_first = VECTORS["posthog_pr_74333"]["exact_newest_first"]
    assert shares(TimeDecay(1), [2, 1, 0])[::-1] == pytest.approx(newest_first, rel=1e-12)


def test_the_published_12k_deal():
    case = VECTORS["b2b_12k"]
    credit = TimeDecay().credit(journey(case["days_before"], case["channels"], value_micros=12_000_000_000))
    value = dict(zip(credit.channels, credit.value_micros / 1e6, strict=True))
    found = [value[channel] for channel in case["channels"]]
    assert found == pytest.approx(case["exact_time_decay"], rel=1e-12)
    assert found == pytest.approx(case["published"]["time_decay"], abs=3)  # rounded in the source


def test_no_steps_of_whole_periods():
    # A peer floors time to whole periods, so that touches 14, 12 and 0 hours before get 1/7, 2/7 and 4/7.
    found = shares(TimeDecay(7 / 24), [14 / 24, 12 / 24, 0])
    exact = np.exp2([-2, -12 / 7, 0])
    assert found == pytest.approx(exact / exact.sum(), rel=1e-12)
    assert found[1] != pytest.approx(VECTORS["dp6_step_decay"]["measured"][1], rel=0.01)


def test_whole_days_of_datetimes_count():
    end = datetime(2026, 1, 20)
    times = [end - timedelta(days=7), end]
    paths = build_paths({"user_id": [1, 1], "time": times, "channel": ["a", "b"]}, {"user_id": [1], "time": [end]})
    assert TimeDecay(7).credit(paths).conversions == pytest.approx([1 / 3, 2 / 3], rel=1e-12)


ages = st.lists(st.integers(0, 90), min_size=1, max_size=6, unique=True).map(lambda days: sorted(days)[::-1])


@given(ages)
def test_an_infinite_half_life_is_linear_and_one_of_zero_is_last_click(days):
    paths = journey(days)
    linear, last = (model.fit(paths).credit(paths).conversions for model in (Linear(), LastClick()))
    assert shares(TimeDecay(math.inf), days) == pytest.approx(linear, rel=1e-12)
    assert shares(TimeDecay(1e9), days) == pytest.approx(linear, rel=1e-6)
    assert shares(TimeDecay(1e-6), days) == pytest.approx(last, abs=1e-12)


def test_old_touches_do_not_underflow():
    assert shares(TimeDecay(0.01), [90, 89.99]) == pytest.approx([1 / 3, 2 / 3])


def test_each_conversion_has_its_own_clock():
    paths = build_paths(
        {"user_id": [1, 1, 2, 2], "time": [0, 7, 0, 14], "channel": ["a", "b", "a", "b"]},
        {"user_id": [1, 2], "time": [7, 14], "value_micros": [3_000_000, 15_000_000]},
        SETTINGS,
    )
    credit = TimeDecay(7).credit(paths)
    assert credit.conversions == pytest.approx([1 / 3 + 1 / 5, 2 / 3 + 4 / 5])
    assert credit.value_micros == pytest.approx([1e6 + 3e6, 2e6 + 12e6])


def test_counts_without_times_are_refused():
    with pytest.raises(InvalidInputError, match="paths: hold counts only, without times"):
        TimeDecay().credit(Paths.from_rows(["a"], [1]))


@pytest.mark.parametrize("days", [0, -1, math.nan])
def test_the_half_life_must_be_positive(days):
    with pytest.raises(InvalidInputError, match=r"half_life_days: .* must be days above 0"):
        TimeDecay(days)
