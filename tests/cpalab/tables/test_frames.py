"""`read_frame`: layouts, numerals and totals of delimited text, each read one way or refused."""

import pytest

from cpalab.refusal import InvalidInputError
from cpalab.tables.frames import read_frame
from cpalab.tables.input_table import TextOptions


@pytest.fixture
def read(tmp_path):
    def read(text, **options):
        path = tmp_path / "table.csv"
        path.write_bytes(text.encode())
        frame, notes = read_frame(path, texts=("geo",), **options)
        return frame.to_dict("list"), notes

    return read


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("title", ["", "Cost report\n", '"January 1, 2026 - January 31, 2026"\n\n', "# all geos\n"])
def test_separators_and_titles(read, separator, title):
    rows = [("geo", "cost", "clicks"), ("A", "1.5", "3"), ("B", "2.5", "4")]
    text = title + "".join(separator.join(row) + "\n" for row in rows)
    assert read(text)[0] == {"geo": ["A", "B"], "cost": [1.5, 2.5], "clicks": [3, 4]}


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (("1.204,50", "12,5"), [1204.5, 12.5]),
        (("1,204.50", "1,204"), [1204.5, 1204]),
        (("1 204,5", "2 310"), [1204.5, 2310]),
        (("1’204.50", "7"), [1204.5, 7]),
        (("$1,204.50", "(3)"), [1204.5, -3]),
        (("1.204,50 €", "−2 €"), [1204.5, -2]),
        (("1,000,000", "1,204"), [1_000_000, 1204]),
        (("1e3", "--"), [1000, None]),
    ],
)
def test_numerals_are_read_where_some_cell_tells_how(read, cells, numbers):
    found = read("geo;cost\nA;" + cells[0] + "\nB;" + cells[1] + "\n")[0]["cost"]
    assert [None if value != value else value for value in found] == numbers


@pytest.mark.parametrize("cells", [("1,204", "3"), ("1.204", "3"), ("1.5", "2,5")])
def test_numerals_that_could_be_two_numbers_are_refused(read, cells):
    with pytest.raises(InvalidInputError, match=r"(for|before) thousands or decimals"):
        read(f"geo;cost\nA;{cells[0]}\nB;{cells[1]}\n")


@pytest.mark.parametrize("cell", ["12k", "1.2M", "10 20", "5%", "three"])
def test_what_is_no_number_makes_a_column_of_text(read, cell):
    assert read(f"geo,cost\nA,1\nB,{cell}\n")[0]["cost"] == ["1", cell]


def test_totals_are_left_out_and_a_name_that_could_be_one_is_refused(read):
    frame, notes = read("geo,cost\nA,1\nB,2\nGrand total,3\n")
    assert (frame["geo"], notes) == (["A", "B"], ("table.csv: 1 left out: totals",))
    assert read("geo,cost\nTotal wine,1\nB,2\n")[0]["geo"] == ["Total wine", "B"]
    with pytest.raises(InvalidInputError, match="could sum up other rows or be a name"):
        read("geo,cost\nA,1\nB,2\nTotal,9\n")


def test_line_numbers_survive_quoted_line_breaks(read):
    with pytest.raises(InvalidInputError, match=r"3 cells of the header \(line 7\)"):
        read('geo,cost,note\nA,1,"two\nlines"\nB,2,"three\n\nlines"\nC,3\n')


def test_lines_of_another_table_are_told_or_refused(read):
    first, second = "Nth day,Users\n0,3\n1,4\n", "geo,cost,clicks\nA,1,2\nB,3,4\n"
    frame, notes = read(f"{first}\n{second}", known=("geo", "cost"))
    assert frame["cost"] == [1, 3]
    assert notes == ("table.csv: the header is line 5; the lines above it were not read",)
    with pytest.raises(InvalidInputError, match="does not have the 3 cells"):
        read(f"{second}\n{first}", known=("geo", "cost"))


@pytest.mark.parametrize("written", ["31.01.2026", "31/1/2026", "1/31/2026", "Jan 31, 2026"])
def test_days_are_written_year_first_whatever_their_order(read, written):
    assert read(f"geo;date\nA;{written}\n", dates=("date",))[0]["date"] == ["2026-01-31"]


def test_days_that_are_written_year_first_or_are_none_stay_as_they_are(read):
    assert read("geo,date\nA,2026-01-31\n", dates=("date",))[0]["date"] == ["2026-01-31"]
    assert read("geo,date\nA,some day\n", dates=("date",))[0]["date"] == ["some day"]


def test_a_day_that_could_be_two_is_refused_unless_told(read):
    with pytest.raises(InvalidInputError, match="may begin with the day or the month"):
        read("geo,date\nA,3/4/2026\n", dates=("date",))
    told = TextOptions(day_first=True)
    assert read("geo,date\nA,3/4/2026\n", dates=("date",), options=told)[0]["date"] == ["2026-04-03"]


def test_a_malformed_line_is_told_once_whatever_columns_hold_dates(read):
    with pytest.raises(InvalidInputError) as caught:
        read("geo,date,end\nA,31/1/2026,31/1/2026\nB,30/1/2026\n", dates=("date", "end"))
    lines = [str(problem) for problem in caught.value.problems]
    assert len(lines) == len(set(lines)) == 1
