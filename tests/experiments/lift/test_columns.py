"""Columns of people's own tables: accepted as what they say, refused in a sentence, never guessed."""

import datetime
import re
from decimal import Decimal

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.columns import coded, day_of, days, flags, frame_of, numbers


def read(reader, values, **options):
    """What a reader makes of a column, and its problems; a data frame stands for itself."""
    frame = values if isinstance(values, pd.DataFrame | pa.Table) else pd.DataFrame({"x": values})
    problems = []
    return reader(frame_of(frame), "x", problems, **options), problems


def test_a_lazy_frame_is_collected():
    lazy = nw.from_native(pa.table({"x": [1, 2]})).lazy()
    problems = []
    assert numbers(frame_of(lazy), "x", problems).tolist() == [1.0, 2.0]
    assert problems == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([1, 2], "table: list must be a data frame"),
        (pd.DataFrame({"x": []}), "table: 0 rows must be at least one; it has only the columns x"),
        (pd.DataFrame([[1, 2]], columns=["x", "x"]), "'x' 2 times; drop or rename one"),
    ],
)
def test_what_is_no_table_is_refused(data, words):
    with pytest.raises(LiftInputError, match=words):
        frame_of(data)


@pytest.mark.parametrize(
    "values",
    [
        [1, 0],
        [1.0, 0.0],
        [True, False],
        [Decimal(1), Decimal(0)],
        pd.array([1, 0], dtype="Int64"),
        pa.table({"x": pa.array([Decimal("1"), Decimal("0")])}),
        pa.table({"x": pa.array([1, 0], pa.uint8())}),
        np.array([1, 0.0], dtype=object),
    ],
)
def test_numbers_of_every_kind(values):
    found, problems = read(numbers, values)
    assert problems == []
    assert found.tolist() == [1.0, 0.0]
    assert found.dtype == np.float64


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["1", "1,000"], "x: text such as '1,000' must be numbers"),
        (["1", "2"], "x: text must be numbers"),
        (pd.to_timedelta([1, 2], unit="D"), "x: timedelta64.* must be numbers"),
        ([1j, 2], "x: complex128 must be numbers"),
        ([[1], [2]], "x: object must be numbers"),
        ([1.0, np.nan], "x: 1 missing values"),
        (pa.table({"x": [1.0, np.nan]}), "x: 1 missing values"),
        ([1.0, np.inf], "x: 1 values must be finite"),
        (np.array([10**400, 1], dtype=object), "must be finite"),
        ([1.0, 1e300], r"x: values up to 1e\+300 must be below 1e\+30"),
        ([1.0, -1.0], "x: 1 negative values must be at least 0; write them elsewhere"),
    ],
)
def test_what_is_no_number_is_named(values, words):
    found, (problem,) = read(numbers, values, negative="write them elsewhere")
    assert found.size == 0
    assert re.search(words, problem), problem


def test_negative_numbers_are_allowed_where_nothing_is_said():
    assert read(numbers, [1.0, -1.0])[1] == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([[1], [2]], "x: lists must be one name or number per row"),
        (pa.table({"x": pa.array([[1], [2]])}), "x: holds lists; write one value per row"),
        (["a", None], "x: 1 missing values"),
        (pa.table({"x": [1.0, np.nan]}), "x: 1 missing values"),
    ],
)
def test_names_that_are_none(values, words):
    _, (problem,) = read(coded, values)
    assert words in problem


def test_names_stay_what_they_are():
    (codes, names), problems = read(coded, ["01", "1", "NA", "1e310", "01"])
    assert problems == []
    assert codes.tolist() == [0, 1, 2, 3, 0]
    assert list(names) == ["01", "1", "NA", "1e310"]


def test_flags():
    for values in ([True, False], [1, 0], [1.0, 0.0], pd.array([True, False], dtype="boolean")):
        found, problems = read(flags, values, hint="write true")
        assert problems == []
        assert found.tolist() == [True, False]
    assert "1 missing" in read(flags, pd.array([True, pd.NA], dtype="boolean"), hint="write true")[1][0]
    for values in (["yes", "no"], [1, 2], ["1", "0"]):
        assert "must be true or false; write true" in read(flags, values, hint="write true")[1][0]


THE_FIRST = ["2026-01-01"]


@pytest.mark.parametrize(
    "values",
    [
        ["2026-01-01"],
        ["2026-1-1"],
        ["2026/01/01"],
        ["20260101"],
        [20260101],
        ["2026-01-01 23:30:00"],
        ["2026-01-01T00:00:00+02:00"],
        ["2026-01-01T23:00:00-08:00"],
        ["2026-01-01T00:00:00Z"],
        ["2026-01-01 00:00:00 UTC"],
        [datetime.date(2026, 1, 1)],
        pd.to_datetime(["2026-01-01T00:00:00+02:00"]),
        pd.to_datetime(["2026-01-01"]).tz_localize("Asia/Tokyo"),
        [pd.Timestamp("2026-01-01T00:00:00+14:00")],
        pa.table({"x": pa.array([datetime.datetime(2026, 1, 1)]).cast(pa.timestamp("us")).cast(pa.date32())}),
        pa.table({"x": pa.array([datetime.datetime(2025, 12, 31, 15)], pa.timestamp("us", "Asia/Tokyo"))}),
    ],
)
def test_the_day_as_written_counts(values):
    found, problems = read(days, values)
    assert problems == []
    assert found.astype(str).tolist() == THE_FIRST


def test_one_moment_in_two_places_is_two_days():
    moments = [pd.Timestamp("2026-01-01T00:00:00+02:00"), pd.Timestamp("2025-12-31T22:00:00+00:00")]
    found, _ = read(days, pd.Series(moments, dtype=object))
    assert found.astype(str).tolist() == ["2026-01-01", "2025-12-31"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["2026-01-01", "01/02/2026"], "x: values such as 01/02/2026 must be dates, year first"),
        (["2026-02-30"], "2026-02-30 must be dates"),
        (["2026-01", "2026"], "2026-01, 2026 must be dates"),
        ([20260101.0], "20260101.0 must be dates"),
        ([True], "True must be dates"),
        ([1], "such as 1 must be dates"),
        (["2026-01-01", None], "x: 1 missing values"),
        (pd.to_datetime(["2026-01-01", None]), "x: 1 missing values"),
    ],
)
def test_what_is_no_day_is_named(values, words):
    found, (problem,) = read(days, values)
    assert found.size == 0
    assert words in problem


def test_the_day_of_a_moment_is_that_of_its_place():
    tokyo = datetime.timezone(datetime.timedelta(hours=9))
    assert day_of(datetime.datetime(2026, 1, 1, 3, tzinfo=tokyo)) == datetime.date(2026, 1, 1)


@pytest.mark.parametrize("kind", ["pyarrow", "pandas"])
@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pa.array([1, 2], pa.time64("ns")), "x: holds times of day"),
        (pa.array([-(2**31)] * 2, pa.date32()), "x: holds dates outside"),
        (pa.array([2**62] * 2, pa.timestamp("s")), "x: holds dates outside"),
        (pa.array([1, 2], pa.timestamp("us", "+25:00")), "x: has the time zone '+25:00'"),
        (pa.array([b"a", b"b"]), "x: holds bytes"),
        (pa.array([[1], [2]]), "x: holds lists"),
        (pa.array([{"a": 1}] * 2), "x: holds structures"),
    ],
)
def test_columns_of_arrow_types_that_are_no_plain_cells_are_named(kind, column, words):
    table = pa.table({"x": column})
    if kind == "pandas":
        table = table.to_pandas(types_mapper=pd.ArrowDtype)
    for reader in (numbers, coded, days):
        problems = []
        assert len(reader(frame_of(table), "x", problems)[0 if reader is coded else slice(None)]) == 0
        assert [problem[: len(words)] for problem in problems] == [words]
