"""Numbers as people and exports write them: currency signs, thousands, decimal points or commas, one meaning or none."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

Mark = Literal[".", ","]

NOTHING = frozenset(
    {"", "-", "--", "—", "–", "n/a", "na", "null", "none", "nan", "nil", "<na>", "#n/a", "(not set)", "(none)", "undefined"}
)  # fmt: skip
# The codes that a sign may stand for; one only, or several.
DOLLARS = ("USD", "CAD", "AUD", "NZD", "HKD", "SGD", "MXN", "BRL", "TWD", "CLP", "COP", "ARS")
SIGNS = {
    "€": ("EUR",), "£": ("GBP",), "₽": ("RUB",), "₹": ("INR",), "₩": ("KRW",), "₺": ("TRY",), "₴": ("UAH",), "₪": ("ILS",),
    "฿": ("THB",), "ZŁ": ("PLN",), "KČ": ("CZK",), "FT": ("HUF",), "LEI": ("RON",), "US$": ("USD",), "CA$": ("CAD",),
    "C$": ("CAD",), "AU$": ("AUD",), "A$": ("AUD",), "NZ$": ("NZD",), "HK$": ("HKD",), "SG$": ("SGD",), "S$": ("SGD",),
    "R$": ("BRL",), "$": DOLLARS, "¥": ("JPY", "CNY"), "KR": ("SEK", "NOK", "DKK", "ISK"),
}  # fmt: skip
SIGN = r"(?:(?:US|CA|AU|NZ|HK|SG|A|C|R|S)?\$|[€£¥₹₽₩₺₴₪฿]|[A-Z]{3}|kr|zł|Kč|Ft|lei)?"
NUMERAL = re.compile(
    rf"(?P<minus>[-−(+]?)\s*(?P<before>{SIGN})\s*(?P<minus2>[-−]?)(?P<digits>\d[\d.,'’\u00a0\u202f\u2009 ]*|[.,]\d+)"
    rf"(?P<exponent>[eE][-+]?\d+)?\s*(?P<after>{SIGN})(?P<close>\)?)"
)
GROUP = r"['’\u00a0\u202f\u2009 {other}]"
GROUPED = {
    mark: re.compile(
        rf"([1-9]\d{{0,2}}(?P<g>{GROUP.format(other=other)})\d{{3}}(?:(?P=g)\d{{3}})*|\d*)(?:[{mark}](?P<decimals>\d*))?"
    )
    for mark, other in ((".", ","), (",", "."))
}


@dataclass(frozen=True)
class Numeral:
    """A number as written: its digits with marks, and the currency beside them."""

    digits: str
    negative: bool
    currency: str
    exponent: str = ""

    def value(self, mark: Mark) -> float:
        """The number where `mark` is what stands before decimals; not a number where that makes no sense."""
        grouped = GROUPED[mark].fullmatch(self.digits)
        if grouped is None:
            return np.nan
        whole = re.sub(r"\D", "", grouped[1]) or "0"
        amount = float(f"{whole}.{grouped['decimals'] or '0'}{self.exponent}")
        return -amount if self.negative else amount

    @property
    def is_two(self) -> bool:
        """Whether it is one number with decimal points and another with decimal commas."""
        return len(self.marks) == 2 and self.value(".") != self.value(",")

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The decimal marks under which it is a number; one of them alone is evidence for the others in its file."""
        plain = bool(re.fullmatch(r"\d+", self.digits))
        return () if plain else tuple(mark for mark in (".", ",") if self.value(mark) == self.value(mark))


def numeral(text: str) -> Numeral | None:
    """The numeral in a cell; None if there is none."""
    found = NUMERAL.fullmatch(text.strip())
    if found is None or (found["minus"] == "(") != (found["close"] == ")"):
        return None
    if found["before"] and found["after"]:
        return None
    negative = found["minus"] in ("-", "−", "(") or bool(found["minus2"])
    return Numeral(
        found["digits"].strip(), negative, (found["before"] or found["after"]).strip().upper(), found["exponent"] or ""
    )


def decimal_marks(numerals: Iterable[Numeral]) -> set[Mark]:
    """The decimal marks that some numeral proves: "1,204.5" and "12.5" prove the point, "1,204" nothing."""
    return {found.marks[0] for found in numerals if len(found.marks) == 1}


def is_nothing(text: str) -> bool:
    """Whether a cell says that there is no number."""
    return text.strip().casefold() in NOTHING


def one_currency(codes: Iterable[str]) -> set[str]:
    """The currencies that codes and signs name: € is EUR, and $ is the dollar whose code stands beside it, if one does."""
    given = {code.strip().upper() for code in codes}
    named = {SIGNS[code][0] if len(SIGNS.get(code, ())) == 1 else code for code in given}
    return {code for code in named if not named.intersection(SIGNS.get(code, ()))}
