"""Numerals: a number as a reader wants to see it (money in currency units, shares in percent).

Undefined is –, unbounded is ∞; nothing is ever printed as nan or inf.
"""

import math
from collections.abc import Sequence

UNDEFINED = "–"
UNBOUNDED = "∞"
# Money below this reads as next to nothing with two decimals.
SMALL_PRICE = 0.1


def money(amount: float) -> str:
    """With cents below a thousand, without from there on; a small price with three digits, lest it read as nothing."""
    if not math.isfinite(amount):
        return _not_finite(amount)
    if 0 < amount < SMALL_PRICE:
        return three_digits(amount)
    return _signed(amount, 2 if abs(round(amount, 2)) < 1000 else 0)


def three_digits(amount: float) -> str:
    """A number below one with three significant digits."""
    return f"{'−' if amount < 0 else ''}{abs(amount):z#.3g}"


def count(amount: float, decimals: int = 0) -> str:
    """With thousands separated."""
    return _signed(amount, decimals) if math.isfinite(amount) else _not_finite(amount)


def counts(amounts: Sequence[float]) -> list[str]:
    """A column of counts: whole numbers where all are whole, else one decimal everywhere."""
    whole = all(amount == round(amount) for amount in amounts if math.isfinite(amount))
    return [count(amount, 0 if whole else 1) for amount in amounts]


def number(amount: float) -> str:
    """A whole number as such, a fraction with one decimal."""
    return counts([amount])[0]


def plain(amount: float) -> str:
    """Without false precision: whole numbers and thousands whole, others with two decimals, small ones with three digits."""
    if not math.isfinite(amount):
        return _not_finite(amount)
    if 0 < abs(amount) < 1:
        return three_digits(amount)
    return count(amount, 0 if amount == round(amount) or abs(amount) >= 1000 else 2)


def percent(share: float, decimals: int = 0) -> str:
    """A share of one in percent."""
    if not math.isfinite(share):
        return _not_finite(share)
    return f"{_signed(100 * share, decimals)}%"


def times(ratio: float) -> str:
    """A factor: 1.9×, 72×."""
    if not math.isfinite(ratio):
        return _not_finite(ratio)
    return f"{_signed(ratio, 1 if round(ratio, 1) < 10 else 0)}×"


def span(lower: float, upper: float) -> str:
    """An interval of money; one that lies at infinity altogether is undefined."""
    if math.isnan(lower) or math.isnan(upper) or math.isinf(lower):
        return UNDEFINED
    return f"{money(lower)}\N{NO-BREAK SPACE}–\N{NO-BREAK SPACE}{money(upper)}"


def count_span(lower: float, upper: float) -> str:
    """An interval of counts, which may reach below zero."""
    if math.isnan(lower) or math.isnan(upper):
        return UNDEFINED
    return f"{count(lower)}\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}{count(upper)}"


def p_value(probability: float) -> str:
    """To two digits, and not below a thousandth."""
    if math.isnan(probability):
        return UNDEFINED
    return "< 0.001" if probability < 0.001 else f"{probability:.3f}" if probability < 0.1 else f"{probability:.2f}"


def _signed(amount: float, decimals: int) -> str:
    text = f"{abs(amount):,.{decimals}f}"
    negative = amount < 0 and any(digit in text for digit in "123456789")
    return f"−{text}" if negative else text


def _not_finite(amount: float) -> str:
    if math.isnan(amount):
        return UNDEFINED
    return UNBOUNDED if amount > 0 else f"−{UNBOUNDED}"
