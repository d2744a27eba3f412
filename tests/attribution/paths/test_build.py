"""How touches and conversions become paths, convention by convention, and against a plain definition."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from attribution.paths.build import build_paths
from attribution.paths.settings import PathSettings
from cpalab.refusal import InvalidInputError


def touches(*rows):
    """Rows of (user, time, channel[, kind])."""
    columns = {"user_id": [], "time": [], "channel": [], "kind": []}
    for user, time, channel, *kind in rows:
        for name, value in zip(columns, (user, time, channel, *(kind or ["click"])), strict=True):
            columns[name].append(value)
    return pd.DataFrame(columns)


def conversions(*rows, **columns):
    return pd.DataFrame({"user_id": [row[0] for row in rows], "time": [row[1] for row in rows], **columns})


def table(paths):
    """{path: (conversions, nulls)}"""
    return {row.path: (row.conversions, row.nulls) for row in paths.to_frame().itertuples()}


def built(touch_rows, conversion_rows, **conventions):
    return table(build_paths(touches(*touch_rows), conversions(*conversion_rows), PathSettings(**conventions)))


class TestLookback:
    def test_is_inclusive_at_both_edges(self):
        assert built([(1, 0.0, "old"), (1, 30.0, "now")], [(1, 30.0)]) == {"old > now": (1, 0)}

    def test_is_an_exact_duration_not_calendar_days(self):
        assert built([(1, 0.0, "old"), (1, 1.0, "new")], [(1, 30.0 + 1e-9)]) == {"new": (1, 0)}

    @pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
    @pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
    def test_is_exact_for_datetimes(self, unit, zone):
        end = pd.Timestamp("2026-03-31 00:00:01")
        times = pd.Series([end - timedelta(days=30), end - timedelta(days=30, seconds=1)])
        # Local times of a zone with summer time would be an hour off; durations are those of UTC.
        seen = times.dt.tz_localize("UTC").dt.tz_convert(zone) if zone else times
        bought = pd.Series([end]).dt.tz_localize("UTC").dt.tz_convert("UTC") if zone else pd.Series([end])
        t = pd.DataFrame({"user_id": 1, "time": seen.dt.as_unit(unit), "channel": ["edge", "beyond"]})
        c = pd.DataFrame({"user_id": [1], "time": bought.dt.as_unit(unit)})
        paths = build_paths(t, c)
        assert table(paths) == {"edge": (1, 0)}
        assert paths.journeys.age_days.tolist() == [30.0]

    def test_channels_may_have_windows_of_their_own(self):
        rows = [(1, 0.0, "social"), (1, 0.0, "search")]
        assert built(rows, [(1, 10.0)], channel_lookback_days={"social": 7}) == {"search": (1, 0)}

    def test_may_be_without_limit_for_days_and_datetimes(self):
        assert built([(1, 0.0, "a")], [(1, 5000.0)], lookback_days=math.inf) == {"a": (1, 0)}
        t = pd.DataFrame({"user_id": [1], "time": [pd.Timestamp("1990-01-01")], "channel": ["a"]})
        c = pd.DataFrame({"user_id": [1], "time": [pd.Timestamp("2026-01-01")]})
        assert table(build_paths(t, c, PathSettings(lookback_days=math.inf))) == {"a": (1, 0)}

    def test_can_keep_the_latest_touches_only(self):
        rows = [(1, float(i), name) for i, name in enumerate("abcd")]
        assert built(rows, [(1, 9.0)], lookback_touches=2) == {"c > d": (1, 0)}


class TestInstants:
    def test_a_touch_at_the_conversion_counts_and_a_later_one_never(self):
        rows = [(1, 1.0, "same"), (1, 1.0 + 1e-12, "later")]
        assert built(rows, [(1, 1.0)]) == {"same": (1, 0), "later": (0, 1)}

    def test_ties_keep_the_order_of_rows(self):
        assert built([(1, 1.0, "b"), (1, 1.0, "a"), (1, 0.5, "c")], [(1, 2.0)]) == {"c > b > a": (1, 0)}

    def test_ties_keep_the_order_of_rows_in_long_histories_too(self):
        rows = [(1, 1.0 - (i // 50), f"c{i:03}") for i in range(100)]
        expected = [f"c{i:03}" for i in (*range(50, 100), *range(50))]
        assert list(built(rows, [(1, 2.0)])) == [" > ".join(expected)]


class TestAfterAConversion:
    rows = ((1, 1.0, "a"), (1, 3.0, "b"))

    def test_the_next_journey_sees_later_touches_only(self):
        assert built(self.rows, [(1, 2.0), (1, 4.0)]) == {"a": (1, 0), "b": (1, 0)}

    def test_touches_can_be_shared(self):
        found = built(self.rows, [(1, 2.0), (1, 4.0)], after_conversion="touches_shared")
        assert found == {"a": (1, 0), "a > b": (1, 0)}

    def test_conversions_before_the_count_use_up_touches_and_are_not_counted(self):
        touched = [(1, 1.0, "used up"), (1, 3.0, "past"), (2, 2.0, "never came again"), (3, 5.0, "a"), (3, 11.0, "b")]
        bought = [(1, 2.0), (1, 10.0), (4, 1.0)]
        paths = build_paths(touches(*touched), conversions(*bought), PathSettings(counted_from=10.0))
        assert table(paths) == {"past": (1, 0), "a > b": (0, 1)}
        assert paths.unattributed_conversions == 0
        assert (paths.tally.conversions_before_the_count, paths.tally.nulls_left_out) == (2, 1)

    def test_conversions_of_one_instant_end_the_same_journey(self):
        assert built(self.rows, [(1, 4.0), (1, 4.0)]) == {"a > b": (2, 0)}

    def test_touches_after_the_last_conversion_are_a_null_of_the_next_journey(self):
        assert built(self.rows, [(1, 2.0)]) == {"a": (1, 0), "b": (0, 1)}

    def test_shared_touches_leave_no_null_to_a_person_who_converted(self):
        assert built(self.rows, [(1, 2.0)], after_conversion="touches_shared") == {"a": (1, 0)}

    def test_a_conversion_without_new_touches_is_unattributed(self):
        paths = build_paths(touches(*self.rows), conversions((1, 3.5), (1, 3.6), value=[10.0, 5.0]))
        assert (paths.unattributed_conversions, paths.unattributed_value_micros) == (1, 5_000_000)


class TestOrders:
    def test_an_order_id_counts_once_and_at_its_earliest(self):
        bought = conversions((1, 5.0), (1, 2.0), order_id=["x", "x"], value_micros=[7, 9])
        paths = build_paths(touches((1, 1.0, "a"), (1, 4.0, "b")), bought)
        assert table(paths) == {"a": (1, 0), "b": (0, 1)}
        assert paths.value_micros.sum() == 9
        assert paths.tally.duplicate_orders == 1

    def test_an_order_id_is_unique_within_a_person_and_empty_ones_are_not_ids(self):
        bought = conversions((1, 5.0), (2, 5.0), (2, 6.0), (2, 7.0), order_id=["x", "x", None, None])
        paths = build_paths(touches((1, 1.0, "a"), (2, 1.0, "a")), bought)
        assert paths.total_conversions == 4

    def test_duplicates_can_be_kept(self):
        bought = conversions((1, 5.0), (1, 5.0), order_id=[3, 3])
        paths = build_paths(touches((1, 1.0, "a")), bought, PathSettings(duplicate_orders="all_kept"))
        assert table(paths) == {"a": (2, 0)}

    def test_counting_one_conversion_per_touch(self):
        rows, bought = [(1, 1.0, "a"), (1, 3.0, "b")], [(1, 2.0), (1, 2.5), (1, 4.0)]
        shared = {"after_conversion": "touches_shared"}
        assert built(rows, bought, **shared) == {"a": (2, 0), "a > b": (1, 0)}
        assert built(rows, bought, **shared, counting="one_per_touch") == {"a": (1, 0), "a > b": (1, 0)}


class TestViewsAndDirect:
    rows = ((1, 9.0, "search", "click"), (1, 9.5, "video", "view"))

    def test_views_do_not_enter_paths_unless_asked_for(self):
        assert built(self.rows, [(1, 10.0)]) == {"search": (1, 0)}

    def test_a_click_beats_any_view(self):
        assert built(self.rows, [(1, 10.0)], touches="clicks_and_views") == {"search": (1, 0)}
        both = {"touches": "clicks_and_views", "click_beats_view": False}
        assert built(self.rows, [(1, 10.0)], **both) == {"search > video": (1, 0)}

    def test_a_view_counts_alone_within_its_own_window(self):
        views = {"touches": "clicks_and_views"}
        assert built(self.rows[1:], [(1, 10.5)], **views) == {"video": (1, 0)}
        late = build_paths(touches(*self.rows[1:]), conversions((1, 10.6)), PathSettings(**views))
        assert late.unattributed_conversions == 1
        wide = {**views, "channel_view_lookback_days": {"video": 2}}
        assert built(self.rows[1:], [(1, 10.6)], **wide) == {"video": (1, 0)}

    def test_direct_is_kept_ignored_unless_alone_or_dropped(self):
        rows, bought = [(1, 1.0, "a"), (1, 2.0, "Direct"), (2, 1.0, "Direct")], [(1, 3.0), (2, 3.0)]
        assert built(rows, bought) == {"a > Direct": (1, 0), "Direct": (1, 0)}
        assert built(rows, bought, direct="ignored_unless_alone") == {"a": (1, 0), "Direct": (1, 0)}
        assert built(rows, bought, direct="dropped") == {"a": (1, 0)}

    def test_a_direct_visit_does_not_beat_a_view(self):
        rows = [(1, 1.0, "video", "view"), (1, 1.5, "direct", "click")]
        found = built(rows, [(1, 1.6)], touches="clicks_and_views", direct="ignored_unless_alone")
        assert found == {"video": (1, 0)}


class TestNulls:
    rows = ((1, 0.0, "a"), (1, 50.0, "b"), (2, 80.0, "c"))

    def test_a_person_without_conversion_has_one_that_looks_back_from_the_last_touch(self):
        assert built(self.rows, []) == {"b": (0, 1), "c": (0, 1)}

    def test_censored_ones_are_counted_and_can_be_left_out(self):
        paths = build_paths(touches(*self.rows), conversions(), PathSettings(observed_until=81.0))
        assert paths.tally.censored_nulls == 1
        assert built(self.rows, [], nulls="uncensored", observed_until=80.0) == {"b": (0, 1)}
        assert built(self.rows, [], nulls="uncensored", observed_until=110.0) == {"b": (0, 1), "c": (0, 1)}
        assert built(self.rows, [], nulls="none") == {}

    def test_follow_up_is_the_time_they_were_observed_without_converting(self):
        paths = build_paths(touches(*self.rows), conversions(), PathSettings(observed_until=100.0))
        assert paths.journeys.follow_up_days.tolist() == [50.0, 20.0]

    def test_observation_may_end_at_a_datetime(self):
        t = pd.DataFrame({"user_id": [1], "time": [pd.Timestamp("2026-01-01")], "channel": ["a"]})
        end = datetime(2026, 1, 31, tzinfo=UTC)
        c = t.iloc[:0][["user_id", "time"]]
        assert len(build_paths(t, c, PathSettings(nulls="uncensored", observed_until=end))) == 1
        before = PathSettings(nulls="uncensored", observed_until=end - timedelta(microseconds=1))
        assert len(build_paths(t, c, before)) == 0


class TestInputs:
    expected = {"a > b": (1, 0), "b": (0, 1)}  # noqa: RUF012 - never changed

    @pytest.mark.parametrize("user", [[5, 5, 9], ["x", "x", "y"], [5, 5, 2**62], [-3, -3, 4]])
    @pytest.mark.parametrize("make", [pd.DataFrame, pa.table, dict])
    def test_users_are_numbers_or_text_in_any_kind_of_table(self, user, make):
        t = make({"user_id": user, "time": [1.0, 2.0, 1.0], "channel": ["a", "b", "b"], "device": ["p", "p", "q"]})
        assert table(build_paths(t, make({"user_id": user[:1], "time": [3.0]}))) == self.expected

    def test_codes_of_dictionaries_and_small_integers_are_read_as_they_are(self):
        channel = pa.DictionaryArray.from_arrays(pa.array([2, 0, 0], pa.int8()), ["b", "unused", "a"])
        t = pa.table({"user_id": pa.array([0, 0, 1], pa.uint32()), "time": [1, 2, 1], "channel": channel})
        paths = build_paths(t, pa.table({"user_id": pa.array([0], pa.int16()), "time": [3.5]}))
        assert table(paths) == self.expected
        assert paths.channels == ("a", "b")

    def test_several_chunks_with_dictionaries_of_their_own(self):
        parts = [
            pa.table({"user_id": [u], "time": [t], "channel": pa.array([c]).dictionary_encode()})
            for u, t, c in ((0, 2.0, "b"), (0, 1.0, "a"), (1, 1.0, "b"))
        ]
        assert table(build_paths(pa.concat_tables(parts), {"user_id": [0], "time": [3.0]})) == self.expected

    def test_empty_tables_are_fine(self):
        nobody = conversions()
        assert len(build_paths(touches(), nobody)) == 0
        alone = build_paths(touches(), conversions((1, 2.0)))
        assert (len(alone), alone.unattributed_conversions) == (0, 1)
        assert len(build_paths(touches((1, 1.0, "a")), nobody)) == 1

    def test_value_is_micros_or_currency_units(self):
        t = touches((1, 1.0, "a"))
        assert build_paths(t, conversions((1, 2.0), value=[0.1])).value_micros.tolist() == [100_000]
        assert build_paths(t, conversions((1, 2.0), value_micros=[2**60 + 1])).value_micros.tolist() == [2**60 + 1]

    def test_rows_lead_back_to_the_tables(self):
        t = touches((2, 1.0, "b"), (1, 5.0, "a"), (1, 1.0, "v", "view"), (1, 2.0, "c"))
        journeys = build_paths(t, conversions((2, 9.0), (1, 9.0))).journeys
        assert journeys.conversion_row.tolist() == [1, 0]
        assert journeys.touch_row.tolist() == [3, 1, 0]
        assert journeys.age_days.tolist() == [7.0, 4.0, 8.0]

    def test_everything_wrong_is_said_at_once(self):
        t = pd.DataFrame({"user": [1], "time": [1.0], "channel": ["a"]})
        c = pd.DataFrame({"user_id": [1, None], "time": [1.0, math.nan], "value": [-1.0, 2.0]})
        with pytest.raises(InvalidInputError) as error:
            build_paths(t, c)
        text = str(error.value)
        assert "touches: column 'user_id' is missing; did you mean user?" in text
        assert "conversions.time: is empty or not finite in one row, row 1" in text
        assert "conversions.user_id: is empty" in text
        assert "conversions.value: is negative in one row, row 0" in text

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"time": ["2026-01-01"]}, "touches.time: (large_)?string is not a time"),
            ({"time": [pd.Timestamp("2026-01-01")]}, "use one clock"),
            ({"channel": [None]}, "touches.channel"),
            ({"channel": [3]}, "touches.channel: int64 is not text"),
            ({"kind": ["impression"]}, "touches.kind: 'impression' is not a kind of touch"),
            ({"user_id": ["1"]}, "user_id: (large_)?string in touches but int64 in conversions"),
        ],
    )
    def test_tables_that_break_a_rule_are_refused(self, change, said):
        columns = {"user_id": [1], "time": [1.0], "channel": ["a"], **change}
        with pytest.raises(InvalidInputError, match=said):
            build_paths(pd.DataFrame(columns), conversions((1, 2.0)))

    def test_times_with_and_without_zone_do_not_mix(self):
        t = pd.DataFrame({"user_id": [1], "time": [pd.Timestamp("2026-01-01", tz="UTC")], "channel": ["a"]})
        c = pd.DataFrame({"user_id": [1], "time": [pd.Timestamp("2026-01-02")]})
        with pytest.raises(InvalidInputError, match=r"with time zone in touches but .* without time zone"):
            build_paths(t, c)

    @pytest.mark.parametrize("until", [1.0, datetime(2026, 1, 1)])
    def test_observation_cannot_end_before_the_data_or_on_another_clock(self, until):
        with pytest.raises(InvalidInputError, match=r"settings\.observed_until"):
            build_paths(touches((1, 2.0, "a")), conversions(), PathSettings(observed_until=until))

    def test_what_is_no_table_is_refused(self):
        with pytest.raises(InvalidInputError, match="touches: list is not a table"):
            build_paths([1, 2], conversions())


# The plain definition, person by person, against which the kernels are held.


def plain_paths(rows, bought, conv):
    """Return {path: [conversions, nulls]} and the number of unattributed conversions."""
    longest = max([conv.lookback_days] + ([conv.view_lookback_days] if conv.touches != "clicks" else []))
    found, alone = {}, 0
    latest = max([t for _, t, *_ in rows] + [t for _, t in bought], default=0)

    def eligible(candidates, end):
        kept = [r for r in candidates if end - r[1] <= conv.window_days(r[2], view=r[3] == "view")]
        if conv.direct == "ignored_unless_alone" and any(not conv.is_direct(r[2]) for r in kept):
            kept = [r for r in kept if not conv.is_direct(r[2])]
        if conv.touches != "clicks" and conv.click_beats_view and any(r[3] == "click" for r in kept):
            kept = [r for r in kept if r[3] == "click"]
        return kept[-conv.lookback_touches :] if conv.lookback_touches else kept

    for person in {r[0] for r in rows} | {b[0] for b in bought}:
        mine = sorted((r for r in rows if r[0] == person), key=lambda r: r[1])
        mine = [r for r in mine if conv.touches != "clicks" or r[3] == "click"]
        mine = [r for r in mine if conv.direct != "dropped" or not conv.is_direct(r[2])]
        ends = sorted(t for p, t in bought if p == person)
        credited = set()
        for end in ends:
            start = max([e for e in ends if e < end], default=-math.inf)
            start = start if conv.after_conversion == "new_journey" else -math.inf
            kept = eligible([r for r in mine if start < r[1] <= end], end)
            if kept and conv.counting == "one_per_touch":
                if id(kept[-1]) in credited:
                    continue
                credited.add(id(kept[-1]))
            if kept:
                found.setdefault(" > ".join(r[2] for r in kept), [0, 0])[0] += 1
            else:
                alone += 1
        if ends and conv.after_conversion == "touches_shared":
            continue
        rest = [r for r in mine if not ends or r[1] > ends[-1]]
        censored = bool(rest) and latest - rest[-1][1] < longest
        if rest and (conv.nulls == "all" or (conv.nulls == "uncensored" and not censored)):
            kept = eligible(rest, rest[-1][1])
            found.setdefault(" > ".join(r[2] for r in kept), [0, 0])[1] += 1
    return found, alone


days = st.integers(0, 12).map(lambda quarter: quarter / 4)
touch = st.tuples(st.integers(0, 3), days, st.sampled_from(["a", "b", "direct"]), st.sampled_from(["click", "view"]))
conventions = st.builds(
    PathSettings,
    lookback_days=st.sampled_from([0.0, 0.5, 1.0, 2.0]),
    view_lookback_days=st.sampled_from([0.25, 1.0]),
    touches=st.sampled_from(["clicks", "clicks_and_views"]),
    click_beats_view=st.booleans(),
    direct=st.sampled_from(["kept", "ignored_unless_alone", "dropped"]),
    after_conversion=st.sampled_from(["new_journey", "touches_shared"]),
    lookback_touches=st.sampled_from([None, 1, 2]),
    counting=st.sampled_from(["every", "one_per_touch"]),
    nulls=st.sampled_from(["all", "uncensored", "none"]),
)


@hypothesis_settings(max_examples=400)
@given(
    st.lists(touch, min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 3), days), max_size=5),
    conventions,
)
def test_paths_are_those_of_the_plain_definition(rows, bought, conv):
    expected, alone = plain_paths(rows, bought, conv)
    paths = build_paths(touches(*rows), conversions(*bought), conv)
    assert table(paths) == {path: tuple(counts) for path, counts in expected.items()}
    assert paths.unattributed_conversions == alone


@hypothesis_settings(max_examples=60)
@given(
    st.lists(touch, min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 3), days), max_size=5),
    conventions,
)
def test_datetimes_give_the_paths_of_days(rows, bought, conv):
    moment = pd.Timestamp("2026-01-01")
    t, c = touches(*rows), conversions(*bought)
    expected = table(build_paths(t, c, conv))
    t["time"] = moment + pd.to_timedelta(t["time"], unit="D")
    c["time"] = moment + pd.to_timedelta(c["time"], unit="D")
    assert table(build_paths(t, c, conv)) == expected


def test_every_touch_and_conversion_is_accounted_for():
    rng = np.random.default_rng(1)
    t = touches(*[(u, time, "a") for u, time in zip(rng.integers(0, 50, 300), rng.random(300) * 90, strict=True)])
    c = conversions(*[(u, time) for u, time in zip(rng.integers(0, 50, 40), rng.random(40) * 90, strict=True)])
    paths = build_paths(t, c)
    tally = paths.tally
    assert paths.total_conversions == tally.conversions == 40
    assert len(set(paths.journeys.touch_row)) + tally.touches_outside_every_journey == tally.touches == 300
    assert "300 touches" in paths.summary()
