"""Column types: what is no plain cell is said in words, before any reader meets it."""

import datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from cpalab.column_types import column_problem, common_form

PLAIN = {
    "text": pa.array(["a", None]),
    "large text": pa.array(["a"], pa.large_string()),
    "words": pa.array(["a", "b", "a"]).dictionary_encode(),
    "counts": pa.array([1, 2], pa.uint8()),
    "half precision": pa.array([1.5], pa.float32()),
    "decimals": pa.array([Decimal("1.5")]),
    "truth values": pa.array([True, None]),
    "days": pa.array([datetime.date(2026, 3, 1)]),
    "the last day": pa.array([datetime.date(9999, 12, 31)]),
    "the first day": pa.array([datetime.date(1, 1, 1)]),
    "moments": pa.array([datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)]),
    "nanoseconds": pa.array([1], pa.timestamp("ns", tz="Europe/Berlin")),
    "moments that are all empty": pa.array([None], pa.timestamp("us")),
    "no rows": pa.array([], pa.null()),
}
ODD = {
    "holds lists": [
        pa.array([[1], []]),
        pa.array([["a"]], pa.large_list(pa.string())),
        pa.array([[1.0, 2.0]], pa.list_(pa.float32(), 2)),
    ],
    "holds structures": [pa.array([{"a": 1}]), pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64()))],
    "holds bytes": [pa.array([b"a"]), pa.array([b"ab"], pa.binary(2)), pa.array([b"a"], pa.large_binary())],
    "holds lengths of time": [pa.array([1], pa.duration("s"))],
    "holds times of day": [pa.array([1], pa.time32("s")), pa.array([1], pa.time64("ns"))],
    "has no value in any row": [pa.nulls(2)],
    "has the time zone '+25:00'": [pa.array([1], pa.timestamp("us", "+25:00"))],
    "holds dates outside": [
        pa.array([2_932_897], pa.date32()),
        pa.array([-719_163], pa.date32()),
        pa.array([2**61], pa.timestamp("s")),
        pa.array([2**62], pa.timestamp("us", tz="UTC")),
        pa.array([2**62], pa.timestamp("ms")),
    ],
}


@pytest.mark.parametrize("column", PLAIN.values(), ids=PLAIN)
def test_plain_cells_pass(column):
    assert column_problem(column) == ""
    assert column_problem(pa.chunked_array([column])) == ""


@pytest.mark.parametrize(("words", "column"), [(words, column) for words, columns in ODD.items() for column in columns])
def test_what_is_no_plain_cell_is_said(words, column):
    assert column_problem(column).startswith(words)
    assert column_problem(pa.chunked_array([column, column])).startswith(words)


def test_an_optional_column_may_be_empty():
    assert column_problem(pa.nulls(2), may_be_empty=True) == ""


@pytest.mark.parametrize(
    "column",
    [
        pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array(["a", "b"])),
        pa.array(["a", "a", "b"], pa.string_view()),
    ],
    ids=["runs", "views"],
)
def test_cells_kept_in_an_uncommon_form_are_read_like_others(column):
    assert column_problem(column) == ""
    assert common_form(pa.chunked_array([column])).to_pylist() == ["a", "a", "b"]
