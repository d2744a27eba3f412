"""What each format takes for a touch, a conversion and a cost."""

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attribution.formats.ga4 import GA4
from attribution.formats.registry import read_data
from attribution.formats.simulated_log import KNOWN_KINDS, SimulatedLog
from cpalab.refusal import InvalidInputError
from simulator.events import EVENT_SCHEMA, KINDS


def event(user, time, kind, channel, campaign=None, order_id=None, cost=0, value=0, **more):
    return {
        "user_id": user, "session": 0, "time": time, "kind": kind, "channel": channel, "campaign": campaign,
        "creative": None, "device": "phone", "geo": "north", "order_id": order_id, "cost_micros": cost,
        "value_micros": value, **more,
    }  # fmt: skip


class TestSimulatedLog:
    rows = (
        event(1, 1.0, "impression", "social", "s1", cost=5_000),
        event(1, 1.0, "click", "social", "s1", cost=400_000),
        event(1, 1.0, "visit", "social", "s1"),
        event(1, 1.5, "ghost", "video", "v1"),
        event(1, 2.0, "visit", "direct"),
        event(1, 2.0, "micro:lead", "direct"),
        event(1, 2.1, "conversion", "direct", order_id=7, value=30_000_000),
        event(1, 2.1, "fee", "affiliate", "a1", order_id=7, cost=2_000_000),
        event(1, 3.0, "qualified", "direct", order_id=7, value=30_000_000),
        event(1, 4.0, "refund", "direct", order_id=7, value=-30_000_000),
    )

    def read(self, rows=rows):
        table = pa.Table.from_pylist(list(rows))
        word = pa.dictionary(pa.int16(), pa.string())
        for name in ("kind", "channel", "campaign", "creative", "device", "geo"):
            place = table.column_names.index(name)
            table = table.set_column(place, name, table[name].cast(pa.string()).cast(word))
        return read_data(table.set_column(0, "user_id", table["user_id"].cast(pa.uint32())))

    def test_impressions_clicks_and_organic_visits_are_touches(self):
        touches = self.read().touches.select(["time", "channel", "kind"]).to_pylist()
        assert [tuple(touch.values()) for touch in touches] == [
            (1.0, "social", "view"),
            (1.0, "social", "click"),
            (2.0, "direct", "click"),
        ]

    def test_what_is_no_touch_is_counted(self):
        left_out = dict(self.read().report.left_out)
        assert left_out["visits that a paid click caused"] == 1
        assert left_out["ads that an experiment withheld"] == 1

    def test_conversions_know_their_action_and_what_became_of_them(self):
        records = self.read()
        assert records.actions == ("conversion", "lead", "qualified", "closed", "refunded")
        assert len(records.of_action("qualified").conversions) == 1
        assert len(records.of_action("closed").conversions) == 0
        bought = records.of_action("conversion").conversions.to_pylist()[0]
        assert (bought["value_micros"], bought["qualified"], bought["closed"], bought["refunded"]) == (
            30_000_000, True, False, True,
        )  # fmt: skip
        with pytest.raises(InvalidInputError, match="action: 'leed' is unknown; did you mean lead"):
            records.of_action("leed")

    def test_the_default_action_is_the_conversion_and_several_do_not_mix(self):
        records = self.read()
        with pytest.raises(InvalidInputError, match="conversions are of several actions"):
            records.to_paths()
        assert records.of_action().to_paths().total_conversions == 1

    def test_every_cost_counts_fees_included(self):
        costs = self.read().costs.to_pandas().groupby("channel", observed=True)["cost_micros"].sum()
        assert costs.to_dict() == {"social": 405_000, "affiliate": 2_000_000}

    def test_unknown_kinds_and_negative_costs_are_malformed(self):
        with pytest.raises(InvalidInputError) as error:
            self.read((*self.rows, event(1, 1.0, "hover", "social", cost=-1)))
        assert [problem.split(" is ")[0] for problem in error.value.lines] == [
            "table 1.kind: 'hover'",
            "table 1.cost_micros: '-1'",
        ]

    def test_knows_every_column_and_kind_of_the_simulator(self):
        assert set(KINDS) <= set(KNOWN_KINDS)
        assert SimulatedLog().recognises(type("Source", (), {"columns": tuple(EVENT_SCHEMA.names)}))


def ga4_event(user, seconds, name="page_view", session=None, source=None, **more):
    params = [{"key": "page_location", "value": {"string_value": "https://shop.example/"}}]
    if session is not None:
        params.append({"key": "ga_session_id", "value": {"int_value": session}})
    row = {
        "event_date": "20260101",
        "event_timestamp": 1_767_225_600_000_000 + seconds * 1_000_000,
        "event_name": name,
        "user_pseudo_id": user,
        "event_params": params,
        "device": {"category": "mobile"},
        "geo": {"country": "Austria"},
        "collected_traffic_source": None,
        "ecommerce": None,
    }
    if source:
        keys = ("manual_source", "manual_medium", "manual_campaign_name", "gclid")
        row["collected_traffic_source"] = dict(zip(keys, source, strict=True))
    return row | more


class TestGA4:
    rows = (
        ga4_event("a", 0, "session_start", 11),
        ga4_event("a", 5, session=11, source=("news", "email", "may", None)),
        ga4_event("a", 9, session=11, source=("late", "email", None, None)),
        ga4_event("a", 4_000, session=12, source=(None, None, None, "Cj0K")),
        ga4_event("a", 9_000, session=13),
        ga4_event("a", 9_010, "purchase", 13, ecommerce={"transaction_id": "T1", "purchase_revenue": 12.5}),
        ga4_event("a", 9_020, "purchase", 13, ecommerce={"transaction_id": "T1", "purchase_revenue": 12.5}),
        ga4_event("b", 100, "scroll"),
    )

    @pytest.fixture(params=["json lines", "json lines with numbers as text", "parquet"])
    def export(self, request, tmp_path):
        if request.param == "parquet":
            pq.write_table(pa.Table.from_pylist(list(self.rows)), tmp_path / "events.parquet")
            return tmp_path / "events.parquet"
        as_text = "text" in request.param
        lines = [
            json.dumps(row | ({"event_timestamp": str(row["event_timestamp"])} if as_text else {})) for row in self.rows
        ]
        (tmp_path / "events.jsonl").write_text("\n".join(lines) + "\n")
        return tmp_path / "events.jsonl"

    def test_a_session_is_a_touch_of_the_first_source_it_collected(self, export):
        touches = read_data(export, format=GA4(channel="source_medium")).touches
        assert touches["channel"].to_pylist() == ["news / email", "google / cpc", "direct"]
        assert touches["campaign"].to_pylist() == ["may", None, None]
        assert str(touches["time"][0].as_py()) == "2026-01-01 00:00:00+00:00"

    def test_channels_are_googles_default_groups(self, export):
        assert read_data(export).touches["channel"].to_pylist() == ["Email", "Paid Search", "Direct"]

    def test_a_transaction_counts_once(self, export):
        records = read_data(export)
        assert len(records.conversions) == 2
        paths = records.to_paths()
        assert (paths.total_conversions, paths.total_value_micros) == (1, 12_500_000)
        assert paths.tally.duplicate_orders == 1

    def test_events_without_a_session_are_counted(self, export):
        assert dict(read_data(export).report.left_out)["events without a session"] == 1

    def test_a_session_over_midnight_is_one_touch(self):
        days = [pa.Table.from_pylist(list(rows)) for rows in (self.rows[:1], self.rows[1:3])]
        records = read_data(*days, format=GA4(channel="source_medium"))
        assert records.touches["channel"].to_pylist() == ["news / email"]

    def test_events_without_a_person_are_no_touch_and_keep_their_conversion(self):
        more = [
            ga4_event(None, 3),
            ga4_event(None, 4, "purchase", ecommerce={"transaction_id": "T9", "purchase_revenue": 7.0}),
        ]
        data, before = (
            read_data(pa.Table.from_pylist([*self.rows, *more])),
            read_data(pa.Table.from_pylist(list(self.rows))),
        )
        assert len(data.touches) == len(before.touches)
        found, expected = data.to_paths(), before.to_paths()
        assert found.unattributed_conversions == expected.unattributed_conversions + 1
        assert found.unattributed_value_micros == expected.unattributed_value_micros + 7_000_000
        assert "2 events have no person (no consent); 1 of them are conversions" in data.report.summary()


class TestCriteo:
    header = "timestamp\tuid\tcampaign\tconversion\tconversion_timestamp\tconversion_id\tclick\tcost\tcat1\n"

    def read(self, tmp_path, *lines, **options):
        path = tmp_path / "criteo.tsv"
        path.write_text(self.header + "".join("\t".join(map(str, line)) + "\n" for line in lines))
        return read_data(path, **options)

    def test_a_conversion_in_many_rows_is_one(self, tmp_path):
        records = self.read(
            tmp_path,
            (0, "u", "c1", 1, 172_800, 9, 0, 0.001, 5),
            (86_400, "u", "c2", 1, 172_800, 9, 1, 0.002, 5),
            (86_400, "v", "c2", 0, -1, -1, 0, 0.002, 6),
        )
        assert records.touches["time"].to_pylist() == [0.0, 1.0, 1.0]
        assert records.touches["kind"].to_pylist() == ["view", "click", "view"]
        assert records.conversions.select(["user_id", "time", "order_id"]).to_pylist() == [
            {"user_id": "u", "time": 2.0, "order_id": "9"}
        ]
        assert records.costs["cost_micros"].to_pylist() == [1000, 2000, 2000]
        assert records.touches["cat1"].to_pylist() == ["5", "5", "6"]

    def test_impossible_rows_are_malformed(self, tmp_path):
        with pytest.raises(InvalidInputError) as error:
            self.read(
                tmp_path,
                (100, "u", "c1", 1, 50, 9, 0, 0, 1),
                (100, "u", "c1", 1, -1, 9, 0, 0, 1),
                (-5, "u", "c1", 0, -1, -1, 7, 0, 1),
            )
        told = "\n".join(error.value.lines)
        for rule in (
            "is before the impression",
            "is absent, yet",
            "is before the start",
            "'7' is neither yes nor no",
        ):
            assert rule in told


def test_values_without_conversion_in_sessions_are_malformed():
    frame = pd.DataFrame({"user_id": ["u"], "time": [1.0], "channel": ["a"], "converted": [0], "value": [5.0]})
    with pytest.raises(InvalidInputError, match="is value without a conversion"):
        read_data(frame)
