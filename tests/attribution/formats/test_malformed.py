"""Malformed rows: counted, named by line, refused or dropped by a declared policy, never silently."""

import gzip

import pandas as pd
import pytest

from attribution.formats.registry import read_data
from cpalab.refusal import InvalidInputError


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


CONVERSIONS = "user_id,time,order_id,value\nu1,9,o1,10\n"


def refused(*inputs, **options):
    with pytest.raises(InvalidInputError) as error:
        read_data(*inputs, **options)
    return error.value.lines


def test_bad_cells_are_refused_together_with_their_lines(write):
    touches = write(
        "touches.csv",
        "user_id,time,channel,kind\n"
        "u1,1,search,click\n"
        "u1,yesterday,social,click\n"
        ",2,email,click\n"
        "u2,3,,click\n"
        "u2,4,social,tap\n",
    )
    problems = refused(touches, write("conversions.csv", CONVERSIONS))
    told = "\n".join(problems)
    assert len(problems) == 4
    assert "touches.csv.time: 'yesterday' is not a time" in told
    assert "(line 3)" in told
    assert "touches.csv.user_id: is empty" in told
    assert "(line 4)" in told
    assert "touches.csv.channel: is empty" in told
    assert "touches.csv.kind: 'tap' is not one of click, view" in told


def test_bad_rows_can_be_dropped_and_are_counted(write):
    touches = write("t.csv", "user_id,time,channel\nu1,1,a\nu1,never,b\n,never,c\nu1,3,d\n")
    data = read_data(touches, write("c.csv", CONVERSIONS), bad_rows="drop")
    assert data.touches["channel"].to_pylist() == ["a", "d"]
    assert (data.report.rows, data.report.dropped) == (5, 2)
    assert [(d.rows, d.lines) for d in data.report.defects] == [(1, (4,)), (2, (3, 4))]
    assert "2 of them malformed and dropped" in data.report.summary()


def test_negative_cost_and_value_are_malformed(write):
    problems = refused(
        write("t.csv", "user_id,time,channel\nu1,1,a\n"),
        write("c.csv", "user_id,time,value\nu1,2,-5\nu1,3,5\n"),
        write("s.csv", "channel,spend\na,10\na,-1\nb,ten\n"),
    )
    assert [problem.split(";")[0] for problem in problems] == [
        "c.csv.value: '-5' is negative",
        "s.csv.spend: 'ten' is not a number (line 4)",
        "s.csv.spend: '-1' is negative",
    ]


def test_lines_with_too_few_or_too_many_cells_are_malformed_and_blank_lines_are_not(write):
    text = "# exported\n\nuser_id,time,channel\nu1,1,a\nu1,2\n\nu1,3,b,c\nu1,never,d\n\n"
    data = read_data(write("t.csv", text), write("c.csv", CONVERSIONS), bad_rows="drop")
    assert [(str(d.rule)[:13], d.lines) for d in data.report.defects] == [
        ("does not have", (5, 7)),
        ("is not a time", (8,)),
    ]
    assert dict(data.report.left_out) == {"blank lines": 2}


def test_line_numbers_hold_through_a_long_compressed_file(tmp_path):
    bad = {7, 70_000, 199_999}
    rows = ["u,nope,a" if i in bad else f"u{i},{i % 90},channel {i % 7}" for i in range(2, 200_002)]
    path = tmp_path / "long.csv.gz"
    with gzip.open(path, "wt") as file:
        file.write("user_id,time,channel\n" + "\n".join(rows) + "\n")
    data = read_data(path, {"user_id": ["u2"], "time": [99.0]}, bad_rows="drop")
    assert data.report.defects[0].lines == tuple(sorted(bad))
    assert len(data.touches) == 200_000 - len(bad)


class TestTimes:
    def test_with_and_without_time_zone_do_not_mix(self, write):
        text = "user_id,time,channel\nu,2026-01-01T00:00:00Z,a\nu,2026-01-02 00:00:00+02:00,b\nu,2026-01-03,c\n"
        bought = {"user_id": ["u"], "time": [pd.Timestamp("2026-02-01", tz="UTC")]}
        (problem,) = refused(write("t.csv", text), bought)
        assert "'2026-01-03' has no time zone where most rows have one" in problem
        assert "(line 4)" in problem

    def test_different_offsets_are_one_clock(self, write):
        text = "user_id,time,channel\nu,2026-01-01T01:00:00+01:00,a\nu,2026-01-01 00:00:00 UTC,b\n"
        bought = {"user_id": ["u"], "time": [pd.Timestamp("2026-01-01", tz="UTC")]}
        data = read_data(write("t.csv", text), bought)
        first, second = data.touches["time"].to_pylist()
        assert first == second

    def test_days_and_dates_do_not_mix(self, write):
        text = "user_id,time,channel\nu,1.5,a\nu,2.5,b\nu,2026-01-03,c\n"
        (problem,) = refused(write("t.csv", text), write("c.csv", "user_id,time\nu,9\n"))
        assert "'2026-01-03' is a date where most rows have a number of days" in problem

    def test_seconds_since_1970_are_not_taken_for_days(self, write):
        (problem,) = refused(
            write("t.csv", "user_id,time,channel\nu,1,a\nu,1767225600,b\n"),
            write("c.csv", "user_id,time\nu,9\n"),
        )
        assert "'1767225600' is not a time" in problem


class TestColumns:
    def test_a_missing_one_is_refused_with_a_hint(self, write):
        (problem,) = refused(
            write("t.csv", "user_id,time,chanel,x\nu,1,a,1\n"),
            write("c.csv", "user_id,time\nu,2\n"),
            format="sessions",
        )[:1]
        assert "t.csv: column 'channel' is missing; did you mean chanel?" in problem

    def test_a_misspelled_optional_one_is_not_silently_left_out(self, write):
        (problem,) = refused(
            write("t.csv", "user_id,time,channel\nu,1,a\n"), write("c.csv", "user_id,time,revenu\nu,2,50\n")
        )
        assert problem == "c.csv: column 'revenu' is unknown; did you mean revenue?"

    def test_others_are_segments(self, write):
        data = read_data(
            write("t.csv", "user_id,time,channel,landing page\nu,1,a,/shoes\n"),
            write("c.csv", "user_id,time\nu,2\n"),
        )
        assert data.touches["landing page"].to_pylist() == ["/shoes"]

    def test_names_may_be_quoted_and_cells_separated_otherwise(self, write):
        text = 'user_id;time;channel;"cost; in euro"\nu;1;"a; b";3\n'
        data = read_data(write("t.csv", text), {"user_id": ["u"], "time": [2.0]})
        assert data.touches.select(["channel", "cost; in euro"]).to_pylist() == [
            {"channel": "a; b", "cost; in euro": "3"}
        ]

    def test_no_name_may_come_twice(self, write):
        (problem,) = refused(write("t.csv", "user_id,time,time,channel\nu,1,1,a\n"))
        assert problem == "t.csv: the header names 'time' more than once"


class TestFiles:
    @pytest.mark.parametrize(
        ("name", "text", "said"),
        [
            ("a.csv", "", "is empty"),
            ("a.csv", "\n\n", "is empty"),
            ("a.csv", "user_id,time,channel\n", "holds a header and no rows"),
            ("a.jsonl", "", "holds no JSON object per line"),
            ("a.parquet", "no", "is not a Parquet file"),
        ],
    )
    def test_an_empty_or_broken_one_is_refused(self, write, name, text, said):
        (problem,) = refused(write(name, text))
        assert said in problem

    def test_every_missing_one_is_named(self, tmp_path):
        problems = refused(tmp_path / "a.csv", tmp_path / "b.csv")
        assert len(problems) == 2
        assert "a.csv: does not exist" in problems[0]

    def test_a_huge_one_is_refused_before_it_is_read(self, tmp_path):
        path = tmp_path / "huge.csv"
        with path.open("wb") as file:
            file.truncate(10_000_000_000)  # sparse: takes no room on the disk
        (problem,) = refused(path)
        assert problem.startswith("huge.csv: 10.0 GB is more than the 2 GB of text")

    def test_other_encodings_are_told(self, tmp_path):
        path = tmp_path / "latin.csv"
        path.write_bytes("user_id,time,channel\nu,1,Zürich\n".encode("latin-1"))
        data = read_data(path, {"user_id": ["u"], "time": [2.0]})
        assert data.touches["channel"].to_pylist() == ["Zürich"]
        assert "was read as Windows-1252" in data.report.summary()

    def test_no_format_fits(self, write):
        first, problem = refused(write("x.csv", "apples,pears\n1,2\n"))
        assert first == "format: no format fits all of it; --formats lists them"
        assert problem == "x.csv has apples, pears: nothing that any format needs"

    def test_a_format_and_a_policy_have_names(self, write):
        path = write("x.csv", "apples,pears\n1,2\n")
        assert refused(path, format="sesions") == ("format: 'sesions' is unknown; did you mean sessions?",)
        assert refused(path, bad_rows="dorp") == ("bad_rows: 'dorp' is unknown; did you mean drop?",)


def test_rows_of_a_data_frame_are_counted_from_zero():
    frame = pd.DataFrame({"user_id": ["u", None], "time": [1.0, 2.0], "channel": ["a", "b"]})
    (problem,) = refused(frame, {"user_id": ["u"], "time": [2.0]})
    assert problem.startswith("table 1.user_id: is empty")
    assert "(row 1)" in problem


def test_json_lines_that_are_no_objects_are_malformed(write):
    text = '{"user_id": "u", "time": 1, "channel": "a"}\n[1, 2]\n\n{"user_id": "u"\n'
    data = read_data(write("t.jsonl", text), {"user_id": ["u"], "time": [2.0]}, bad_rows="drop")
    assert [(d.rule, d.lines) for d in data.report.defects] == [("is not one JSON object", (2, 4))]
    assert data.touches["channel"].to_pylist() == ["a"]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('[{"user_id": "u", "time": 1, "channel": "a"},\n {"user_id": "u", "time": 2, "channel": "b"}]\n', ["a", "b"]),
        ('  [ {"user_id": "u", "time": 1, "channel": "a"} , ]', ["a"]),
        ('[{"user_id": "u", "time": 1, "channel": "a"}, {"user_id": ', ["a"]),
        ('[{"user_id": "u", "time": 1, "channel": "a"} {"user_id": "u"}]', ["a"]),
        ('[{"user_id": "u", "time": 1, "channel": "a"}] and more', ["a"]),
    ],
)
def test_a_json_array_is_read_element_by_element_and_where_it_is_broken_that_is_said(write, text, rows):
    path, orders = write("t.json", text), {"user_id": ["u"], "time": [2.0]}
    data = read_data(path, orders, bad_rows="drop")
    assert data.touches["channel"].to_pylist() == rows
    broken = ["is not one JSON object"] if text.rstrip()[-1] != "]" or "} {" in text else []
    assert [defect.rule for defect in data.report.defects] == broken


@pytest.mark.parametrize("content", ["[" * 100_000, '{"a":' * 100_000, '{"a":' * 100_000 + "\n" + '{"a": 1}'])
def test_brackets_in_brackets_without_end_are_refused_in_words(tmp_path, content):
    file = tmp_path / "rows.json"
    file.write_text(content)
    with pytest.raises(InvalidInputError):
        read_data(file)
