"""Visible text: names from data that terminals would obey, eyes would misread or spreadsheets would run."""

import pandas as pd
import pytest

from cpalab.visible_text import spreadsheet_safe, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("brand search\n\tü 漢 🙂", "brand search\n\tü 漢 🙂"),
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("a\rb\x08c\x00", "a\\rb\\x08c\\x00"),
        ("\u202eevil\u202c", "\\u202eevil\\u202c"),
        ("\x9b2J", "\\x9b2J"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text, shown):
    assert visible(text) == shown


def test_formulas_get_an_apostrophe_and_numbers_stay():
    names = ["=1+1", "@SUM(A1)", "+cmd", "-2+3", " =1", "\t=1", "search", "-5", "+5 %", "a=b", None]
    safe = spreadsheet_safe(pd.DataFrame({"channel": names, "cost": -1.5}))
    assert safe["channel"].tolist()[:-1] == [
        "'=1+1", "'@SUM(A1)", "'+cmd", "'-2+3", "' =1", "'\t=1", "search", "-5", "+5 %", "a=b",
    ]  # fmt: skip
    assert (safe["cost"] == -1.5).all()


def test_a_table_without_formulas_is_the_same_table():
    table = pd.DataFrame({"channel": ["search"], "cost": [1.0]})
    assert spreadsheet_safe(table) is table
