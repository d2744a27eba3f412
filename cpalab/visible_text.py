"""Visible text: what comes from data, made harmless to terminals and spreadsheets (characters in, characters out)."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["spreadsheet_safe", "visible"]

# Control characters but line break and tab, and marks that reorder what is read: embeddings, overrides, isolates.
HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
# A cell that begins so is a formula to a spreadsheet, also behind blanks; a signed number is none.
FORMULA = re.compile(r"\s*[=@]|\s*[+-](?![\d.,]*\s*%?\s*\Z)|[\t\r]")


def visible(text: str) -> str:
    r"""The text with control characters and marks of direction written as escapes: what a terminal can neither obey nor hide.

    Example:
        >>> visible("a\x1b[2Jb")
        'a\\x1b[2Jb'
    """
    return HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def spreadsheet_safe(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The table with an apostrophe before every text that a spreadsheet would run as a formula.

    Args:
        frame: any table; names of columns and cells of text are looked at, numbers are left alone.
    """

    def cell(value: object) -> object:
        return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value

    texts = [place for place, kind in enumerate(frame.dtypes) if str(kind) in ("object", "str", "string", "category")]
    if not any(frame.iloc[:, place].map(lambda value: cell(value) is not value).any() for place in texts):
        return frame
    safe = frame.copy()
    for place in texts:
        safe.isetitem(place, frame.iloc[:, place].map(cell).tolist())
    return safe
