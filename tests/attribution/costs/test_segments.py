"""Credit by segment and date, joined with cost on a declared clock."""

import numpy as np
import pandas as pd
import pytest

from attribution.bootstrap import bootstrap_credits
from attribution.costs.performance import performance_table
from attribution.costs.segments import Segmented, cost_by_segment, segments_of, touch_credits
from attribution.formats.registry import read_data
from attribution.model import load_model
from cpalab.refusal import InvalidInputError

DAY = pd.Timestamp("2026-01-30")


def records():
    touches = pd.DataFrame(
        [
            ("u", DAY, "search", "phone"),
            ("u", DAY + pd.Timedelta(days=3), "email", "desktop"),
            ("v", DAY, "search", None),
            ("w", DAY, "video", "phone"),
        ],
        columns=["user_id", "time", "channel", "device"],
    )
    bought = pd.DataFrame(
        [("u", DAY + pd.Timedelta(days=4), "new", 30.0), ("v", DAY + pd.Timedelta(days=1), "returning", 10.0)],
        columns=["user_id", "time", "customer", "value"],
    )
    costs = pd.DataFrame(
        [("2026-01-30", "search", "phone", 12.0), ("2026-01-31", "video", "phone", 5.0)],
        columns=["date", "channel", "device", "spend"],
    ).assign(date=lambda frame: pd.to_datetime(frame["date"]))
    return read_data(touches, bought, costs)


def credited(model, *by, **options):
    data = records()
    paths = data.to_paths()
    segments = segments_of(data, paths, by, **options)
    credit = Segmented(load_model(model), segments).fit(paths).credit(paths)
    return dict(zip(segments.labels, credit.conversions.tolist(), strict=True))


def test_a_touch_rule_credits_its_touches():
    assert credited("linear", "device") == {
        ("email", "desktop"): 0.5, ("search", "(not set)"): 1, ("search", "phone"): 0.5, ("video", "phone"): 0,
    }  # fmt: skip


def test_segments_of_conversions_count_too():
    found = credited("last_click", "customer")
    assert found[("email", "new")] == 1
    assert found[("search", "returning")] == 1
    assert found[("video", "(not set)")] == 0


@pytest.mark.parametrize(("clock", "month"), [("click", "2026-01"), ("conversion", "2026-02")])
def test_the_clock_says_in_which_month_a_conversion_is_booked(clock, month):
    found = credited("first_click", period="month", clock=clock)
    assert found[("search", month)] >= 1
    assert sum(found.values()) == 2


def test_click_dates_meet_the_cost_of_those_days():
    data = records()
    paths = data.to_paths()
    segments = segments_of(data, paths, period="day", clock="click")
    costs, missing = cost_by_segment(data.costs, segments)
    assert missing == ()
    credit = Segmented(load_model("first_click"), segments).fit(paths).credit(paths)
    table = performance_table([credit], costs, by=segments.by).set_index(["channel", "day"])
    assert table.loc[("search", "2026-01-30"), ["cost", "conversions", "cost_per_conversion"]].tolist() == [12, 2, 6]
    assert table.loc[("video", "2026-01-31"), "cost"] == 5
    assert np.isnan(table.loc[("video", "2026-01-31"), "cost_per_conversion"])


@pytest.mark.parametrize("model", ["linear", "markov", "last_click"])
@pytest.mark.parametrize("clock", ["click", "conversion"])
def test_segments_sum_to_their_channel_and_channel_to_the_model(model, clock):
    rng = np.random.default_rng(3)
    touches = pd.DataFrame(
        {
            "user_id": rng.integers(0, 200, 700),
            "time": rng.random(700) * 60,
            "channel": rng.choice(["a", "b", "c", "d"], 700),
            "geo": rng.choice(["north", "south"], 700),
        }
    )
    bought = pd.DataFrame({"user_id": np.arange(80), "time": 30 + rng.random(80) * 40, "value": rng.random(80)})
    data = read_data(touches, bought)
    paths = data.to_paths()
    chosen = load_model(model)
    whole = chosen.fit(paths).credit(paths)
    segments = segments_of(data, paths, ["geo"], period="week", clock=clock)
    credit = Segmented(chosen, segments).fit(paths).credit(paths)
    frame = pd.DataFrame(
        {"channel": [label[0] for label in segments.labels], "n": credit.conversions, "v": credit.value_micros}
    )
    sums = frame.groupby("channel").sum()
    assert sums["n"].to_numpy() == pytest.approx(whole.conversions, rel=1e-12)
    assert sums["v"].to_numpy() == pytest.approx(whole.value_micros, rel=1e-12)


def test_a_channel_credited_by_a_chain_but_on_no_converting_journey_keeps_its_credit():
    touches = {"user_id": ["u", "u", "v"], "time": [1.0, 2.0, 2.0], "channel": ["a", "b", "b"], "x": ["p", "q", "q"]}
    data = read_data(touches, {"user_id": ["v"], "time": [3.0]})
    paths = data.to_paths()
    model = load_model("markov").fit(paths)
    whole = model.credit(paths)
    assert whole.conversions[0] > 0
    conversions, _ = touch_credits(model, paths)
    sums = np.bincount(paths.journeys.channel, weights=conversions)
    assert sums == pytest.approx(whole.conversions)


def test_segments_have_intervals_like_channels():
    data = records()
    paths = data.to_paths()
    segments = segments_of(data, paths, ["device"])
    (credit,) = bootstrap_credits([Segmented(load_model("linear"), segments)], paths, seed=1, replicates=50)
    assert credit.interval is not None
    assert (credit.interval.conversions_lower <= credit.interval.conversions_upper).all()
    assert len(credit.channels) == len(segments.labels)


def test_costs_without_a_part_are_unknown_and_say_which():
    data = records()
    segments = segments_of(data, data.to_paths(), ["customer"])
    assert cost_by_segment(data.costs, segments) == ({}, ("customer",))


def test_every_mistake_is_named():
    data = records()
    paths = data.to_paths()
    with pytest.raises(InvalidInputError) as error:
        segments_of(data, paths, ["devise"], clock="klick")
    assert [problem.split(";")[1] for problem in error.value.lines] == [
        " did you mean device?",
        " did you mean click?",
    ]
    with pytest.raises(InvalidInputError, match="hold counts only"):
        segments_of(data, data.to_paths(keep_journeys=False), ["device"])


def test_days_from_the_start_have_weeks_but_no_months():
    data = read_data({"user_id": [1], "time": [15.5], "channel": ["a"]}, {"user_id": [1], "time": [16.0]})
    paths = data.to_paths()
    assert segments_of(data, paths, period="week").labels == (("a", "2"),)
    assert segments_of(data, paths, period="day", clock="click").labels == (("a", "15"),)
    with pytest.raises(InvalidInputError, match="have no months"):
        segments_of(data, paths, period="month")
