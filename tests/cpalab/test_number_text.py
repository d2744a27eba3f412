"""Numbers as people type them: one reading, and everything else is refused."""

import pytest

from cpalab.number_text import number_of


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0), ("-3", -3), ("+3", 3), ("007", 7), ("1_000", 1000), (" 12 ", 12), ("2.5", 2.5), (".5", 0.5), ("1.", 1.0),
        ("1e6", 1e6), ("1E-3", 1e-3), ("1_000.5", 1000.5), (str(2**64), 2**64),
    ],
)  # fmt: skip
def test_numbers(text, number):
    assert number_of(text) == number
    assert type(number_of(text)) is type(number)


@pytest.mark.parametrize(
    "text",
    ["", "1e400", "-1e400", "\uff11\uff12", "\u0661", "nan", "inf", "-Infinity", "1%", "1,000", "0x10", "1__0", "_1", "1_",
     "1 000", "--1", "1e", "e5", ".", "true", "1\n2", "9" * 5000],
)  # fmt: skip
def test_what_is_no_number(text):
    assert number_of(text) is None
