"""Whether rows of cost tell the same money twice, and which days a row of a whole month or week stands for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from attribution.formats.column_names import columns_named
from attribution.paths.ragged import Floats
from cpalab.tables.checked_columns import CheckedColumns
from cpalab.tables.moments import moments

DETAIL = (
    "ad group", "ad group name", "adgroup", "adgroup name", "ad group id", "ad set", "ad set name", "adset", "adset name",
    "ad", "ad name", "ad id", "keyword", "creative",
)  # fmt: skip
LEVEL = ("level", "row type", "record type", "entity", "entity type", "report level", "item type", "type")
LEVELS = frozenset(
    re.sub(r"\W", "", word) for word in ("account", "campaign", "ad group", "ad set", "ad", "keyword", "campaign group")
)
CAMPAIGN = ("campaign", "campaign name")
MONTH = ("month", "year month", "yearmonth", "month of year", "monat", "mois", "mes")
PERIOD = ("period", "quarter", "year", "reporting period", "date range", "time range", "jahr", "quartal")
WEEK = ("week", "iso week", "year week", "week start", "week starting", "week beginning", "woche")
STARTS = (
    "start",
    "from",
    "start_date",
    "date_from",
    "period start",
    "reporting starts",
    "begin",
    "since",
    "start time",
)
ENDS = ("end", "to", "until", "end_date", "date_to", "period end", "reporting ends", "till", "end time")
Period = tuple[date, date]
Step = Literal["day", "week", "month"]


def tell_repeats(sieve: CheckedColumns, amount: Floats) -> None:
    """Note rows that are exact copies of others; each counts, since a report may hold two equal rows."""
    again = int(sieve.loaded.table.to_pandas().astype(str).duplicated().to_numpy()[amount > 0].sum())
    if again:
        sieve.notes.append(f"{sieve.place}: {again:,} rows of cost are exact copies of others; each counts")


def levels_problems(sieve: CheckedColumns, channel: str, time: str | None, amount: Floats) -> list[str]:
    """What to refuse where rows of campaigns stand beside rows of their ad groups, so that money would count twice.

    Either a column says that rows are of several levels, or a row without an ad group costs what the rows of the same name
    (and day) with one cost together. Other rows without an ad group beside some with one are noted.
    """
    columns = sieve.loaded.table.column_names
    for name in columns_named(columns, LEVEL):
        words = {
            re.sub(r"[\W_]|s$", "", word.casefold()) for word in pc.unique(sieve.ids(name)).drop_null().to_pylist()
        }
        if len(words & LEVELS) > 1:
            return [
                f"{sieve.place}.{name}: holds rows of {', '.join(sorted(words & LEVELS))}, which tell the same money several "
                "times; keep one level"
            ]
    above = () if columns_named([channel], CAMPAIGN) else CAMPAIGN
    for name in columns_named([column for column in columns if column != channel], (*above, *DETAIL)):
        detailed = pc.is_valid(sieve.ids(name)).to_numpy()
        if detailed.all() or not detailed.any():
            continue
        named = dict.fromkeys((channel, *columns_named(columns, CAMPAIGN), *([time] if time else [])))
        named.pop(name, None)
        keys = [sieve.ids(key).fill_null("") for key in named]
        key = pc.binary_join_element_wise(*keys, pa.scalar("\0", pa.large_string())).to_pandas()
        code, known = key.factorize()
        parts, wholes = (np.bincount(code[rows], amount[rows], len(known)) for rows in (detailed, ~detailed))
        both = (parts > 0) & (wholes > 0)
        if (both & (np.abs(parts - wholes) <= 0.005 * np.bincount(code) + 1e-9 * parts)).any():
            return [
                f"{sieve.place}.{name}: rows without it cost what the rows of the same {channel} with it cost together; they "
                "could sum them up or be costs of their own; keep one level"
            ]
        if both.any():
            sieve.notes.append(
                f"{sieve.place}: some rows of {both.sum():,} {channel} have a {name} and some have none; all of them count"
            )
    return []


def periods_of(costs: pa.Table) -> tuple[str, list[Period | None]] | None:
    """The column of months or weeks, and first and last day of each row, None where a cell is neither; None without one."""
    starts, ends = (columns_named(costs.column_names, names) for names in (STARTS, ENDS))
    if starts and ends:
        pair = [_periods(costs, name, "day") for name in (starts[0], ends[0])]
        return f"{starts[0]} to {ends[0]}", [
            (one[0], two[1]) if one and two else None for one, two in zip(*pair, strict=True)
        ]
    named: tuple[tuple[Sequence[str], Step], ...] = (
        (MONTH, "month"),
        (WEEK, "week"),
        (PERIOD, "month"),
        (STARTS, "day"),
    )
    for names, step in named:
        for name in columns_named(costs.column_names, names):
            return name, _periods(costs, name, step)
    return None


def _periods(costs: pa.Table, name: str, step: Step) -> list[Period | None]:
    texts = costs[name].cast(pa.large_string())
    read = {text: _period(text, step) for text in pc.unique(texts).to_pylist()}
    return [read[text] for text in texts.to_pylist()]


def _period(text: str | None, step: Step) -> Period | None:
    """First and last day of `2026-03`, `202603`, `03/2026`, `March 2026`, `2026-W09`, `2026-Q1`, `2026` or a date."""
    import pandas as pd

    word, is_month = (text or "").strip(), step == "month"
    try:
        if re.fullmatch(r"(19|20)\d\d(\.0)?", word):
            return date(int(word[:4]), 1, 1), date(int(word[:4]), 12, 31)
        quarter = re.fullmatch(r"(\d{4})[- ]?Q([1-4])|Q([1-4])[- /]?(\d{4})", word, re.IGNORECASE)
        if quarter:
            year, number = int(quarter[1] or quarter[4]), int(quarter[2] or quarter[3])
            last = date(year, 3 * number, 1) + timedelta(days=31)
            return date(year, 3 * number - 2, 1), last.replace(day=1) - timedelta(days=1)
        if not is_month and (found := re.fullmatch(r"(\d{4})[- ]?[Ww](\d{1,2})", word)):
            first = date.fromisocalendar(int(found[1]), int(found[2]), 1)
            return first, first + timedelta(days=6)
        if is_month and (found := re.fullmatch(r"(\d{4})[-/. ]?(\d{1,2})", word)):
            first = date(int(found[1]), int(found[2]), 1)
        elif is_month and (found := re.fullmatch(r"(\d{1,2})[-/.](\d{4})", word)):
            first = date(int(found[2]), int(found[1]), 1)
        elif is_month and re.fullmatch(r"[A-Za-z]{3,9}\.?[ -]\d{4}", word):
            first = pd.Timestamp(f"1 {word.replace('.', '').replace('-', ' ')}").date()
        else:
            moment = moments(pd.Series([re.split(r"\s+(?:-|–|to)\s+", word)[0]]), None)[0]
            if pd.isna(moment):
                return None
            first = moment.date()
    except ValueError:
        return None
    if step == "day":
        return first, first
    if step == "week":
        return first, first + timedelta(days=6)
    return first, (first.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def days_of(periods: Sequence[Period]) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """First and last days of periods as columns of dates."""
    first, last = (pa.array(list(days), pa.date32()) for days in zip(*periods, strict=True))
    return pa.chunked_array([first]), pa.chunked_array([last])
