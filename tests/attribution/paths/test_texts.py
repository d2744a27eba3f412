"""Path strings taken apart, against Python's own split."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.paths.texts import distinct_rows

texts = st.lists(st.one_of(st.none(), st.text(alphabet="ab>é\x85 \t|1", max_size=12)), max_size=30)


def taken_apart(rows):
    """The names of every row of the data."""
    split = [
        [rows.names[code] for code in rows.codes[start:stop]]
        for start, stop in zip(rows.offsets[:-1], rows.offsets[1:], strict=True)
    ]
    return [split[row] for row in rows.row]


@given(texts, st.sampled_from([" > ", ">", "||", "é", "  "]), st.booleans())
def test_is_what_split_gives(paths, separator, strip):
    blanks = "".join(map(chr, range(33)))
    expected = []
    for path in paths:
        names = [] if path is None or not path.strip(blanks) else path.split(separator)
        expected.append([name.strip(blanks) for name in names] if strip else names)
    rows = distinct_rows(pa.array(paths, pa.string()), separator, strip=strip)
    assert taken_apart(rows) == expected
    assert list(rows.names) == sorted({name for row in expected for name in row})
    assert rows.has_empty_name[rows.row].tolist() == [any(not n.strip() for n in row) for row in expected]


def test_more_names_than_the_table_starts_with():
    paths = [f"channel {i % 5_000} > channel {i % 7}" for i in range(20_000)]
    assert taken_apart(distinct_rows(paths, " > ")) == [path.split(" > ") for path in paths]


def test_one_path_with_more_names_than_the_table_starts_with():
    path = " > ".join(f"channel {i}" for i in range(9_000))
    assert taken_apart(distinct_rows(["a", path, "b > a"], " > ")) == [["a"], path.split(" > "), ["b", "a"]]


def test_texts_that_differ_in_one_letter_anywhere():
    texts = ["x" * at + letter + "x" * (40 - at) for at in range(40) for letter in "ab"]
    assert distinct_rows(texts, " > ").row.tolist() == list(range(80))
    assert distinct_rows([text[:at] for text in texts[:1] for at in range(1, 40)], " > ").row.tolist() == list(
        range(39)
    )


@pytest.mark.parametrize(
    "column",
    [
        lambda rows: pa.chunked_array([rows[:1], rows[1:]]),
        lambda rows: pa.array(rows).dictionary_encode(),
        lambda rows: pa.array(["x > y", *rows]).slice(1),
        lambda rows: pa.array(rows, pa.large_string()),
        tuple,
    ],
)
def test_any_kind_of_column(column):
    assert taken_apart(distinct_rows(column(["a > b", None, "b", "a > b"]), " > ")) == [
        ["a", "b"], [], ["b"], ["a", "b"],
    ]  # fmt: skip


def test_rows_of_names_may_hold_the_separator():
    rows = distinct_rows([["a > b", "c"], [], ["c"]], " > ")
    assert taken_apart(rows) == [["a > b", "c"], [], ["c"]]


def test_nothing():
    assert taken_apart(distinct_rows([], " > ")) == []
