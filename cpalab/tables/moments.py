"""Times as people and exports write them, in microseconds since 1970; a date that could be two days is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    import pandas as pd

# An offset may be Z, +00, +0000 or +00:00; only behind a time of day, as dates have dashes too.
ZONE = r"\d{1,2}:\d{2}.*?(Z|z|[+-]\d{2}(:?\d{2})?| ?UTC| ?GMT)$"
DATE_ONLY = (
    r"^\s*(\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{8}|\d{1,2}[./-]\d{1,2}[./-]\d{4}"
    r"|[A-Za-z]{3,9}\.? \d{1,2},? \d{4}|\d{1,2} [A-Za-z]{3,9}\.? \d{4})\s*$"
)
PLAIN = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}(:?\d{2})?)?)?$"
MOST_MICROS = 9_200_000_000_000_000  # the years that nanoseconds can hold
NUMBERED = re.compile(r"\s*(\d{1,2})([./-])(\d{1,2})\2(\d{4})(.*)", re.S)
COMPACT = re.compile(r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")


def days_lead(texts: Iterable[str]) -> bool | None:
    """Whether dates such as 31/01/2026 begin with the day, by those of them that can be read one way only; None if none can.

    Dates with points begin with the day wherever they are written.

    Raises:
        ValueError: if some can only begin with the day and some only with the month.
    """
    found = [match.groups() for text in texts if (match := NUMBERED.match(text))]
    day = any(int(first) > 12 or mark == "." for first, mark, *_ in found)
    month = any(int(second) > 12 for _, mark, second, *_ in found if mark != ".")
    if day and month:
        raise ValueError("some begin with the day and some with the month")
    return True if day else False if month else None


def plain_instants(texts: pa.ChunkedArray) -> pa.Array | None:
    """The instants of ISO 8601 texts that all have an offset or all have none, in microseconds; None where any is another.

    What most files hold, read without a Python object per cell. Texts of another form are left to `moments`.
    """
    if texts.null_count == len(texts) or not pc.all(pc.match_substring_regex(texts, PLAIN), min_count=0).as_py():
        return None
    zoned = pc.match_substring_regex(texts, r"\d{2}:\d{2}.*(Z|[+-]\d{2}(:?\d{2})?)$")
    if pc.any(zoned).as_py() != pc.all(zoned).as_py():
        return None
    try:
        found = texts.cast(pa.timestamp("us", tz="UTC" if pc.all(zoned).as_py() else None))
    except pa.ArrowInvalid:  # the 30th of February
        return None
    bounds = pc.min_max(found.cast(pa.int64())).as_py()
    return None if max(map(abs, bounds.values())) > MOST_MICROS else found.combine_chunks()


def moments(texts: pd.Series, day_first: bool | None) -> pd.Series:
    """The instants of texts as pandas timestamps in UTC; NaT where a text is none. A time without offset is taken as UTC."""
    import pandas as pd

    found = pd.to_datetime(texts, format="ISO8601", errors="coerce", utc=True).dt.as_unit("us")
    rest = found.isna() & texts.notna()
    if not rest.any():
        return found
    plain = texts.where(rest).str.strip().str.replace(r"\s?(?:UTC|GMT)$", "Z", regex=True)
    plain = plain.str.replace(r"(:\d{2}\S*) ?([+-]\d{2})(:?\d{2})?$", _offset, regex=True)
    found[rest] = pd.to_datetime(plain[rest], format="ISO8601", errors="coerce", utc=True).dt.as_unit("us")
    rest = found.isna() & plain.notna()
    if rest.any():
        distinct = plain[rest].unique()
        read = {text: _moment(text, day_first) for text in distinct}
        found[rest] = pd.to_datetime(plain[rest].map(read), errors="coerce", utc=True).dt.as_unit("us")
    return found


def _offset(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}:{(found[3] or '00')[-2:]}"


def _moment(text: str, day_first: bool | None) -> object:
    """One instant that is not ISO 8601: with the day or the month first, in eight digits, or with the month's name."""
    import pandas as pd

    numbered = NUMBERED.match(text)
    try:
        if numbered:
            first, mark, second, year, rest = numbered.groups()
            if mark != "." and day_first is None and first != second:
                return pd.NaT
            day, month = (first, second) if mark == "." or day_first else (second, first)
            return pd.Timestamp(f"{year}-{int(month):02}-{int(day):02}{rest}", tz="UTC" if not _zoned(rest) else None)
        if COMPACT.fullmatch(text) or re.match(r"\d{4}/\d{1,2}/\d{1,2}\b|.*[A-Za-z]{3,9}.*\d{4}", text):
            return pd.Timestamp(text, tz="UTC" if not _zoned(text) else None)
    except (ValueError, TypeError):
        return pd.NaT
    return pd.NaT


def _zoned(text: str) -> bool:
    return bool(re.search(ZONE, text))


def is_two_ways(text: str) -> bool:
    """Whether a date could begin with the day or the month, and be two days."""
    match = NUMBERED.match(text)
    return match is not None and match[2] != "." and max(int(match[1]), int(match[3])) <= 12 and match[1] != match[3]


def in_micros(found: pd.Series) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Instants as microseconds since 1970; 0 where there is none."""
    import pandas as pd

    return np.asarray(found.fillna(pd.Timestamp(0, tz="UTC")).dt.as_unit("us").astype("int64").to_numpy())
