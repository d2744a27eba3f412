"""The data behind the figures."""

import math

import pytest

from experiments.report.frames import (
    dumbbell_frame,
    geo_test_days,
    geo_test_stretches,
    journey_frame,
    label_frame,
    lane_names,
)


def test_dumbbell_prices_are_cost_over_orders(comparison):
    row = dumbbell_frame(comparison).set_index("channel").loc["video"]
    assert row["last_click_cpa"] == pytest.approx(4_000 / 40)
    assert row["linear_cpa"] == pytest.approx(4_000 / 89.5)
    assert row["markov_cpa"] == pytest.approx(4_000 / 120)
    assert row["true_cpa"] == pytest.approx(4_000 / 200)
    assert row["credited_per_caused"] == pytest.approx(40 / 200)
    assert row["judgement"] == "under-credited"


def test_dumbbell_intervals_are_those_of_the_lift_test(comparison):
    frame = dumbbell_frame(comparison).set_index("channel")
    video = next(c for c in comparison.channels if c.channel == "video")
    price = video.lift.cost_per_incremental_conversion(0.95)
    assert (price.bounded, price.lower > 0) == (True, True)
    assert frame.loc["video", "lift_cpa_lower"] == price.lower
    assert frame.loc["video", "lift_cpa_upper"] == price.upper
    assert frame.loc["video", "lift_cpa"] == price.point


def test_an_interval_that_includes_no_effect_has_no_upper_end(comparison):
    frame = dumbbell_frame(comparison).set_index("channel")
    assert frame.loc["brand_search", "lift_cpa_upper"] == math.inf
    assert frame.loc["brand_search", "true_cpa"] == math.inf


def test_what_has_no_price_or_no_test_is_nan(comparison):
    frame = dumbbell_frame(comparison).set_index("channel")
    assert math.isnan(frame.loc["coupon", "last_click_cpa"])
    assert math.isnan(frame.loc["coupon", "true_cpa"])
    assert frame.loc["shopping", ["lift_cpa", "lift_cpa_lower", "lift_cpa_upper"]].isna().all()


def test_labels_fill_the_bar(comparison):
    frame = label_frame(comparison)
    assert frame.groupby("channel")["orders"].sum().eq(comparison.conversions).all()
    assert frame.groupby("channel")["share"].sum().to_numpy() == pytest.approx(1.0)
    whole = frame[frame["channel"] == "all"].set_index("label")
    assert whole["orders"].to_dict() == {"always": 550, "moved": 50, "caused": 400}
    assert whole["start"].to_dict() == pytest.approx({"always": 0.0, "moved": 0.55, "caused": 0.60})
    assert set(whole["prevented"]) == {20}


def test_labels_start_with_all_ads_and_fall_by_orders_caused(comparison):
    channels = list(dict.fromkeys(label_frame(comparison)["channel"]))
    assert channels[:4] == ["all", "video", "retargeting", "shopping"]


def test_a_journey_has_a_lane_per_channel_and_one_for_the_order(comparison):
    (journey,) = comparison.journeys
    assert lane_names(journey) == ("Video", "Brand search", "Direct", "Order")
    frame = journey_frame(journey)
    assert frame["lane"].tolist() == [0, 1, 1, 2, 3]
    assert frame["day"].tolist() == [1.0, 4.0, 4.0, 9.4, 9.5]
    assert frame["channel"].tolist()[-1] == "Direct"


def test_the_days_of_a_geo_test_come_in_stretches_of_one_period(make_geo_test):
    test = make_geo_test()
    stretches = geo_test_stretches(test)
    assert list(stretches.itertuples(index=False, name=None)) == [
        ("pre", 0, 14),
        ("test", 14, 21),
        ("cooldown", 21, 28),
    ]
    days = geo_test_days(test)
    assert (days["next"] - days["day"] == 1).all()
    assert (days["middle"] - days["day"] == 0.5).all()
