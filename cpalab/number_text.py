"""Numbers as people type them, in files of settings and on the command line: one reading for all (no unit).

Decimal digits 0 to 9, with _ between them if wanted, a point, an exponent: 1000, 1_000, 2.5, .5, 1e6. Nothing else is one:
not 1%, 1,000, nan, inf, 0x10, nor digits of other scripts.
"""

import math
import re

__all__ = ["number_of"]

DIGITS = r"[0-9]+(?:_[0-9]+)*"
NUMBER = re.compile(rf"[+-]?(?:{DIGITS}(?:\.(?:{DIGITS})?)?|\.{DIGITS})(?:[eE][+-]?[0-9]{{1,5}})?")
MOST_DIGITS = 400


def number_of(text: str) -> int | float | None:
    """The finite number that a text is, a whole one where it has neither point nor exponent; None where it is none.

    Example:
        >>> number_of("1_000"), number_of(".5"), number_of("1%"), number_of("1e400")
        (1000, 0.5, None, None)
    """
    text = text.strip(" ")
    if len(text) > MOST_DIGITS or not NUMBER.fullmatch(text):
        return None
    if text.lstrip("+-").replace("_", "").isdigit():
        return int(text)
    value = float(text)
    return value if math.isfinite(value) else None
