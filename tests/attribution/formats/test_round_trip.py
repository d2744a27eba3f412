"""Every format reads back what it writes, is detected, and gives the same paths."""

import numpy as np
import pandas as pd
import pytest

from attribution.formats.ga4 import GA4
from attribution.formats.path_tables import ChannelAttributionFrame, TopPaths
from attribution.formats.records import CountedPaths
from attribution.formats.registry import BUILT_IN, format_names, load_format, read_data, write_data
from attribution.formats.snowplow_paths import SnowplowPaths
from attribution.paths.paths import Paths
from cpalab.refusal import InvalidInputError

CHANNELS = ["google / cpc", "bing 2 / cpc", "news, daily / email"]


def data(*, datetimes=False, views=True, at_touches=False, channels=CHANNELS, seed=7):
    """Touches, conversions and costs of a few people."""
    rng = np.random.default_rng(seed)
    user = np.sort(rng.integers(0, 40, 160))
    days = np.round(rng.random(160) * 60 * 86_400) / 86_400  # whole seconds
    touches = pd.DataFrame(
        {
            "user_id": user,
            "time": days,
            "channel": rng.choice(channels, 160),
            "kind": np.where(rng.random(160) < 0.5, "view", "click") if views else "click",
            "device": rng.choice(["phone", "desktop"], 160),
        }
    )
    last = touches.sort_values("time").groupby("user_id").tail(1).sample(frac=0.5, random_state=1)
    bought = pd.DataFrame(
        {
            "user_id": last["user_id"],
            "time": last["time"] + (0.0 if at_touches else 1.0),
            "order_id": [f"o{i}" for i in range(len(last))],
            "value_micros": rng.integers(1, 100, len(last)) * 1_000_000,
        }
    )
    costs = pd.DataFrame({"channel": channels, "cost_micros": [10_000_000, 20_000_000, 5_500_000][: len(channels)]})
    if datetimes:
        for table in (touches, bought):
            seconds = (table["time"] * 86_400).round().astype("int64")
            table["time"] = pd.to_datetime(seconds, unit="s", utc=True).dt.as_unit("us")
    return touches, bought, costs


def same(found, expected):
    pd.testing.assert_frame_equal(found.to_frame(), expected.to_frame())
    assert found.unattributed_conversions == expected.unattributed_conversions
    assert found.unattributed_value_micros == expected.unattributed_value_micros


@pytest.mark.parametrize("name", ["tables", "snowplow"])
@pytest.mark.parametrize("datetimes", [False, True])
def test_event_tables(tmp_path, name, datetimes):
    records = read_data(*data(datetimes=datetimes))
    files = write_data(records, name, tmp_path)
    found = read_data(*files)
    same(found.to_paths(), records.to_paths())
    assert found.costs["cost_micros"].to_pylist() == [10_000_000, 20_000_000, 5_500_000]
    assert found.touches["device"].to_pylist() == records.touches["device"].to_pylist()
    assert ("customer_id" in files[0].read_text()) == (name == "snowplow")


def test_snowplow_tables_are_detected_among_tables_with_common_names(tmp_path):
    touches = {
        "customer_id": ["u"],
        "start_tstamp": ["2026-01-01 00:00:00"],
        "default_channel_group": ["Email"],
    }
    bought = {
        "cv_id": ["c"],
        "customer_id": ["u"],
        "cv_tstamp": ["2026-01-02"],
        "cv_type": ["sale"],
        "revenue": [9.5],
    }
    spend = {"spend_tstamp": ["2026-01-01"], "channel": ["Email"], "campaign": ["x"], "spend": [3.0]}
    records = read_data(touches, bought, spend)
    assert records.conversions["value_micros"].to_pylist() == [9_500_000]
    assert records.actions == ("sale",)
    assert records.costs["campaign"].to_pylist() == ["x"]
    assert records.to_paths().to_frame()["path"].tolist() == ["Email"]


def test_sessions(tmp_path):
    touches, bought, _ = data(views=False, at_touches=True)
    records = read_data(touches, bought.drop(columns="order_id"))
    (path,) = write_data(records, "sessions", tmp_path)
    found = read_data(path)
    assert "converted" in path.read_text().splitlines()[0]
    same(found.to_paths(), records.to_paths())


def test_sessions_hold_conversions_that_happen_later(tmp_path):
    touches, bought, _ = data(views=False)
    records = read_data(touches, bought)
    (path,) = write_data(records, "sessions", tmp_path)
    assert "conversion_time" in path.read_text().splitlines()[0]
    same(read_data(path).to_paths(), records.to_paths())


def test_sessions_refuse_what_they_would_lose(tmp_path):
    touches, bought, _ = data()
    twice = pd.concat([bought.assign(time=200.0 + i, order_id=f"again{i}") for i in range(10)])
    with pytest.raises(InvalidInputError) as refused:
        write_data(read_data(touches, twice), "sessions", tmp_path)
    assert "sessions: views cannot be written; keep touches of kind 'click'" in refused.value.lines
    assert "have no touch of their own before them" in refused.value.lines[1]


def test_a_session_cannot_convert_before_it_begins():
    table = {
        "user_id": ["a", "b", "c"],
        "time": [1.0, 2.0, 3.0],
        "channel": ["x"] * 3,
        "converted": [1, 1, 0],
        "conversion_time": [0.5, None, None],
    }
    with pytest.raises(InvalidInputError, match=r"conversion_time: '0.5' is before the session \(row 0\)"):
        read_data(table)
    assert read_data(table, bad_rows="drop").conversions["time"].to_pylist() == [2.0]


def test_criteo(tmp_path):
    touches, bought, _ = data()
    records = read_data(touches, bought.drop(columns="value_micros"))
    (path,) = write_data(records, "criteo", tmp_path)
    assert path.suffix == ".tsv"
    found = read_data(path)
    assert len(found.touches) == len(touches)
    assert sorted(found.conversions["order_id"].to_pylist()) == sorted(bought["order_id"])
    same(found.to_paths(), records.to_paths())


def test_simulated_log(tmp_path):
    touches, bought, _ = data()
    records = read_data(touches, bought)
    write_data(records, "simulated_log", tmp_path)
    found = read_data(tmp_path)
    same(found.to_paths(), records.to_paths())


def test_ga4(tmp_path):
    touches, bought, _ = data(datetimes=True, views=False)
    records = read_data(touches, bought)
    ga4 = GA4(channel="source_medium")
    (path,) = write_data(records, ga4, tmp_path)
    found = read_data(path, format=ga4)
    assert len(found.touches) == len(touches)
    same(found.to_paths(), records.to_paths())


@pytest.mark.parametrize("name", ["channelattribution", "top_paths"])
def test_counted_paths(tmp_path, name):
    touches, bought, _ = data()
    paths = read_data(touches, bought).to_paths()
    (path,) = write_data(paths, name, tmp_path)
    found = read_data(path)
    assert isinstance(found, CountedPaths)
    same(found.paths, paths)


class TestSnowplowPaths:
    """One row per conversion, and one per customer without."""

    def test_what_is_written_is_read_back(self, tmp_path):
        touches, bought, _ = data()
        paths = read_data(touches, bought).to_paths()
        files = write_data(paths, "snowplow_paths", tmp_path)
        assert [file.name for file in files] == ["paths_to_conversion.csv", "paths_to_non_conversion.csv"]
        same(read_data(*files).paths, paths)

    def test_the_tables_of_the_package(self, tmp_path):
        (tmp_path / "conversions.csv").write_text(
            "cv_id,event_id,customer_id,cv_tstamp,cv_type,revenue,channel_path,channel_transformed_path\n"
            "1,e1,u1,2026-01-01 00:00:00,order,10,a > a > b,a > b\n"
            "2,e2,u2,2026-01-02 00:00:00,order,5,a > b,a > b\n"
            "3,e3,u3,2026-01-02 00:00:00,order,7,,\n"
        )
        (tmp_path / "lost.csv").write_text("customer_id,channel_path,channel_transformed_path\nu4,b > b,b\n")
        found = read_data(tmp_path / "conversions.csv", tmp_path / "lost.csv").paths
        assert found.to_frame().to_dict("records") == [
            {"path": "a > b", "conversions": 2.0, "value": 15.0, "nulls": 0.0},
            {"path": "b", "conversions": 0.0, "value": 0.0, "nulls": 1.0},
        ]
        assert found.unattributed_conversions == 1

    def test_kinds_of_conversion_are_not_mixed(self):
        table = {"cv_id": [1, 2], "cv_type": ["order", "lead"], "channel_path": ["a", "b"]}
        with pytest.raises(InvalidInputError, match="conversions are of lead, order; keep one kind"):
            read_data(table)
        assert read_data(table, format=SnowplowPaths(cv_type="lead")).paths.total_conversions == 1

    def test_malformed_rows_are_named(self):
        table = {"cv_id": [1, 2], "revenue": [-1.0, 2.0], "channel_path": ["a", "a >  > b"]}
        with pytest.raises(InvalidInputError) as refused:
            read_data(table)
        assert len(refused.value.lines) == 2
        assert read_data(table, bad_rows="drop").paths.total_conversions == 0

    def test_fractions_have_no_rows(self, tmp_path):
        with pytest.raises(InvalidInputError, match="not whole numbers"):
            write_data(Paths.from_rows(["a"], [0.5]), "snowplow_paths", tmp_path)


class TestNames:
    """Names with digits, separators, commas and quotes."""

    names = ("a>b", 'x, "y" 2', "3rd > party")

    @pytest.mark.parametrize("name", ["tables", "snowplow", "criteo"])
    def test_formats_of_events_keep_them(self, tmp_path, name):
        touches, bought, _ = data(channels=list(self.names))
        records = read_data(touches, bought)
        found = read_data(*write_data(records, name, tmp_path)).to_paths()
        assert found.channels == tuple(sorted(self.names))

    @pytest.mark.parametrize("chosen", [TopPaths(), ChannelAttributionFrame()])
    def test_formats_of_path_strings_refuse_their_separator(self, tmp_path, chosen):
        paths = Paths.from_rows([["a>b", "c"]], [1])
        with pytest.raises(InvalidInputError, match="the channel 'a>b' holds the separator '>'"):
            write_data(paths, chosen, tmp_path)

    def test_another_separator_lets_them_through(self, tmp_path):
        paths = Paths.from_rows([["a > b", "c1"]], [1])
        chosen = TopPaths(separator=" | ")
        (path,) = write_data(paths, chosen, tmp_path)
        assert read_data(path, format=chosen).paths.channels == ("a > b", "c1")


class TestCountedPaths:
    def test_channelattribution_ignores_blanks_around_its_separator(self):
        frame = pd.DataFrame({"path": ["a>b", " a > b ", "b"], "total_conversions": [1, 2, 3], "total_null": [4, 5, 6]})
        found = read_data(frame).paths.to_frame().set_index("path")
        assert found.loc["a > b", ["conversions", "nulls"]].tolist() == [3, 9]

    def test_an_empty_path_is_unattributed_and_credits_nobody_else(self):
        frame = pd.DataFrame({"path": ["a > b", "", None, "c"], "total_conversions": [1, 2, 4, 8]})
        paths = read_data(frame).paths
        assert paths.unattributed_conversions == 6
        assert paths.channels == ("a", "b", "c")

    @pytest.mark.parametrize("path", ["a >  > b", "> a", "a >", ">"])
    def test_an_empty_name_is_malformed(self, path):
        frame = pd.DataFrame({"path": ["x", path], "total_conversions": [1, 1]})
        with pytest.raises(InvalidInputError, match=r"table 1.path: .* has an empty name .*row 1"):
            read_data(frame)

    def test_value_without_conversions_is_malformed(self):
        frame = {"path": ["a", "b"], "total_conversions": [1, 0], "total_conversion_value": [5.0, 5.0]}
        with pytest.raises(InvalidInputError, match=r"is value without a conversion.*row 1"):
            read_data(frame)
        assert read_data(frame, bad_rows="drop").paths.channels == ("a",)

    def test_exports_of_analytics_tools(self, tmp_path):
        path = tmp_path / "top.csv"
        path.write_text(
            "# ----\n# Top conversion paths\n# ----\n\n"
            "MCF Channel Grouping Path,Conversions,Conversion Value\n"
            'Direct > Email,12,340.5\n"Paid Search, brand",3,10\n'
        )
        found = read_data(path).paths
        assert found.channels == ("Direct", "Email", "Paid Search, brand")
        assert found.total_value_micros == 350_500_000

    def test_what_is_not_read_is_said(self):
        found = read_data({"path": ["a"], "total_conversions": [1], "sessions": [9]})
        assert found.report.notes == ("table 1: columns not read: sessions",)

    def test_they_are_not_written_where_times_are_needed(self, tmp_path):
        with pytest.raises(InvalidInputError, match="needs touches with times"):
            write_data(Paths.from_rows(["a"], [1]), "sessions", tmp_path)


def test_every_format_has_a_name_and_a_description():
    assert set(BUILT_IN) <= set(format_names())
    for name in format_names():
        chosen = load_format(name)
        assert chosen.name == name
        assert chosen.description


def test_an_unknown_option_is_refused():
    with pytest.raises(
        InvalidInputError, match=r"ga4\.chanel: is not a parameter of this format; did you mean channel"
    ):
        load_format("ga4", chanel="campaign")
