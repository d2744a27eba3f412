"""The ten-second table: short prices, whole columns or none, sentences that a marketer reads."""

import math
import re

import pytest
from rich.console import Console

from experiments.cli.terminal_tables import narrow
from experiments.report.table import ReportTable
from experiments.report.ten_seconds import short_price, ten_second_sentences, ten_second_table


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (4.256, "4.26"),
        (9.994, "9.99"),
        (9.996, "10"),
        (31.9, "32"),
        (1_017.8, "1,018"),
        (math.inf, "∞"),
        (math.nan, "–"),
    ],
)
def test_a_price_is_as_short_as_its_size_allows(amount: float, text: str) -> None:
    assert short_price(amount) == text


@pytest.fixture
def table(comparison) -> ReportTable:
    return ten_second_table(comparison)


def printed(table: ReportTable, width: int) -> list[str]:
    screen = Console(width=width, record=True, force_terminal=False)
    with screen.capture() as caught:
        screen.print(narrow(table, "title", width))
    return caught.get().splitlines()


def test_every_channel_has_one_line_with_its_verdict(table: ReportTable, comparison) -> None:
    assert len(table.rows) == len(comparison.channels)
    assert all(row.cells[-1] for row in table.rows)


@pytest.mark.parametrize("width", [40, 50, 60, 80, 120])
def test_columns_are_dropped_whole_and_no_cell_is_split(table: ReportTable, width: int) -> None:
    lines = printed(table, width)
    shown = "\n".join(lines)
    for row in table.rows:
        line = next(line for line in lines if line.startswith(row.name))
        assert line.rstrip().endswith(row.cells[-1])
    kept = [i for i in range(len(table.groups)) if all(row.cells[i] in shown for row in table.rows)]
    assert kept == list(range(len(table.groups) - len(kept), len(table.groups)))
    if width >= 60:
        assert max(map(len, lines)) <= width


def test_the_sentences_say_how_much_is_misjudged_and_what_to_do_next(comparison) -> None:
    lines = ten_second_sentences(comparison)
    assert re.match(r"Last click misjudges [\d,]+ of [\d,]+ \w+ spent \(\d+ %\)", lines[0])
    assert lines[-1].startswith("Next: ")
    assert not any("_" in line for line in lines)
