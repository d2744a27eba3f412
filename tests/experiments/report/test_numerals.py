"""Numbers as a reader wants them."""

import math

import pytest

from experiments.report.numerals import count, count_span, counts, money, p_value, percent, span, times


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0.0, "0.00"),
        (12.345, "12.35"),
        (999.994, "999.99"),
        (999.996, "1,000"),
        (1591.63, "1,592"),
        (-3.5, "−3.50"),
        (-0.001, "0.00"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (math.nan, "–"),
    ],
)
def test_money_has_cents_below_a_thousand(amount, text):
    assert money(amount) == text


def test_counts_share_their_decimals():
    assert counts([1.0, 2000.0]) == ["1", "2,000"]
    assert counts([1.0, 2000.25, math.nan]) == ["1.0", "2,000.2", "–"]


def test_negative_counts_have_a_minus_sign():
    assert count(-12) == "−12"


@pytest.mark.parametrize(("share", "decimals", "text"), [(0.581, 0, "58%"), (0.0117, 2, "1.17%"), (math.nan, 0, "–")])
def test_percent(share, decimals, text):
    assert percent(share, decimals) == text


@pytest.mark.parametrize(
    ("probability", "text"), [(0.0004, "< 0.001"), (0.031, "0.031"), (0.161, "0.16"), (math.nan, "–")]
)
def test_p_value(probability, text):
    assert p_value(probability) == text


def test_an_interval_of_counts_may_reach_below_zero():
    assert count_span(-93.4, 5.0).replace("\N{NO-BREAK SPACE}", " ") == "−93 to 5"
    assert count_span(math.nan, math.nan) == "–"


@pytest.mark.parametrize(("ratio", "text"), [(1.92, "1.9×"), (9.97, "10×"), (116.8, "117×"), (math.inf, "∞")])
def test_times(ratio, text):
    assert times(ratio) == text


@pytest.mark.parametrize(
    ("lower", "upper", "text"),
    [(1.0, 2.5, "1.00 – 2.50"), (1.0, math.inf, "1.00 – ∞"), (math.inf, math.inf, "–"), (math.nan, math.nan, "–")],
)
def test_span_of_no_price_is_undefined(lower, upper, text):
    assert span(lower, upper).replace("\N{NO-BREAK SPACE}", " ") == text
